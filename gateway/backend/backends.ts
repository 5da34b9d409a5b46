// The table of backend addresses: which one gets the next client. Only addresses that have been proven do, and of those the one with the fewest sessions.
import { allowlistKeys } from '../core/allowlist-key.ts'
import type { CallFailed } from './backend-call.ts'
import type { BackendOptions, BackendStatus } from './backend-options.ts'
import { BackendNames, lookupBySystem } from './backend-names.ts'
import { type TargetRecord, forgetProof, hangs, labelOf, markFailed, markWorking, newTargetRecord, type Target } from './target-record.ts'
import { HeldClients } from './held-clients.ts'
import type { BeginConnection } from './connect-rate-limiter.ts'
import { precedes, rests, type TargetState } from './load-balancing.ts'
import { ProbeSchedule, type ProbeNews } from './probe-schedule.ts'
import type { ProbeResult } from './backend-probe.ts'
import { silence, whyNone, whyNotReady } from './unavailable-reasons.ts'

export type { Target } from './target-record.ts'
export type { BackendOptions, BackendStatus, ProxyVersion, TargetStatus } from './backend-options.ts'

const longestRestMs = 30_000
/** A probe costs a backend next to nothing, and one that is back should not wait for it. */
const longestRestBetweenProbesMs = 4000
/** Each probe of one that is misconfigured may be several lines in its log. */
const longestRestMisconfiguredMs = 10_000
const waitForNamesMs = 5000
/**
 * A Service's name stands for other addresses within a second or two of a change, if its DNS server knows: CoreDNS itself is up to 5 s late.
 * A lookup by search list is some six questions, so a gateway asks about three a second.
 */
const usualRefreshMs = 2000
/** An address that fails is a reason to look the name up at once, but not for each of a crowd of clients. */
const hastyRefreshMs = 250
/** Clients of so many networks must be refused, and none be welcome between, before a probe asks whether the address refuses everyone. */
const refusedNetworks = 2
const networkOf = allowlistKeys({ ipv4: 24, ipv6: 64 })

/** The table of backend addresses. Give it up with `close`; sessions that run are not touched. */
export class Backends {
  readonly options: BackendOptions
  readonly #names: BackendNames
  readonly #now: () => number
  readonly #records: Map<string, TargetRecord>
  readonly #waiting = new Set<() => void>()
  readonly #probes: ProbeSchedule
  readonly #timer: NodeJS.Timeout | undefined
  readonly #held = new HeldClients(() => this.#look())
  #askedAt = Number.NEGATIVE_INFINITY
  #listed = new Set<TargetRecord>()
  #uses = 0
  #closed = false
  #next: Backends | undefined
  /** When the last address that worked stopped working; undefined while one does. */
  #lostAt: number | undefined = Number.NEGATIVE_INFINITY

