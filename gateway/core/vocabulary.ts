// The words of a screening session: tests, actions, events that come in, effects that go out.
// They are postscreen's own (postscreen.h); metrics, log lines and the policy use the same.
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { AccessRule } from './access-rule.ts'
import type { LossReason } from './client-address/address-watch.ts'
import type { ReplayFailure, ReplayOutcome, ReplayPlan, ReplayStage } from './replay-plan.ts'

/**
 * The five tests in postscreen's index order (postscreen.h PSC_TINDX_*); the record of the temporary allowlist has one
 * stamp for each.
 */
export const testNames = ['pregreet', 'dnsbl', 'pipelining', 'nonSMTPCommand', 'bareNewline'] as const
export type TestName = (typeof testNames)[number]

/** What a failed test leads to. */
export type Action = 'Ignore' | 'Enforce' | 'Drop'

/**
 * Why a DNS list gave no usable answer, as one word for metrics.
 * From its answer: `code` an error code of the list; `notAList` an address outside 127.0.0.0/8; `malformed` a message
 * that is not valid.
 * Silence: `timeout` for dnsbl.timeout, `overdue` for as long as the session could wait.
 * From DNS: `servfail`, `refused`, `rcode` (another one), `referral`, `unreachable` (the DNS server).
 * `local`: the gateway could not ask.
 */
export type DnsblErrorKind =
  | 'code'
  | 'notAList'
  | 'malformed'
  | 'timeout'
  | 'overdue'
  | 'servfail'
  | 'refused'
  | 'rcode'
  | 'referral'
  | 'unreachable'
  | 'local'

export interface DnsblError {
  readonly kind: DnsblErrorKind
  readonly text: string
}

/**
 * One DNSBL's answer about one client. `ttl` in seconds, -1 when unknown; `error` is set when no usable answer came.
 * `account` tells several keys of one domain apart; left out for a list that is asked without a key.
 */
export interface DnsblAnswer {
  readonly domain: string
  readonly account?: number
  readonly addresses: readonly string[]
  readonly ttl: number
  readonly error?: DnsblError
  /**
   * Left out: the answer counts. `suspended`: the list cannot be trusted and was not asked, so it has no result.
   * `unproven`: the list has not been tested yet, so only positive weights count.
   */
  readonly standing?: 'suspended' | 'unproven'
}

/** Timers that a session may ask for; at most one of them runs at a time. */
export type TimerName = 'greetWait' | 'command'

/** What happens to a session. Times are not part of an event: `step` takes `now`. */
export type Event =
  | { readonly type: 'connect' }
  /**
   * The temporary allowlist's answer to `recall`: the record's text; undefined when there is no record or the store
   * failed.
   */
  | { readonly type: 'recalled'; readonly record: string | undefined }
  | { readonly type: 'data'; readonly bytes: Uint8Array }
  | { readonly type: 'end' }
  | { readonly type: 'timer'; readonly name: TimerName }
  /** One site's answer; `complete` when every site has answered. */
  | { readonly type: 'dnsbl'; readonly answer: DnsblAnswer; readonly complete: boolean }
  /**
   * No backend took the session; nothing of the backend reached the client. `how` decides the reply as in
   * postscreen_send.c.
   */
  | { readonly type: 'handOffFailed'; readonly how: 'connect' | 'send' }
  /** The backend has greeted and the relay runs: the client counts until it is gone. */
  | { readonly type: 'handedOff' }
  /** The result of `replay`. */
  | { readonly type: 'replayed'; readonly outcome: ReplayOutcome }
  /** The client went away while a backend was asked, or its relay has ended. */
  | { readonly type: 'gone' }
  /** The gateway shuts down and the drain time is over. */
  | { readonly type: 'shutdown' }

/**
 * When a client was handed off. `STARTTLS, not tested`: its deep tests were due and could not be finished, because what
 * follows is encrypted.
 */
export type HandOffPoint = 'greeting' | 'RCPT' | 'STARTTLS' | 'STARTTLS, not tested'

