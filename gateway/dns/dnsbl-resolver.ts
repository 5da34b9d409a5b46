// Asks all DNSBL sites about a client, once for all sessions of that client that run at the same time.

import { systemClock } from '../../runtime/clock.ts'
import type { DnsblList } from '../core/dnsbl.ts'
import { dnsblQueryName } from '../core/dnsbl-query-name.ts'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { DnsblAnswer, DnsblError } from '../core/vocabulary.ts'
import { DnsClient, type DnsQuestion, type DnsResult, type DnsTimes } from './dns-client.ts'
import type { ServerStatus } from './dns-server.ts'

/** What a lookup asks: the lists of a policy, and whatever else its owner wants to know again when answers come. */
export interface Lists {
  /** Repetitions are asked once. */
  readonly lists: readonly DnsblList[]
}

export interface DnsblResolverSettings<R extends Lists = Lists> extends DnsTimes {
  /** DNS servers, IP addresses (an IPv6 address may have a %scope) and ports from 1. With none, every answer is an error. */
  readonly servers: readonly Endpoint[]
  /** Questions that are on their way at once; others wait. 8,192 take about 8 MB. */
  readonly maxInFlight: number
  /** Called once for each question of a shared lookup, before its listeners, with its answer or why there is none: for metrics, status and log. */
  readonly observe: (client: string, answer: DnsblAnswer, rules: R) => void
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number
}

/** Called once for each site; `complete` is true with the last one. */
export type DnsblListener = (answer: DnsblAnswer, complete: boolean) => void

export interface DnsblLookup {
  /**
   * No further answers, please. To be called at the end of every session that asked, also after the last answer; twice is harmless.
   * `overdue`: the session has waited for as long as its verdict could wait, so a list that has not answered has failed it.
   */
  cancel(why?: 'done' | 'overdue'): void
}

export interface DnsblStatus {
  readonly servers: readonly ServerStatus[]
  /** Flights that a session can join now. */
  readonly flights: number
  readonly inFlight: number
  readonly waiting: number
}

/** More finished flights than this are not kept for sessions to come. */
const mostSharedLookups = 20_000
/** Questions to one list that go on although every session has left. */
const mostOrphans = 16

/**
 * A shared lookup is all questions about one client to one set of sites. A session that asks the same while it lasts joins it, and is told
 * the answers that are already in. It lasts as long as a session listens, but no longer than `timeoutMs`; then or when the last one
 * has cancelled, the next session starts a new one, and nothing of the old one reaches it (psc_dnsbl_request has it so: no
 * cache, and no answers of an earlier session).
 *
 * Every question ends in a report to `observe`, so that a list that is dead shows whatever the times of the sessions are: as a timeout when the
 * last session has waited as long as it could, and else, after sessions that left early, for some questions that go on without a listener.
 *
 * postscreen incompatibility: a site that does not answer counts as answered (with an error) after `timeoutMs`.
 */
export class DnsblResolver<R extends Lists = Lists> {
  readonly #client: DnsClient
  readonly #now: () => number
  readonly #observe: (client: string, answer: DnsblAnswer, rules: R) => void
  /** By client and sites, in the order of their starts. */
  readonly #lookups = new Map<string, SharedLookup<R>>()
  /** By the domain of the list. */
  readonly #orphans = new Map<string, number>()
  /** A policy hands in the same rules each time. */
  readonly #sites = new WeakMap<R, SiteSet>()
  #timeoutMs: number
  #closed = false

  constructor(settings: DnsblResolverSettings<R>) {
    this.#now = settings.now ?? systemClock.now
    this.#timeoutMs = settings.timeoutMs
    this.#observe = settings.observe
    this.#client = new DnsClient({ ...settings, now: this.#now })
  }

