// What sites change in the gateway's objects without a field of the policy: each with a patch, and what becomes of the object.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { valueAt } from '../../../../operator/desired/patch/guards.ts'
import { policyPatchProblems } from '../../../../operator/desired/patch/policy-problems.ts'
import { desired } from '../../../../operator/desired/desired.ts'
import { annotation, ownerOf } from '../../../../operator/desired/names.ts'
import type { KubeObject } from '../../../../operator/kube/object.ts'
import { unknownFields } from '../../../chart/known-fields.ts'
import { compiledOf, settings } from '../../observed.ts'
import { policyWith } from '../../policy-object.ts'

type Path = Parameters<typeof valueAt>[1]

interface Customisation {
  readonly what: string
  /** The kind of the object. */
  readonly kind: string
  readonly patch: object
  /** The path of what differs then, and its value. */
  readonly at: Path
  readonly want: unknown
  /** Other fields of spec.gateway. */
  readonly gateway?: object
}

const pod: Path = ['spec', 'template', 'spec']
const gateway: Path = [...pod, 'containers', { name: 'gateway' }]
const ofPod = (spec: object): object => ({ spec: { template: { spec } } })
const ofContainer = (fields: object): object => ofPod({ containers: [{ name: 'gateway', ...fields }] })
const fromPod = (what: string, field: string, value: unknown): Customisation => ({
  what,
  kind: 'Deployment',
  patch: ofPod({ [field]: value }),
  at: [...pod, field],
  want: value,
})
const fromService = (what: string, field: string, value: unknown): Customisation => ({
  what,
  kind: 'Service',
  patch: { spec: { [field]: value } },
  at: ['spec', field],
  want: value,
})

const nodeAffinity = {
  requiredDuringSchedulingIgnoredDuringExecution: {
    nodeSelectorTerms: [{ matchExpressions: [{ key: 'mail', operator: 'In', values: ['edge'] }] }],
  },
}
const sidecar = { name: 'logs', image: 'registry.example.com/vector:1', volumeMounts: [{ name: 'logs', mountPath: '/logs' }] }
const setup = { name: 'setup', image: 'registry.example.com/setup:1', command: ['/setup'], restartPolicy: 'Always' }
const proxy = { name: 'HTTPS_PROXY', valueFrom: { secretKeyRef: { name: 'proxy', key: 'url' } } }
const dnsConfig = { nameservers: ['192.0.2.53'], options: [{ name: 'ndots', value: '1' }] }
const extraEgress = { to: [{ ipBlock: { cidr: '192.0.2.0/24' } }], ports: [{ protocol: 'TCP', port: 443 }] }
const autoscaling = { autoscaling: { maxReplicas: 5 } }
const queueMetric = {
  type: 'External',
  external: { metric: { name: 'queue' }, target: { type: 'AverageValue', averageValue: '100' } },
}

