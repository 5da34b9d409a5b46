// What a patch must not change: the operator finds its objects, pods and ports by it, or reads it from the policy.
import { fieldsOf, isObject } from '../../../crds/is-object.ts'
import { contained } from '../../containment.ts'
import { labels } from '../names.ts'

/** The value at a path: a text is a field, and an object selects the entry of a list with these fields. */
type Step = string | Readonly<Record<string, unknown>>

/** One value that must stay as the operator has set it. */
export interface Guard {
  readonly path: readonly Step[]
  /** `same`: nothing may be added either. `contains`: fields may be added. */
  readonly keeps: 'same' | 'contains'
  readonly instead: string
}

/** The value at the end of the path; undefined if it does not exist. */
export function valueAt(value: unknown, [step, ...rest]: readonly Step[]): unknown {
  if (step === undefined) return value
  if (typeof step === 'string') return valueAt(fieldsOf(value)[step], rest)
  return valueAt(Array.isArray(value) ? value.find((entry: unknown) => contained(step, entry)) : undefined, rest)
}

/** `containers[name=gateway]` */
export const stepsInWords = (path: readonly Step[]): string =>
  path
    .map((step, at) => {
      if (typeof step === 'string') return /^[\w]+$/.test(step) ? `${at === 0 ? '' : '.'}${step}` : `[${JSON.stringify(step)}]`
      const [[field, value] = []] = Object.entries(step)
      return `[${field}=${String(value)}]`
    })
    .join('')

const same = (path: readonly Step[], instead: string): Guard => ({ path, keeps: 'same', instead })
const contains = (path: readonly Step[], instead: string): Guard => ({ path, keeps: 'contains', instead })

const byOperator = 'is set by the operator'

/** A label by which objects are found. */
const labelGuards = (policy: string, at: readonly Step[]): readonly Guard[] =>
  Object.keys(labels(policy)).map((name) =>
    same([...at, name], `${byOperator}, which finds its objects by it; use labels with other names`),
  )

const selector = 'selects the pods of the policy and cannot be changed; add labels to the pods with spec.gateway.podLabels'

const pod: readonly Step[] = ['spec', 'template', 'spec']
const gateway: readonly Step[] = [...pod, 'containers', { name: 'gateway' }]

/** The entries of a list that the operator has made, each with what identifies it. */
const entries = (object: unknown, path: readonly Step[], by: readonly string[]): readonly Step[] => {
  const list = valueAt(object, path)
  return (Array.isArray(list) ? list.filter(isObject) : []).map((entry) => Object.fromEntries(by.map((field) => [field, entry[field]])))
}

const probes = ['startupProbe', 'livenessProbe', 'readinessProbe'] as const

const dataGuard = contains([...pod, 'volumes', { name: 'data' }, 'name'], 'must not be removed: it contains the temporary allowlist')

function ofWorkload(object: unknown, policy: string): readonly Guard[] {
  return [
    same(['spec', 'selector'], selector),
    same(['spec', 'replicas'], 'must be set with spec.gateway.replicas or spec.gateway.autoscaling'),
    ...labelGuards(policy, ['spec', 'template', 'metadata', 'labels']),
    same([...pod, 'terminationGracePeriodSeconds'], 'follows from the time limits of a stopping pod; use spec.gateway.drain'),
    same([...pod, 'hostNetwork'], 'must be set with spec.gateway.hostNetwork'),
    contains([...pod, 'containers', { name: 'gateway' }, 'name'], 'must not be removed: it is the gateway'),
    same([...gateway, 'image'], 'must be set with spec.gateway.image.name'),
    same([...gateway, 'command'], 'must not be set: the image starts the gateway'),
    same([...gateway, 'args'], 'follow from the policy; use its fields, such as spec.gateway.workers and spec.gateway.logFormat'),
    same([...gateway, 'lifecycle'], 'lets a pod stop without losing sessions; use spec.gateway.drain'),
    ...probes.map((probe) => same([...gateway, probe, 'httpGet'], 'must stay: the operator relies on it; change the times of the probe')),
    ...entries(object, [...gateway, 'ports'], ['containerPort', 'protocol']).map((port) =>
      same([...gateway, 'ports', port], 'follows from spec.listen.addresses and spec.gateway.hostPort; add entries with other ports'),
    ),
    ...entries(object, [...gateway, 'volumeMounts'], ['mountPath']).map((mount) =>
      same([...gateway, 'volumeMounts', mount], 'must stay: the gateway reads and writes there; add entries with other paths'),
    ),
    same([...pod, 'volumes', { name: 'policy' }], 'contains the policy and its Secrets; add volumes with other names'),
    ...(valueAt(object, [...pod, 'volumes', { name: 'data' }]) === undefined ? [] : [dataGuard]),
  ]
}

function ofService(object: unknown): readonly Guard[] {
  return [
    same(['spec', 'selector'], selector),
    same(['spec', 'type'], 'must be set with spec.gateway.service.type'),
    ...entries(object, ['spec', 'ports'], ['port', 'protocol']).map((port) =>
      contains(['spec', 'ports', port], 'follows from spec.gateway.service.port and spec.listen.addresses; add entries with other ports'),
    ),
  ]
}

const ofClaims: readonly Guard[] = [
  same(['spec', 'serviceName'], 'is set by the operator'),
  same(['spec', 'volumeClaimTemplates'], 'follow from spec.gateway.persistence'),
  same(['spec', 'persistentVolumeClaimRetentionPolicy'], 'must be set with spec.gateway.persistence.whenDeleted and whenScaled'),
  same([...pod, 'volumes', { name: 'data' }], 'must not be set: it is the volume of the claim'),
]

const ofAutoscaler: readonly Guard[] = [
  same(['spec', 'scaleTargetRef'], 'must be the gateway'),
  same(['spec', 'minReplicas'], 'must be set with spec.gateway.autoscaling.minReplicas'),
  same(['spec', 'maxReplicas'], 'must be set with spec.gateway.autoscaling.maxReplicas'),
]

function ofKind(object: unknown, kind: string, policy: string): readonly Guard[] {
  switch (kind) {
    case 'Deployment':
    case 'DaemonSet':
      return ofWorkload(object, policy)
    case 'StatefulSet':
      return [...ofWorkload(object, policy), ...ofClaims]
    case 'Service':
      return ofService(object)
    case 'PodDisruptionBudget':
      return [same(['spec', 'selector'], selector)]
    case 'NetworkPolicy':
      return [same(['spec', 'podSelector'], selector)]
    case 'HorizontalPodAutoscaler':
      return ofAutoscaler
    default:
      return []
  }
}

/** The guards of one object as the operator makes it, without a patch. */
export function guardsOf(object: Readonly<Record<string, unknown>>, policy: string): readonly Guard[] {
  const { kind } = object
  const ownMetadata = [
    'name',
    'generateName',
    'namespace',
    'ownerReferences',
    'finalizers',
    'uid',
    'resourceVersion',
    'managedFields',
  ] as const
  return [
    same(['apiVersion'], byOperator),
    same(['kind'], byOperator),
    same(['status'], 'is written by Kubernetes'),
    ...ownMetadata.map((field) => same(['metadata', field], `${byOperator}; only labels and annotations can be added`)),
    ...labelGuards(policy, ['metadata', 'labels']),
    ...ofKind(object, String(kind), policy),
  ]
}
