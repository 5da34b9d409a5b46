// Asks all DNSBL sites about a client, once for all sessions of that client that run at the same time.

import type { DnsblList } from '../../core/dnsbl.ts'
import { dnsblQueryName } from '../../core/dnsbl-query-name.ts'
import type { DnsblAnswer, Endpoint } from '../../core/vocabulary.ts'
import { DnsClient, type DnsQuestion, type DnsResult, type DnsTimes } from './dns-client.ts'
import type { ServerStatus } from './dns-server.ts'
import { SiteCounts, type SiteStatus } from './dnsbl-status.ts'

export interface DnsblResolverSettings extends DnsTimes {
  /** DNS servers, IP addresses (an IPv6 address may have a %scope) and ports from 1. With none, every answer is an error. */
  readonly servers: readonly Endpoint[]
  /** Questions that are on their way at once; others wait. 8,192 take about 8 MB. */
  readonly maxInFlight: number
  /** Called once for each answer of a flight, before its listeners: for the log and the metrics. */
  readonly observe: (client: string, answer: DnsblAnswer) => void
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number
}

/** Called once for each site; `complete` is true with the last one. */
export type DnsblListener = (answer: DnsblAnswer, complete: boolean) => void

export interface DnsblLookup {
  /** No further answers, please. To be called at the end of every session that asked, also after the last answer; twice is harmless. */
  cancel(): void
}

export interface DnsblStatus {
  readonly sites: readonly SiteStatus[]
  readonly servers: readonly ServerStatus[]
  /** Flights that a session can join now. */
  readonly flights: number
  readonly inFlight: number
  readonly waiting: number
}

/** More finished flights than this are not kept for sessions to come. */
const mostFlights = 20_000

/**
 * A flight is all questions about one client to one set of sites. A session that asks the same while it lasts joins it, and is told
 * the answers that are already in. It lasts as long as a session listens, but no longer than `timeoutMs`; then or when the last one
 * has cancelled, the next session starts a new flight, and nothing of the old one reaches it (psc_dnsbl_request has it so: no
 * cache, and no answers of an earlier session).
 *
 * postscreen incompatibility: a site that does not answer counts as answered (with an error) after `timeoutMs`.
 */
export class DnsblResolver {
  readonly #client: DnsClient
  readonly #now: () => number
  readonly #observe: (client: string, answer: DnsblAnswer) => void
  readonly #counts = new SiteCounts()
  /** By client and sites, in the order of their starts. */
  readonly #flights = new Map<string, Flight>()
  /** A policy hands in the same array each time. */
  readonly #sites = new WeakMap<readonly DnsblList[], SiteSet>()
  #timeoutMs: number
  #closed = false

  constructor(settings: DnsblResolverSettings) {
    this.#now = settings.now ?? (() => performance.now())
    this.#timeoutMs = settings.timeoutMs
    this.#observe = settings.observe
    this.#client = new DnsClient({ ...settings, now: this.#now })
  }

