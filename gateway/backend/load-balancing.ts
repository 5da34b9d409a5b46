// Which of two backend addresses gets the next client: one that works before one that rests, then the one with less to do for what it may carry.

/** `misconfigured`: it answers, and does not do what the policy expects of it. */
export type TargetState = 'unknown' | 'working' | 'failing' | 'misconfigured'

/** What the choice goes by. */
export interface Candidate {
  readonly sessions: number
  readonly state: TargetState
  /** A failing one may be tried again from then on. */
  readonly restUntil: number
  /** A session or a probe is finding out whether it works again. */
  readonly trying: boolean
  /** Since when it works without a break. */
  readonly workingSince: number
  /** Order of use, so that equals take turns. */
  readonly usedAs: number
}

/**
 * The share of a full load that an address gets at first: an empty one would otherwise get every new client until it has as many as the others
 * (nginx: slow_start, Envoy: min_weight_percent is 10 too).
 */
const firstShare = 0.1

/** What the choice goes by besides. */
export interface BalancingContext {
  /** On the clock of the candidates. */
  readonly now: number
  readonly slowStartMs: number
  /** Whether probes find out who works again. Else a client has to. */
  readonly probed: boolean
}

/** Whether it has failed so lately, or is being tried, that nobody should try it. */
export function rests(one: Candidate, now: number): boolean {
  return one.state === 'failing' && (one.trying || now < one.restUntil)
}

/** A client that tries whether a failing one works again may wait for a second in vain, so it comes last where a probe can do that. */
const comesLast = (one: Candidate, { now, probed }: BalancingContext): boolean => (probed ? one.state === 'failing' : rests(one, now))

/** The part of a full load that an address may carry by now, from 0.1 to 1: it grows evenly over the slow start. */
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
