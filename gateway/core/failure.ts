// What a failure leads to: a failed test, or a client that the access list denies.
import { countFailure } from './bans/banned-client.ts'
import { drop } from './conclude.ts'
import type { Reply } from './replies.ts'
import { bit } from './tests.ts'
import type { Turn } from './turn.ts'
import type { Action, TestName } from './vocabulary.ts'

/** No mail server fails these tests, so failing them counts towards a ban, also where it does not drop the client. */
const marksBots: ReadonlySet<TestName> = new Set<TestName>(['pregreet', 'nonSMTPCommand'])

/** The reply that ends the session, and the one that every recipient gets. */
export interface Refusal {
  readonly drop: Reply
  readonly enforce: Reply
}

/**
 * Does what the policy's action says. Of several failures the last one has its reply for the recipients.
 * @returns false when the session has ended
 */
export function refuse(turn: Turn, action: Action, refusal: Refusal): boolean {
  const { session: s } = turn
  switch (action) {
    case 'Drop':
      countFailure(turn)
      drop(turn, refusal.drop)
      return false
    case 'Enforce':
      s.noForward = true
      s.rcptReply = refusal.enforce
      return true
    case 'Ignore':
      return true
  }
}

/**
 * Counts a test as failed and does what the policy says. With the action Ignore the caller takes the failure back when
 * its time has come.
 * @returns false when the session has ended
 */
export function failTest(turn: Turn, test: TestName, refusal: Refusal): boolean {
  const { session: s } = turn
  s.failed |= bit[test]
  const action = s.rules.action[test]
  if (action !== 'Ignore' && marksBots.has(test)) countFailure(turn)
  return refuse(turn, action, refusal)
}
