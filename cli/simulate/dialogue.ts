// What a client says behind the greeting when its session is played again: as in the log, or as a good client does
// where it has had no occasion to.
import { isNonSMTP } from '../../gateway/core/deep-tests.ts'
import { latin1Bytes } from '../../gateway/core/printable.ts'
import type { Rules } from '../../gateway/core/rules.ts'
import { bit, type TestSet } from '../../gateway/core/tests.ts'
import type { Event } from '../../gateway/core/vocabulary.ts'
import type { Facts } from './facts.ts'
import type { Move } from './logged-session.ts'

export interface Planned {
  /** Epoch milliseconds. */
  readonly at: number
  readonly event: Event
}

/** Bytes of a client, one a character. */
const says = (text: string): Event => ({ type: 'data', bytes: latin1Bytes(text) })

// The same for all sessions: new ones for each would cost more than the core needs for them.
const helo = says('HELO client\r\n')
const mail = says('MAIL FROM:<>\r\n')
const recipient = says('RCPT TO:<postmaster>\r\n')
const invalidRecipient = says('RCPT\r\n')
const bareNewline = says('NOOP\n')
const pipelining = says('NOOP\r\nNOOP\r\n')
const quit = says('QUIT\r\n')
const hangup: Event = { type: 'end' }

/** What a client says before its turn. */
export const earlyTalk = says('NOOP\r\n')

/** @param now epoch milliseconds of the greeting. @returns the client's words in their order, and its end */
export function dialogueOf(facts: Facts, rules: Rules, now: number): Planned[] {
  const { moves, greetedAt, dialogueMs, hungUpAfterGreeting, sentRecipient, passedAt = 0 } = facts
  const plan: Planned[] = []
  let at = now
  /** As long after the greeting as in the log. */
  const say = (event: Event, moveAt = 0): void => {
    at = Math.max(at + 1, now + moveAt - (greetedAt ?? moveAt))
    plan.push({ at, event })
  }
  // No test looks at what a client calls itself; a hand-off at its recipient does.
  if (rules.smtp.heloRequired || rules.smtp.sameSession) say(helo)
  say(mail)
  for (const move of moves) say(eventOf(move, rules), move.at)
  if (sentRecipient === 'out of order') say(invalidRecipient, passedAt)
  else if (sentRecipient !== 'no' && !moves.some(({ is }) => is === 'recipient')) say(recipient, passedAt)
  plan.push({ at: Math.max(at + 1, now + (dialogueMs ?? 0)), event: hungUpAfterGreeting ? hangup : quit })
  return plan
}

/** Deep tests of which the log has the result, as far as the rules for commands have not become stricter. */
export function knownUnder({ smtp }: Rules, { deep, formerSmtp, moves }: Facts): TestSet {
  if (formerSmtp === undefined || formerSmtp === smtp) return deep
  const isCutEarlier =
    smtp.commandCountLimit < formerSmtp.commandCountLimit ||
    smtp.lineLengthLimit < formerSmtp.lineLengthLimit ||
    smtp.commandTimeLimit.normal < formerSmtp.commandTimeLimit.normal
  if (isCutEarlier) return 0
  const forbidsMore =
    (smtp.nonAlphabeticForbidden && !formerSmtp.nonAlphabeticForbidden) ||
    [...smtp.forbiddenCommands].some((verb) => !formerSmtp.forbiddenCommands.has(verb))
  const hasFailed = moves.some(({ is }) => is === 'nonSMTPCommand')
  return forbidsMore && !hasFailed ? deep & ~bit.nonSMTPCommand : deep
}

/** What makes the core see the move again. */
function eventOf(move: Move, rules: Rules): Event {
  switch (move.is) {
    case 'recipient':
      return recipient
    case 'bareNewline':
      return bareNewline
    case 'pipelining':
      return pipelining
    case 'nonSMTPCommand': {
      // In the log, a byte that is not printable is a question mark.
      const verb = isNonSMTP(move.command, rules.smtp) ? move.command : move.command.replaceAll('?', '\xff')
      return says(`${verb} ${move.args}`.replace(/[\r\n]/g, '').slice(0, 500) + '\r\n')
    }
  }
}