  /**
   * Asks each of `lists` (repetitions are asked once; not to be changed afterwards) about `client`, an IP address. A list's key is part of the
   * question only: answers, counts and errors have its domain.
   * The listener is never called before `lookup` returns. It gets one answer for each site, errors included, in the order in which they
   * come, until it cancels. With no lists it is never called.
   */
  lookup(client: string, lists: readonly DnsblList[], listener: DnsblListener): DnsblLookup {
    this.#forgetOld()
    const sites = this.#siteSetOf(lists)
    const key = `${client} ${sites.key}`
    let flight = this.#flights.get(key)
    if (flight === undefined) {
      flight = { key, client, sites, answers: [], listeners: new Set(), questions: [], endsAt: this.#now() + this.#timeoutMs }
      if (!this.#closed) this.#start(flight)
    }
    return this.#join(flight, listener)
  }

  status(): DnsblStatus {
    this.#forgetOld()
    return { sites: this.#counts.all(), servers: this.#client.serverStatus(), flights: this.#flights.size, ...this.#client.counts() }
  }

  /** Lookups from now on ask these servers. */
  updateServers(servers: readonly Endpoint[]): void {
    this.#client.updateServers(servers)
  }

  /** Lookups from now on have these limits. */
  updateTimes(times: DnsTimes): void {
    this.#timeoutMs = times.timeoutMs
    this.#client.updateTimes(times)
  }

  /** Ends all lookups without answers, closes all sockets. */
  close(): void {
    this.#closed = true
    for (const flight of this.#flights.values()) flight.listeners.clear()
    this.#flights.clear()
    this.#client.close()
  }

  #start(flight: Flight): void {
    this.#flights.set(flight.key, flight)
    for (const list of flight.sites.lists) {
      const name = dnsblQueryName(flight.client, zoneOf(list))
      if (name === undefined) this.#answer(flight, answerOf(list, noQueryName))
      else flight.questions.push(this.#client.ask(name, list.domain, (result) => this.#answer(flight, answerOf(list, result))))
    }
  }

  /** Listeners get their answers from here and from #answer only; a new one not before the current call is over. */
  #join(flight: Flight, tell: DnsblListener): DnsblLookup {
    const listener: Listener = { tell, told: 0, isAwake: false }
    flight.listeners.add(listener)
    queueMicrotask(() => {
      listener.isAwake = true
      tellNews(flight, listener)
    })
    return { cancel: () => this.#leave(flight, listener) }
  }

  #leave(flight: Flight, listener: Listener): void {
    if (!flight.listeners.delete(listener) || flight.listeners.size > 0) return
    for (const question of flight.questions) question.cancel()
    if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key)
  }

  #answer(flight: Flight, answer: DnsblAnswer): void {
    flight.answers.push(answer)
    if (isComplete(flight) && this.#flights.size > mostFlights) this.#flights.delete(flight.key)
    this.#counts.count(answer, Date.now())
    guarded(() => this.#observe(flight.client, answer))
    // Listeners may leave and others may join while this goes on: a Set bears that, and those who join are not awake yet.
    for (const listener of flight.listeners) tellNews(flight, listener)
  }

  #forgetOld(): void {
    const now = this.#now()
    for (const [key, flight] of this.#flights) {
      if (flight.endsAt > now) break
      this.#flights.delete(key)
    }
  }

  #siteSetOf(lists: readonly DnsblList[]): SiteSet {
    let sites = this.#sites.get(lists)
    if (sites === undefined) {
      // With the account: the answers that are told to those who join have it.
      const unique = new Map(lists.map((list) => [`${list.account ?? ''}:${zoneOf(list)}`, list]))
      sites = { lists: [...unique.values()], key: [...unique.keys()].toSorted().join(' ') }
      this.#sites.set(lists, sites)
    }
    return sites
  }
}

const noQueryName: DnsResult = { addresses: [], ttl: -1, error: { kind: 'local', text: 'no query name for this client and site' } }

/** The end of the name that is asked for. */
function zoneOf({ domain, key }: DnsblList): string {
  return key === undefined ? domain : `${key.reveal()}.${domain}`
}

interface SiteSet {
  readonly lists: readonly DnsblList[]
  /** Holds the keys: for comparing only. */
  readonly key: string
}

interface Flight {
  readonly key: string
  readonly client: string
  readonly sites: SiteSet
  readonly answers: DnsblAnswer[]
  readonly listeners: Set<Listener>
  readonly questions: DnsQuestion[]
  readonly endsAt: number
}

interface Listener {
  readonly tell: DnsblListener
  /** How many of the answers it has got. */
  told: number
  isAwake: boolean
}

function isComplete(flight: Flight): boolean {
  return flight.answers.length === flight.sites.lists.length
}

function tellNews(flight: Flight, listener: Listener): void {
  while (listener.isAwake && flight.listeners.has(listener)) {
    const answer = flight.answers[listener.told]
    if (answer === undefined) return
    listener.told++
    const complete = listener.told === flight.sites.lists.length
    guarded(() => listener.tell(answer, complete))
  }
}

/** A fault of one listener must not keep the others from their answers, and is not ours to hide: it is thrown again, a little later. */
function guarded(call: () => void): void {
  try {
    call()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}

function answerOf({ domain, account }: DnsblList, { addresses, ttl, error }: DnsResult): DnsblAnswer {
  return { domain, ...(account !== undefined && { account }), addresses, ttl, ...(error !== undefined && { error }) }
}
