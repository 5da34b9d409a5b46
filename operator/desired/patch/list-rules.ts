// How a strategic merge treats each list of the objects that can be patched: by the keys that the API server itself
// uses (patchStrategy and patchMergeKey of k8s.io/api).

/** How a list of a patch is merged into the list of the object. */
export type ListRule =
  /** Entries with the same values of these fields are merged, others are added. The first field must be set. */
  | { readonly is: 'keyed'; readonly by: readonly string[]; readonly defaults: Readonly<Record<string, string>> }
  /** Entries are added. */
  | { readonly is: 'set' }
  /** The list of the patch replaces the other one. */
  | { readonly is: 'atomic' }

const by = (...fields: readonly string[]): ListRule => ({ is: 'keyed', by: fields, defaults: {} })
/** The protocol distinguishes two ports with the same number. */
const byPort = (field: string): ListRule => ({ is: 'keyed', by: [field, 'protocol'], defaults: { protocol: 'TCP' } })
const atomic: ListRule = { is: 'atomic' }

const pod = 'spec.template.spec'
const container: readonly (readonly [string, ListRule])[] = [
  ['env', by('name')],
  ['ports', byPort('containerPort')],
  ['volumeMounts', by('mountPath')],
  ['volumeDevices', by('devicePath')],
]
const containers = ['containers', 'initContainers'] as const

const workload: ReadonlyMap<string, ListRule> = new Map([
  [`${pod}.volumes`, by('name')],
  [`${pod}.imagePullSecrets`, by('name')],
  [`${pod}.hostAliases`, by('ip')],
  [`${pod}.topologySpreadConstraints`, by('topologyKey')],
  [`${pod}.resourceClaims`, by('name')],
  [`${pod}.schedulingGates`, by('name')],
  ...containers.flatMap((list): [string, ListRule][] => [
    [`${pod}.${list}`, by('name')],
    ...container.map(([field, rule]): [string, ListRule] => [`${pod}.${list}[].${field}`, rule]),
  ]),
])

/** The rules of a NetworkPolicy allow traffic, each for itself, so a further rule does not change the others. */
const networkPolicy: ReadonlyMap<string, ListRule> = new Map([
  ['spec.ingress', { is: 'set' }],
  ['spec.egress', { is: 'set' }],
])

const lists: Readonly<Record<string, ReadonlyMap<string, ListRule>>> = {
  Deployment: workload,
  DaemonSet: workload,
  StatefulSet: workload,
  Service: new Map([['spec.ports', byPort('port')]]),
  ServiceAccount: new Map([
    ['secrets', by('name')],
    ['imagePullSecrets', by('name')],
  ]),
  NetworkPolicy: networkPolicy,
}

/** @param path of the list below the object, such as `spec.template.spec.containers[].env` */
export const listRuleOf = (kind: string, path: string): ListRule => lists[kind]?.get(path) ?? atomic
