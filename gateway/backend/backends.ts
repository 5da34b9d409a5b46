// The backends of a gateway: which address gets the next client. Only addresses that were proven get clients, and of
// those the one with the fewest sessions.
import { BackendKeywords } from './backend-keywords.ts'
import type { BackendOptions } from './backend-options.ts'
import { type BackendStatus, backendStatus, countStates } from './backend-status.ts'
import type { BeginConnection } from './connect-rate-limiter.ts'
import { HeldClients } from './held-clients.ts'
import { precedes, type TargetState } from './load-balancing.ts'
import type { ProbeMessage, ProbeNews } from './probe-sharing.ts'
import { TargetHealth } from './target-health.ts'
import type { Target, TargetRecord } from './target-record.ts'
import { TargetTable } from './target-table.ts'
import { whyNone, whyNotReady } from './unavailable-reasons.ts'

/**
 * After a change a Service's name stands for other addresses within a second or two, if its DNS server knows: CoreDNS
 * is up to 5 s late. A lookup with search domains is some six questions, so a gateway asks about three questions a
 * second.
 */
const usualRefreshMs = 2000

/** Call `close` when it is no longer needed; running sessions go on. */
export class Backends {
  readonly options: BackendOptions
  /** What calls and probes report about addresses goes there. */
  readonly health: TargetHealth
  /** What may be promised in the EHLO reply, and what is learned about it. */
  readonly keywords: BackendKeywords
  readonly #now: () => number
  readonly #table: TargetTable
  readonly #timer: NodeJS.Timeout | undefined
  readonly #held = new HeldClients(() => this.#checkHeld())
  #uses = 0
  #closed = false
  #next: Backends | undefined

