// How a session comes to its end: the blessing in the log, the record for the allowlist, then the backend or good-bye (psc_conclude).
import { encodeRecord } from './allowlist-record.ts'
import { formatElapsed } from './elapsed.ts'
import { abandonLookup, anyFailure, depart, log, send, stampsOf, type Session, visitorOf } from './session.ts'
import { bit, namesIn } from './tests.ts'
import { type Effect, testNames } from './vocabulary.ts'

/** Called once a session, and once more when the hand-off failed behind a teaser. */
export function conclude(s: Session, now: number, out: Effect[]): void {
  abandonLookup(s, out)
  if (anyFailure(s)) s.pass = 0
  if (s.pass !== 0 && s.pass === s.todo) {
    const isNew = s.isNew && visitorOf(s).passNewCount++ === 0
    log(s, out, { event: isNew ? 'PASS NEW' : 'PASS OLD', tests: namesIn(s.pass) })
  }
  // Partial progress is kept too, and never optimised away: a parallel session may have renewed a stamp meanwhile (T23, T24).
  if (s.pass !== 0) out.push({ do: 'remember', key: visitorOf(s).key, record: encodeRecord(stampsOf(s), enabledTests(s)) })
  if (s.phase === 'observe') {
    s.phase = 'relayed'
    out.push({ do: 'unobserve' })
    return
  }
  if (!s.noForward || handedOnAllTheSame(s)) {
    handOff(s, out)
    return
  }
  if (!s.hungUp) send(s, now, s.finalReply, out)
  log(s, out, { event: 'DISCONNECT' })
  finish(s, out)
}

function enabledTests(s: Session): readonly boolean[] {
  return testNames.map((name) => (s.rules.enabled & bit[name]) !== 0)
}

/** Audit mode hands every client on that has not left by itself and is not in the dummy engine. */
function handedOnAllTheSame(s: Session): boolean {
  return s.rules.audit && !s.hungUp && s.phase !== 'smtp'
}

function handOff(s: Session, out: Effect[]): void {
  out.push({ do: 'disarm' })
  s.phase = 'handoff'
  s.screening.postQueue++
  out.push({ do: 'relay', unread: s.unread })
}

/** The connection ends here. */
export function finish(s: Session, out: Effect[]): void {
  out.push({ do: 'disarm' })
  depart(s, out)
  out.push({ do: 'close' })
}

/** Says once what would have become of a client that Audit mode hands on. `text` is the reply that it would have read. */
export function audit(s: Session, would: 'refuse' | 'drop' | 'enforce' | 'defer', text: string, out: Effect[]): void {
  if (!s.judged) log(s, out, { event: 'AUDIT', would, reply: text.trimEnd() })
  s.judged = true
}

/** Refuses with this reply and ends (PSC_DROP_SESSION_STATE). In Audit mode the client is handed on and the log says what would have been. */
export function drop(s: Session, now: number, text: string, out: Effect[]): void {
  if (s.rules.audit && s.phase !== 'smtp') audit(s, text.startsWith('4') ? 'refuse' : 'drop', text, out)
  s.noForward = true
  s.finalReply = text
  conclude(s, now, out)
}

/** The client left; that is no failure of any test (psc_hangup_event). */
export function hangup(s: Session, now: number, out: Effect[]): void {
  s.hungUp = true
  log(s, out, { event: 'HANGUP', after: formatElapsed(now - s.stageStart), stage: s.stage })
  s.noForward = true
  conclude(s, now, out)
}
