// The fields of the gateway that the operator runs: pods, placement, and how pods stop.
import { choice, count, documented, duration, flag, group, list, map, quantity, record, text, whole } from './field.ts'
import { anyKeyProblem, annotations, labels, labelValue, optionalName } from './gateway-metadata.ts'
import { patch } from './gateway-patch.ts'
import { service } from './gateway-service.ts'

const objectName = (why: string) => text({ min: 1, max: 253, pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$', why })

const resourceNames = /^([a-z0-9.-]+\/)?[a-z0-9][-a-z0-9.]{0,61}$/
const amounts = () =>
  map(quantity(), 15, 'must be a map of resource names to amounts, such as memory: 256Mi', (key) =>
    resourceNames.test(key) ? undefined : 'must be a resource name such as cpu or memory',
  )

const image = group(
  {
    name: documented(
      text({
        max: 500,
        pattern: '^[A-Za-z0-9]?[A-Za-z0-9._:/@-]*$',
        why: 'must be the name of an image such as registry.example.com/postscreen:1.0',
      }).default(''),
      { doc: 'The image of the gateway, with its tag or digest. Empty: the image of the operator.', tenancy: 'default' },
    ),
    pullPolicy: documented(choice(['IfNotPresent', 'Always', 'Never']).default('IfNotPresent'), {
      doc: 'When nodes pull the image.',
      tenancy: 'own',
    }),
    pullSecrets: documented(list(objectName('must be the name of a Secret'), { max: 10, type: 'set' }).default([]), {
      doc: 'The names of the Secrets that nodes use to pull the image.',
      tenancy: 'default',
    }),
  },
  { doc: 'The image of the gateway.' },
)

/** A ResourceQuota limits how much of these a namespace may use. Other resources are devices of nodes. */
const ownResources = { keys: ['cpu', 'memory', 'ephemeral-storage'] } as const

const resources = group(
  {
    requests: documented(amounts().prefault({ cpu: '100m', memory: '128Mi' }), {
      doc: 'The resources that are reserved for each pod.',
      tenancy: ownResources,
    }),
    limits: documented(amounts().prefault({ memory: '512Mi' }), {
      doc: 'The maximum resources of each pod. A connection under test needs some kilobytes; 512Mi is enough for the 10,000 connections of limits.preQueue.',
      tenancy: ownResources,
    }),
  },
  { doc: 'CPU time and memory of each pod.' },
)

/** The defaults that rules across these fields need too. */
export const autoscalingDefaults = { minReplicas: 2, maxReplicas: 10, targetActiveSessions: 0 } as const

const autoscaling = record({
  minReplicas: documented(whole({ min: 1, max: 1000 }).default(autoscalingDefaults.minReplicas), {
    doc: 'The minimum number of pods.',
    tenancy: 'own',
  }),
  maxReplicas: documented(whole({ min: 1, max: 1000 }).default(autoscalingDefaults.maxReplicas), {
    doc: 'The maximum number of pods.',
    tenancy: 'own',
  }),
  targetCPUUtilization: documented(whole({ min: 0, max: 1000 }).default(70), {
    doc: 'The target for the average CPU utilization of the pods, in percent of their CPU requests. 0: CPU utilization is not used.',
    unit: 'percent',
    tenancy: 'own',
  }),
  targetActiveSessions: documented(whole({ min: 0, max: 1_000_000 }).default(autoscalingDefaults.targetActiveSessions), {
    doc: 'The target for the average number of sessions per pod, including sessions with a mail server. The cluster needs a metrics adapter that provides postscreen_active_sessions for each pod. If both targets are set, the one that needs more pods decides. 0: sessions are not used.',
    unit: 'sessions',
    tenancy: 'own',
  }),
})

const disruptionBudget = group(
  {
    maxUnavailable: count(
      1,
      { min: 1, max: 1000 },
      { doc: 'The maximum number of pods that may be unavailable at the same time, for example during node updates.', tenancy: 'own' },
    ),
  },
  { doc: 'The PodDisruptionBudget of the pods.' },
)

const networkPolicy = group(
  {
    enabled: flag(true, {
      doc: 'Whether the operator creates a NetworkPolicy. It allows SMTP connections from everywhere, connections to the admin port from the operator, its Prometheus and adminNamespaces, and outgoing connections to DNS, mail servers and Valkey only.',
      tenancy: 'default',
    }),
    adminNamespaces: documented(
      list(text({ min: 1, max: 63, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', why: 'must be the name of a namespace' }), {
        max: 50,
        type: 'set',
      }).default([]),
      { doc: 'The namespaces whose pods may read metrics and status, such as the namespace of Prometheus.', tenancy: 'own' },
    ),
  },
  { doc: 'The NetworkPolicy of the pods.' },
)

const drain = group(
  {
    delay: duration(
      '10s',
      { min: '0s', max: '5m' },
      {
        doc: 'The time for which a stopping pod still accepts new clients, so that load balancers can remove it first. If clients still connect after this time, it is extended by up to 30 s. 0s: the pod accepts no new clients.',
        tenancy: 'own',
      },
    ),
    timeout: duration(
      '5m',
      { min: '0s', max: '2h' },
      {
        doc: 'The time limit for the remaining sessions, after delay. Sessions that are still open then are closed, and their senders try again.',
        tenancy: 'own',
      },
    ),
  },
  { doc: 'How a pod stops.' },
)

const toleration = record({
  key: documented(text({ max: 317, why: 'must be the key of a taint' }).exactOptional(), {
    doc: 'The key of the taint. If not set: every taint matches.',
  }),
  operator: documented(choice(['Equal', 'Exists']).exactOptional(), {
    doc: 'Equal: the value must match too. Exists: every value matches. If not set: Equal.',
  }),
  value: documented(text({ max: 63, why: 'must be the value of a taint' }).exactOptional(), { doc: 'The value of the taint.' }),
  effect: documented(choice(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).exactOptional(), {
    doc: 'The effect of the taint. If not set: every effect matches.',
  }),
  tolerationSeconds: documented(whole({ min: 0, max: 2_147_483_647 }).exactOptional(), {
    doc: 'The time for which NoExecute is tolerated. If not set: no limit.',
    unit: 'seconds',
  }),
})

const persistence = record({
  size: documented(quantity().prefault('4Gi'), {
    doc: 'The size of the volume of each pod. Ten million clients need up to 2Gi. It cannot be changed later.',
    tenancy: 'own',
  }),
  storageClassName: documented(optionalName('must be the name of a StorageClass').default(''), {
    doc: 'The StorageClass of the volumes. It cannot be changed later. Empty: the default of the cluster.',
    tenancy: 'default',
  }),
  accessMode: documented(choice(['ReadWriteOnce', 'ReadWriteOncePod']).default('ReadWriteOnce'), {
    doc: 'Which pods may mount a volume: those of one node, or a single pod. It cannot be changed later.',
    tenancy: 'own',
  }),
  whenDeleted: documented(choice(['Retain', 'Delete']).default('Retain'), {
    doc: 'Whether the volumes stay when the policy or this field is removed.',
    tenancy: 'own',
  }),
  whenScaled: documented(choice(['Retain', 'Delete']).default('Retain'), {
    doc: 'Whether the volumes of pods that are removed by a smaller number of pods stay for the case that the number grows again.',
    tenancy: 'own',
  }),
})

/** The default that rules across these fields need too. */
export const defaultReplicas = 2

export const gateway = documented(
  record({
    kind: documented(choice(['Deployment', 'DaemonSet']).default('Deployment'), {
      doc: 'How the pods are placed. Deployment: a number of pods, which Kubernetes distributes over the nodes. DaemonSet: one pod on each node that nodeSelector and tolerations allow.',
      tenancy: { values: ['Deployment'] },
    }),
    replicas: count(
      defaultReplicas,
      { min: 0, max: 1000 },
      { doc: 'The number of pods of a Deployment or StatefulSet. Not used if autoscaling is set.', tenancy: 'own' },
    ),
    hostPort: count(
      0,
      { min: 0, max: 65_535 },
      {
        doc: 'The port of the node that leads to the first port of listen.addresses, such as 25, for clusters without a load balancer. Further ports keep their numbers on the node. A node can run one such pod, so in a rollout a pod ends before its successor begins. 0: no port of the node.',
        tenancy: 'default',
      },
    ),
    hostNetwork: flag(false, {
      doc: 'Whether the pods use the network of the node, with the ports of listen.addresses and the admin port. The gateway has no privileges, so its ports must be 1024 or higher unless the node allows lower ones to all users. NetworkPolicies do not apply to such pods.',
      tenancy: 'default',
    }),
    workers: count(
      1,
      { min: 1, max: 99 },
      {
        doc: 'The number of worker processes in each pod. One process uses one CPU core. limits.preQueue and limits.postQueue still apply to the pod as a whole. Each process needs as much memory as a pod with one process.',
        tenancy: 'own',
      },
    ),
    autoscaling: documented(autoscaling.exactOptional(), {
      doc: 'Settings of the HorizontalPodAutoscaler, which adjusts the number of pods to the load. If not set: replicas is the number of pods.',
    }),
    image,
    resources,
    service,
    disruptionBudget,
    networkPolicy,
    drain,
    dataSizeLimit: documented(quantity().prefault('4Gi'), {
      doc: 'The maximum size of the data directory of a pod without persistence, which contains the temporary allowlist when store is Local. A node evicts a pod that exceeds it. Ten million clients need up to 2Gi.',
      tenancy: 'own',
    }),
    persistence: documented(persistence.exactOptional(), {
      doc: 'A volume for the data directory of each pod, which its successor gets: the temporary allowlist survives when pods are replaced, for sites without Valkey. The pods then belong to a StatefulSet, and in a rollout a pod ends before its successor begins. If not set: a pod begins with an empty directory.',
    }),
    logFormat: documented(choice(['JSON', 'Postfix']).default('JSON'), {
      doc: 'The format of the log. JSON: JSON records. Postfix: the log lines of postscreen.',
      tenancy: 'own',
    }),
    nodeSelector: documented(map(labelValue(), 50, 'must be names and texts', anyKeyProblem).default({}), {
      doc: 'The labels that a node must have to run the pods.',
      tenancy: 'default',
    }),
    tolerations: documented(list(toleration, { max: 50 }).default([]), {
      doc: 'The node taints that the pods tolerate.',
      tenancy: 'default',
    }),
    priorityClassName: documented(optionalName('must be the name of a PriorityClass').default(''), {
      doc: 'The name of the PriorityClass of the pods. Empty: the default of the cluster.',
      tenancy: 'default',
    }),
    podAnnotations: annotations('the pods'),
    podLabels: labels('the pods'),
    patch,
  }).exactOptional(),
  {
    doc: 'The gateway that the operator runs for this policy. If not set: the operator creates only a ConfigMap with the policy, for gateways that you run yourself.',
  },
)
