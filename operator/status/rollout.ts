// The progress of the Deployment and its pods towards what is wanted.
import { fieldsOf, isObject } from '../../crds/is-object.ts'
import type { KubeObject } from '../kube/object.ts'
import type { Observation } from './observation.ts'

const count = (value: unknown): number => (typeof value === 'number' ? value : 0)

export interface Rollout {
  /** The wanted number of gateways. */
  readonly total: number
  readonly ready: number
  /** How many run this generation of the policy, in the form of pod that it requests. */
  readonly updated: number
  /** Every gateway has the newest form and runs this generation, and there are no others. */
  readonly complete: boolean
  /** The Deployment has exceeded its progressDeadlineSeconds. */
  readonly stuck: string | undefined
}

function gaveUp(deployment: KubeObject | undefined): string | undefined {
  const conditions = fieldsOf(deployment?.['status'])['conditions']
  const found = (Array.isArray(conditions) ? conditions : []).filter(isObject).find((one) => one['reason'] === 'ProgressDeadlineExceeded')
  return found === undefined ? undefined : String(found['message'])
}

/** The present state of a policy's gateways. */
export function rolloutOf({ deployment, compiled, template, pods }: Observation): Rollout {
  const spec = fieldsOf(deployment?.['spec'])
  const status = fieldsOf(deployment?.['status'])
  const wanted = typeof spec['replicas'] === 'number' ? spec['replicas'] : 1
  // Fewer pods than the autoscaler's minimum are never enough.
  const total = Math.max(wanted, compiled?.policy.spec.gateway?.autoscaling?.minReplicas ?? 0)
  const updated = pods.filter(
    (pod) => pod.template === template && pod.report?.hash !== undefined && pod.report.hash === compiled?.hash,
  ).length
  const seen = count(status['observedGeneration']) >= (deployment?.metadata.generation ?? 0)
  const rolledOut = seen && count(status['updatedReplicas']) === total && count(status['replicas']) === total
  return {
    total,
    ready: pods.filter(({ ready }) => ready).length,
    updated,
    complete: deployment !== undefined && rolledOut && updated === total && pods.length === total,
    // The Deployment's status for an earlier form says nothing about this one.
    stuck: seen ? gaveUp(deployment) : undefined,
  }
}
