// When which backend address is proven, and by which process: of several processes of one gateway one makes the probes and tells the others.
import { connectPlainly } from './backend-call.ts'
import type { BackendOptions } from './backend-options.ts'
import type { Entry } from './entry.ts'
import { type Proof, prove, type ProxyVersion, type Verdict } from './proof.ts'

/** What one process has learnt of an address, for the others. */
export interface ProofNews {
  readonly label: string
  /** The version that it was proven with; a process whose policy has another one yet leaves the news out. */
  readonly proxyProtocol: ProxyVersion
  readonly verdict: Verdict
}

/** The other processes of this gateway. */
export interface SharedProofs {
  /** Whether it is this process that makes the probes. */
  readonly isProber: () => boolean
  /** Asks the process that makes the probes. `urgent`: by a new probe, not by what is known. */
  readonly ask: (label: string, urgent: boolean) => void
  readonly tell: (news: ProofNews) => void
}

/** What the processes of one gateway say to each other about backends. */
export type ProofMessage =
  | { readonly is: 'news'; readonly news: ProofNews }
  | { readonly is: 'ask'; readonly label: string; readonly urgent: boolean }

/** The way to the other processes. */
export interface ProofChannel {
  readonly isProber: () => boolean
  readonly send: (message: ProofMessage) => void
}

export function sharedProofs({ isProber, send }: ProofChannel): SharedProofs {
  return { isProber, ask: (label, urgent) => send({ is: 'ask', label, urgent }), tell: (news) => send({ is: 'news', news }) }
}

export interface ProberEvents {
  readonly verdict: (entry: Entry, verdict: Verdict) => void
  /** A probe has waited for a greeting for so long. */
  readonly silent: (entry: Entry, silentMs: number) => void
}

const usualIntervalMs = 30_000
/** A proof may be this many intervals old while sessions show that the address is well. */
const oldestProof = 2
/** The shortest time between two probes of one address: without a reason, and while clients are held. */
const heldGapMs = 500
const soonGapMs = 1000
const longestGreetingMs = 30_000
const patienceMs = 1000
/** To find the reason of a failure takes several conversations. */
const diagnosisGapMs = 60_000

export class Prober {
  readonly #options: BackendOptions
  readonly #now: () => number
  readonly #events: ProberEvents
  readonly #proofs = new Map<Entry, Proof>()
  readonly #timers = new Map<Entry, NodeJS.Timeout>()

  constructor(options: BackendOptions, now: () => number, events: ProberEvents) {
    this.#options = options
    this.#now = now
    this.#events = events
  }

  /** Whether addresses must be proven. */
  get active(): boolean {
    return this.#options.probeAfterMs !== 0
  }

  /** Whether probes are made without being asked for. */
  get regular(): boolean {
    return this.active && this.#options.refreshMs !== 0
  }

  /** Proves what is due. @param held whether clients wait for an address to work */
  probeDue(entries: Iterable<Entry>, held: boolean): void {
    if (!this.active) return
    for (const entry of entries) if (!entry.trying && this.#isDue(entry, held)) this.#probe(entry, false)
  }

  /** Proves the address as soon as the last probe is a second ago: there is a reason for doubt. */
  soon(entry: Entry): void {
    if (!this.active || entry.trying || this.#timers.has(entry)) return
    const waitMs = entry.probedAt + soonGapMs - this.#now()
    if (waitMs <= 0) return this.#probe(entry, true)
    const timer = setTimeout(() => {
      this.#timers.delete(entry)
      if (!entry.trying) this.#probe(entry, true)
    }, waitMs).unref()
    this.#timers.set(entry, timer)
  }

  /** Another process asks. What is known may be out of date where a probe is about to be made, and that tells it. */
  asked(entry: Entry, urgent: boolean): void {
    if (urgent) this.soon(entry)
    else if (entry.lastVerdict !== undefined && !entry.trying && !this.#timers.has(entry)) this.tell(entry, entry.lastVerdict)
  }

  /** No program takes connections there, as a client has shown: what was proven before counts no more, for no process. */
  failed(entry: Entry, reason: string): void {
    if (this.#options.shared?.isProber() === false) this.soon(entry)
    else this.tell(entry, { is: 'failed', reason, refused: true })
  }

  /** Tells the other processes. */
  tell(entry: Entry, verdict: Verdict): void {
    entry.lastVerdict = verdict
    const { shared, proxyProtocol } = this.#options
    if (shared?.isProber() === true) shared.tell({ label: entry.label, proxyProtocol, verdict })
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    for (const [entry, proof] of this.#proofs) {
      proof.giveUp()
      // The entry may live on in the next table.
      entry.trying = false
      entry.probedAt = Number.NEGATIVE_INFINITY
    }
    this.#timers.clear()
    this.#proofs.clear()
  }

  #isDue(entry: Entry, held: boolean): boolean {
    const now = this.#now()
    const sinceProbe = now - entry.probedAt
    if (this.#options.shared?.isProber() === false) return entry.state !== 'working' && sinceProbe >= heldGapMs
    switch (entry.state) {
      case 'unknown':
        return sinceProbe >= heldGapMs
      case 'failing':
        return now >= entry.restUntil || (held && !entry.proven && sinceProbe >= heldGapMs)
      case 'misconfigured':
        return now >= entry.restUntil
      case 'working': {
        const interval = this.#options.probeAfterMs ?? usualIntervalMs
        return now - entry.heardAt >= interval || now - entry.provenAt >= oldestProof * interval
      }
    }
  }

  #probe(entry: Entry, urgent: boolean): void {
    const { shared, isOwn, proxyProtocol, connectTimeoutMs, greetingTimeoutMs, connect } = this.#options
    const now = this.#now()
    entry.probedAt = now
    if (shared?.isProber() === false) return shared.ask(entry.label, urgent)
    if (isOwn?.(entry) === true) return this.#settle(entry, { is: 'misconfigured', reason: loopText })
    const diagnose = now - entry.diagnosedAt >= diagnosisGapMs
    const options = {
      proxyProtocol,
      connectTimeoutMs,
      greetingTimeoutMs: Math.min(greetingTimeoutMs, longestGreetingMs),
      connect: connect ?? connectPlainly,
      patienceMs,
      onSilent: (silentMs: number) => {
        slowMs = silentMs
        this.#events.silent(entry, silentMs)
      },
      diagnose,
      onDiagnosis: () => (entry.diagnosedAt = now),
    }
    let slowMs = 0
    entry.trying = true
    const proof = prove(entry, options, (verdict) => {
      this.#proofs.delete(entry)
      entry.trying = false
      if (verdict.is === 'proven') entry.slowMs = slowMs
      const { lastError } = entry
      // What looks like a failure is what has been diagnosed before.
      const known = !diagnose && entry.state === 'misconfigured' && verdict.is === 'failed' && !verdict.refused && lastError !== undefined
      this.#settle(entry, known ? { is: 'misconfigured', reason: lastError } : verdict)
    })
    this.#proofs.set(entry, proof)
  }

  #settle(entry: Entry, verdict: Verdict): void {
    this.#options.onProbed?.(verdict.is)
    this.#events.verdict(entry, verdict)
    this.tell(entry, verdict)
  }
}

const loopText = 'it is an address of this gateway itself, which would be a loop: spec.backend must name the port of an smtpd behind it'
