// The policy's fields about the gateway that the operator runs: how many pods, where, behind which Service, and how they stop.
import { choice, count, documented, duration, flag, group, list, map, quantity, record, text, whole } from './field.ts'
import { networks } from './forms.ts'

const qualified = /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/

/** What a label or annotation may be called. The operator's own are not for others to set. */
function keyProblem(key: string): string | undefined {
  if (!qualified.test(key) || key.length > 317) return 'must be a name such as example.com/name'
  return /^(app\.kubernetes\.io|postscreen\.dev)\//.test(key) ? 'is set by the operator itself' : undefined
}

const anyKeyProblem = (key: string): string | undefined =>
  qualified.test(key) && key.length <= 317 ? undefined : 'must be a name such as kubernetes.io/os'

const labelValue = () =>
  text({
    max: 63,
    pattern: '^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$',
    why: 'must be letters, digits, hyphens, dots and underscores, with a letter or digit at both ends',
  })

const annotations = (of: string) =>
  documented(
    map(text({ max: 4096, why: 'must be text (in quotes if it looks like a number)' }), 50, 'must be names and texts', keyProblem).default(
      {},
    ),
    {
      doc: `Annotations of ${of}.`,
      tenancy: 'default',
    },
  )

const labels = (of: string) =>
  documented(map(labelValue(), 50, 'must be names and texts', keyProblem).default({}), {
    doc: `Labels of ${of}, besides the operator's own.`,
    tenancy: 'default',
  })

