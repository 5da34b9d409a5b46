// What a reader of the result should know of it.
import type { PolicyOfWorld } from './policy-of-world.ts'

export interface Seen {
  /** Clients that the simulated allowlist has forgotten. */
  readonly forgotten: number
  /** Sessions without the record of their tests. */
  readonly withoutTests: number
}

/** Of lines that could not be read. */
export const unreadNote = (lines: number): string =>
  `${lines} ${lines === 1 ? 'line' : 'lines'} could not be read: damaged, cut off or longer than 1 MiB`

export function notesOf({ isAudit }: Pick<PolicyOfWorld, 'isAudit'>, { forgotten, withoutTests }: Seen, unread: number): string[] {
  const notes: string[] = []
  if (unread > 0) notes.push(unreadNote(unread))
  if (isAudit)
    notes.push('the new policy has mode: Audit, which refuses no client. To see what its tests would do, set mode: Enforce in a copy of it')
  if (withoutTests > 0)
    notes.push(
      `${withoutTests} sessions come from lines of syslog, which have neither the answers "not listed" of DNS lists nor the tests that ran: --old FILE with the policy of that time makes more of them known`,
    )
  if (forgotten > 0) notes.push(`the simulated allowlist is limited to a million clients, and has forgotten ${forgotten}`)
  return notes
}
