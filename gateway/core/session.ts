// The record of one screening session, and the few questions that every part of the machine asks it.
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { Stamps } from './allowlist-record.ts'
import type { ActiveBan } from './bans/ban-table.ts'
import type { AddressStanding } from './client-address/address-rules.ts'
import type { ClientState, Screening } from './clients.ts'
import type { DnsblScore } from './dnsbl.ts'
import type { EhloDiscard } from './ehlo.ts'
import type { Outcome } from './outcome-names.ts'
import { type EhloPromises, noPromises, type OfferedKeywords } from './ehlo-keywords-offered.ts'
import { type Reply, reply } from './replies.ts'
import type { ReplayPlan } from './replay-plan.ts'
import type { Rules, StressTime } from './rules.ts'
import type { TestSet } from './tests.ts'
import type { LoggedAnswer } from './vocabulary.ts'

/**
 * Why no backend takes the transaction: the answer to each of its further commands. `reply` is the gateway's own,
 * `words` are those of a backend, with their line ends.
 */
export type RefusalReason = { readonly sender: string; readonly log: string } & (
  | { readonly reply: Reply }
  | { readonly words: string; readonly endsSession: boolean }
)

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
  lastCommand: string
  commandCount: number
  discard: EhloDiscard
  /** The last command as the client has written it, with its line end. */
  commandLine: string
  /** The same for the last EHLO or HELO, and for MAIL, that were accepted. */
  heloLine: string | undefined
  mailLine: string | undefined
  /** What the last EHLO reply promised. */
  promised: OfferedKeywords | undefined
  /** What is being repeated to a backend. */
  replaying: ReplayPlan | undefined
  reason: RefusalReason | undefined
  /** Bytes of a message that the client still sends after BDAT, although it was refused; undefined outside of one. */
  payloadLeft: number | undefined
  /** Hand-offs that failed because a backend was gone or too slow. */
  brokenHandOffs: number
}

/** One session, changed only by `step` and what it calls. */
export interface Session {
  readonly rules: Rules
  readonly screening: Screening
  readonly client: Endpoint
  readonly server: Endpoint
  /** A certificate is loaded. */
  readonly tlsReady: boolean
  readonly promises: EhloPromises
  /** Assigned by `enter` in phase.ts only; the head of step.ts has the diagram. */
  phase: 'new' | 'recall' | 'early' | 'smtp' | 'replay' | 'handoff' | 'observe' | 'relayed' | 'done'
  /** What the client's parallel sessions share; set from `connect` on. */
  clientState: ClientState | undefined
  /**
   * Tests that this session is to do. None is removed but by a hand-off that failed (postscreen.h
   * PSC_STATE_FLAG_*_TODO).
   */
  todo: TestSet
  passed: TestSet
  failed: TestSet
  /** Tests whose result stands: an early test that is over, or one for which a DNS list vouches. */
  decided: TestSet
  /** Deep tests whose failure has been logged: they are skipped from there on. */
  logged: TestSet
  /** Some stamp of the record says that its test was never passed. */
  isNew: boolean
  denied: boolean
  vetoed: boolean
  /** The ban of the client's network, until the temporary allowlist has said whether it applies to the client. */
  ban: ActiveBan | undefined
  /** Undefined until it is asked for; see client-address/session-address.ts. */
  addressStanding: AddressStanding | undefined
  /** The client has been counted among those that show whether addresses are lost. */
  addressCounted: boolean
  /** The log has the address that the mail server is told instead of the client's. */
  strangerLogged: boolean
  /** The session has counted as a failure of the client's network. */
  failureCounted: boolean
  noForward: boolean
  /** The passes are in the log and in the allowlist. */
  passRecorded: boolean
  hungUp: boolean
  /** Audit mode hands off this client regardless of the results of the tests; see audit.ts. */
  audited: boolean
  /** Audit mode has logged what would have become of this client. */
  judged: boolean
  /** The client has read `220-`. */
  teaserSent: boolean
  /**
   * The first command gets the final reply: `220-` was sent, but no backend took the client (postscreen:
   * PSC_SMTPD_X21).
   */
  replyAtFirstCommand: boolean
  usingTls: boolean
  /** Epoch milliseconds at which the tests before or behind the greeting began. */
  stageStart: number
  rcptReply: Reply
  finalReply: Reply
  score: DnsblScore | undefined
  scoreTTL: number
  /** The DNS lists because of which the client has skipped tests. */
  trusting: readonly string[]
  /** For the log: the stamps of the client's record before this session, if there was one. */
  remembered: string | undefined
  /** For the log: what the DNS lists have answered in time; undefined when they were not asked. */
  answers: LoggedAnswer[] | undefined
  /** Takes part in a lookup, which may be complete. */
  lookingUp: boolean
  /** What decides about the outcome, as bits: see outcome.ts. */
  seen: number
  /** Set once the session is over, or handed off and observed no more. */
  outcome: Outcome | undefined
  /** Client bytes that have not been answered yet, and whether its end of stream follows them. */
  unread: Uint8Array
  ended: boolean
  smtp: SmtpState | undefined
}

const noBytes = new Uint8Array(0)

/** A session that has not connected yet. `tlsReady`: a certificate is loaded. */
export function newSession(
  rules: Rules,
  screening: Screening,
  client: Endpoint,
  server: Endpoint,
  tlsReady = false,
  promises = noPromises,
): Session {
  return {
    rules,
    screening,
    client,
    server,
    tlsReady,
    promises,
    phase: 'new',
    clientState: undefined,
    todo: 0,
    passed: 0,
    failed: 0,
    decided: 0,
    logged: 0,
    isNew: false,
    denied: false,
    vetoed: false,
    ban: undefined,
    addressStanding: undefined,
    addressCounted: false,
    strangerLogged: false,
    failureCounted: false,
    noForward: false,
    passRecorded: false,
    hungUp: false,
    audited: rules.audit,
    judged: false,
    teaserSent: false,
    replyAtFirstCommand: false,
    usingTls: false,
    stageStart: 0,
    rcptReply: reply.comeAgain,
    finalReply: reply.unavailable,
    score: undefined,
    scoreTTL: 0,
    trusting: [],
    remembered: undefined,
    answers: undefined,
    lookingUp: false,
    seen: 0,
    outcome: undefined,
    unread: noBytes,
    ended: false,
    smtp: undefined,
  }
}

/** The wait that holds now, in milliseconds. */
export function effective(s: Session, time: StressTime): number {
  return s.screening.stress ? time.stress : time.normal
}

/** Any failure that is still held against the client (postscreen.h PSC_STATE_MASK_ANY_FAIL). */
export function anyFailure(s: Session): boolean {
  return s.failed !== 0 || s.denied || s.vetoed
}

/** What the client's parallel sessions share. Throws before `connect`. */
export function clientState({ clientState: state }: Session): ClientState {
  if (state === undefined) throw new Error('the session has not connected')
  return state
}

/** The stamps that this client's parallel sessions share. */
export function stampsOf(s: Session): Stamps {
  return clientState(s).stamps
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