/** What a session wants done, in order. */
export type Effect =
  /** Whole reply lines, one byte a character (latin1), each ended by CRLF. */
  | { readonly do: 'send'; readonly text: string }
  | { readonly do: 'recall'; readonly key: string }
  /** `trusting`: the DNS lists because of which the client has skipped tests. */
  | { readonly do: 'remember'; readonly key: string; readonly record: string; readonly trusting?: readonly string[] }
  /** Ask every DNSBL site about the client; answers come as `dnsbl` events. */
  | { readonly do: 'lookup' }
  /**
   * This session needs no more answers; a later one asks again. `overdue`: the missing answers were too late for the
   * verdict.
   */
  | { readonly do: 'abandonLookup'; readonly why: 'done' | 'overdue' }
  | { readonly do: 'arm'; readonly timer: TimerName; readonly ms: number }
  | { readonly do: 'disarm' }
  /** Read from the client / leave its bytes in the kernel. */
  | { readonly do: 'read' }
  | { readonly do: 'pause' }
  | { readonly do: 'log'; readonly record: LogRecord }
  /** An event that is counted, but not logged: the log has had one like it. */
  | { readonly do: 'count'; readonly record: LogRecord }
  /**
   * Hand off the client to the backend. `unread` are its bytes that have not been answered yet; `teaserSent`: it has
   * read `220-`.
   */
  | { readonly do: 'relay'; readonly unread: Uint8Array; readonly teaserSent: boolean }
  /** Repeat this to a backend and report the result. The client is not read meanwhile. */
  | { readonly do: 'replay'; readonly plan: ReplayPlan }
  /** The backend has answered: the client gets the answer, and the relay runs. `unread` goes to the backend next. */
  | { readonly do: 'join'; readonly unread: Uint8Array; readonly at: HandOffPoint }
  /** Audit mode: report the client's bytes to the backend as `data` events, without changing them / stop that. */
  | { readonly do: 'observe' }
  | { readonly do: 'unobserve' }
  /**
   * Start TLS as a server, with this much time for the handshake; plaintext that came with the command is already
   * discarded. `data` is plaintext of the TLS session from here on, and `end` follows when the handshake or a later
   * record fails.
   */
  | { readonly do: 'startTls'; readonly handshakeMs: number }
  /**
   * Flush what was sent, then end the connection. Nothing follows. `atOnce`: do not wait until the client has read it
   * and closed too.
   */
  | { readonly do: 'close'; readonly atOnce?: true }

/** Why a client is refused when it connects. `client address lost`: clientAddress.guard is Defer. */
export type RefusalCause = 'too many connections' | 'all server ports busy' | 'all screening ports busy' | 'client address lost'

/** The stage words of HANGUP lines (postscreen: PSC_BEGIN_TESTS). */
export type Stage = 'tests before SMTP handshake' | 'tests after SMTP handshake'

/** One DNSBL entry that counted: which list, which of its answers, and the weight it added. */
export interface DnsblHit {
  readonly domain: string
  readonly address: string
  readonly weight: number
}

/** A list's answer as the log has it: `ms` after the question; of an error only its kind. No addresses: not listed. */
export interface LoggedAnswer {
  readonly domain: string
  readonly account?: number
  readonly addresses?: readonly string[]
  readonly ttl: number
  readonly error?: DnsblErrorKind
  readonly standing?: DnsblAnswer['standing']
  readonly ms: number
}

/**
 * What the session had to do and has found out when the tests before the greeting are over: all that `postscreen
 * simulate` needs to play it again under another policy. postscreen has no line for it.
 */
export interface TestsRecord {
  readonly event: 'TESTS'
  /** Those to do; the deep ones among them run only in the phase `smtp`. */
  readonly tests: readonly TestName[]
  /** The client's stamps before the session, if there was a record. */
  readonly remembered?: string
  readonly answers?: readonly LoggedAnswer[]
  /** What follows: the dummy SMTP engine, the mail server, or the end of the session. */
  readonly next: 'smtp' | 'handoff' | 'end'
}

/**
 * One event as data. log-text.ts formats postscreen's line, the JSON log prints the fields, metrics count the events.
 * Texts that a client sent are already made printable. `after` is in seconds, as postscreen prints them; `afterCommand`
 * is the command before.
 */
