// Tests behind the 220 greeting, on one line each: bare newline, non-SMTP command, command pipelining
// (psc_smtpd_read_event).
import { failTest } from './failure.ts'
import { escapeC, isUtf8, printableText } from './printable.ts'
import { reply } from './replies.ts'
import type { SmtpRules } from './rules.ts'
import { type Session, stampsOf } from './session.ts'
import { bit, indexOf } from './tests.ts'
import type { Turn } from './turn.ts'
import type { TestName } from './vocabulary.ts'

type DeepTest = Exclude<TestName, 'pregreet' | 'dnsbl'>

/** How much of what the client sent a log line shows, in bytes before escaping. */
const shown = 100

/** Whether the test is to do and still looks at lines. */
function isPending(s: Session, test: DeepTest): boolean {
  return (s.todo & ~s.decided & ~s.logged & bit[test]) !== 0
}

/**
 * A header label such as `Subject:` in place of a command (is_header.c). The verb ends at a space, so a blank can only
 * be a tab.
 */
export function isHeader(verb: string): boolean {
  return /^[\x21-\x39\x3b-\x7e]+[\t]*:/.test(verb)
}

/** Whether an unknown verb is a non-SMTP command. */
export function isNonSMTP(verb: string, rules: SmtpRules): boolean {
  if (isHeader(verb) || (rules.utf8 && !isUtf8(verb))) return true
  if (rules.forbiddenCommands.has(verb.toUpperCase())) return true
  return rules.nonAlphabeticForbidden && /^[^A-Za-z]/.test(verb)
}

/**
 * Does what the policy says about a failure that has just been logged.
 * @returns false when the session has ended
 */
function failDeepTest(turn: Turn, test: DeepTest): boolean {
  const { session: s, second } = turn
  s.logged |= bit[test]
  stampsOf(s)[indexOf[test]] = 1
  const dropReply = test === 'nonSMTPCommand' ? reply.nonSMTPCommandDrop : reply.protocolErrorDrop
  const goesOn = failTest(turn, test, { drop: dropReply, enforce: reply.protocolErrorEnforce })
  if (s.rules.action[test] === 'Ignore') {
    // Counts as passed until the next test expires; otherwise the client would have to come again each time.
    s.failed &= ~bit[test]
    s.passed |= bit[test]
    stampsOf(s)[indexOf[test]] = second + s.rules.minTTL
  }
  return goesOn
}

/** The line ended with LF alone. `line` is without it. @returns false when the session has ended */
export function bareNewline(turn: Turn, line: string): boolean {
  const { session: s } = turn
  if (!isPending(s, 'bareNewline')) return true
  turn.log({ event: 'BARE NEWLINE', command: escapeC(line.slice(0, shown)), action: s.rules.action.bareNewline })
  return failDeepTest(turn, 'bareNewline')
}

/** The verb is unknown; `before` is the command before it. @returns false when the session has ended */
export function nonSMTPCommand(turn: Turn, verb: string, args: string, before: string): boolean {
  const { session: s } = turn
  if (!isPending(s, 'nonSMTPCommand') || !isNonSMTP(verb, s.rules.smtp)) return true
  turn.log({
    event: 'NON-SMTP COMMAND',
    afterCommand: before,
    command: printableText(verb.slice(0, shown), s.rules.smtp.utf8),
    args: escapeC(args.slice(0, shown)),
    action: s.rules.action.nonSMTPCommand,
  })
  return failDeepTest(turn, 'nonSMTPCommand')
}

/** More input is already here behind the line. @returns false when the session has ended */
export function pipelining(turn: Turn, verb: string, surplus: string): boolean {
  const { session: s } = turn
  if (surplus === '' || !isPending(s, 'pipelining')) return true
  const afterCommand = printableText(verb.slice(0, shown), s.rules.smtp.utf8)
  turn.log({ event: 'COMMAND PIPELINING', afterCommand, data: escapeC(surplus.slice(0, shown)), action: s.rules.action.pipelining })
  return failDeepTest(turn, 'pipelining')
}

/** The client has sent RCPT: the tests that it has not failed by now are passed, unless it fails them later. */
export function passDeepTests(turn: Turn): void {
  const { session: s } = turn
  for (const test of ['bareNewline', 'nonSMTPCommand', 'pipelining'] as const) {
    if ((s.todo & ~s.passed & ~s.failed & bit[test]) === 0) continue
    s.passed |= bit[test]
    stampsOf(s)[indexOf[test]] = turn.second + s.rules.ttl[test]
  }
}
