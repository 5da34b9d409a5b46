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

const testOf: Readonly<Record<string, Reason>> = {
  DENYLISTED: 'access list',
  PREGREET: 'pregreet',
  DNSBL: 'dnsbl',
  'BARE NEWLINE': 'bareNewline',
  'NON-SMTP COMMAND': 'nonSMTPCommand',
  'COMMAND PIPELINING': 'pipelining',
}

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
  readonly #suspects: Reason[] = []
  readonly failed = new Set<string>()
  handedOff = false
  #busy: Reason | undefined
  #vetoed = false
  #left = false
  #replies = ''

  take({ event, action, why, stage, reply }: JudgedEvent): void {
    const test = testOf[event]
    if (test !== undefined) {
      this.failed.add(event)
      if (action === undefined) this.#suspects.push(test)
      else if (action !== 'Ignore') this.refusals.push(test)
    } else if (event === 'CONNECTION REFUSED') this.#busy = busyReason(why)
    else if (event === 'BANNED') this.refusals.push('ban')
    else if (event === 'ALLOWLIST VETO') this.#vetoed = true
    else if (event === 'HANGUP') this.#left = stage?.includes('before') === true
    else if (event === 'RCPT REJECTED') this.#replies += reply?.[0] ?? ''
  }

  /** The verdict, once there are no more events. */
  verdict(): Verdict {
    if (this.handedOff) return { outcome: 'handed off', by: undefined }
    if (this.#busy !== undefined) return { outcome: 'deferred', by: this.#busy }
    const refusal = this.refusals[0] ?? (this.#wasIgnored() ? undefined : this.#suspects[0])
    if (refusal !== undefined) return { outcome: 'refused', by: refusal }
    if (this.#left) return { outcome: 'left', by: undefined }
    return { outcome: 'deferred', by: this.#vetoed ? 'backup address' : 'deep tests' }
  }

  /** Only temporary replies to recipients: a failure that the policy ignores, behind which a deep test deferred. */
  #wasIgnored(): boolean {
    return this.#replies.includes('4') && !this.#replies.includes('5')
  }
}

function busyReason(why: string | undefined): Reason {
  return why === 'all server ports busy' || why === 'all screening ports busy' ? why : 'too many connections'
}
