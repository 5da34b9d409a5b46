// The progress of the workload and its pods towards what is wanted.
import { fieldsOf, isObject } from '../../crds/is-object.ts'
import type { KubeObject } from '../kube/object.ts'
import type { Observation } from './observation.ts'

const count = (value: unknown): number => (typeof value === 'number' ? value : 0)

export interface Rollout {
  /** The wanted number of gateways. */
  readonly total: number
  /** For a DaemonSet, whether Kubernetes has counted its nodes. Before that, total is 0. */
  readonly isCounted: boolean
  readonly ready: number
  /** How many run this generation of the policy, in the form of pod that it requests. */
  readonly updated: number
  /** Every gateway has the newest form and runs this generation, and there are no others. */
  readonly complete: boolean
  /** A Deployment has exceeded its progressDeadlineSeconds. */
  readonly stuck: string | undefined
}

/** What the controller of a workload says about its pods. */
interface Counts {
  /** The wanted number of pods. For a DaemonSet, the number of nodes. */
  readonly wanted: number
  readonly existing: number
  readonly updated: number
  readonly available: number
  /** The counts are those of the present form of the object. */
  readonly seen: boolean
}

/** Missing counts are zero, as the API server leaves them out. */
export function countsOf(workload: KubeObject | undefined): Counts {
  const [spec, status] = [fieldsOf(workload?.['spec']), fieldsOf(workload?.['status'])]
  const seen = count(status['observedGeneration']) >= (workload?.metadata.generation ?? 0)
  if (workload?.kind === 'DaemonSet') {
    const { desiredNumberScheduled, currentNumberScheduled, updatedNumberScheduled, numberAvailable } = status
    return {
      wanted: count(desiredNumberScheduled),
      existing: count(currentNumberScheduled),
      updated: count(updatedNumberScheduled),
      available: count(numberAvailable),
      // The first status of the controller has this field, even if it is 0.
      seen: seen && typeof desiredNumberScheduled === 'number',
    }
  }
  return {
    wanted: typeof spec['replicas'] === 'number' ? spec['replicas'] : 1,
    existing: count(status['replicas']),
    updated: count(status['updatedReplicas']),
    available: count(status['availableReplicas']),
    seen,
  }
}

function gaveUp(deployment: KubeObject | undefined): string | undefined {
  const conditions = fieldsOf(deployment?.['status'])['conditions']
  const found = (Array.isArray(conditions) ? conditions : []).filter(isObject).find((one) => one['reason'] === 'ProgressDeadlineExceeded')
  return found === undefined ? undefined : String(found['message'])
}

/** The present state of a policy's gateways. */
export function rolloutOf({ workload, compiled, template, pods }: Observation): Rollout {
  const { wanted, existing, updated: renewed, seen } = countsOf(workload)
  // Fewer pods than the autoscaler's minimum are never enough.
  const total = Math.max(wanted, compiled?.policy.spec.gateway?.autoscaling?.minReplicas ?? 0)
  const updated = pods.filter(
    (pod) => pod.template === template && pod.report?.hash !== undefined && pod.report.hash === compiled?.hash,
  ).length
  const rolledOut = seen && renewed === total && existing === total
  return {
    total,
    isCounted: seen,
    ready: pods.filter(({ ready }) => ready).length,
    updated,
    complete: workload !== undefined && rolledOut && updated === total && pods.length === total,
    // The status for an earlier form says nothing about this one.
    stuck: seen ? gaveUp(workload) : undefined,
  }
}
