// The hand-off of a client that has passed every test, in the session in which it was tested: its first recipient, or
// its STARTTLS, goes to a backend. When no backend takes it, the reason is the answer to the rest of the transaction.
//
// postscreen incompatibility: it tells the client to come again.
import { drop, finish, recordPass } from './conclude.ts'
import { promiseFrom } from './ehlo-promise.ts'
import type { OfferedKeywords } from './ehlo-keywords-offered.ts'
import { externalForm, extractAddress } from './mailbox.ts'
import { enter } from './phase.ts'
import { printableText } from './printable.ts'
import { oneLine, type Reply, reply } from './replies.ts'
import type { ReplayOutcome, ReplayPlan } from './replay-plan.ts'
import { endsSession, type ReplayReply } from './replay-reply.ts'
import { anyFailure, type RefusalReason, type Session, type SmtpState, takeUnread } from './session.ts'
import { deepTests } from './tests.ts'
import type { Turn } from './turn.ts'

/** Whether the client may be handed off in this session, as far as is known now. */
export function mayBeHandedOff(s: Session): boolean {
  return s.rules.smtp.sameSession && !s.noForward && !anyFailure(s) && !s.usingTls && !s.replyAtFirstCommand
}

/** Whether STARTTLS of this client goes to a backend. */
export const passesTlsThrough = (s: Session): boolean => s.rules.smtp.tlsPassesThrough && mayBeHandedOff(s)

/** What EHLO promises to a client that may be handed off. */
export function promiseTo(s: Session, { discard }: Pick<SmtpState, 'discard'>): OfferedKeywords {
  return promiseFrom(s.promises.promiseFor(s.client.address), s.rules.smtp, discard)
}

/** Forgets the transaction, and why it was refused. */
export function endTransaction(smtp: SmtpState): void {
  smtp.sender = undefined
  smtp.mailLine = undefined
  smtp.reason = undefined
}

/** The first acceptable recipient of a client that may be handed off. The tests are over, whatever the backend says. */
export function handOffAtRcpt(turn: Turn, smtp: SmtpState): 'replay' | 'stop' {
  const { session: s } = turn
  const { heloLine: helo, mailLine: mail, commandLine: rcpt, promised } = smtp
  if (mail === undefined) throw new Error('RCPT without MAIL')
  if (!s.passRecorded) recordPass(turn)
  s.passRecorded = true
  s.decided |= deepTests
  return begin(turn, smtp, { goal: 'RCPT', helo, mail, rcpt, promised })
}

/** Hands off a client that wants TLS. Its deep tests are not finished: what follows is encrypted. */
export function handOffAtStarttls(turn: Turn, smtp: SmtpState): 'replay' | 'stop' {
  return begin(turn, smtp, { goal: 'STARTTLS', helo: smtp.heloLine })
}

function begin(turn: Turn, smtp: SmtpState, plan: ReplayPlan): 'replay' | 'stop' {
  const { session: s } = turn
  if (s.screening.postQueue >= s.rules.limits.postQueue) {
    turn.log({ event: 'CONNECTION REFUSED', why: 'all server ports busy' })
    drop(turn, reply.serverPortsBusy)
    return 'stop'
  }
  smtp.replaying = plan
  enter(turn, 'replay')
  turn.out.push({ do: 'disarm' }, { do: 'pause' }, { do: 'replay', plan })
  return 'replay'
}

/**
 * The result of the replay.
 * @returns whether the session goes on in the dummy engine
 */
export function takeOutcome(turn: Turn, smtp: SmtpState, outcome: ReplayOutcome): boolean {
  const { session: s } = turn
  const plan = smtp.replaying
  smtp.replaying = undefined
  if (plan === undefined) throw new Error('a result without a replay')
  if (outcome.is === 'joined') {
    join(turn, plan)
    return false
  }
  const refusal = outcome.is === 'refused' ? wordsOf(outcome.reply) : { reply: ownReply(outcome.why, plan.goal) }
  const log = 'reply' in refusal ? oneLine(turn.softened(refusal.reply)) : firstLineOf(refusal.words)
  turn.log({
    event: 'SAME SESSION FAILED',
    goal: plan.goal,
    ...(outcome.is === 'refused' ? { why: 'refused', at: outcome.at } : { why: outcome.why }),
    reply: printableText(log, s.rules.smtp.utf8),
  })
  const mustEnd = isLast(smtp, plan, outcome)
  if (mustEnd) {
    drop(turn, reply.unavailable)
    return false
  }
  enter(turn, 'smtp')
  if (plan.goal === 'STARTTLS') return answer(turn, refusal)
  smtp.reason = { ...refusal, log, sender: smtp.sender ?? '' }
  smtp.sender = undefined
  smtp.mailLine = undefined
  return refuseRecipient(turn, smtp, plan.rcpt.slice(plan.rcpt.indexOf(':') + 1).trimEnd())
}