const objectName = (why: string) => text({ min: 1, max: 253, pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$', why })

const optionalName = (why: string) => text({ max: 253, pattern: '^([A-Za-z0-9]([-A-Za-z0-9./]*[A-Za-z0-9])?)?$', why })

const resourceNames = /^([a-z0-9.-]+\/)?[a-z0-9][-a-z0-9.]{0,61}$/
const amounts = () =>
  map(quantity(), 15, 'must be names of resources and amounts, such as memory: 256Mi', (key) =>
    resourceNames.test(key) ? undefined : 'must be a resource such as cpu or memory',
  )

const image = group(
  {
    name: documented(
      text({
        max: 500,
        pattern: '^[A-Za-z0-9]?[A-Za-z0-9._:/@-]*$',
        why: 'must be the name of an image such as registry.example.com/postscreen:1.0',
      }).default(''),
      { doc: "The image of the gateway, with its tag or digest. Empty: the operator's own.", tenancy: 'default' },
    ),
    pullPolicy: documented(choice(['IfNotPresent', 'Always', 'Never']).default('IfNotPresent'), {
      doc: 'When nodes pull the image.',
      tenancy: 'own',
    }),
    pullSecrets: documented(list(objectName('must be the name of a Secret'), { max: 10, type: 'set' }).default([]), {
      doc: 'Names of Secrets with which nodes pull the image.',
      tenancy: 'default',
    }),
  },
  { doc: 'The image of the gateway.' },
)

/** How much of these a namespace takes is the affair of its ResourceQuota. Others are devices of nodes. */
const ownResources = { keys: ['cpu', 'memory', 'ephemeral-storage'] } as const

const resources = group(
  {
    requests: documented(amounts().prefault({ cpu: '100m', memory: '128Mi' }), {
      doc: 'What each pod is sure to get.',
      tenancy: ownResources,
    }),
    limits: documented(amounts().prefault({ memory: '512Mi' }), {
      doc: 'What each pod may take at most. A connection that is screened takes some kilobytes: 512Mi are enough for the 10,000 of limits.preQueue.',
      tenancy: ownResources,
    }),
  },
  { doc: 'Processor time and memory of each pod.' },
)

const service = group(
  {
    type: documented(choice(['LoadBalancer', 'NodePort', 'ClusterIP']).default('LoadBalancer'), {
      doc: 'How clients reach the gateways.',
      tenancy: { values: ['LoadBalancer', 'ClusterIP'] },
    }),
    port: count(25, { min: 1, max: 65_535 }, { doc: 'The port that clients connect to.', tenancy: 'own' }),
    nodePort: count(
      0,
      { min: 0, max: 65_535 },
      {
        doc: 'The port of each node with type NodePort or LoadBalancer. 0: any free one.',
        tenancy: 'default',
      },
    ),
    externalTrafficPolicy: documented(choice(['Local', 'Cluster']).default('Local'), {
      doc: "Local keeps the client's address, which every test needs. Cluster hides it behind a node's: only where the load balancer sends a PROXY header.",
      tenancy: 'own',
    }),
    loadBalancerClass: documented(optionalName('must be the name of a load-balancer class').default(''), {
      doc: 'Which load balancer serves the Service. It cannot be changed later. Empty: that of the cluster.',
      tenancy: 'default',
    }),
    loadBalancerSourceRanges: documented(networks(0, 1000).default([]), {
      doc: 'The networks that the load balancer lets in, where it can choose. None: all.',
      tenancy: 'own',
    }),
    ipFamilyPolicy: documented(choice(['PreferDualStack', 'SingleStack', 'RequireDualStack']).default('PreferDualStack'), {
      doc: 'Whether the Service has IPv4 and IPv6 addresses.',
      tenancy: 'own',
    }),
    ipFamilies: documented(list(choice(['IPv4', 'IPv6']), { max: 2, type: 'set' }).default([]), {
      doc: 'The families of its addresses, the first one first. None: those of the cluster.',
      tenancy: 'own',
    }),
    annotations: annotations('the Service; load balancers are told by them what to do'),
    labels: labels('the Service'),
  },
  { doc: 'The Service in front of the gateways.' },
)

const autoscaling = record({
  minReplicas: documented(whole({ min: 1, max: 1000 }).default(2), { doc: 'How many pods there are at least.', tenancy: 'own' }),
  maxReplicas: documented(whole({ min: 1, max: 1000 }).default(10), { doc: 'How many pods there are at most.', tenancy: 'own' }),
  targetCPUUtilization: documented(whole({ min: 0, max: 1000 }).default(70), {
    doc: 'How busy the pods are kept on average, in percent of the processor time that they request. 0: it does not count.',
    unit: 'percent',
    tenancy: 'own',
  }),
  targetActiveSessions: documented(whole({ min: 0, max: 1_000_000 }).default(0), {
    doc: 'How many sessions the pods have on average, those that were handed on too. The cluster needs a metrics adapter that tells postscreen_active_sessions of each pod. Whichever target asks for more pods counts. 0: sessions do not count.',
    unit: 'sessions',
    tenancy: 'own',
  }),
})

const disruptionBudget = group(
  {
    maxUnavailable: count(
      1,
      { min: 1, max: 1000 },
      { doc: 'How many pods may be taken down at a time, such as for the update of a node.', tenancy: 'own' },
    ),
  },
  { doc: 'How much may be missing at a time on purpose.' },
)

const networkPolicy = group(
  {
    enabled: flag(true, {
      doc: 'Whether a NetworkPolicy lets in mail clients from everywhere, to the admin port only the operator, its Prometheus and adminNamespaces, and out only DNS, mail servers and Valkey.',
      tenancy: 'default',
    }),
    adminNamespaces: documented(
      list(text({ min: 1, max: 63, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', why: 'must be the name of a namespace' }), {
        max: 50,
        type: 'set',
      }).default([]),
      { doc: 'Namespaces whose pods may read metrics and status, such as that of Prometheus.', tenancy: 'own' },
    ),
  },
  { doc: 'Who may talk to the gateways, and whom they may talk to.' },
)

const drain = group(
  {
    delay: duration(
      '10s',
      { min: '0s', max: '5m' },
      {
        doc: 'How long a pod that is to stop still takes new clients, so that load balancers learn of it first. As long as clients still come it goes on, for up to 30 s more. 0s: it takes no client any more.',
        tenancy: 'own',
      },
    ),
    timeout: duration(
      '5m',
      { min: '0s', max: '2h' },
      {
        doc: 'How long sessions may go on then. What is still in transfer after that is cut, and its sender sends it again.',
        tenancy: 'own',
      },
    ),
  },
  { doc: 'How a pod stops.' },
)

const toleration = record({
  key: documented(text({ max: 317, why: 'must be the key of a taint' }).exactOptional(), {
    doc: 'The key of the taint. Left out: every taint.',
  }),
  operator: documented(choice(['Equal', 'Exists']).exactOptional(), { doc: 'Whether value must be equal too. Left out: Equal.' }),
  value: documented(text({ max: 63, why: 'must be the value of a taint' }).exactOptional(), { doc: 'The value of the taint.' }),
  effect: documented(choice(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).exactOptional(), {
    doc: 'The effect of the taint. Left out: every effect.',
  }),
  tolerationSeconds: documented(whole({ min: 0, max: 2_147_483_647 }).exactOptional(), {
    doc: 'For how long NoExecute is tolerated. Left out: for ever.',
    unit: 'seconds',
  }),
})

export const gateway = documented(
  record({
    replicas: count(2, { min: 0, max: 1000 }, { doc: 'How many pods. Does not count while autoscaling is given.', tenancy: 'own' }),
    workers: count(
      1,
      { min: 1, max: 99 },
      {
        doc: 'How many processes each pod screens with; one keeps one processor busy. limits.preQueue and limits.postQueue stay those of the pod. Each takes as much memory as a pod with one.',
        tenancy: 'own',
      },
    ),
    autoscaling: documented(autoscaling.exactOptional(), { doc: 'Makes the number of pods follow the load. Left out: replicas pods.' }),
    image,
    resources,
    service,
    disruptionBudget,
    networkPolicy,
    drain,
    dataSizeLimit: documented(quantity().prefault('4Gi'), {
      doc: 'How large the data directory of a pod may become, with the temporary allowlist of store Local: a node ends a pod that exceeds it. Ten million clients take up to 2Gi.',
      tenancy: 'own',
    }),
    logFormat: documented(choice(['JSON', 'Postfix']).default('JSON'), {
      doc: 'JSON records, or the lines that postscreen would write.',
      tenancy: 'own',
    }),
    nodeSelector: documented(map(labelValue(), 50, 'must be names and texts', anyKeyProblem).default({}), {
      doc: 'Labels that a node must have to run the pods.',
      tenancy: 'default',
    }),
    tolerations: documented(list(toleration, { max: 50 }).default([]), {
      doc: 'Taints of nodes that the pods tolerate.',
      tenancy: 'default',
    }),
    priorityClassName: documented(optionalName('must be the name of a PriorityClass').default(''), {
      doc: 'How important the pods are. Empty: as the cluster says.',
      tenancy: 'default',
    }),
    podAnnotations: annotations('the pods'),
    podLabels: labels('the pods'),
  }).exactOptional(),
  {
    doc: 'The gateway that the operator runs for this policy. Left out: only a ConfigMap with the policy is made, for gateways that you run yourself.',
  },
)
