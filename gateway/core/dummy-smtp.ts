// The dummy SMTP engine: it speaks enough SMTP to test a client or to refuse its recipients, and never accepts mail (postscreen_smtpd.c).
import { lineContent, readLines, reads, splitCommand } from './command-lines.ts'
import { type Command, commands } from './commands.ts'
import { drop, hangup } from './conclude.ts'
import { bareNewline, nonSMTPCommand, passDeepTests, pipelining } from './deep-tests.ts'
import { isUtf8, printableText } from './printable.ts'
import { reply } from './replies.ts'
import { anyFailure, effective, log, send, type Session, type SmtpState, takeUnread } from './session.ts'
import { bit, deepTests } from './tests.ts'
import type { Effect } from './vocabulary.ts'

/** The engine's state in a session that has reached it. */
export function smtpOf(s: Session): SmtpState {
  s.smtp ??= {
    line: '',
    helo: undefined,
    sender: undefined,
    proto: 'SMTP',
    where: 'CONNECT',
    commandCount: 0,
    discard: new Set(),
    held: '',
  }
  return s.smtp
}

/** Greets, unless the client has talked already, and reads what it said meanwhile (psc_smtpd_tests). */
export function startDummySmtp(s: Session, now: number, out: Effect[]): void {
  s.phase = 'smtp'
  s.stage = 'tests after SMTP handshake'
  s.stageStart = now
  if (s.replyAtFirstCommand) s.todo &= ~deepTests
  // Somebody who is refused anyway may as well show what else is wrong with him.
  else if (anyFailure(s)) s.todo |= deepTests
  // A second greeting would put the replies to a pregreeting client out of step (T3); but `220-` followed by 421 is worse (T42).
  if ((s.fail & bit.pregreet) === 0 || s.replyAtFirstCommand) send(s, now, s.rules.host.greeting, out)
  armCommandTimer(s, out)
  out.push({ do: 'read' })
  const unread = takeUnread(s)
  if (unread.length > 0) input(s, now, unread, out)
  if (s.ended) endOfInput(s, now, out)
}

function armCommandTimer(s: Session, out: Effect[]): void {
  out.push({ do: 'arm', timer: 'command', ms: effective(s, s.rules.smtp.commandTimeLimit) })
}

/** Bytes from the client. */
export function input(s: Session, now: number, bytes: Uint8Array, out: Effect[]): void {
  for (const read of reads(bytes)) {
    if (!heldInput(s, now, out) || !readCommands(s, now, read, out)) return
  }
}

/** What waited behind a STARTTLS is answered when more input or its end comes. @returns false when the session has ended or TLS begins */
export function heldInput(s: Session, now: number, out: Effect[]): boolean {
  const smtp = smtpOf(s)
  while (smtp.held !== '') {
    const read = smtp.held
    smtp.held = ''
    if (!readCommands(s, now, read, out)) return false
  }
  return true
}

/** One read's worth. @returns false when the session has ended or TLS begins */
function readCommands(s: Session, now: number, read: string, out: Effect[]): boolean {
  const smtp = smtpOf(s)
  let suspended = false
  const onLine = (line: string, surplus: string): boolean => {
    const next = commandLine(s, now, line, surplus, out)
    suspended = next === 'suspend'
    // Sic: postscreen suspends reading for every STARTTLS, leaves the timer alone, and goes on with the next input (PSC_SMTPD_CMD_FLAG_SUSPEND).
    if (suspended) smtp.held = surplus
    else if (s.phase === 'smtp') armCommandTimer(s, out)
    return next === 'go on'
  }
  const result = readLines(smtp, read, s.rules.smtp.lineLengthLimit, onLine)
  if (result === 'tooLong') {
    log(s, out, { event: 'COMMAND LENGTH LIMIT', after: smtp.where })
    drop(s, now, s.rules.host.tryAgainLater, out)
  }
  return result === 'more' || suspended
}

/** Whether the next line may be read: yes, with the next input, or never since the session has ended or TLS begins. */
type Next = 'go on' | 'suspend' | 'stop'

/** One line with its end, and what is already here behind it. */
function commandLine(s: Session, now: number, line: string, surplus: string, out: Effect[]): Next {
  const { whole, text, bare } = lineContent(line)
  if (bare && !bareNewline(s, now, whole, out)) return 'stop'
  const [verb, args] = splitCommand(filtered(s, text, out))
  const smtp = smtpOf(s)
  const name = verb.toUpperCase()
  const command = commands.get(name)
  const after = smtp.where
  smtp.where = command === undefined ? 'UNIMPLEMENTED' : name
  if (s.replyAtFirstCommand && name !== 'QUIT') {
    drop(s, now, s.finalReply, out)
    return 'stop'
  }
  if (command === undefined && !nonSMTPCommand(s, now, verb, args, after, out)) return 'stop'
  // BDAT's payload follows it; that is no pipelining (T37).
  if (command?.hasPayload !== true && !pipelining(s, now, verb, surplus, out)) return 'stop'
  if (name === 'RCPT') passDeepTests(s, now)
  if (++smtp.commandCount > s.rules.smtp.commandCountLimit && name !== 'QUIT') {
    log(s, out, { event: 'COMMAND COUNT LIMIT', after })
    drop(s, now, s.rules.host.tryAgainLater, out)
    return 'stop'
  }
  return execute(s, now, command, args, out)
}

function execute(s: Session, now: number, command: Command | undefined, args: string, out: Effect[]): Next {
  if (command?.run === undefined) {
    send(s, now, reply.notRecognized, out)
    return 'go on'
  }
  if (s.rules.smtp.tls === 'Encrypt' && !s.usingTls && command.beforeTls !== true) {
    send(s, now, reply.mustStartTls, out)
    return 'go on'
  }
  return command.run(s, smtpOf(s), now, args, out) ?? 'go on'
}

/** The line that the command filter puts in place of this one, if it does. */
function filtered(s: Session, text: string, out: Effect[]): string {
  const { commandFilter, utf8 } = s.rules.smtp
  if (commandFilter.size === 0 || (utf8 && !isUtf8(text))) return text
  const replacement = commandFilter.get(text.replace(/^[ \t]+/, '').toLowerCase())
  if (replacement === undefined) return text
  log(s, out, {
    event: 'COMMAND REPLACED',
    command: printableText(text.slice(0, 100), utf8),
    replacement: printableText(replacement.slice(0, 100), utf8),
  })
  return replacement
}

/** The client has ended its side: what it had said is answered, then it is gone. */
export function endOfInput(s: Session, now: number, out: Effect[]): void {
  heldInput(s, now, out)
  if (s.phase === 'smtp') hangup(s, now, out)
}

/** No whole command came in time. */
export function commandTimeLimit(s: Session, now: number, out: Effect[]): void {
  log(s, out, { event: 'COMMAND TIME LIMIT', after: smtpOf(s).where })
  drop(s, now, s.rules.host.timeLimit, out)
}
