// Which backend gets the next client: the one with the fewest sessions among those that work. Failing ones rest for a while.
import type { BackendCall, Connect, Destination } from './backend-call.ts'
import { BackendNames, type Lookup, lookupBySystem } from './backend-names.ts'
import { probe } from './backend-probe.ts'
import { HeldClients } from './held-clients.ts'
import { type Candidate, precedes, rests, type TargetState } from './precedence.ts'

export type ProxyVersion = 'V2' | 'V1' | 'None'

export interface BackendOptions {
  /** HOST:PORT texts that the policy has checked. */
  readonly addresses: readonly string[]
  readonly proxyProtocol: ProxyVersion
  readonly connectTimeoutMs: number
  readonly greetingTimeoutMs: number
  /** How long a client is held while no address takes it. 0 when left out. */
  readonly holdMs?: number
  /** For how long an address that is new or works again gets fewer clients than the others. 0 when left out. */
  readonly slowStartMs?: number
  /** How long an address that has taken a client's connection may say nothing before another one is asked too. 1 s when left out. */
  readonly patienceMs?: number
  /** How often names are looked up again. 2 s when left out; 0: only by `refresh`, and no probe is made either. */
  readonly refreshMs?: number
  /** A backend of which no session has told anything for this long is asked by a probe. 30 s when left out; 0: no probes. */
  readonly probeAfterMs?: number
  /** How long a client may stay silent when its backend has ended the session. 60 s when left out. */
  readonly lingerMs?: number
  /** Milliseconds that only go forward. */
  readonly now?: () => number
  readonly lookup?: Lookup
  readonly connect?: Connect
}

/** One address of a backend. */
export interface Target extends Destination {
  /** `10.0.0.5:10025`, `[2001:db8::5]:10025`: for logs. */
  readonly label: string
}

export interface TargetStatus extends Target {
  readonly sessions: number
  readonly state: TargetState
  /** Why it failed the last time, when it has not worked since. */
  readonly lastError: string | undefined
  /** Milliseconds until it is tried again while others work; 0 when it may be. */
  readonly restMs: number
}

export interface BackendStatus {
  readonly backend: string
  /** Why the last lookup of the name failed. */
  readonly lookupError: string | undefined
  readonly addresses: readonly TargetStatus[]
}

type Mutable<T> = { -readonly [key in keyof T]: T[key] }

interface Entry extends Target, Mutable<Candidate> {
  /** Failures in a row, one a rest. */
  failures: number
  lastError: string | undefined
  heardAt: number
  greetedAt: number
}

const firstRestMs = 1000
const longestRestMs = 30_000
/** A probe costs a backend next to nothing, and one that is back should not wait for it. */
const longestRestBetweenProbesMs = 4000
const waitForNamesMs = 5000
/**
 * A Service's name stands for other addresses within a second or two of a change, if its DNS server knows: CoreDNS itself is up to 5 s late.
 * A lookup by search list is some six questions, so a gateway asks about three a second.
 */
const usualRefreshMs = 2000
/** An address that fails is a reason to look the name up at once, but not for each of a crowd of clients. */
const hastyRefreshMs = 250

