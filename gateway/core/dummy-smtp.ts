// The dummy SMTP engine: it speaks enough SMTP to test a client or to refuse its recipients, and never accepts mail
// (postscreen_smtpd.c).
import { lineContent, readLines, readSize, splitCommand } from './command-lines.ts'
import { type Command, commands } from './commands.ts'
import { drop, hangup } from './conclude.ts'
import { bareNewline, nonSMTPCommand, passDeepTests, pipelining } from './deep-tests.ts'
import { enter } from './phase.ts'
import { isUtf8, latin1, latin1Bytes, printableText } from './printable.ts'
import { reply } from './replies.ts'
import type { ReplayOutcome } from './replay-plan.ts'
import { answer, takeOutcome } from './same-session.ts'
import { anyFailure, effective, keepUnread, type Session, type SmtpState, takeUnread } from './session.ts'
import { bit, deepTests } from './tests.ts'
import { logTests } from './tests-record.ts'
import type { Turn } from './turn.ts'

/** The engine's state in a session that has reached it. */
export function smtpOf(s: Session): SmtpState {
  s.smtp ??= {
    line: '',
    helo: undefined,
    sender: undefined,
    proto: 'SMTP',
    lastCommand: 'CONNECT',
    commandCount: 0,
    discard: new Set(),
    held: '',
    commandLine: '',
    heloLine: undefined,
    mailLine: undefined,
    promised: undefined,
    replaying: undefined,
    reason: undefined,
    payloadLeft: undefined,
    brokenHandOffs: 0,
  }
  return s.smtp
}

/** Greets, unless the client has talked already, and reads what it said meanwhile (psc_smtpd_tests). */
export function startDummySmtp(turn: Turn): void {
  const { session: s } = turn
  if (s.replyAtFirstCommand) s.todo &= ~deepTests
  // A client that is refused anyway gets the other deep tests too, so that the log has all its failures.
  else if (anyFailure(s)) s.todo |= deepTests
  if (!s.replyAtFirstCommand) logTests(turn, 'smtp')
  enter(turn, 'smtp')
  // A second greeting would put the replies to a pregreeting client out of step (T3); but `220-` followed by 421 is
  // worse (T42).
  if ((s.failed & bit.pregreet) === 0 || s.replyAtFirstCommand) turn.send(s.rules.host.greeting)
  readOn(turn)
}

/** Answers what has come, and reads on. */
function readOn(turn: Turn): void {
  const { session: s } = turn
  armCommandTimer(turn)
  turn.out.push({ do: 'read' })
  const unread = takeUnread(s)
  if (unread.length > 0) input(turn, unread)
  if (s.ended) endOfInput(turn)
}

/** A backend has answered what was repeated to it, or none has. */
export function replayed(turn: Turn, outcome: ReplayOutcome): void {
  if (takeOutcome(turn, smtpOf(turn.session), outcome)) readOn(turn)
}

function armCommandTimer(turn: Turn): void {
  turn.arm('command', effective(turn.session, turn.session.rules.smtp.commandTimeLimit))
}

/** Bytes from the client. */
export function input(turn: Turn, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += readSize) {
    const isHeldDone = heldInput(turn)
    if (isHeldDone && readCommands(turn, latin1(bytes.subarray(at, at + readSize)))) continue
    // What the client has sent ahead waits for the backend.
    if (waitsForBackend(turn.session)) keepUnread(turn.session, bytes.subarray(isHeldDone ? at + readSize : at))
    return
  }
}

/** Plaintext behind STARTTLS does not wait: it is discarded (CVE-2011-0411). */
const waitsForBackend = (s: Session): boolean => s.phase === 'replay' && s.smtp?.replaying?.goal === 'RCPT'

/**
 * What waited behind a STARTTLS is answered when more input or its end comes.
 * @returns false when the session has ended or TLS begins
 */
function heldInput(turn: Turn): boolean {
  const smtp = smtpOf(turn.session)
  while (smtp.held !== '') {
    const read = smtp.held
    smtp.held = ''
    if (!readCommands(turn, read)) return false
  }
  return true
}

