// Audit mode: every client is handed off, and the log says what Enforce mode would have done. Everything that Audit
// mode changes is decided here.
import { isTemporary, oneLine, type Reply } from './replies.ts'
import type { Session } from './session.ts'
import { deepTests } from './tests.ts'
import type { Turn } from './turn.ts'

/** Whether the client is handed off regardless of the results of the tests. */
export function isAudited(s: Session): boolean {
  return s.audited
}

/** The client cannot be handed off any more: it has left, no backend took it, or the gateway shuts down. */
export function endAudit(s: Session): void {
  s.audited = false
}

/** Whether the dummy SMTP engine would have had this client, so that the deep tests look on behind the hand-off. */
export function isWorthObserving(s: Session): boolean {
  return isAudited(s) && (s.noForward || (s.todo & deepTests & ~s.passed) !== 0)
}

/** Logs that the client would have been refused at once with this reply. */
export function auditDrop(turn: Turn, reply: Reply): void {
  if (isAudited(turn.session)) record(turn, isTemporary(reply) ? 'refuse' : 'drop', reply)
}

/** Logs what the client would have heard for its recipients. */
export function auditRecipients(turn: Turn): void {
  const { rcptReply } = turn.session
  record(turn, isTemporary(rcptReply) ? 'defer' : 'enforce', rcptReply)
}

/** Only the first verdict counts. */
function record(turn: Turn, would: 'refuse' | 'drop' | 'enforce' | 'defer', reply: Reply): void {
  const { session: s } = turn
  if (!s.judged) turn.log({ event: 'AUDIT', would, reply: oneLine(reply) })
  s.judged = true
}
