// How a session went, as one word: each session has exactly one outcome, which is decided when it ends or is handed
// off. The log has one line for each event instead, of which a session may have many.
import type { Outcome } from './outcome-names.ts'
import { anyFailure, type Session } from './session.ts'
import { bit, deepTests, namesIn, type TestSet } from './tests.ts'
import type { LogRecord } from './vocabulary.ts'

/** What `note` has seen in a session, as bits. */
const seen = {
  connectionRefused: 1,
  commandLimit: 2,
  toldToComeBack: 4,
  passNew: 8,
  passOld: 16,
  banned: 32,
  noBackend: 64,
  backendRefused: 128,
  shutdown: 256,
} as const satisfies Record<string, number>

/** What an event of the log says about the outcome. */
export function note(s: Session, record: Omit<LogRecord, 'client'>): void {
  s.seen |= seenIn(record as LogRecord)
}

/** The session has ended because of something that the log does not say. */
export function noteEnd(s: Session, why: 'noBackend' | 'shutdown'): void {
  s.seen |= seen[why]
}

function seenIn(record: LogRecord): number {
  switch (record.event) {
    case 'CONNECTION REFUSED':
      return seen.connectionRefused
    case 'COMMAND TIME LIMIT':
    case 'COMMAND COUNT LIMIT':
    case 'COMMAND LENGTH LIMIT':
      return seen.commandLimit
    case 'RCPT REJECTED':
      return seen.toldToComeBack
    case 'AUDIT':
      return record.would === 'defer' ? seen.toldToComeBack : 0
    case 'PASS NEW':
      return seen.passNew
    case 'PASS OLD':
    case 'ALLOWLISTED':
      return seen.passOld
    case 'BANNED':
      return seen.banned
    case 'SAME SESSION FAILED':
      return record.why === 'refused' ? seen.backendRefused : seen.noBackend
    case 'CONNECT':
    case 'ALLOWLIST VETO':
    case 'DENYLISTED':
    case 'TESTS':
    case 'DNSBL':
    case 'DNSBL ERROR CODE':
    case 'HANGUP':
    case 'DISCONNECT':
    case 'DATA WITHOUT RCPT':
    case 'BDAT WITHOUT RCPT':
    case 'EHLO KEYWORDS DISCARDED':
    case 'BAN':
    case 'STRESS':
    case 'CLIENT ADDRESS LOST':
    case 'CLIENT ADDRESSES':
    case 'PREGREET':
    case 'BARE NEWLINE':
    case 'NON-SMTP COMMAND':
    case 'COMMAND PIPELINING':
    case 'COMMAND REPLACED':
      return 0
  }
}

/** The outcome of a session that is over or handed off. Of several reasons the first one decides. */
export function outcomeOf(s: Session): Outcome {
  const isHandedOff = s.phase === 'relayed'
  if (isHandedOff && !s.rules.audit) return passOf(s)
  return refusalOf(s) ?? (isHandedOff ? passOf(s) : endOf(s))
}

/** Why the client was refused; in Audit mode, why it would have been. */
function refusalOf(s: Session): Outcome | undefined {
  if (s.denied) return 'accessList'
  if ((s.seen & seen.banned) !== 0) return 'banned'
  if ((s.seen & seen.connectionRefused) !== 0) return 'limits'
  const failed = enforcedFailures(s)
  if ((failed & bit.pregreet) !== 0) return 'pregreet'
  if ((failed & bit.dnsbl) !== 0) return 'dnsbl'
  if ((failed & deepTests) !== 0) return 'deepTests'
  if ((s.seen & seen.noBackend) !== 0) return 'noBackend'
  if ((s.seen & seen.backendRefused) !== 0) return 'backendRefused'
  if ((s.seen & seen.toldToComeBack) !== 0) return 'comeBack'
  if ((s.seen & seen.commandLimit) !== 0) return 'limits'
  return undefined
}

/** A failure with the action Ignore is taken back only when its test is over. */
function enforcedFailures({ failed, rules }: Session): TestSet {
  if (failed === 0) return 0
  return namesIn(failed).reduce((set, test) => (rules.action[test] === 'Ignore' ? set : set | bit[test]), 0)
}

function endOf(s: Session): Outcome {
  return (s.seen & seen.shutdown) !== 0 ? 'shutdown' : 'hangup'
}

/** A parallel session of a client that has passed logs no pass. */
function passOf(s: Session): Outcome {
  if ((s.seen & seen.passNew) !== 0) return 'new'
  if ((s.seen & seen.passOld) !== 0) return 'known'
  return s.isNew || anyFailure(s) || s.clientState === undefined ? 'new' : 'known'
}