  /**
   * Throws for an address that is not HOST:PORT. What `previous` has learnt goes on to count (a changed policy), except proofs of another PROXY
   * version, and clients that are held there are tried here; close it afterwards.
   */
  constructor(options: BackendOptions, previous?: Backends) {
    this.options = options
    this.#now = options.now ?? (() => performance.now())
    this.#probes = new ProbeSchedule(options, this.#now, {
      verdict: (record, verdict) => this.#judged(record, verdict),
      silent: (record, silentMs) => this.#probeSilent(record, silentMs),
    })
    this.#records = new Map(previous === undefined ? [] : previous.#records)
    this.#names = new BackendNames(options.addresses, options.lookup ?? lookupBySystem, () => this.#takeAnswers())
    if (previous !== undefined) this.#succeed(previous)
    const refreshMs = options.refreshMs ?? usualRefreshMs
    this.#timer = refreshMs > 0 ? setInterval(() => this.refresh(), refreshMs).unref() : undefined
    this.#takeAnswers()
    if (refreshMs > 0) this.#askNames()
    if (previous !== undefined) previous.#held.releaseAll()
  }

  #succeed(previous: Backends): void {
    previous.#next = this
    this.#names.inherit(previous.#names)
    // Clients that come while the new addresses are being asked are held; that is no reason to send them away.
    this.#lostAt = previous.#lostAt ?? this.#now()
    if (previous.options.proxyProtocol !== this.options.proxyProtocol) for (const record of this.#records.values()) forgetProof(record)
  }

  /** The table that has taken the place of this one, or this one. */
  get latest(): Backends {
    return this.#next?.latest ?? this
  }

  /** Looks the names up again and probes what is due; happens by itself every `refreshMs`. */
  refresh(): void {
    this.#askNames()
    this.#probeDue()
  }

  #askNames(): void {
    this.#askedAt = this.#now()
    this.#names.refresh()
  }

  /**
   * For a client that no address takes: calls back once, when an address begins to work, or, without probes, when it is this client's turn to find
   * out. @returns how to lose interest
   */
  hold(ready: () => void): () => void {
    return this.#held.add(ready)
  }

  /** While clients are held, the names may change, and an address may be found to work. */
  #look(): 'all' | 'eldest' | 'none' {
    this.#askNames()
    if (this.#probes.active) {
      this.#probeDue()
      return 'none'
    }
    return [...this.#listed].some(({ state }) => state === 'working') ? 'all' : 'eldest'
  }

  /** Calls back when there is an address to try or it is certain that there is none: at once but for the first moments. */
  whenKnown(ready: () => void): void {
    if (this.#listed.size > 0 || this.#names.settled()) return ready()
    const once = (): void => {
      clearTimeout(timer)
      this.#waiting.delete(once)
      ready()
    }
    const timer = setTimeout(once, waitForNamesMs)
    this.#waiting.add(once)
  }

  /**
   * The address to try next, with a session booked on it, that `release` must end; undefined when all have been tried.
   * Failing ones come last: when nothing else works they are tried nevertheless. One that has not been proven is never tried.
   */
  take(tried: ReadonlySet<Target>): Target | undefined {
    return this.#book(this.#best((record) => this.#mayTry(record, tried)))
  }

  /** The same, but only an address that is not known to fail. */
  takeGood(tried: ReadonlySet<Target>): Target | undefined {
    return this.#book(this.#best((record) => this.#mayTry(record, tried) && record.state !== 'failing'))
  }

  #mayTry(record: TargetRecord, tried: ReadonlySet<Target>): boolean {
    return !tried.has(record) && (record.proven || !this.#probes.active)
  }

  #best(eligible: (record: TargetRecord) => boolean): TargetRecord | undefined {
    const context = { now: this.#now(), slowStartMs: this.options.slowStartMs ?? 0, probed: this.#probes.regular }
    let best: TargetRecord | undefined
    for (const record of this.#listed) {
      if (eligible(record) && (best === undefined || precedes(record, best, context))) best = record
    }
    return best
  }

  #book(record: TargetRecord | undefined): Target | undefined {
    if (record === undefined) return undefined
    record.sessions++
    record.usedAs = ++this.#uses
    if (record.state === 'failing' && !this.#probes.active) record.trying = true
    return record
  }

  /** Calls `begin` when a client's connection to the address may begin, which may be at once. @returns how to leave the queue */
  queue({ label }: Target, begin: BeginConnection): (() => void) | undefined {
    return this.#records.get(label)?.connectRate.wait(begin, this.options.connectRate ?? 0, this.#now)
  }

  /** Whether it is checked for each client that its backend has read the PROXY header. */
  get checksHeaders(): boolean {
    return this.#probes.active && this.options.proxyProtocol !== 'None'
  }

  /** Whether clients may still be handed to an address that `take` has given. */
  usable(target: Target): boolean {
    return !this.#probes.active || this.#records.get(target.label)?.proven === true
  }

  /** Why there is no address for a client, for a log line. */
  whyNone(): string {
    return whyNone([...this.#listed])
  }

  /** Whether `take` would still find an address. */
  hasOther(tried: ReadonlySet<Target>): boolean {
    return [...this.#listed].some((record) => this.#mayTry(record, tried))
  }

  /** The address has greeted a client: it works. @param silentMs how long it has kept the client waiting, 0 for less than the usual patience */
  greeted(target: Target, silentMs = 0): void {
    this.#change(target, (record, now) => {
      if (silentMs === 0) record.promptAt = now
      if (record.proven || !this.#probes.active) markWorking(record, now)
    })
  }

  /** A call for a client has failed. Only what does not depend on the client is a failure of the address; what else there is, a probe finds out. */
  callFailed(target: Target, { cause, reason }: CallFailed): void {
    if (cause === 'local') return this.abandoned(target)
    if (cause === 'refused' || !this.#probes.active) return this.failed(target, reason)
    if (cause === 'malformed') return this.doubted(target)
    this.suspect(target)
  }

  /** The address has failed: it rests, twice as long each time. Sessions that fail together count once. It must be proven again: another program may come back. */
  failed(target: Target, reason: string): void {
    this.#change(target, (record, now) => {
      record.proven = false
      markFailed(record, 'failing', reason, now, this.#probes.regular ? longestRestBetweenProbesMs : longestRestMs)
      this.#probes.failed(record, reason)
    })
    if (this.#timer !== undefined && this.#now() - this.#askedAt >= hastyRefreshMs) this.#askNames()
  }

  /** The address has refused the client with 4xx. That says something about the client, until clients of other networks are refused too: then a probe asks. */
  refused(target: Target, client: string, reason: string): void {
    if (!this.#probes.active) return this.failed(target, reason)
    const record = this.#records.get(target.label)
    if (record === undefined) return
    if (record.refused.size < refusedNetworks) record.refused.add(networkOf(client))
    if (record.refused.size >= refusedNetworks) this.suspect(target)
  }

  /** Something shows that the address does not do what has been proven: no client gets there until it is proven again. */
  doubted(target: Target): void {
    if (this.usable(target)) this.#change(target, (record) => forgetProof(record))
    this.suspect(target)
  }

  /** Something looks wrong, which may be the client's doing: a probe finds out. */
  suspect(target: Target): void {
    const record = this.#records.get(target.label)
    if (record !== undefined && this.#listed.has(record)) this.#probes.soon(record)
  }

  /**
   * The address has taken a client's connection `silentMs` ago, and says nothing. If it has greeted none since, it may hang (its listen queue takes
   * connections all the same), which a probe finds out; one that greets others is slow for this client alone, as with a slow lookup of its name.
   * @returns whether another address should be asked beside it. Never when no other one works: a busy one is better than none.
   */
  silent(target: Target, silentMs: number): boolean {
    const record = this.#records.get(target.label)
    if (record === undefined || record.greetedAt > this.#now() - silentMs) return false
    const other = this.#otherWorks(record)
    if (this.#probes.active) {
      if (record.silentAt <= record.greetedAt) record.silentAt = this.#now()
      this.suspect(target)
    } else if (other) this.failed(target, silence(silentMs))
    return other
  }

  #probeSilent(record: TargetRecord, silentMs: number): void {
    if (!hangs(record, silentMs, this.#listed)) return
    const verdict = { is: 'failed', reason: silence(silentMs), refused: false } as const
    this.#judged(record, verdict)
    this.#probes.tell(record, verdict)
  }

  #otherWorks(record: TargetRecord): boolean {
    return [...this.#listed].some((one) => one !== record && one.state === 'working')
  }

  /** The client left before the address had greeted or failed: nothing was learnt. */
  abandoned(target: Target): void {
    const record = this.#records.get(target.label)
    if (record !== undefined && !this.#probes.active) record.trying = false
  }

  /** The session that `take` has booked is over. */
  release(target: Target): void {
    const record = this.#records.get(target.label)
    if (record !== undefined) record.sessions--
  }

  /** For readiness: whether a client that comes now is worth taking: a backend is reachable, or was until so lately that the client would only be held. */
  worthwhile(): boolean {
    return this.#lostAt === undefined || this.reachable() || this.#now() - this.#lostAt < (this.options.holdMs ?? 0)
  }

  /** Whether a client would find a backend now, as far as is known. */
  reachable(): boolean {
    return [...this.#listed].some(({ state }) => state === 'working' || (!this.#probes.active && state === 'unknown'))
  }

  /** Why readiness fails where `worthwhile` says no. */
  whyNotWorthwhile(): string {
    return whyNotReady([...this.#listed])
  }

  /** Addresses by state, each state included. */
  counts(): Readonly<Record<TargetState, number>> {
    const counts = { unknown: 0, working: 0, failing: 0, misconfigured: 0 }
    for (const { state } of this.#listed) counts[state]++
    return counts
  }

  status(): BackendStatus[] {
    const now = this.#now()
    return this.#names.current().map(({ name, addresses, error }) => ({
      backend: name.text,
      lookupError: error,
      addresses: addresses.flatMap((address) => {
        const record = this.#records.get(labelOf(address, name.port))
        if (record === undefined) return []
        const { label, port, sessions, state, lastError } = record
        return [{ label, address, port, sessions, state, lastError, restMs: Math.max(0, record.restUntil - now) }]
      }),
    }))
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
    this.#probes.close()
    for (const ready of this.#waiting) ready()
  }

  /** Another process of this gateway has learnt something. */
  hear({ label, proxyProtocol, verdict }: ProbeNews): void {
    const record = this.#records.get(label)
    if (record === undefined || proxyProtocol !== this.options.proxyProtocol || this.options.shared?.isProber() !== false) return
    record.lastProbe = verdict
    this.#judged(record, verdict)
  }

  /** Another process of this gateway asks for what is known of an address, or for a new probe of it. */
  asked(label: string, urgent: boolean): void {
    const record = this.#records.get(label)
    if (record !== undefined && this.#listed.has(record)) this.#probes.asked(record, urgent)
  }

  /** What a probe has shown, one of our own or of another process of this gateway. */
  #judged(record: TargetRecord, verdict: ProbeResult): void {
    this.#change(record, (_, now) => {
      switch (verdict.is) {
        case 'proven':
          record.proven = true
          record.provenAt = now
          markWorking(record, now)
          return
        case 'misconfigured':
          record.proven = false
          markFailed(record, 'misconfigured', verdict.reason, now, longestRestMisconfiguredMs)
          return
        case 'failed':
          if (verdict.refused) record.proven = false
          markFailed(record, 'failing', verdict.reason, now, longestRestBetweenProbesMs)
          return
        case 'local':
          if (record.state === 'unknown') record.lastError = verdict.reason
      }
    })
  }

  #change(target: Target, change: (record: TargetRecord, now: number) => void): void {
    const record = this.#records.get(target.label)
    if (record === undefined) return
    const before = record.state
    record.trying &&= this.#probes.active
    change(record, this.#now())
    this.#noteReach()
    if (record.state === before) return
    this.options.onChange?.(record.label, before, record.state, record.lastError)
    if (record.state === 'working') this.#held.releaseAll()
  }

  #noteReach(): void {
    this.#lostAt = this.reachable() ? undefined : (this.#lostAt ?? this.#now())
  }

  /** Makes the table of what the names stand for now. What is no longer named keeps its record while it has sessions or is failing. */
  #takeAnswers(): void {
    if (this.#closed && this.#held.size === 0) return
    const listed = new Set<TargetRecord>()
    for (const { name, addresses } of this.#names.current()) {
      for (const address of addresses) listed.add(this.#record(address, name.port))
    }
    const isNew = [...listed].some((record) => !this.#listed.has(record))
    this.#listed = listed
    this.#noteReach()
    const now = this.#now()
    for (const [key, record] of this.#records) {
      if (!listed.has(record) && record.sessions === 0 && !rests(record, now)) this.#records.delete(key)
    }
    if (listed.size > 0 || this.#names.settled()) for (const ready of this.#waiting) ready()
    if (this.options.refreshMs !== 0) this.#probeDue()
    if (isNew && !this.#probes.active) this.#held.releaseAll()
  }

  #record(address: string, port: number): TargetRecord {
    const key = labelOf(address, port)
    const known = this.#records.get(key)
    if (known !== undefined) return known
    const fresh = newTargetRecord(address, port)
    this.#records.set(key, fresh)
    return fresh
  }

  #probeDue(): void {
    if (!this.#closed) this.#probes.probeDue(this.#listed, this.#held.size > 0)
  }
}
