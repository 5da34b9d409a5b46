// States that may pass without an action: a Secret, a ConfigMap or a Service that is applied after the policy, a role
// or quota that comes late, pods that start. For some minutes the policy is Reconciling, so that Flux (kstatus) and
// Argo CD keep waiting. Then it is Stalled, so that they fail and users notice.
import type { KubeObject } from '../kube/object.ts'
import { conditionsOf, type Finding } from './condition.ts'
import type { PolicyMemory } from '../policy-memory.ts'
import type { Observation } from './observation.ts'

/** How long the operator waits, in milliseconds; also in docs/install-with-helm.md and docs/gitops.md. */
const waitsMs = 5 * 60_000

/** The findings from which the others are derived. */
export interface Parts {
  readonly Accepted: Finding
  readonly Programmed: Finding
  readonly BackendReachable: Finding
  readonly Serving: Finding
}

/** The finding that is not good but may pass without an action; undefined if there is none. */
export function awaiting({ awaited }: Observation, { Accepted, Programmed, BackendReachable, Serving }: Parts): Finding | undefined {
  if (Accepted.status === 'False') return Accepted.reason === 'RefusedByGateway' || awaited ? Accepted : undefined
  if (Programmed.reason === 'ApplyFailed') return Programmed
  if (Programmed.status !== 'True') return undefined
  if (BackendReachable.status === 'False' || BackendReachable.reason === 'NotChecked') return BackendReachable
  return Serving.reason === 'GatewaysNotReady' ? Serving : undefined
}

/**
 * Whether a policy has waited too long. The time also counts across restarts of the operator, because the status
 * contains when it began.
 * @param now in milliseconds since 1970
 */
export function isWaitOver(policy: KubeObject, memory: PolicyMemory, now: number): boolean {
  const { generation } = policy.metadata
  const known = memory.waiting
  const since = known !== undefined && known.generation === generation ? known.since : waitsSince(policy, now)
  memory.waiting = { generation, since }
  return now - since >= waitsMs
}

function waitsSince(policy: KubeObject, now: number): number {
  const { generation } = policy.metadata
  const at = (type: string): number => {
    const found = conditionsOf(policy).find((one) => one['type'] === type)
    const holds = found?.['status'] === 'True' && found['observedGeneration'] === generation
    return holds ? Date.parse(String(found['lastTransitionTime'])) : Number.NaN
  }
  if (!Number.isNaN(at('Stalled'))) return -Infinity
  const since = at('Reconciling')
  return since > 0 && since <= now ? since : now
}
