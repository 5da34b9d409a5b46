// Tests behind the 220 greeting, each on one received line: bare newline, non-SMTP command, command pipelining (psc_smtpd_read_event).
import { drop } from './conclude.ts'
import { escapeC, isUtf8, printableText } from './printable.ts'
import { reply } from './replies.ts'
import type { SmtpRules } from './rules.ts'
import { enforce, log, second, type Session, stampsOf } from './session.ts'
import { bit, indexOf } from './tests.ts'
import type { Effect, TestName } from './vocabulary.ts'

type DeepTest = Exclude<TestName, 'pregreet' | 'dnsbl'>

/** How much of what the client sent a log line shows, in bytes before escaping. */
const shown = 100

/** Whether the test is to do and has not been decided in this session. */
export function pending(s: Session, test: DeepTest): boolean {
  return (s.todo & ~s.done & bit[test]) !== 0
}

/** A header label such as `Subject:` where a command should be (is_header.c); the verb ends at a space, so a blank can only be a tab. */
export function isHeader(verb: string): boolean {
  return /^[\x21-\x39\x3b-\x7e]+[\t]*:/.test(verb)
}

/** Whether an unknown verb is not SMTP at all. */
export function isNonSMTP(verb: string, rules: SmtpRules): boolean {
  if (isHeader(verb) || (rules.utf8 && !isUtf8(verb))) return true
  if (rules.forbiddenCommands.has(verb.toUpperCase())) return true
  return rules.nonAlphabeticForbidden && /^[^A-Za-z]/.test(verb)
}

/**
 * Counts a test as failed and does what the policy says.
 * @returns false when the session has ended
 */
function failDeepTest(s: Session, now: number, test: DeepTest, out: Effect[]): boolean {
  s.fail |= bit[test]
  s.pass &= ~bit[test]
  stampsOf(s)[indexOf[test]] = 1
  s.done |= bit[test]
  switch (s.rules.action[test]) {
    case 'Drop':
      drop(s, now, test === 'nonSMTPCommand' ? reply.nonSMTPCommandDrop : reply.protocolErrorDrop, out)
      return false
    case 'Enforce':
      enforce(s, reply.protocolErrorEnforce)
      return true
    case 'Ignore':
      // Passed until something else expires, else the client would have to come again for ever.
      s.fail &= ~bit[test]
      s.pass |= bit[test]
      stampsOf(s)[indexOf[test]] = second(now) + s.rules.minTTL
      return true
  }
}

/** The line ended with LF alone. `line` is without it. @returns false when the session has ended */
export function bareNewline(s: Session, now: number, line: string, out: Effect[]): boolean {
  if (!pending(s, 'bareNewline')) return true
  log(s, out, { event: 'BARE NEWLINE', command: escapeC(line.slice(0, shown)), action: s.rules.action.bareNewline })
  return failDeepTest(s, now, 'bareNewline', out)
}

/** The verb is unknown. @returns false when the session has ended */
export function nonSMTPCommand(s: Session, now: number, verb: string, args: string, after: string, out: Effect[]): boolean {
  if (!pending(s, 'nonSMTPCommand') || !isNonSMTP(verb, s.rules.smtp)) return true
  const command = printableText(verb.slice(0, shown), s.rules.smtp.utf8)
  log(s, out, { event: 'NON-SMTP COMMAND', after, command, args: escapeC(args.slice(0, shown)), action: s.rules.action.nonSMTPCommand })
  return failDeepTest(s, now, 'nonSMTPCommand', out)
}

/** More input is already here behind the line. @returns false when the session has ended */
export function pipelining(s: Session, now: number, verb: string, surplus: string, out: Effect[]): boolean {
  if (surplus === '' || !pending(s, 'pipelining')) return true
  const after = printableText(verb.slice(0, shown), s.rules.smtp.utf8)
  log(s, out, { event: 'COMMAND PIPELINING', after, data: escapeC(surplus.slice(0, shown)), action: s.rules.action.pipelining })
  return failDeepTest(s, now, 'pipelining', out)
}

/** The client has come as far as RCPT: what it has not failed by now, it has passed, unless it fails it later. */
export function passDeepTests(s: Session, now: number): void {
  for (const test of ['bareNewline', 'nonSMTPCommand', 'pipelining'] as const) {
    if ((s.todo & ~s.pass & ~s.fail & bit[test]) === 0) continue
    s.pass |= bit[test]
    stampsOf(s)[indexOf[test]] = second(now) + s.rules.ttl[test]
  }
}
