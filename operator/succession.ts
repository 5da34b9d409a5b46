// When the kind of workload changes (spec.gateway.kind or persistence): the old one stays until the new one can take
// its clients.
import { fitTogether, isWorkload } from './desired/workload.ts'
import type { KubeObject } from './kube/object.ts'
import { countsOf } from './status/rollout.ts'

/** Whether every wanted pod of a workload accepts clients. */
function isReady(workload: KubeObject): boolean {
  const { wanted, updated, available, seen } = countsOf(workload)
  if (workload.kind === 'DaemonSet' && wanted === 0) return false
  return seen && updated >= wanted && available >= wanted
}

/**
 * Whether an object that is no longer wanted must stay for now, because it serves clients. It need not if its pods use
 * the ports of nodes that the new ones wait for.
 * @param want the objects of the policy
 * @param present the new workload as it is in the cluster; undefined: it does not exist yet
 */
export function mustStay(object: KubeObject, want: readonly KubeObject[], present: KubeObject | undefined): boolean {
  const next = want.find(isWorkload)
  if (!isWorkload(object) || next === undefined || object.kind === next.kind) return false
  if (present === undefined) return true
  return !isReady(present) && fitTogether(object, next)
}
