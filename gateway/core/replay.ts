// The replay of a session to a backend: the client's last EHLO or HELO, its MAIL and its first RCPT, or its STARTTLS,
// one command at a time. A pure machine: what a backend does comes in, what to do about it goes out.
//
//   calling ──greeted──▶ (noop ──▶) helo ──▶ mail ──▶ rcpt ──any reply──▶ joined
//      ▲                             └─────▶ starttls ──220──▶ joined
//      └── lost, not SMTP, too slow, promise not kept: another backend ── none left: failed
//
// Nothing is sent before the whole greeting, and no command before the reply to the one before it: a backend would
// take that for the client's pregreeting or pipelining. Until the client has an answer, all of it can be repeated at
// another backend: no message is involved yet. To one backend nothing is sent twice.
import { type OfferedKeywords, parseEhloReply } from './ehlo-keywords-offered.ts'
import { brokenPromise } from './ehlo-promise.ts'
import type { ReplayFailure, ReplayOutcome, ReplayPlan, ReplayStage } from './replay-plan.ts'
import { endsSession, readReplayReply, type ReplayReply, withCode } from './replay-reply.ts'

export type ReplayEvent =
  /**
   * A backend has greeted. `text` is everything that it has sent; `checkHeader`: find out whether it has read the
   * header.
   */
  | { readonly type: 'greeted'; readonly text: string; readonly checkHeader: boolean }
  | { readonly type: 'data'; readonly text: string }
  /** It has ended the connection. */
  | { readonly type: 'lost' }
  | { readonly type: 'timeout' }
  /** No other backend takes the client. `hasFailed`: there was another one, but it did not greet. */
  | { readonly type: 'noBackend'; readonly hasFailed: boolean }

export type ReplayEffect =
  /** Call a backend that nothing was sent to yet. `mayWait`: for its hold time, if there is none now. */
  | { readonly do: 'call'; readonly mayWait: boolean }
  | { readonly do: 'send'; readonly text: string }
  | { readonly do: 'arm'; readonly ms: number }
  | { readonly do: 'disarm' }
  /** Close the connection to this backend, with a QUIT if it waits for a command. */
  | { readonly do: 'leave'; readonly quit: boolean }
  /** This backend offers these keywords to the client. */
  | { readonly do: 'learn'; readonly offered: OfferedKeywords }
  /** This backend has failed with this client. `header`: it has probably not read the PROXY header. */
  | { readonly do: 'blame'; readonly why: 'gone' | 'timeout' | 'garbage' | 'header' }
  | { readonly do: 'finish'; readonly outcome: ReplayOutcome }

/** The time for one reply, and for all until RCPT is sent. */
const stepMs = 60_000
const totalMs = 240_000

/** One replay, changed only by `replayStep`. */
export interface Replay {
  readonly plan: ReplayPlan
  /** Epoch milliseconds after which no other backend is called. */
  readonly deadline: number
  at: ReplayStage | 'calling' | 'over'
  /** What the backend has sent since the last command. */
  received: string
  checkHeader: boolean
  failure: ReplayFailure | undefined
  /** Whether every backend so far was left because it does not offer STARTTLS. */
  onlyNotOffered: boolean
}

/** Begins a replay. @returns it, with the effects to carry out */
export function startReplay(plan: ReplayPlan, now: number): { readonly replay: Replay; readonly effects: readonly ReplayEffect[] } {
  const replay: Replay = {
    plan,
    deadline: now + totalMs,
    at: 'calling',
    received: '',
    checkHeader: false,
    failure: undefined,
    onlyNotOffered: true,
  }
  return { replay, effects: [{ do: 'call', mayWait: true }] }
}

/**
 * Takes a replay one event further.
 * @param now epoch milliseconds
 * @returns effects to carry out in order
 */
