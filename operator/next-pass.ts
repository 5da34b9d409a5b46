// When the next pass over a policy is due if nothing changes in the cluster.
import type { PolicyMemory } from './policy-memory.ts'
import { type Findings, isAwaiting } from './status/findings.ts'
import type { Observation } from './status/observation.ts'

/** In milliseconds: short while a change is in progress, otherwise long, to check the gateways. */
const intervals = { onItsWay: [100, 200, 500, 1000, 2000], waiting: 5000, atRest: 15_000 } as const
const passesAtEachPace = 10

/** The milliseconds until the next pass; undefined: only after a change, or at the resync. */
export function nextPassIn(seen: Observation, { Reconciling, Programmed }: Findings, memory: PolicyMemory): number | undefined {
  const hash = seen.compiled?.hash
  const before = memory.progress?.hash === hash ? (memory.progress?.passes ?? 0) : 0
  const passes = Reconciling.status === 'True' ? before + 1 : 0
  memory.progress = passes === 0 ? undefined : { hash, passes }
  const waits = seen.contested.map(({ waitMs }) => waitMs).filter((ms) => ms > 0)
  if (waits.length > 0) return Math.min(...waits)
  if (isAwaiting(seen)) return intervals.waiting
  if (passes > 0) return paceOf(passes)
  // No watch shows when the object of another program is removed, or when something becomes allowed.
  const isBlocked = ['NameConflict', 'ApplyFailed'].includes(Programmed.reason)
  return seen.workload === undefined && !isBlocked ? undefined : intervals.atRest
}

/** Ten passes at each rate: ten a second, then five, and so on down to one in two seconds. */
function paceOf(passes: number): number {
  const { onItsWay, waiting } = intervals
  return onItsWay[Math.min(Math.floor(passes / passesAtEachPace), onItsWay.length - 1)] ?? waiting
}
