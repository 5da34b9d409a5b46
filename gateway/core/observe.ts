// Audit mode behind the hand-off: the deep tests look at what the client says to the backend, and change nothing of it.
//
// postscreen incompatibility: it has no such mode. A client that talks to a real server may pipeline once EHLO has
// announced PIPELINING, so only what RFC 2920 3.1 forbids counts: input behind a command that must end its group, or
// before any EHLO.
import { auditRecipients } from './audit.ts'
import { lineContent, readLines, reads, splitCommand } from './command-lines.ts'
import { commands } from './commands.ts'
import { conclude } from './conclude.ts'
import { bareNewline, nonSMTPCommand, passDeepTests, pipelining } from './deep-tests.ts'
import { smtpOf } from './dummy-smtp.ts'
import { enter } from './phase.ts'
import { anyFailure, takeUnread } from './session.ts'
import { deepTests } from './tests.ts'
import type { Turn } from './turn.ts'

/** Behind these comes a message, an encrypted stream or nothing: no more commands that we could read. */
const last: ReadonlySet<string> = new Set(['DATA', 'BDAT', 'STARTTLS', 'AUTH', 'QUIT'])
/** Commands that may stand inside a pipelined group. */
const groupable: ReadonlySet<string> = new Set(['MAIL', 'RCPT', 'RSET', 'BDAT'])

/** Begins with what the client had sent before it was handed off. */
export function startObserving(turn: Turn): void {
  const { session: s } = turn
  enter(turn, 'observe')
  // As in the dummy engine: a client that has failed a test gets the other deep tests too, so that the log has all its
  // failures.
  if (anyFailure(s)) s.todo |= deepTests
  turn.out.push({ do: 'observe' })
  observe(turn, takeUnread(s))
}

/** Bytes on their way from the client to the backend. */
export function observe(turn: Turn, bytes: Uint8Array): void {
  const { session: s } = turn
  const onLine = (line: string, surplus: string): boolean => observeLine(turn, line, surplus)
  for (const read of reads(bytes)) {
    if (readLines(smtpOf(s), read, s.rules.smtp.lineLengthLimit, onLine) !== 'more') return stopObserving(turn)
  }
}

/** @returns whether the next line is a command that can be read too */
function observeLine(turn: Turn, line: string, surplus: string): boolean {
  const { session: s } = turn
  const smtp = smtpOf(s)
  const { whole, text, bare } = lineContent(line)
  const [verb, args] = splitCommand(text)
  const name = verb.toUpperCase()
  const before = smtp.lastCommand
  smtp.lastCommand = commands.has(name) ? name : 'UNIMPLEMENTED'
  if (name === 'EHLO') smtp.proto = 'ESMTP'
  if (bare && !bareNewline(turn, whole)) return false
  if (!commands.has(name) && !nonSMTPCommand(turn, verb, args, before)) return false
  if (!(smtp.proto === 'ESMTP' && groupable.has(name)) && !pipelining(turn, verb, surplus)) return false
  if (name === 'RCPT') passDeepTests(turn)
  return !last.has(name) && ++smtp.commandCount <= s.rules.smtp.commandCountLimit
}

/** The verdict for the log, and the result for the allowlist. */
export function stopObserving(turn: Turn): void {
  if (turn.session.phase !== 'observe') return
  // Without a failure the dummy engine would have asked the client to come again.
  auditRecipients(turn)
  conclude(turn)
}