/** From here on the backend has the client. What came behind STARTTLS in plaintext is discarded (CVE-2011-0411). */
function join(turn: Turn, { goal }: ReplayPlan): void {
  const { session: s } = turn
  const isTested = s.passRecorded
  if (!isTested) recordPass(turn)
  const unread = takeUnread(s)
  enter(turn, 'relayed')
  if (goal === 'RCPT') turn.out.push({ do: 'join', unread, at: goal })
  else turn.out.push({ do: 'join', unread: unread.subarray(unread.length), at: isTested ? goal : 'STARTTLS, not tested' })
}

type Words = { readonly words: string; readonly endsSession: boolean }

const wordsOf = ({ code, text }: ReplayReply): Words => ({ words: text, endsSession: endsSession(code) })

/** Always temporary: the gateway does not know what the mail server would say. */
function ownReply(why: Extract<ReplayOutcome, { is: 'failed' }>['why'], goal: ReplayPlan['goal']): Reply {
  switch (why) {
    case 'gone':
    case 'timeout':
      return reply.backendGone
    case 'garbage':
      return reply.backendGarbage
    case 'promise':
      return reply.promiseBroken
    case 'notOffered':
      return goal === 'STARTTLS' ? reply.tlsUnavailable : reply.backendGone
  }
}

/**
 * Whether the session ends with 421. After a hand-off that failed for a lack of backends, the next one would cost the
 * client the hold time again. And a refusal of STARTTLS makes clients deliver in plaintext, so the gateway sends it
 * only where a backend has said so, or where none offers TLS.
 */
function isLast(smtp: SmtpState, { goal }: ReplayPlan, outcome: Exclude<ReplayOutcome, { is: 'joined' }>): boolean {
  if (outcome.is === 'refused') return goal === 'STARTTLS' && outcome.at !== 'STARTTLS' && !endsSession(outcome.reply.code)
  if (goal === 'STARTTLS') return outcome.why !== 'notOffered'
  if (outcome.why === 'gone' || outcome.why === 'timeout') smtp.brokenHandOffs++
  return (outcome.why === 'gone' || outcome.why === 'timeout') && smtp.brokenHandOffs > 1
}

const firstLineOf = (words: string): string => words.slice(0, words.search(/[\r\n]|$/))

/** Answers a recipient with the reason. @returns whether the session goes on */
export function refuseRecipient(turn: Turn, smtp: SmtpState, to: string): boolean {
  const { reason } = smtp
  if (reason === undefined) throw new Error('no reason for a refusal')
  const { utf8 } = turn.session.rules.smtp
  turn.log({
    event: 'RCPT REJECTED',
    reply: printableText(reason.log, utf8),
    from: printableText(externalForm(reason.sender), utf8),
    to: printableText(externalForm(extractAddress(to)), utf8),
    proto: smtp.proto,
    helo: printableText(smtp.helo ?? '', utf8),
  })
  return answer(turn, reason)
}

/** Answers a command with the reason. A backend's words stay as they are: no footer, and not softened again. */
export function answer(turn: Turn, refusal: Words | { readonly reply: Reply } | RefusalReason): boolean {
  if ('reply' in refusal) {
    turn.send(refusal.reply)
    return true
  }
  turn.out.push({ do: 'send', text: refusal.words })
  if (!refusal.endsSession) return true
  if (!turn.session.passRecorded) recordPass(turn)
  turn.log({ event: 'DISCONNECT' })
  finish(turn)
  return false
}

/** How many bytes of a message follow a BDAT command; undefined if it does not say so (RFC 3030). */
export function payloadOf(args: string): number | undefined {
  const digits = /^ *([0-9]{1,15})(?: +LAST)? *$/i.exec(args)?.[1]
  return digits === undefined ? undefined : Number(digits)
}