export function replayStep(r: Replay, now: number, event: ReplayEvent): readonly ReplayEffect[] {
  if (r.at === 'over') return []
  const isCalling = r.at === 'calling'
  switch (event.type) {
    case 'greeted':
      if (!isCalling) return []
      r.at = 'greeting'
      r.received = event.text
      r.checkHeader = event.checkHeader
      return replied(r, now)
    case 'data':
      if (isCalling) return []
      r.received += event.text
      return replied(r, now)
    case 'lost':
      return isCalling ? [] : next(r, now, 'gone')
    case 'timeout':
      return isCalling || r.at === 'RCPT' ? [] : next(r, now, 'timeout')
    case 'noBackend':
      return isCalling ? noBackend(r, event.hasFailed) : []
  }
}

/** Looks whether the reply to the last command is complete. */
function replied(r: Replay, now: number): readonly ReplayEffect[] {
  const reply = readReplayReply(r.received)
  if (reply === 'more') return []
  if (reply === 'garbage') return next(r, now, 'garbage')
  // Behind the reply to RCPT the client's session has begun, and everything belongs to it.
  if (r.at !== 'RCPT' && reply.text.length < r.received.length) return next(r, now, 'garbage')
  switch (r.at) {
    case 'greeting':
      return afterGreeting(r, now, reply)
    case 'NOOP':
      return afterNoop(r, now, reply)
    case 'HELO':
      return afterHelo(r, now, reply)
    case 'MAIL':
      return afterMail(r, now, reply)
    case 'RCPT':
      // A backend that asks for data here is out of step, and a client could take it for permission to send a message.
      return reply.code < 400 && reply.code >= 300 ? next(r, now, 'garbage') : join(r)
    case 'STARTTLS':
      return afterStarttls(r, now, reply)
    case 'calling':
    case 'over':
      return []
  }
}

const isRefusal = ({ code }: ReplayReply): boolean => code >= 400

function afterGreeting(r: Replay, now: number, reply: ReplayReply): readonly ReplayEffect[] {
  if (isRefusal(reply)) return refuse(r, reply)
  if (reply.code !== 220) return next(r, now, 'garbage')
  if (r.plan.helo !== undefined) return send(r, now, 'HELO', r.plan.helo)
  // Without HELO, the reply to MAIL could be the reply to a PROXY header that was taken for a command.
  return r.checkHeader ? send(r, now, 'NOOP', 'NOOP\r\n') : afterIntroduction(r, now)
}

function afterNoop(r: Replay, now: number, reply: ReplayReply): readonly ReplayEffect[] {
  if (endsSession(reply.code)) return refuse(r, reply)
  return reply.code >= 200 && reply.code < 300 && reply.code !== 221 ? afterIntroduction(r, now) : headerUnread(r, now)
}

/**
 * RFC 5321 4.2.4: 500 and 502 for a command that is not known, 503 for one before EHLO; 221 is the reply to the QUIT in
 * version 2 of the header. See backend/header-check.ts.
 */
const wrongForHelo: ReadonlySet<number> = new Set([500, 502, 503, 221])

function afterHelo(r: Replay, now: number, reply: ReplayReply): readonly ReplayEffect[] {
  const { plan } = r
  if (r.checkHeader && wrongForHelo.has(reply.code)) return headerUnread(r, now)
  if (isRefusal(reply)) {
    // Postfix replies 220 to STARTTLS after a refused EHLO, and refuses it again inside TLS.
    return plan.goal === 'STARTTLS' && !endsSession(reply.code) ? afterIntroduction(r, now) : refuse(r, reply)
  }
  if (reply.code !== 250) return next(r, now, 'garbage')
  if (!/^\s*EHLO/i.test(plan.helo ?? '')) return afterIntroduction(r, now)
  const offered = parseEhloReply(reply.text.split('\n').slice(0, -1))
  const learn: ReplayEffect = { do: 'learn', offered }
  return [learn, ...afterKeywords(r, now, offered)]
}