function label(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** The table of backend addresses. Give it up with `close`; sessions that run are not touched. */
export class Backends {
  readonly options: BackendOptions
  readonly #names: BackendNames
  readonly #now: () => number
  readonly #entries: Map<string, Entry>
  readonly #waiting = new Set<() => void>()
  readonly #probes = new Map<BackendCall, Entry>()
  readonly #timer: NodeJS.Timeout | undefined
  readonly #held = new HeldClients(() => this.#look())
  #askedAt = Number.NEGATIVE_INFINITY
  #listed = new Set<Entry>()
  #uses = 0
  #closed = false
  /** When the last address that worked stopped working; undefined while one does. */
  #lostAt: number | undefined = Number.NEGATIVE_INFINITY

  /** Throws for an address that is no HOST:PORT. What `previous` has learnt goes on to count (a changed policy); close it afterwards. */
  constructor(options: BackendOptions, previous?: Backends) {
    this.options = options
    this.#now = options.now ?? (() => performance.now())
    this.#entries = new Map(previous === undefined ? [] : previous.#entries)
    this.#names = new BackendNames(options.addresses, options.lookup ?? lookupBySystem, () => this.#takeAnswers())
    if (previous !== undefined) {
      this.#names.inherit(previous.#names)
      // Clients that come while the new addresses are being asked are held; that is no reason to send them away.
      this.#lostAt = previous.#lostAt ?? this.#now()
    }
    const refreshMs = options.refreshMs ?? usualRefreshMs
    this.#timer = refreshMs > 0 ? setInterval(() => this.refresh(), refreshMs).unref() : undefined
    this.#takeAnswers()
    if (refreshMs > 0) this.#askNames()
  }

  /** Looks the names up again and probes what has been silent for long; happens by itself every `refreshMs`. */
  refresh(): void {
    this.#askNames()
    this.#probeSilent()
  }

  #askNames(): void {
    this.#askedAt = this.#now()
    this.#names.refresh()
  }

  /**
   * For a client that no address takes: calls back once, when a name stands for a new address, when an address works again, or when it is this
   * client's turn to find out. @returns how to lose interest
   */
  hold(ready: () => void): () => void {
    return this.#held.add(ready)
  }

  /** While clients are held, the names may change, and an address be found to work by somebody else. */
  #look(): 'hope' | 'none' {
    this.#askNames()
    return [...this.#listed].some(({ state }) => state === 'working') ? 'hope' : 'none'
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
   * Failing ones come last: when nothing else works they are tried nevertheless.
   */
  take(tried: ReadonlySet<Target>): Target | undefined {
    return this.#book(this.#next((entry) => !tried.has(entry)))
  }

  /** The same, but only an address that is not known to fail. */
  takeGood(tried: ReadonlySet<Target>): Target | undefined {
    return this.#book(this.#next((entry) => !tried.has(entry) && entry.state !== 'failing'))
  }

  /** Whether probes are made without being asked for. */
  get #probed(): boolean {
    return this.options.refreshMs !== 0 && this.options.probeAfterMs !== 0
  }

  #next(eligible: (entry: Entry) => boolean): Entry | undefined {
    const moment = { now: this.#now(), slowStartMs: this.options.slowStartMs ?? 0, probed: this.#probed }
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
    if (entry.state === 'failing') entry.trying = true
    return entry
  }

  /** Whether `take` would still find an address. */
  hasOther(tried: ReadonlySet<Target>): boolean {
    return [...this.#listed].some((entry) => !tried.has(entry))
  }

  /** The address has greeted: it works. */
  greeted(target: Target): void {
    this.#hear(target, (entry, now) => {
      if (entry.state !== 'working') entry.workingSince = now
      entry.state = 'working'
      entry.greetedAt = now
      entry.failures = 0
      entry.restUntil = 0
      entry.lastError = undefined
    })
    this.#held.releaseAll()
  }

  /** The address has failed: it rests, twice as long each time. Sessions that fail together count once. */
  failed(target: Target, reason: string): void {
    this.#hear(target, (entry, now) => {
      entry.lastError = reason
      if (entry.state === 'failing' && now < entry.restUntil) return
      entry.state = 'failing'
      entry.restUntil = now + Math.min(firstRestMs * 2 ** entry.failures, this.#probed ? longestRestBetweenProbesMs : longestRestMs)
      entry.failures = Math.min(entry.failures + 1, 16)
    })
    if (this.#timer !== undefined && this.#now() - this.#askedAt >= hastyRefreshMs) this.#askNames()
  }

  /**
   * The address has taken a client's connection `silentMs` ago, and says nothing. If it has greeted nobody since, it may hang (its listen queue takes
   * connections all the same), and it rests; one that greets others is slow for this client alone, as with a slow lookup of its name.
   * @returns whether another address should be asked beside it. Never when no other one works: a busy one is better than none.
   */
  silent(target: Target, silentMs: number): boolean {
    const entry = this.#entries.get(target.label)
    if (entry === undefined || entry.greetedAt > this.#now() - silentMs) return false
    const other = [...this.#listed].some((one) => one !== entry && one.state === 'working')
    if (other) this.failed(target, `no greeting for ${Math.round(silentMs / 100) / 10} s`)
    return other
  }

  /** The client left before the address had greeted or failed: nothing was learnt. */
  abandoned(target: Target): void {
    const entry = this.#entries.get(target.label)
    if (entry !== undefined) entry.trying = false
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
    const unknownCounts = this.options.probeAfterMs === 0
    return [...this.#listed].some(({ state }) => state === 'working' || (unknownCounts && state === 'unknown'))
  }

  /** Addresses by state, each state included. */
  counts(): Readonly<Record<TargetState, number>> {
    const counts = { unknown: 0, working: 0, failing: 0 }
    for (const { state } of this.#listed) counts[state]++
    return counts
  }

  status(): BackendStatus[] {
    const now = this.#now()
    return this.#names.current().map(({ name, addresses, error }) => ({
      backend: name.text,
      lookupError: error,
      addresses: addresses.flatMap((address) => {
        const entry = this.#entries.get(label(address, name.port))
        if (entry === undefined) return []
        const { label: text, port, sessions, state, lastError } = entry
        return [{ label: text, address, port, sessions, state, lastError, restMs: Math.max(0, entry.restUntil - now) }]
      }),
    }))
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
    for (const [call, entry] of this.#probes) {
      call.giveUp()
      // The entry may live on in the next table.
      entry.trying = false
    }
    for (const ready of this.#waiting) ready()
  }

  #hear(target: Target, change: (entry: Entry, now: number) => void): void {
    const entry = this.#entries.get(target.label)
    if (entry === undefined) return
    const now = this.#now()
    entry.heardAt = now
    entry.trying = false
    change(entry, now)
    this.#noteReach()
  }

  #noteReach(): void {
    this.#lostAt = this.reachable() ? undefined : (this.#lostAt ?? this.#now())
  }

  /** Makes the table of what the names stand for now. Who is no longer named keeps its entry while it has sessions or is failing. */
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
    if (this.options.refreshMs !== 0) this.#probeSilent()
    if (isNew) this.#held.releaseAll()
  }

  #entry(address: string, port: number): Entry {
    const key = label(address, port)
    const known = this.#entries.get(key)
    if (known !== undefined) return known
    const fresh = {
      sessions: 0,
      state: 'unknown' as const,
      failures: 0,
      restUntil: 0,
      trying: false,
      lastError: undefined,
      heardAt: 0,
      greetedAt: Number.NEGATIVE_INFINITY,
      workingSince: 0,
      usedAs: 0,
    }
    const entry: Entry = { label: key, address, port, ...fresh }
    this.#entries.set(key, entry)
    return entry
  }

  #probeSilent(): void {
    const after = this.options.probeAfterMs ?? 30_000
    if (after === 0 || this.#closed) return
    const now = this.#now()
    for (const entry of this.#listed) {
      if (entry.trying) continue
      const due = entry.state === 'failing' ? now >= entry.restUntil : entry.state === 'unknown' || now - entry.heardAt >= after
      if (due) this.#probe(entry)
    }
  }

  #probe(entry: Entry): void {
    entry.trying = true
    const call = probe(entry, this.options, (failure) => {
      this.#probes.delete(call)
      if (failure === undefined) this.greeted(entry)
      else this.failed(entry, failure)
    })
    this.#probes.set(call, entry)
  }
}
