// The phases of a session and the moves between them. Only `enter` assigns a phase, and it keeps the counters that
// depend on phases.
import { arrive, beginRelay, beginStress, depart, endRelay, endStress } from './clients.ts'
import { isWorthObserving } from './audit.ts'
import { outcomeOf } from './outcome.ts'
import { countAddress, logHeaderClient } from './client-address/session-address.ts'
import { clientState, type Session } from './session.ts'
import type { Turn } from './turn.ts'

/** The head of step.ts draws them. */
export type Phase = Session['phase']

const moves: Readonly<Record<Phase, readonly Phase[]>> = {
  new: ['recall', 'done'],
  recall: ['early', 'smtp', 'handoff', 'done'],
  early: ['smtp', 'handoff', 'done'],
  smtp: ['replay', 'done'],
  replay: ['smtp', 'relayed', 'done'],
  handoff: ['smtp', 'relayed', 'done'],
  relayed: ['observe', 'done'],
  observe: ['relayed'],
  done: [],
}

/** Phases in which a session counts as one under screening. */
const screened: ReadonlySet<Phase> = new Set(['recall', 'early', 'smtp', 'replay', 'handoff'])
/** Phases in which a session waits for a backend. */
const waiting: ReadonlySet<Phase> = new Set(['replay', 'handoff'])
/** Phases in which a backend has the client. */
const relayed: ReadonlySet<Phase> = new Set(['relayed', 'observe'])

/** Moves a session into another phase. Throws when there is no such move. */
export function enter(turn: Turn, phase: Phase): void {
  const { session: s } = turn
  const from = s.phase
  if (!moves[from].includes(phase)) throw new Error(`a session cannot go from ${from} to ${phase}`)
  s.phase = phase
  if (from === 'new' && screened.has(phase)) countIn(turn)
  if (phase === 'smtp' || phase === 'handoff' || phase === 'done') countAddress(turn, from)
  if (waiting.has(phase)) logHeaderClient(turn)
  if (waiting.has(from)) s.screening.postQueue--
  if (waiting.has(phase)) s.screening.postQueue++
  if (screened.has(from) && !screened.has(phase)) countOut(turn)
  if (waiting.has(from) && phase === 'relayed') beginRelay(s.screening, clientState(s))
  if (relayed.has(from) && phase === 'done') endRelay(s.screening, clientState(s))
  if (isDecided(s, from)) s.outcome = outcomeOf(s)
  if (phase === 'early' || (phase === 'smtp' && from !== 'replay')) s.stageStart = turn.now
}

/** Whether this move decides the outcome: not yet for a client that Audit mode observes behind the hand-off. */
function isDecided(s: Session, from: Phase): boolean {
  if (s.phase === 'done') return from !== 'relayed'
  return s.phase === 'relayed' && (from === 'observe' || !isWorthObserving(s))
}

function countIn(turn: Turn): void {
  const { session: s } = turn
  s.clientState = arrive(s.screening, s.rules.allowlistKey(s.client.address))
  if (beginStress(s.screening, s.rules.limits.preQueue))
    turn.log({ event: 'STRESS', change: 'entering', connections: s.screening.checkQueue })
}

function countOut(turn: Turn): void {
  const { session: s } = turn
  depart(s.screening, clientState(s))
  if (endStress(s.screening, s.rules.limits.preQueue)) turn.log({ event: 'STRESS', change: 'leaving', connections: s.screening.checkQueue })
}