export type LogRecord = { readonly client: Endpoint } & (
  | { readonly event: 'CONNECT'; readonly server: Endpoint }
  | { readonly event: 'CONNECTION REFUSED'; readonly why: RefusalCause }
  | { readonly event: 'ALLOWLIST VETO' | 'DISCONNECT' }
  /** By this rule of the access list. */
  | ({ readonly event: 'ALLOWLISTED' } & AccessRule)
  /** `tests` are those passed in this session; none when every earlier pass still holds. */
  | {
      readonly event: 'PASS NEW' | 'PASS OLD'
      readonly tests: readonly TestName[]
      /** The stamps of the record that makes every test unnecessary, in the order of testNames. */
      readonly remembered?: string
    }
  | TestsRecord
  | ({ readonly event: 'DENYLISTED'; readonly action: Action } & AccessRule)
  | { readonly event: 'PREGREET'; readonly count: number; readonly after: string; readonly data: string; readonly action: Action }
  | { readonly event: 'DNSBL'; readonly rank: number; readonly hits: readonly DnsblHit[]; readonly action: Action }
  | { readonly event: 'DNSBL ERROR CODE'; readonly domain: string; readonly address: string }
  | { readonly event: 'HANGUP'; readonly after: string; readonly stage: Stage }
  | { readonly event: 'BARE NEWLINE'; readonly command: string; readonly action: Action }
  | {
      readonly event: 'NON-SMTP COMMAND'
      readonly afterCommand: string
      readonly command: string
      readonly args: string
      readonly action: Action
    }
  | { readonly event: 'COMMAND PIPELINING'; readonly afterCommand: string; readonly data: string; readonly action: Action }
  | { readonly event: 'COMMAND TIME LIMIT' | 'COMMAND COUNT LIMIT' | 'COMMAND LENGTH LIMIT'; readonly afterCommand: string }
  | { readonly event: 'DATA WITHOUT RCPT' | 'BDAT WITHOUT RCPT' }
  | {
      readonly event: 'RCPT REJECTED'
      readonly reply: string
      readonly from: string
      readonly to: string
      readonly proto: 'SMTP' | 'ESMTP'
      readonly helo: string
    }
  | { readonly event: 'EHLO KEYWORDS DISCARDED'; readonly keywords: string }
  | { readonly event: 'COMMAND REPLACED'; readonly command: string; readonly replacement: string }
  /**
   * A client that has passed could not be handed off in the same session. `refused`: by a backend, and `reply` are its
   * words, at this stage of the dialogue.
   */
  | {
      readonly event: 'SAME SESSION FAILED'
      readonly goal: 'RCPT' | 'STARTTLS'
      readonly why: ReplayFailure | 'refused'
      readonly at?: ReplayStage
      readonly reply: string
    }
  /** Audit mode: the client was handed off, but Enforce mode would not have done this. `reply` is its reply. */
  | { readonly event: 'AUDIT'; readonly would: 'refuse' | 'drop' | 'enforce' | 'defer'; readonly reply: string }
  /** The client's network has failed too often. `nth`: which ban of this network; `until` in epoch seconds. */
  | { readonly event: 'BAN'; readonly network: string; readonly seconds: number; readonly until: number; readonly nth: number }
  /** A client of a banned network is refused. Logged once a ban, then only counted. */
  | { readonly event: 'BANNED'; readonly network: string; readonly until: number; readonly nth: number }
  /** The client has a private address that the policy does not expect: mail servers are told `named` instead. */
  | { readonly event: 'CLIENT ADDRESS LOST'; readonly named: string }
  /** This client has shown that the addresses of clients are lost, or that they are preserved again. */
  | {
      readonly event: 'CLIENT ADDRESSES'
      readonly change: 'lost' | 'preserved'
      readonly reason?: LossReason
      /** So many were looked at, and these have the most of them. */
      readonly connections: number
      readonly addresses: readonly string[]
    }
  | { readonly event: 'STRESS'; readonly change: 'entering' | 'leaving'; readonly connections: number }
)