/** One read's worth. @returns false when the session has ended, a backend is asked, or TLS begins */
function readCommands(turn: Turn, read: string): boolean {
  const { session: s } = turn
  const smtp = smtpOf(s)
  let next: Next = 'go on'
  let rest = skipPayload(turn, smtp, read)
  const onLine = (line: string, surplus: string): boolean => {
    next = commandLine(turn, line, surplus)
    // Sic: postscreen suspends reading for every STARTTLS, leaves the timer alone, and goes on with the next input
    // (PSC_SMTPD_CMD_FLAG_SUSPEND).
    if (next === 'suspend') smtp.held = surplus
    else if (s.phase === 'smtp') armCommandTimer(turn)
    if (waitsForBackend(s)) keepUnread(s, latin1Bytes(surplus))
    rest = next === 'payload' ? skipPayload(turn, smtp, surplus) : undefined
    return next === 'go on'
  }
  while (rest !== undefined) {
    const part = rest
    rest = undefined
    next = 'go on'
    if (readLines(smtp, part, s.rules.smtp.lineLengthLimit, onLine) !== 'tooLong') continue
    turn.log({ event: 'COMMAND LENGTH LIMIT', afterCommand: smtp.lastCommand })
    drop(turn, s.rules.host.tryAgainLater)
    return false
  }
  return goesOn(next) && s.phase === 'smtp'
}

const goesOn = (next: Next): boolean => next === 'go on' || next === 'suspend' || next === 'payload'

/**
 * Drops what belongs to a message that was refused; at its end comes the reason.
 * @returns what follows it; undefined when nothing does
 */
function skipPayload(turn: Turn, smtp: SmtpState, read: string): string | undefined {
  const { reason, payloadLeft } = smtp
  if (reason === undefined || payloadLeft === undefined) return read
  const isOver = payloadLeft <= read.length
  smtp.payloadLeft = isOver ? undefined : payloadLeft - read.length
  // The client is sending: the time is that for one read, as for a command.
  if (!isOver) armCommandTimer(turn)
  return isOver && answer(turn, reason) ? read.slice(payloadLeft) : undefined
}

/**
 * Whether the next line may be read: yes, with the next input, after a backend has answered, after a part of a message,
 * or never since the session has ended or TLS begins.
 */
type Next = 'go on' | 'suspend' | 'replay' | 'payload' | 'stop'

/** One line with its end, and what is already here behind it. */
function commandLine(turn: Turn, line: string, surplus: string): Next {
  const { session: s } = turn
  const { whole, text, bare } = lineContent(line)
  if (bare && !bareNewline(turn, whole)) return 'stop'
  const used = filtered(turn, text)
  const [verb, args] = splitCommand(used)
  const smtp = smtpOf(s)
  smtp.commandLine = used === text ? line : `${used}\r\n`
  const name = verb.toUpperCase()
  const command = commands.get(name)
  const before = smtp.lastCommand
  smtp.lastCommand = command === undefined ? 'UNIMPLEMENTED' : name
  if (s.replyAtFirstCommand && name !== 'QUIT') {
    drop(turn, s.finalReply)
    return 'stop'
  }
  if (command === undefined && !nonSMTPCommand(turn, verb, args, before)) return 'stop'
  // BDAT's payload follows it; that is not pipelining (T37).
  if (command?.hasPayload !== true && !pipelining(turn, verb, surplus)) return 'stop'
  if (name === 'RCPT') passDeepTests(turn)
  if (++smtp.commandCount > s.rules.smtp.commandCountLimit && name !== 'QUIT') {
    turn.log({ event: 'COMMAND COUNT LIMIT', afterCommand: before })
    drop(turn, s.rules.host.tryAgainLater)
    return 'stop'
  }
  return execute(turn, command, args)
}

function execute(turn: Turn, command: Command | undefined, args: string): Next {
  const { session: s } = turn
  if (command?.run === undefined) {
    turn.send(reply.notRecognized)
    return 'go on'
  }
  if (s.rules.smtp.tls === 'Encrypt' && !s.usingTls && command.beforeTls !== true) {
    turn.send(reply.mustStartTls)
    return 'go on'
  }
  return command.run(turn, smtpOf(s), args) ?? 'go on'
}

/** The line that the command filter puts in place of this one, if it does. */
function filtered(turn: Turn, text: string): string {
  const { commandFilter, utf8 } = turn.session.rules.smtp
  if (commandFilter.size === 0 || (utf8 && !isUtf8(text))) return text
  const replacement = commandFilter.get(text.replace(/^[ \t]+/, '').toLowerCase())
  if (replacement === undefined) return text
  turn.log({
    event: 'COMMAND REPLACED',
    command: printableText(text.slice(0, 100), utf8),
    replacement: printableText(replacement.slice(0, 100), utf8),
  })
  return replacement
}

/** The client has ended its side: the commands that it had sent are answered, then it counts as gone. */
export function endOfInput(turn: Turn): void {
  heldInput(turn)
  if (turn.session.phase === 'smtp') hangup(turn)
}

/** No whole command came in time. */
export function commandTimeLimit(turn: Turn): void {
  const { session: s } = turn
  turn.log({ event: 'COMMAND TIME LIMIT', afterCommand: smtpOf(s).lastCommand })
  drop(turn, s.rules.host.timeLimit)
}