  /**
   * Asks each list of `rules` (not to be changed afterwards) about `client`, an IP address. A list's key is part of the question only: answers,
   * counts and errors have its domain.
   * The listener is never called before `lookup` returns. It gets one answer for each site, errors included, in the order in which they
   * come, until it cancels. With no lists it is never called.
   */
  lookup(client: string, rules: R, listener: DnsblListener): DnsblLookup {
    this.#forgetOld()
    const sites = this.#siteSetOf(rules)
    const key = `${client} ${sites.key}`
    let shared = this.#lookups.get(key)
    if (shared === undefined) {
      const now = this.#now()
      shared = {
        key,
        client,
        sites,
        rules,
        answers: [],
        listeners: new Set(),
        questions: new Map(),
        beganAt: now,
        endsAt: now + this.#timeoutMs,
      }
      if (!this.#closed) this.#start(shared)
    }
    return this.#join(shared, listener)
  }

  status(): DnsblStatus {
    this.#forgetOld()
    return { servers: this.#client.serverStatus(), flights: this.#lookups.size, ...this.#client.counts() }
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
    for (const shared of this.#lookups.values()) shared.listeners.clear()
    this.#lookups.clear()
    this.#client.close()
  }

  #start(shared: SharedLookup<R>): void {
    this.#lookups.set(shared.key, shared)
    for (const list of shared.sites.lists) {
      const name = dnsblQueryName(shared.client, zoneOf(list))
      if (name === undefined) this.#answer(shared, answerOf(list, noQueryName))
      else
        shared.questions.set(
          list,
          this.#client.ask(name, list.domain, (result) => this.#onResult(shared, list, result)),
        )
    }
  }

  /** Listeners get their answers from here and from #answer only; a new one not before the current call is over. */
  #join(shared: SharedLookup<R>, tell: DnsblListener): DnsblLookup {
    const listener: Listener = { tell, told: 0, isAwake: false }
    shared.listeners.add(listener)
    queueMicrotask(() => {
      listener.isAwake = true
      tellNews(shared, listener)
    })
    return { cancel: (why = 'done') => this.#leave(shared, listener, why) }
  }

  #leave(shared: SharedLookup<R>, listener: Listener, why: 'done' | 'overdue'): void {
    if (!shared.listeners.delete(listener) || shared.listeners.size > 0) return
    if (this.#lookups.get(shared.key) === shared) this.#lookups.delete(shared.key)
    for (const [list, question] of shared.questions) {
      if (why === 'done' && this.#keepsOrphan(list)) continue
      question.cancel()
      shared.questions.delete(list)
      if (why === 'overdue') this.#report(shared, answerOf(list, { addresses: [], ttl: -1, error: this.#overdue(shared) }))
    }
  }

  /** A session that leaves early says nothing about the list, so some questions go on. They tell whether it answers at all. */
  #keepsOrphan({ domain }: DnsblList): boolean {
    const orphans = this.#orphans.get(domain) ?? 0
    if (orphans >= mostOrphans) return false
    this.#orphans.set(domain, orphans + 1)
    return true
  }

  #overdue({ beganAt }: SharedLookup<R>): DnsblError {
    return { kind: 'overdue', text: `no answer within ${((this.#now() - beganAt) / 1000).toFixed(1)} s` }
  }

  #onResult(shared: SharedLookup<R>, list: DnsblList, result: DnsResult): void {
    shared.questions.delete(list)
    if (shared.listeners.size === 0) {
      const orphans = (this.#orphans.get(list.domain) ?? 1) - 1
      if (orphans > 0) this.#orphans.set(list.domain, orphans)
      else this.#orphans.delete(list.domain)
    }
    this.#answer(shared, answerOf(list, result))
  }

  #answer(shared: SharedLookup<R>, answer: DnsblAnswer): void {
    shared.answers.push(answer)
    if (isComplete(shared) && this.#lookups.size > mostSharedLookups && this.#lookups.get(shared.key) === shared)
      this.#lookups.delete(shared.key)
    this.#report(shared, answer)
    // Listeners may leave and others may join while this goes on: a Set bears that, and those who join are not awake yet.
    for (const listener of shared.listeners) tellNews(shared, listener)
  }

  #report({ client, rules }: SharedLookup<R>, answer: DnsblAnswer): void {
    guarded(() => this.#observe(client, answer, rules))
  }

  #forgetOld(): void {
    const now = this.#now()
    for (const [key, shared] of this.#lookups) {
      if (shared.endsAt > now) break
      this.#lookups.delete(key)
    }
  }

  #siteSetOf(rules: R): SiteSet {
    let sites = this.#sites.get(rules)
    if (sites === undefined) {
      // With the account: the answers that are told to those who join have it.
      const unique = new Map(rules.lists.map((list) => [`${list.account ?? ''}:${zoneOf(list)}`, list]))
      sites = { lists: [...unique.values()], key: [...unique.keys()].toSorted().join(' ') }
      this.#sites.set(rules, sites)
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

interface SharedLookup<R> {
  readonly key: string
  readonly client: string
  readonly sites: SiteSet
  /** Of the session that started it. */
  readonly rules: R
  readonly answers: DnsblAnswer[]
  readonly listeners: Set<Listener>
  /** Those that are still open. */
  readonly questions: Map<DnsblList, DnsQuestion>
  readonly beganAt: number
  readonly endsAt: number
}

interface Listener {
  readonly tell: DnsblListener
  /** How many of the answers it has got. */
  told: number
  isAwake: boolean
}

function isComplete(shared: SharedLookup<unknown>): boolean {
  return shared.answers.length === shared.sites.lists.length
}

function tellNews(shared: SharedLookup<unknown>, listener: Listener): void {
  while (listener.isAwake && shared.listeners.has(listener)) {
    const answer = shared.answers[listener.told]
    if (answer === undefined) return
    listener.told++
    const complete = listener.told === shared.sites.lists.length
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