const customisations: readonly Customisation[] = [
  {
    what: 'node affinity',
    kind: 'Deployment',
    patch: ofPod({ affinity: { nodeAffinity } }),
    at: [...pod, 'affinity', 'nodeAffinity'],
    want: nodeAffinity,
  },
  {
    what: 'anti-affinity that is required',
    kind: 'Deployment',
    patch: ofPod({
      affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'kubernetes.io/hostname' }] } },
    }),
    at: [...pod, 'affinity', 'podAntiAffinity', 'requiredDuringSchedulingIgnoredDuringExecution'],
    want: [{ topologyKey: 'kubernetes.io/hostname' }],
  },
  {
    what: 'topology spread that is required',
    kind: 'Deployment',
    patch: ofPod({ topologySpreadConstraints: [{ topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'DoNotSchedule' }] }),
    at: [...pod, 'topologySpreadConstraints', { topologyKey: 'kubernetes.io/hostname' }, 'whenUnsatisfiable'],
    want: 'DoNotSchedule',
  },
  {
    what: 'a sidecar, after the gateway',
    kind: 'Deployment',
    patch: ofPod({ containers: [sidecar], volumes: [{ name: 'logs', emptyDir: {} }] }),
    at: [...pod, 'containers', { name: 'logs' }],
    want: sidecar,
  },
  {
    what: 'an init container',
    kind: 'Deployment',
    patch: ofPod({ initContainers: [setup] }),
    at: [...pod, 'initContainers'],
    want: [setup],
  },
  { what: 'an environment variable', kind: 'Deployment', patch: ofContainer({ env: [proxy] }), at: [...gateway, 'env'], want: [proxy] },
  {
    what: 'a volume',
    kind: 'Deployment',
    patch: ofPod({ volumes: [{ name: 'ca', configMap: { name: 'site-ca' } }] }),
    at: [...pod, 'volumes', { name: 'ca' }],
    want: { name: 'ca', configMap: { name: 'site-ca' } },
  },
  {
    what: 'a mount of a volume',
    kind: 'Deployment',
    patch: ofContainer({ volumeMounts: [{ name: 'ca', mountPath: '/etc/ssl/site', readOnly: true }] }),
    at: [...gateway, 'volumeMounts', { mountPath: '/etc/ssl/site' }],
    want: { name: 'ca', mountPath: '/etc/ssl/site', readOnly: true },
  },
  {
    what: 'a data directory on the node',
    kind: 'Deployment',
    patch: ofPod({ volumes: [{ name: 'data', emptyDir: null, hostPath: { path: '/srv/postscreen', type: 'DirectoryOrCreate' } }] }),
    at: [...pod, 'volumes', { name: 'data' }],
    want: { name: 'data', hostPath: { path: '/srv/postscreen', type: 'DirectoryOrCreate' } },
  },
  fromPod('a runtime class', 'runtimeClassName', 'gvisor'),
  fromPod('a scheduler', 'schedulerName', 'binpack'),
  fromPod('a DNS policy', 'dnsPolicy', 'None'),
  fromPod('a DNS configuration', 'dnsConfig', dnsConfig),
  fromPod('host aliases', 'hostAliases', [{ ip: '192.0.2.25', hostnames: ['mail.internal'] }]),
  fromPod('a process namespace for all containers', 'shareProcessNamespace', true),
  {
    what: 'a security context of the pod',
    kind: 'Deployment',
    patch: ofPod({ securityContext: { fsGroup: 2000, runAsUser: null, sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }] } }),
    at: [...pod, 'securityContext'],
    want: {
      runAsNonRoot: true,
      runAsGroup: 65_532,
      fsGroup: 2000,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
      sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }],
    },
  },
  {
    what: 'a security context of the container',
    kind: 'Deployment',
    patch: ofContainer({ securityContext: { seLinuxOptions: { level: 's0:c123,c456' } } }),
    at: [...gateway, 'securityContext', 'seLinuxOptions'],
    want: { level: 's0:c123,c456' },
  },
  {
    what: 'other times of a probe',
    kind: 'Deployment',
    patch: ofContainer({ livenessProbe: { periodSeconds: 30 } }),
    at: [...gateway, 'livenessProbe', 'periodSeconds'],
    want: 30,
  },
  {
    what: 'a rollout without further pods',
    kind: 'Deployment',
    patch: { spec: { minReadySeconds: 10, strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } } } },
    at: ['spec', 'strategy'],
    want: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
  },
  {
    what: 'annotations and labels of the Deployment',
    kind: 'Deployment',
    patch: { metadata: { annotations: { 'reloader.example.com/auto': 'true' }, labels: { team: 'mail' } } },
    at: ['metadata', 'labels', 'team'],
    want: 'mail',
  },
  {
    what: 'annotations of the Service',
    kind: 'Service',
    patch: { metadata: { annotations: { 'external-dns.alpha.kubernetes.io/hostname': 'mx.example.com' } } },
    at: ['metadata', 'annotations', 'external-dns.alpha.kubernetes.io/hostname'],
    want: 'mx.example.com',
  },
  fromService('an address of the load balancer', 'loadBalancerIP', '192.0.2.25'),
  fromService('addresses of nodes', 'externalIPs', ['192.0.2.25']),
  fromService('a load balancer without node ports', 'allocateLoadBalancerNodePorts', false),
  fromService('the same pod for each client', 'sessionAffinity', 'ClientIP'),
  fromService('the nearest pod', 'trafficDistribution', 'PreferSameZone'),
  {
    what: 'a further port of the Service',
    kind: 'Service',
    patch: { spec: { ports: [{ port: 2525, name: 'further', targetPort: 'smtp' }] } },
    at: ['spec', 'ports', { port: 2525 }],
    want: { port: 2525, name: 'further', targetPort: 'smtp' },
  },
  {
    what: 'an identity at the cloud',
    kind: 'ServiceAccount',
    patch: { metadata: { annotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/mx' } } },
    at: ['metadata', 'annotations', 'eks.amazonaws.com/role-arn'],
    want: 'arn:aws:iam::1:role/mx',
  },
  {
    what: 'a disruption budget in percent',
    kind: 'PodDisruptionBudget',
    patch: { spec: { maxUnavailable: null, minAvailable: '50%' } },
    at: ['spec', 'minAvailable'],
    want: '50%',
  },
  {
    what: 'a slower autoscaler',
    kind: 'HorizontalPodAutoscaler',
    patch: { spec: { behavior: { scaleUp: { stabilizationWindowSeconds: 60 } } } },
    gateway: autoscaling,
    at: ['spec', 'behavior'],
    want: { scaleDown: { stabilizationWindowSeconds: 600 }, scaleUp: { stabilizationWindowSeconds: 60 } },
  },
  {
    what: 'another metric of the autoscaler',
    kind: 'HorizontalPodAutoscaler',
    patch: { spec: { metrics: [queueMetric] } },
    gateway: autoscaling,
    at: ['spec', 'metrics'],
    want: [queueMetric],
  },
  {
    what: 'a further rule of the NetworkPolicy',
    kind: 'NetworkPolicy',
    patch: { spec: { egress: [extraEgress] } },
    at: ['spec', 'egress', extraEgress],
    want: extraEgress,
  },
]

const fieldOf = (kind: string): string => kind.slice(0, 1).toLowerCase() + kind.slice(1)

function objectsOf(gatewayFields: object): readonly KubeObject[] {
  const policy = policyWith({ gateway: gatewayFields })
  const compiled = compiledOf(policy)
  assert.deepEqual(policyPatchProblems(compiled.policy), [])
  return desired(ownerOf(policy), compiled, settings)
}

/** The objects without what names their present form. */
const plain = (object: KubeObject): unknown =>
  JSON.parse(
    JSON.stringify(object, (name, value: unknown) => (name === annotation.applied || name === annotation.template ? undefined : value)),
  )

describe('a patch allows', () => {
  for (const { what, kind, patch, at, want, gateway: more = {} } of customisations) {
    test(what, () => {
      const [before, after] = [objectsOf(more), objectsOf({ ...more, patch: { [fieldOf(kind)]: patch } })]
      const object = after.find((one) => one.kind === kind) ?? assert.fail()
      assert.deepEqual(valueAt(object, at), want)
      assert.deepEqual(unknownFields(object), [])
      const others = (objects: readonly KubeObject[]) => objects.filter((one) => one.kind !== kind)
      assert.deepEqual(others(after), others(before))
      assert.notDeepEqual(plain(object), plain(before.find((one) => one.kind === kind) ?? assert.fail()))
      assert.notEqual(
        object.metadata.annotations?.[annotation.applied],
        before.find((one) => one.kind === kind)?.metadata.annotations?.[annotation.applied],
      )
    })
  }

  test('and a changed pod has another form, by which the operator knows the pods that have it', () => {
    const formOf = (objects: readonly KubeObject[]): unknown =>
      valueAt(
        objects.find(({ kind }) => kind === 'Deployment'),
        ['spec', 'template', 'metadata', 'annotations', annotation.template],
      )
    const withPatch = objectsOf({ patch: { deployment: ofPod({ runtimeClassName: 'gvisor' }) } })
    assert.notEqual(formOf(withPatch), formOf(objectsOf({})))
    assert.equal(formOf(objectsOf({ patch: { deployment: { spec: { minReadySeconds: 5 } } } })), formOf(objectsOf({})))
  })

  test('and an empty patch changes nothing', () => {
    const empty = {
      deployment: {},
      service: {},
      serviceAccount: {},
      podDisruptionBudget: {},
      horizontalPodAutoscaler: {},
      networkPolicy: {},
    }
    assert.deepEqual(objectsOf({ ...autoscaling, patch: empty }), objectsOf(autoscaling))
  })
})
