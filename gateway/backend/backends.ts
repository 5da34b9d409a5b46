// The table of backend addresses: which one gets the next client. Only addresses that have been proven do, and of those the one with the fewest sessions.
import { allowlistKeys } from '../core/allowlist-key.ts'
import type { CallFailed } from './backend-call.ts'
import type { BackendOptions, BackendStatus } from './backend-options.ts'
import { BackendNames, lookupBySystem } from './backend-names.ts'
import { type Entry, forgetProof, hangs, labelOf, markFailed, markWorking, newEntry, type Target } from './entry.ts'
import { HeldClients } from './held-clients.ts'
import type { Begin } from './pace.ts'
import { precedes, rests, type TargetState } from './precedence.ts'
import { Prober, type ProofNews } from './prober.ts'
import type { Verdict } from './proof.ts'
import { silence, whyNone, whyNotReady } from './reasons.ts'

export type { Target } from './entry.ts'
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
  readonly #entries: Map<string, Entry>
  readonly #waiting = new Set<() => void>()
  readonly #prober: Prober
  readonly #timer: NodeJS.Timeout | undefined
  readonly #held = new HeldClients(() => this.#look())
  #askedAt = Number.NEGATIVE_INFINITY
  #listed = new Set<Entry>()
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
    this.#prober = new Prober(options, this.#now, {
      verdict: (entry, verdict) => this.#judged(entry, verdict),
      silent: (entry, silentMs) => this.#probeSilent(entry, silentMs),
    })
    this.#entries = new Map(previous === undefined ? [] : previous.#entries)
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
    if (previous.options.proxyProtocol !== this.options.proxyProtocol) for (const entry of this.#entries.values()) forgetProof(entry)
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
    if (this.#prober.active) {
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
    return this.#book(this.#best((entry) => this.#mayTry(entry, tried)))
  }

  /** The same, but only an address that is not known to fail. */
  takeGood(tried: ReadonlySet<Target>): Target | undefined {
    return this.#book(this.#best((entry) => this.#mayTry(entry, tried) && entry.state !== 'failing'))
  }

  #mayTry(entry: Entry, tried: ReadonlySet<Target>): boolean {
    return !tried.has(entry) && (entry.proven || !this.#prober.active)
  }

  #best(eligible: (entry: Entry) => boolean): Entry | undefined {
    const moment = { now: this.#now(), slowStartMs: this.options.slowStartMs ?? 0, probed: this.#prober.regular }
    let best: Entry | undefined
    for (const entry of this.#listed) {
      if (eligible(entry) && (best === undefined || precedes(entry, best, moment))) best = entry
    }
    return best
  }

  #book(entry: Entry | undefined): Target | undefined {
    if (entry === undefined) return undefined
    entry.sessions++
    entry.usedAs = ++this.#uses
    if (entry.state === 'failing' && !this.#prober.active) entry.trying = true
    return entry
  }

  /** Calls `begin` when a client's connection to the address may begin, which may be at once. @returns how to leave the queue */
  queue({ label }: Target, begin: Begin): (() => void) | undefined {
    return this.#entries.get(label)?.pace.wait(begin, this.options.connectRate ?? 0, this.#now)
  }

  /** Whether it is checked for each client that its backend has read the PROXY header. */
  get checksHeaders(): boolean {
    return this.#prober.active && this.options.proxyProtocol !== 'None'
  }

  /** Whether clients may still be handed to an address that `take` has given. */
  usable(target: Target): boolean {
    return !this.#prober.active || this.#entries.get(target.label)?.proven === true
  }

  /** Why there is no address for a client, for a log line. */
  whyNone(): string {
    return whyNone([...this.#listed])
  }

  /** Whether `take` would still find an address. */
  hasOther(tried: ReadonlySet<Target>): boolean {
    return [...this.#listed].some((entry) => this.#mayTry(entry, tried))
  }

  /** The address has greeted a client: it works. @param silentMs how long it has kept the client waiting, 0 for less than the usual patience */
  greeted(target: Target, silentMs = 0): void {
    this.#change(target, (entry, now) => {
      if (silentMs === 0) entry.promptAt = now
      if (entry.proven || !this.#prober.active) markWorking(entry, now)
    })
  }

  /** A call for a client has failed. Only what does not depend on the client is a failure of the address; what else there is, a probe finds out. */
  callFailed(target: Target, { tells, reason }: CallFailed): void {
    if (tells === 'local') return this.abandoned(target)
    if (tells === 'refused' || !this.#prober.active) return this.failed(target, reason)
    if (tells === 'malformed') return this.doubted(target)
    this.suspect(target)
  }

  /** The address has failed: it rests, twice as long each time. Sessions that fail together count once. It must be proven again: another program may come back. */
  failed(target: Target, reason: string): void {
    this.#change(target, (entry, now) => {
      entry.proven = false
      markFailed(entry, 'failing', reason, now, this.#prober.regular ? longestRestBetweenProbesMs : longestRestMs)
      this.#prober.failed(entry, reason)
    })
    if (this.#timer !== undefined && this.#now() - this.#askedAt >= hastyRefreshMs) this.#askNames()
  }

  /** The address has refused the client with 4xx. That says something about the client, until clients of other networks are refused too: then a probe asks. */
  refused(target: Target, client: string, reason: string): void {
    if (!this.#prober.active) return this.failed(target, reason)
    const entry = this.#entries.get(target.label)
    if (entry === undefined) return
    if (entry.refused.size < refusedNetworks) entry.refused.add(networkOf(client))
    if (entry.refused.size >= refusedNetworks) this.suspect(target)
  }

  /** Something shows that the address does not do what has been proven: no client gets there until it is proven again. */
  doubted(target: Target): void {
    if (this.usable(target)) this.#change(target, (entry) => forgetProof(entry))
    this.suspect(target)
  }

  /** Something looks wrong, which may be the client's doing: a probe finds out. */
  suspect(target: Target): void {
    const entry = this.#entries.get(target.label)
    if (entry !== undefined && this.#listed.has(entry)) this.#prober.soon(entry)
  }

  /**
   * The address has taken a client's connection `silentMs` ago, and says nothing. If it has greeted none since, it may hang (its listen queue takes
   * connections all the same), which a probe finds out; one that greets others is slow for this client alone, as with a slow lookup of its name.
   * @returns whether another address should be asked beside it. Never when no other one works: a busy one is better than none.
   */
  silent(target: Target, silentMs: number): boolean {
    const entry = this.#entries.get(target.label)
    if (entry === undefined || entry.greetedAt > this.#now() - silentMs) return false
    const other = this.#otherWorks(entry)
    if (this.#prober.active) {
      if (entry.silentAt <= entry.greetedAt) entry.silentAt = this.#now()
      this.suspect(target)
    } else if (other) this.failed(target, silence(silentMs))
    return other
  }

  #probeSilent(entry: Entry, silentMs: number): void {
    if (!hangs(entry, silentMs, this.#listed)) return
    const verdict = { is: 'failed', reason: silence(silentMs), refused: false } as const
    this.#judged(entry, verdict)
    this.#prober.tell(entry, verdict)
  }

  #otherWorks(entry: Entry): boolean {
    return [...this.#listed].some((one) => one !== entry && one.state === 'working')
  }

  /** The client left before the address had greeted or failed: nothing was learnt. */
  abandoned(target: Target): void {
    const entry = this.#entries.get(target.label)
    if (entry !== undefined && !this.#prober.active) entry.trying = false
  }

  /** The session that `take` has booked is over. */
  release(target: Target): void {
    const entry = this.#entries.get(target.label)
    if (entry !== undefined) entry.sessions--
  }

  /** For readiness: whether a client that comes now is worth taking: a backend is reachable, or was until so lately that the client would only be held. */
  worthwhile(): boolean {
    return this.#lostAt === undefined || this.reachable() || this.#now() - this.#lostAt < (this.options.holdMs ?? 0)
  }

  /** Whether a client would find a backend now, as far as is known. */
  reachable(): boolean {
    return [...this.#listed].some(({ state }) => state === 'working' || (!this.#prober.active && state === 'unknown'))
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
        const entry = this.#entries.get(labelOf(address, name.port))
        if (entry === undefined) return []
        const { label, port, sessions, state, lastError } = entry
        return [{ label, address, port, sessions, state, lastError, restMs: Math.max(0, entry.restUntil - now) }]
      }),
    }))
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
    this.#prober.close()
    for (const ready of this.#waiting) ready()
  }

  /** Another process of this gateway has learnt something. */
  hear({ label, proxyProtocol, verdict }: ProofNews): void {
    const entry = this.#entries.get(label)
    if (entry === undefined || proxyProtocol !== this.options.proxyProtocol || this.options.shared?.isProber() !== false) return
    entry.lastVerdict = verdict
    this.#judged(entry, verdict)
  }

  /** Another process of this gateway asks for what is known of an address, or for a new probe of it. */
  asked(label: string, urgent: boolean): void {
    const entry = this.#entries.get(label)
    if (entry !== undefined && this.#listed.has(entry)) this.#prober.asked(entry, urgent)
  }

  /** What a probe has shown, one of our own or of another process of this gateway. */
  #judged(entry: Entry, verdict: Verdict): void {
    this.#change(entry, (_, now) => {
      switch (verdict.is) {
        case 'proven':
          entry.proven = true
          entry.provenAt = now
          markWorking(entry, now)
          return
        case 'misconfigured':
          entry.proven = false
          markFailed(entry, 'misconfigured', verdict.reason, now, longestRestMisconfiguredMs)
          return
        case 'failed':
          if (verdict.refused) entry.proven = false
          markFailed(entry, 'failing', verdict.reason, now, longestRestBetweenProbesMs)
          return
        case 'local':
          if (entry.state === 'unknown') entry.lastError = verdict.reason
      }
    })
  }

  #change(target: Target, change: (entry: Entry, now: number) => void): void {
    const entry = this.#entries.get(target.label)
    if (entry === undefined) return
    const before = entry.state
    entry.trying &&= this.#prober.active
    change(entry, this.#now())
    this.#noteReach()
    if (entry.state === before) return
    this.options.onChange?.(entry.label, before, entry.state, entry.lastError)
    if (entry.state === 'working') this.#held.releaseAll()
  }

  #noteReach(): void {
    this.#lostAt = this.reachable() ? undefined : (this.#lostAt ?? this.#now())
  }

  /** Makes the table of what the names stand for now. What is no longer named keeps its entry while it has sessions or is failing. */
  #takeAnswers(): void {
    if (this.#closed && this.#held.size === 0) return
    const listed = new Set<Entry>()
    for (const { name, addresses } of this.#names.current()) {
      for (const address of addresses) listed.add(this.#entry(address, name.port))
    }
    const isNew = [...listed].some((entry) => !this.#listed.has(entry))
    this.#listed = listed
    this.#noteReach()
    const now = this.#now()
    for (const [key, entry] of this.#entries) {
      if (!listed.has(entry) && entry.sessions === 0 && !rests(entry, now)) this.#entries.delete(key)
    }
    if (listed.size > 0 || this.#names.settled()) for (const ready of this.#waiting) ready()
    if (this.options.refreshMs !== 0) this.#probeDue()
    if (isNew && !this.#prober.active) this.#held.releaseAll()
  }

  #entry(address: string, port: number): Entry {
    const key = labelOf(address, port)
    const known = this.#entries.get(key)
    if (known !== undefined) return known
    const fresh = newEntry(address, port)
    this.#entries.set(key, fresh)
    return fresh
  }

  #probeDue(): void {
    if (!this.#closed) this.#prober.probeDue(this.#listed, this.#held.size > 0)
  }
}
