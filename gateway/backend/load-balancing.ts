// Which of two backend addresses gets the next client: one that works before one that rests, then the one with fewer
// sessions for its share of load.

/** `misconfigured`: it answers, but not as the policy requires. */
export type TargetState = 'unknown' | 'working' | 'failing' | 'misconfigured'

/** What the choice depends on. */
export interface Candidate {
  readonly sessions: number
  readonly state: TargetState
  /** When a failing address may be tried again. */
  readonly restUntil: number
  /** A session or a probe is testing whether it works again. */
  readonly trying: boolean
  /** Since when it works without interruption. */
  readonly workingSince: number
  /** Order of use, so that equal addresses take turns. */
  readonly usedAs: number
}

/**
 * The share of a full load that a new address gets: without it, an empty address would get every new client until it
 * has as many as the others (nginx: slow_start; Envoy: min_weight_percent is 10 too).
 */
const firstShare = 0.1

/** The circumstances of the choice. */
export interface BalancingContext {
  /** On the clock of the candidates. */
  readonly now: number
  readonly slowStartMs: number
  /** Whether probes find out which address works again. Otherwise clients do. */
  readonly probed: boolean
}

/** Whether it should not be tried: it failed recently, or is being tried. */
export function rests(one: Candidate, now: number): boolean {
  return one.state === 'failing' && (one.trying || now < one.restUntil)
}

/** A client that tries a failing address may wait in vain, so where probes can do that, failing addresses come last. */
const comesLast = (one: Candidate, { now, probed }: BalancingContext): boolean => (probed ? one.state === 'failing' : rests(one, now))

/** The share of a full load that an address may have now, from 0.1 to 1; it grows linearly during the slow start. */
function share(one: Candidate, now: number, slowStartMs: number): number {
  if (slowStartMs === 0) return 1
  if (one.state !== 'working') return firstShare
  return Math.min(1, Math.max(firstShare, (now - one.workingSince) / slowStartMs))
}

/** Whether `a` comes before `b`. */
export function precedes(a: Candidate, b: Candidate, context: BalancingContext): boolean {
  const aLast = comesLast(a, context)
  if (aLast !== comesLast(b, context)) return !aLast
  if (aLast && a.restUntil !== b.restUntil) return a.restUntil < b.restUntil
  const { now, slowStartMs } = context
  const loadA = (a.sessions + 1) / share(a, now, slowStartMs)
  const loadB = (b.sessions + 1) / share(b, now, slowStartMs)
  return loadA !== loadB ? loadA < loadB : a.usedAs < b.usedAs
}