function afterKeywords(r: Replay, now: number, offered: OfferedKeywords): readonly ReplayEffect[] {
  const { plan } = r
  if (plan.goal === 'STARTTLS') return offered.names.has('STARTTLS') ? afterIntroduction(r, now) : next(r, now, 'notOffered')
  const isKept = plan.promised === undefined || brokenPromise(plan.promised, offered, plan.mail) === undefined
  return isKept ? afterIntroduction(r, now) : next(r, now, 'promise')
}

/** The backend knows the client as well as the gateway does. */
function afterIntroduction(r: Replay, now: number): readonly ReplayEffect[] {
  return r.plan.goal === 'RCPT' ? send(r, now, 'MAIL', r.plan.mail) : send(r, now, 'STARTTLS', 'STARTTLS\r\n')
}

function afterMail(r: Replay, now: number, reply: ReplayReply): readonly ReplayEffect[] {
  // At RCPT, a client would read 552 as 452 (RFC 5321 4.5.3.1.10), and send a message that is too large for days.
  if (isRefusal(reply)) return refuse(r, reply.code === 552 ? withCode(reply, 554) : reply)
  if (reply.code >= 300 || r.plan.goal !== 'RCPT') return next(r, now, 'garbage')
  r.at = 'RCPT'
  r.received = ''
  // No time limit: the client decides how long it waits.
  return [{ do: 'disarm' }, { do: 'send', text: r.plan.rcpt }]
}

function afterStarttls(r: Replay, now: number, reply: ReplayReply): readonly ReplayEffect[] {
  if (isRefusal(reply)) return refuse(r, reply)
  return reply.code === 220 ? join(r) : next(r, now, 'garbage')
}

function send(r: Replay, now: number, at: ReplayStage, text: string): readonly ReplayEffect[] {
  r.at = at
  r.received = ''
  return [
    { do: 'arm', ms: Math.max(1, Math.min(stepMs, r.deadline - now)) },
    { do: 'send', text },
  ]
}

function join(r: Replay): readonly ReplayEffect[] {
  r.at = 'over'
  return [{ do: 'disarm' }, { do: 'finish', outcome: { is: 'joined', reply: r.received } }]
}

/** The backend's own words are the answer. */
function refuse(r: Replay, reply: ReplayReply): readonly ReplayEffect[] {
  const { at } = r
  if (at === 'calling' || at === 'over') return []
  r.at = 'over'
  return [{ do: 'disarm' }, { do: 'leave', quit: !endsSession(reply.code) }, { do: 'finish', outcome: { is: 'refused', at, reply } }]
}

function headerUnread(r: Replay, now: number): readonly ReplayEffect[] {
  return [{ do: 'blame', why: 'header' }, ...another(r, now, 'garbage', false)]
}

/** Leaves this backend for another one. */
function next(r: Replay, now: number, why: ReplayFailure): readonly ReplayEffect[] {
  const isKind = why === 'promise' || why === 'notOffered'
  return [...(isKind ? [] : [{ do: 'blame', why } as const]), ...another(r, now, why, isKind)]
}

function another(r: Replay, now: number, why: ReplayFailure, quit: boolean): readonly ReplayEffect[] {
  r.failure = why
  r.onlyNotOffered &&= why === 'notOffered'
  r.received = ''
  const leave: readonly ReplayEffect[] = [{ do: 'disarm' }, { do: 'leave', quit }]
  if (now >= r.deadline) return [...leave, ...fail(r, why)]
  r.at = 'calling'
  // A backend that was lost is perhaps being replaced.
  return [...leave, { do: 'call', mayWait: why === 'gone' || why === 'timeout' }]
}

function noBackend(r: Replay, hasFailed: boolean): readonly ReplayEffect[] {
  const why = r.failure ?? 'gone'
  // One that could not be asked may offer STARTTLS.
  return fail(r, why === 'notOffered' && (hasFailed || !r.onlyNotOffered) ? 'gone' : why)
}

function fail(r: Replay, why: ReplayFailure): readonly ReplayEffect[] {
  r.at = 'over'
  return [{ do: 'finish', outcome: { is: 'failed', why } }]
}
