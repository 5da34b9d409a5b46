// How a session ends: the verdict in the log, the record for the allowlist, then the backend or the last reply
// (psc_conclude).
import { encodeRecord } from './allowlist-record.ts'
import { auditDrop, endAudit, isAudited } from './audit.ts'
import { formatElapsed } from './elapsed.ts'
import { enter } from './phase.ts'
import type { Reply } from './replies.ts'
import { anyFailure, clientState, type Session } from './session.ts'
import { bit, namesIn } from './tests.ts'
import { logTests } from './tests-record.ts'
import type { Turn } from './turn.ts'
import { testNames } from './vocabulary.ts'

/** Called once a session, and once more when the hand-off failed behind a teaser. */
export function conclude(turn: Turn): void {
  const { session: s } = turn
  abandonLookup(turn)
  if ((s.phase === 'early' || s.phase === 'recall') && s.todo !== 0) logTests(turn, !s.noForward || isAudited(s) ? 'handoff' : 'end')
  if (!s.passRecorded) recordPass(turn)
  if (s.phase === 'observe') {
    enter(turn, 'relayed')
    turn.out.push({ do: 'unobserve' })
  } else if (!s.noForward || isAudited(s)) {
    handOff(turn)
  } else {
    if (!s.hungUp) turn.send(s.finalReply)
    turn.log({ event: 'DISCONNECT' })
    finish(turn)
  }
}

/** Writes what was passed to the log and to the allowlist. */
export function recordPass(turn: Turn): void {
  const { session: s } = turn
  if (anyFailure(s)) s.passed = 0
  if (s.passed === 0) return
  logPass(turn)
  // Partial progress is stored too, always: a parallel session may have renewed a stamp meanwhile (T23, T24).
  const { key, stamps } = clientState(s)
  const trusting = s.trusting.length > 0 ? { trusting: s.trusting } : undefined
  turn.out.push({ do: 'remember', key, record: encodeRecord(stamps, enabledTests(s)), ...trusting })
}

/** All that was to do is passed. Of parallel sessions only the first one logs a new client. */
function logPass(turn: Turn): void {
  const { session: s } = turn
  if (s.passed !== s.todo) return
  const isNew = s.isNew && clientState(s).passNewCount++ === 0
  turn.log({ event: isNew ? 'PASS NEW' : 'PASS OLD', tests: namesIn(s.passed) })
}

function enabledTests(s: Session): readonly boolean[] {
  return testNames.map((name) => (s.rules.enabled & bit[name]) !== 0)
}

function handOff(turn: Turn): void {
  const { session: s } = turn
  turn.out.push({ do: 'disarm' })
  enter(turn, 'handoff')
  turn.out.push({ do: 'relay', unread: s.unread, teaserSent: s.teaserSent })
}

/** The connection ends here. */
export function finish(turn: Turn): void {
  turn.out.push({ do: 'disarm' })
  enter(turn, 'done')
  turn.out.push({ do: 'close' })
}

/** Like `finish`, at the least cost. A client that is still sending may get a reset before it has read the reply. */
export function finishAtOnce(turn: Turn): void {
  enter(turn, 'done')
  turn.out.push({ do: 'close', atOnce: true })
}

/** Refuses the client with this reply and ends (PSC_DROP_SESSION_STATE). */
export function drop(turn: Turn, reply: Reply): void {
  const { session: s } = turn
  auditDrop(turn, reply)
  s.noForward = true
  s.finalReply = reply
  conclude(turn)
}

/** The client left; that is not a failure of any test (psc_hangup_event). */
export function hangup(turn: Turn): void {
  const { session: s } = turn
  s.hungUp = true
  s.noForward = true
  endAudit(s)
  const stage = s.phase === 'smtp' || s.phase === 'replay' ? 'tests after SMTP handshake' : 'tests before SMTP handshake'
  turn.log({ event: 'HANGUP', after: formatElapsed(turn.now - s.stageStart), stage })
  conclude(turn)
}

/** This session needs no more DNSBL answers; the lookup does not continue for it. */
export function abandonLookup(turn: Turn, why: 'done' | 'overdue' = 'done'): void {
  const { session: s } = turn
  if (s.lookingUp) turn.out.push({ do: 'abandonLookup', why })
  s.lookingUp = false
}