  /**
   * Throws for an address that is not HOST:PORT.
   * @param previous the backends that these replace after a change of policy. What was learned there stays valid,
   * except proofs of another PROXY version, and clients that are held there are tried here. Close it afterwards.
   */
  constructor(options: BackendOptions, previous?: Backends) {
    this.options = options
    this.#now = options.now ?? (() => performance.now())
    const { addresses, lookup } = options
    const formerTable = previous === undefined ? undefined : previous.#table
    const answered = (): void => this.#update()
    this.#table = new TargetTable({ addresses, ...(lookup !== undefined && { lookup }), now: this.#now, answered }, formerTable)
    this.keywords = new BackendKeywords(options, this.#table, this.#now, previous?.keywords)
    const works = (): void => {
      this.#held.releaseAll()
      if (!this.#closed) this.keywords.askDue()
    }
    this.health = new TargetHealth({ options, table: this.#table, now: this.#now, works }, previous?.health)
    if (previous !== undefined) previous.#next = this
    const refreshMs = options.refreshMs ?? usualRefreshMs
    this.#timer = refreshMs > 0 ? setInterval(() => this.refresh(), refreshMs).unref() : undefined
    this.#update()
    if (refreshMs > 0) this.#table.lookUp()
    if (previous !== undefined) previous.#held.releaseAll()
  }

  /** The backends that have replaced these, or these. */
  get latest(): Backends {
    return this.#next?.latest ?? this
  }

  /** Looks the names up again and probes the addresses that are due; runs every `refreshMs` by itself. */
  refresh(): void {
    this.#table.lookUp()
    this.#probeDue()
  }

  /**
   * For a client that no address accepts: calls back once, when an address begins to work or, without probes, when it
   * is this client's turn to try. @returns cancels the wait
   */
  hold(ready: () => void): () => void {
    return this.#held.add(ready)
  }

  /** While clients are held, the names may change, and an address may begin to work. */
  #checkHeld(): 'all' | 'oldest' | 'none' {
    this.#table.lookUp()
    if (this.health.probes.active) {
      this.#probeDue()
      return 'none'
    }
    return [...this.#table.listed].some(({ state }) => state === 'working') ? 'all' : 'oldest'
  }

  /**
   * Calls back when there is an address to try or it is certain that there is none: at once, except in the first
   * moments.
   */
  whenKnown(ready: () => void): void {
    this.#table.whenKnown(ready)
  }

  /**
   * The address to try next, with a session booked on it that `release` must end; undefined when all have been tried.
   * Failing addresses come last: they are tried when nothing else works. An address that was not proven is never tried.
   */
  take(tried: ReadonlySet<Target>): Target | undefined {
    return this.#book(this.#best((record) => this.#mayTry(record, tried)))
  }

  /** The same, but only an address that is not known to fail. */
  takeGood(tried: ReadonlySet<Target>): Target | undefined {
    return this.#book(this.#best((record) => this.#mayTry(record, tried) && record.state !== 'failing'))
  }

  /** Whether `take` would still find an address. */
  hasOther(tried: ReadonlySet<Target>): boolean {
    return [...this.#table.listed].some((record) => this.#mayTry(record, tried))
  }

  #mayTry(record: TargetRecord, tried: ReadonlySet<Target>): boolean {
    return !tried.has(record) && (record.proven || !this.health.probes.active)
  }

  #best(eligible: (record: TargetRecord) => boolean): TargetRecord | undefined {
    const context = { now: this.#now(), slowStartMs: this.options.slowStartMs ?? 0, probed: this.health.probes.regular }
    let best: TargetRecord | undefined
    for (const record of this.#table.listed) {
      if (eligible(record) && (best === undefined || precedes(record, best, context))) best = record
    }
    return best
  }

  #book(record: TargetRecord | undefined): Target | undefined {
    if (record === undefined) return undefined
    record.sessions++
    record.usedAs = ++this.#uses
    if (record.state === 'failing' && !this.health.probes.active) record.trying = true
    return record
  }

  /** Ends the session that `take` has booked. */
  release(target: Target): void {
    this.#table.release(target)
  }

  /** Calls `begin` when a connection to the address may begin, which may be at once. @returns leaves the queue */
  queue({ label }: Target, begin: BeginConnection): (() => void) | undefined {
    return this.#table.find(label)?.connectRate.wait(begin, this.options.connectRate ?? 0, this.#now)
  }

  /** Whether it is checked for each client that its backend has read the PROXY header. */
  get checksHeaders(): boolean {
    return this.health.probes.active && this.options.proxyProtocol !== 'None'
  }

  /** Whether clients may still be sent to an address that `take` has given. */
  usable({ label }: Target): boolean {
    return !this.health.probes.active || this.#table.find(label)?.proven === true
  }

  /** For readiness: whether to accept a client that comes now. */
  worthwhile(): boolean {
    return this.health.worthwhile()
  }

  /** Whether a client would find a backend now, as far as is known. */
  reachable(): boolean {
    return this.health.reachable()
  }

  /** Another process of this gateway has learned something. */
  hear(news: ProbeNews): void {
    this.health.hear(news)
  }

  /** Another process of this gateway asks for what is known of an address, or for a new probe of it. */
  asked(label: string, urgent: boolean): void {
    this.health.asked(label, urgent)
    this.keywords.asked(label)
  }

  /** Why there is no address for a client, for a log line. */
  whyNone(): string {
    return whyNone([...this.#table.listed])
  }

  /** Why readiness fails when `worthwhile` is false. */
  whyNotWorthwhile(): string {
    return whyNotReady([...this.#table.listed])
  }

  /** Addresses by state, each state included. */
  counts(): Readonly<Record<TargetState, number>> {
    return countStates(this.#table.listed)
  }

  status(): BackendStatus[] {
    return backendStatus(this.#table, this.keywords.active, this.#now())
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
    this.health.probes.close()
    this.keywords.close()
    this.#table.releaseWaiting()
  }

  /** The names have been looked up. */
  #update(): void {
    if (this.#closed && this.#held.size === 0) return
    const hasNew = this.#table.update()
    this.health.updateReach()
    this.#table.tellWaiting()
    if (this.options.refreshMs !== 0) this.#probeDue()
    if (hasNew && !this.health.probes.active) this.#held.releaseAll()
  }

  #probeDue(): void {
    if (this.#closed) return
    this.health.probes.probeDue(this.#table.listed, this.#held.size > 0)
    this.keywords.askDue()
  }
}

/** Passes on what another process of this gateway reports on backends or asks about them. */
export function tellBackends(backends: Backends, message: ProbeMessage): void {
  switch (message.is) {
    case 'news':
      return backends.hear(message.news)
    case 'ask':
      return backends.asked(message.label, message.urgent)
    case 'keywords':
      return backends.keywords.hear(message.news)
    case 'family':
      backends.keywords.hearWanted(message.family)
  }
}
