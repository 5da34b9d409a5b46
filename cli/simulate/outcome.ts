// What became of a session, from its events: those in a log, or those of a session that is played again.
import type { Action, TestName } from '../../gateway/core/vocabulary.ts'

/**
 * `handed off`: a mail server had the client. `deferred`: temporary refusals only, so a good client comes again.
 * `refused`: a permanent refusal. `left`: the client went away during the tests before the greeting.
 */
export type Outcome = 'handed off' | 'deferred' | 'refused' | 'left'
export const outcomes = ['handed off', 'deferred', 'refused', 'left'] as const satisfies readonly Outcome[]

/** The first thing that refused or deferred a client. `deep tests`: the client passed them and must come again. */
export type Reason =
  | TestName
  | 'access list'
  | 'ban'
  | 'backup address'
  | 'deep tests'
  | 'too many connections'
  | 'all server ports busy'
  | 'all screening ports busy'

export interface Verdict {
  readonly outcome: Outcome
  /** Undefined for clients that were handed off or left. */
  readonly by: Reason | undefined
}

const testOf: ReadonlyMap<string, Reason> = new Map([
  ['DENYLISTED', 'access list'],
  ['PREGREET', 'pregreet'],
  ['DNSBL', 'dnsbl'],
  ['BARE NEWLINE', 'bareNewline'],
  ['NON-SMTP COMMAND', 'nonSMTPCommand'],
  ['COMMAND PIPELINING', 'pipelining'],
])

/** The part of a log record that counts here; those of the core have it. */
export interface JudgedEvent {
  readonly event: string
  readonly action?: Action
  readonly why?: string
  readonly stage?: string
  readonly reply?: string
}

/** Takes the events of one session in their order. */
export class OutcomeOfEvents {
  /** Tests that failed with an action other than Ignore, and the access list. */
  readonly refusals: Reason[] = []
  /** The same where the log has no action, as that of postscreen. */
  #suspect: Reason | undefined
  /** Tests that failed, also those with the action Ignore. */
  readonly failed: Reason[] = []
  handedOff = false
  #busy: Reason | undefined
  #vetoed = false
  #left = false
  #hasTemporaryReply = false
  #hasPermanentReply = false

  take({ event, action, why, stage, reply }: JudgedEvent): void {
    const test = testOf.get(event)
    if (test !== undefined) this.#takeFailure(test, action)
    else if (event === 'CONNECTION REFUSED') this.#busy = busyReason(why)
    else if (event === 'BANNED') addOnce(this.refusals, 'ban')
    else if (event === 'ALLOWLIST VETO') this.#vetoed = true
    else if (event === 'HANGUP') this.#left = stage?.includes('before') === true
    else if (event === 'RCPT REJECTED') {
      this.#hasTemporaryReply ||= reply?.startsWith('4') === true
      this.#hasPermanentReply ||= reply?.startsWith('5') === true
    }
  }

  /** A log can have the same failure any number of times. */
  #takeFailure(test: Reason, action: Action | undefined): void {
    addOnce(this.failed, test)
    if (action === undefined) this.#suspect ??= test
    else if (action !== 'Ignore') addOnce(this.refusals, test)
  }

  /** The verdict, once there are no more events. */
  verdict(): Verdict {
    if (this.handedOff) return { outcome: 'handed off', by: undefined }
    if (this.#busy !== undefined) return { outcome: 'deferred', by: this.#busy }
    const refusal = this.refusals[0] ?? (this.#wasIgnored() ? undefined : this.#suspect)
    if (refusal !== undefined) return { outcome: 'refused', by: refusal }
    if (this.#left) return { outcome: 'left', by: undefined }
    return { outcome: 'deferred', by: this.#vetoed ? 'backup address' : 'deep tests' }
  }

  /** Only temporary replies to recipients: a failure that the policy ignores, behind which a deep test deferred. */
  #wasIgnored(): boolean {
    return this.#hasTemporaryReply && !this.#hasPermanentReply
  }
}

function addOnce(reasons: Reason[], reason: Reason): void {
  if (!reasons.includes(reason)) reasons.push(reason)
}

function busyReason(why: string | undefined): Reason {
  return why === 'all server ports busy' || why === 'all screening ports busy' ? why : 'too many connections'
}
