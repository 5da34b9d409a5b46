// The state of a DNS list over several tests: when it is suspended, when it returns, and when it is tested again. Pure.
import { type Fault, givesFalseAnswers, isConfigurationFault } from './list-faults.ts'
import type { ListVerdict } from './list-verdict.ts'

/** `unknown`: not tested yet. `untested`: nothing is wrong, but the list has no entry that could show it. */
export type Standing = 'unknown' | 'healthy' | 'untested' | 'suspended'

export interface HealthState {
  readonly standing: Standing
  /** When the standing began, in milliseconds since 1970. */
  readonly since: number
  /** When a test last found nothing wrong, in milliseconds since 1970; 0: never. */
  readonly provenAt: number
  /** Why it is suspended. */
  readonly fault: Fault | undefined
  /** Soft faults in a row. */
  readonly softs: number
  /** Tests without a fault in a row, while it is suspended, and when the first of them was. */
  readonly goods: number
  readonly firstGoodAt: number
  /** Tests with a fault while it is suspended. */
  readonly pauses: number
  /** What was odd at the last test without a fault. */
  readonly note: string | undefined
}

export interface HealthRules {
  /** Between two tests of a healthy list. */
  readonly everyMs: number
  /** The list gives clients a pass, so it must prove itself longer. */
  readonly isAllow: boolean
}

export interface HealthStep {
  readonly state: HealthState
  /** Until the next test, before the random part of up to 20 % more or less. */
  readonly nextMs: number
}

/** One lost answer, or a short failure of the network, is not the fault of the list. */
const softsToSuspend = 3
/** The pauses before a soft fault is tested again. */
const repeatsMs = [20_000, 60_000, 120_000] as const
/** While it is suspended: doubled each time. */
const suspended = { firstMs: 5 * 60_000, longestMs: 30 * 60_000 }
const configurationMs = 60 * 60_000
const unclearMs = 60_000
/** How often a suspended list must be well, over how long. The pause is longer by the random part of 20 %. */
const proof = { block: { goods: 2, overMs: 60_000, pauseMs: 75_000 }, allow: { goods: 3, overMs: 600_000, pauseMs: 375_000 } }

/** The state of a list before its first test. */
export function newHealth(now: number): HealthState {
  return { standing: 'unknown', since: now, provenAt: 0, fault: undefined, softs: 0, goods: 0, firstGoodAt: 0, pauses: 0, note: undefined }
}

/** The state after one more test. @param now in milliseconds since 1970 */
export function afterTest(state: HealthState, verdict: ListVerdict, now: number, rules: HealthRules): HealthStep {
  switch (verdict.is) {
    case 'faulty':
      return afterFault(state, verdict, now)
    case 'unclear':
      return { state, nextMs: Math.min(unclearMs, rules.everyMs) }
    case 'healthy':
      return afterGood({ ...state, note: verdict.note }, 'healthy', now, rules)
    case 'untested':
      return afterGood({ ...state, note: undefined }, 'untested', now, rules)
  }
}

function afterFault(state: HealthState, { reason, kind, answer }: Fault, now: number): HealthStep {
  const fault: Fault = { reason, kind, answer }
  const softs = kind === 'soft' ? state.softs + 1 : state.softs
  if (state.standing === 'suspended') {
    const pauses = state.pauses + 1
    return { state: { ...state, fault, softs, goods: 0, pauses }, nextMs: pauseMs(fault, pauses) }
  }
  if (kind === 'soft' && softs < softsToSuspend) return { state: { ...state, softs }, nextMs: repeatsMs[softs - 1] ?? repeatsMs[2] }
  return {
    state: { ...state, standing: 'suspended', since: now, fault, softs, goods: 0, pauses: 0, note: undefined },
    nextMs: pauseMs(fault, 0),
  }
}

function pauseMs(fault: Fault, pauses: number): number {
  if (isConfigurationFault(fault.reason)) return configurationMs
  return Math.min(suspended.firstMs * 2 ** Math.min(pauses, 10), suspended.longestMs)
}

function afterGood(state: HealthState, standing: 'healthy' | 'untested', now: number, { everyMs, isAllow }: HealthRules): HealthStep {
  if (state.standing !== 'suspended') {
    const since = state.standing === standing ? state.since : now
    return { state: { ...state, standing, since, provenAt: now, softs: 0 }, nextMs: everyMs }
  }
  const needs = isAllow && state.fault !== undefined && givesFalseAnswers(state.fault.reason) ? proof.allow : proof.block
  const goods = state.goods + 1
  const firstGoodAt = state.goods === 0 ? now : state.firstGoodAt
  if (goods < needs.goods || now - firstGoodAt < needs.overMs) return { state: { ...state, goods, firstGoodAt }, nextMs: needs.pauseMs }
  return { state: { ...newHealth(now), standing, provenAt: now, note: state.note }, nextMs: everyMs }
}
