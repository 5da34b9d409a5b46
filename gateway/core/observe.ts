// Audit mode behind the hand-off: the deep tests look at what the client says to the backend, and change nothing of it.
//
// postscreen incompatibility: it has no such mode. A client that talks to a real server may pipeline once EHLO has announced PIPELINING, so only what
// RFC 2920 3.1 forbids counts: input behind a command that must end its group, or before any EHLO.
import { lineContent, readLines, reads, splitCommand } from './command-lines.ts'
import { commands } from './commands.ts'
import { audit, conclude } from './conclude.ts'
import { bareNewline, nonSMTPCommand, passDeepTests, pipelining } from './deep-tests.ts'
import { smtpOf } from './dummy-smtp.ts'
import { anyFailure, type Session, takeUnread } from './session.ts'
import { deepTests } from './tests.ts'
import type { Effect } from './vocabulary.ts'

/** Behind these comes a message, an encrypted stream or nothing: no more commands that we could read. */
const last: ReadonlySet<string> = new Set(['DATA', 'BDAT', 'STARTTLS', 'AUTH', 'QUIT'])
/** Commands that may stand inside a pipelined group. */
const groupable: ReadonlySet<string> = new Set(['MAIL', 'RCPT', 'RSET', 'BDAT'])

/** Whether the dummy engine would have had this client. */
export function worthObserving(s: Session): boolean {
  return s.rules.audit && (s.noForward || (s.todo & deepTests & ~s.pass) !== 0)
}

/** Begins with what the client had said before it was handed on. */
export function startObserving(s: Session, now: number, out: Effect[]): void {
  s.phase = 'observe'
  // As in the dummy engine: somebody who failed before shows what else is wrong with him.
  if (anyFailure(s)) s.todo |= deepTests
  out.push({ do: 'observe' })
  observe(s, now, takeUnread(s), out)
}

/** Bytes on their way from the client to the backend. */
export function observe(s: Session, now: number, bytes: Uint8Array, out: Effect[]): void {
  const onLine = (line: string, surplus: string): boolean => observeLine(s, now, line, surplus, out)
  for (const read of reads(bytes)) {
    if (readLines(smtpOf(s), read, s.rules.smtp.lineLengthLimit, onLine) !== 'more') return stopObserving(s, now, out)
  }
}

function observeLine(s: Session, now: number, line: string, surplus: string, out: Effect[]): boolean {
  const smtp = smtpOf(s)
  const { whole, text, bare } = lineContent(line)
  const [verb, args] = splitCommand(text)
  const name = verb.toUpperCase()
  const after = smtp.where
  smtp.where = commands.has(name) ? name : 'UNIMPLEMENTED'
  if (name === 'EHLO') smtp.proto = 'ESMTP'
  if (bare && !bareNewline(s, now, whole, out)) return false
  if (!commands.has(name) && !nonSMTPCommand(s, now, verb, args, after, out)) return false
  if (!(smtp.proto === 'ESMTP' && groupable.has(name)) && !pipelining(s, now, verb, surplus, out)) return false
  if (name === 'RCPT') passDeepTests(s, now)
  return !last.has(name) && ++smtp.commandCount <= s.rules.smtp.commandCountLimit
}

/** The verdict: what would have been, and what the allowlist learns. */
export function stopObserving(s: Session, now: number, out: Effect[]): void {
  if (s.phase !== 'observe') return
  // Without a failure the dummy engine would have asked the client to come again.
  audit(s, s.rcptReply.startsWith('4') ? 'defer' : 'enforce', s.rcptReply, out)
  conclude(s, now, out)
}
