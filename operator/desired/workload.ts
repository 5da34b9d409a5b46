// The kinds of objects that run the gateways, and how they replace pods.
import { fieldsOf, isObject } from '../../crds/is-object.ts'
import type { KubeObject } from '../kube/object.ts'
import type { GatewaySpec } from './pod.ts'

export const workloadKinds = ['Deployment', 'DaemonSet', 'StatefulSet'] as const
export type WorkloadKind = (typeof workloadKinds)[number]

const kinds: readonly string[] = workloadKinds

/** The kind of object that runs the gateways. */
export const workloadKindOf = ({ kind, persistence }: Pick<GatewaySpec, 'kind' | 'persistence'>): WorkloadKind =>
  persistence === undefined ? kind : 'StatefulSet'

/** Whether an object runs the gateways. */
export const isWorkload = ({ kind }: KubeObject): boolean => kinds.includes(kind)

/** Whether the pods have ports of their node, so that two of them cannot run on the same node. */
export const hasNodePorts = ({ hostPort, hostNetwork }: GatewaySpec): boolean => hostPort > 0 || hostNetwork

/** The ports of its node that a pod of a workload uses. */
function nodePortsOf({ spec }: KubeObject): ReadonlySet<unknown> {
  const pod = fieldsOf(fieldsOf(fieldsOf(spec)['template'])['spec'])
  const containers = Array.isArray(pod['containers']) ? pod['containers'].filter(isObject) : []
  const ports = containers.flatMap((one) => (Array.isArray(one['ports']) ? one['ports'].filter(isObject) : []))
  const used = ports.map(({ hostPort, containerPort }) => (pod['hostNetwork'] === true ? containerPort : hostPort))
  return new Set(used.filter((port) => port !== undefined && port !== 0))
}

/** Whether pods of both workloads can run on the same node. */
export function fitTogether(one: KubeObject, other: KubeObject): boolean {
  const used = nodePortsOf(other)
  return [...nodePortsOf(one)].every((port) => !used.has(port))
}
