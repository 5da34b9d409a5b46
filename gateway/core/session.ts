// The record of one screening session, and the few verbs that every part of the machine uses on it.
import type { Stamps } from './allowlist-record.ts'
import { enter, leave, type Screening, endStress, type Visitor } from './clients.ts'
import type { DnsblScore } from './dnsbl.ts'
import type { EhloDiscard } from './ehlo.ts'
import { appendFooter } from './reply-footer.ts'
import { reply, soften } from './replies.ts'
import type { Rules, StressTime } from './rules.ts'
import type { TestSet } from './tests.ts'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { Effect, LogRecord, Stage } from './vocabulary.ts'

/** What only the dummy SMTP engine needs; made when it starts. */
export interface SmtpState {
  /** Bytes of a line that has not ended yet. */
  line: string
  /** Whole input that waits behind a STARTTLS until more comes. */
  held: string
  helo: string | undefined
  sender: string | undefined
  proto: 'SMTP' | 'ESMTP'
  /** The last verb, as `after …` in the log shows it. */
  where: string
  commandCount: number
  discard: EhloDiscard
}

/**
 * One session, changed only by `step` and what it calls.
 * `todo` is never cleared once raised; `done` is an early test's "decided" and a deep test's "logged, skip from here" (postscreen.h).
 */
export interface Session {
  readonly rules: Rules
  readonly screening: Screening
  readonly client: Endpoint
  readonly server: Endpoint
  /** A certificate is loaded. */
  readonly tlsReady: boolean
  phase: 'new' | 'recall' | 'early' | 'smtp' | 'handoff' | 'observe' | 'relayed' | 'done'
  visitor: Visitor | undefined
  todo: TestSet
  pass: TestSet
  fail: TestSet
  done: TestSet
  /** Some stamp of the record says that its test was never passed. */
  isNew: boolean
  denied: boolean
  vetoed: boolean
  noForward: boolean
  hungUp: boolean
  /** Audit mode has said what would have become of this client. */
  judged: boolean
  /** The first command gets the final reply: `220-` was sent, but no backend could be had (postscreen: PSC_SMTPD_X21). */
  replyAtFirstCommand: boolean
  usingTls: boolean
  stage: Stage
  stageStart: number
  rcptReply: string
  finalReply: string
  score: DnsblScore | undefined
  scoreTTL: number
  /** Has a part in a lookup, which may be complete. */
  lookingUp: boolean
  /** Client bytes that nobody has answered yet, and whether its end of stream follows them. */
  unread: Uint8Array
  ended: boolean
  smtp: SmtpState | undefined
}

const noBytes = new Uint8Array(0)

/** A session that has not connected yet. `tlsReady`: a certificate is loaded. */
export function newSession(rules: Rules, screening: Screening, client: Endpoint, server: Endpoint, tlsReady = false): Session {
  return {
    rules,
    screening,
    client,
    server,
    tlsReady,
    phase: 'new',
    visitor: undefined,
    todo: 0,
    pass: 0,
    fail: 0,
    done: 0,
    isNew: false,
    denied: false,
    vetoed: false,
    noForward: false,
    hungUp: false,
    judged: false,
    replyAtFirstCommand: false,
    usingTls: false,
    stage: 'tests before SMTP handshake',
    stageStart: 0,
    rcptReply: reply.comeAgain,
    finalReply: reply.unavailable,
    score: undefined,
    scoreTTL: 0,
    lookingUp: false,
    unread: noBytes,
    ended: false,
    smtp: undefined,
  }
}

/** Epoch second of a time in milliseconds, as stamps count. */
export const second = (now: number): number => Math.floor(now / 1000)

/** The wait that holds now, in milliseconds. */
export function effective(s: Session, time: StressTime): number {
  return s.screening.stress ? time.stress : time.normal
}

/** Any failure that is still held against the client (postscreen.h PSC_STATE_MASK_ANY_FAIL). */
export function anyFailure(s: Session): boolean {
  return s.fail !== 0 || s.denied || s.vetoed
}

/** Adds one log record of this session. */
export function log(s: Session, out: Effect[], record: DistributiveOmit<LogRecord, 'client'>): void {
  out.push({ do: 'log', record: { client: s.client, ...record } as LogRecord })
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

/** A reply as it leaves: softened, with its footer (psc_send_reply). `text` is whole lines ended by CRLF. */
export function send(s: Session, now: number, text: string, out: Effect[]): void {
  const { softBounce, footer, footerFor } = s.rules.smtp
  let bytes = softBounce ? soften(text) : text
  if (text.startsWith('4') || text.startsWith('5')) {
    const template = footerFor.get(text.slice(0, -2)) ?? footer
    if (template !== '') {
      bytes = appendFooter(bytes, template, {
        client_address: s.client.address,
        client_port: String(s.client.port),
        localtime: s.rules.localTime(now),
        server_name: s.rules.hostname,
      })
    }
  }
  out.push({ do: 'send', text: bytes })
}

/** Never hand this client on; its recipients get this reply. The last failed test wins. */
export function enforce(s: Session, text: string): void {
  s.noForward = true
  s.rcptReply = text
}

/** The stamps that this client's parallel sessions share. */
export function stampsOf(s: Session): Stamps {
  return visitorOf(s).stamps
}

/** The client's shared record; a session has one from `connect` on. */
export function visitorOf(s: Session): Visitor {
  s.visitor ??= enter(s.screening, s.rules.allowlistKey(s.client.address))
  return s.visitor
}

/** Appends client bytes to those that wait for an answer. */
export function keepUnread(s: Session, bytes: Uint8Array): void {
  if (s.unread.length === 0) {
    s.unread = bytes
    return
  }
  const joined = new Uint8Array(s.unread.length + bytes.length)
  joined.set(s.unread)
  joined.set(bytes, s.unread.length)
  s.unread = joined
}

/** Takes the waiting bytes. */
export function takeUnread(s: Session): Uint8Array {
  const bytes = s.unread
  s.unread = noBytes
  return bytes
}

/** DNSBL answers are no longer wanted by this session, nor kept for others on its account. */
export function abandonLookup(s: Session, out: Effect[], why: 'done' | 'overdue' = 'done'): void {
  if (s.lookingUp) out.push({ do: 'abandonLookup', why })
  s.lookingUp = false
}

/** The session no longer counts: nothing may follow but what is already in `out`. */
export function depart(s: Session, out: Effect[]): void {
  s.phase = 'done'
  leave(s.screening, visitorOf(s))
  if (endStress(s.screening, s.rules.limits.preQueue))
    log(s, out, { event: 'STRESS', change: 'leaving', connections: s.screening.checkQueue })
}
