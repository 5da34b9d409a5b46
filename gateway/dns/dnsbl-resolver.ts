// Asks all DNS lists about a client, once for all simultaneous sessions of that client.
//
// dns-client.ts explains why it does not use node:dns. What this file adds is not DNS: sharing of a lookup between
// sessions without a cache, because postscreen keeps none either.

import { systemClock } from '../../runtime/clock.ts'
import type { DnsblList } from '../core/dnsbl.ts'
import { dnsblQueryName } from '../core/dnsbl-query-name.ts'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { OpenDatagramSocket } from '../sockets/datagram-socket.ts'
import type { DnsblAnswer, DnsblError } from '../core/vocabulary.ts'
import { DnsClient, type DnsQuestion, type DnsResult, type DnsTimes } from './dns-client.ts'
import type { QueryType } from './dns-message.ts'
import type { ServerStatus } from './dns-server.ts'

/**
 * What a lookup asks: the lists of a policy. The caller's own type can hold more, which comes back with the answers.
 */
export interface Lists {
  /** A list that occurs twice is asked once. */
  readonly lists: readonly DnsblList[]
}

export interface DnsblResolverSettings<R extends Lists = Lists> extends DnsTimes {
  /**
   * DNS servers, IP addresses (an IPv6 address may have a %scope) and ports from 1. With none, every answer is an
   * error.
   */
  readonly servers: readonly Endpoint[]
  /** Questions in flight at once; others wait. 8,192 take about 8 MB. */
  readonly maxInFlight: number
  /** Opens UDP sockets; those of Node when left out. */
  readonly openSocket?: OpenDatagramSocket
  /**
   * Called once for each question of a shared lookup, before its listeners, with the answer or why there is none: for
   * metrics, status and log.
   */
  readonly observe: (client: string, answer: DnsblAnswer, rules: R) => void
  /** Called once for a lookup when all its questions are answered, with what the listeners got. */
  readonly completed?: (client: string, answers: readonly DnsblAnswer[], rules: R) => void
  /** Whether the answers of a list about a client count; see DnsblAnswer. Default: they do. */
  readonly standing?: (list: DnsblList, client: string) => DnsblAnswer['standing']
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number
}

/** Called once for each site; `complete` is true with the last one. */
export type DnsblListener = (answer: DnsblAnswer, complete: boolean) => void

export interface DnsblLookup {
  /**
   * Stops further answers. Must be called at the end of every session that asked, also after the last answer. Calling
   * it twice does no harm. `overdue`: the session has waited as long as its decision could wait, so a list that has not
   * answered counts as failed.
   */
  cancel(why?: 'done' | 'overdue'): void
}

export interface DnsblStatus {
  readonly servers: readonly ServerStatus[]
  /** Shared lookups that a session can join now. */
  readonly flights: number
  readonly inFlight: number
  readonly waiting: number
}

/** Finished lookups beyond this number are not kept for further sessions. */
const mostSharedLookups = 20_000
/** Questions to one list that stay open although every session has left. */
const mostOrphans = 16

/**
 * A shared lookup is all questions about one client to one set of lists. A session that asks the same while it lasts
 * joins it, and gets the answers that have already come. It lasts as long as a session listens, but no longer than
 * `timeoutMs`. After that the next session starts a new lookup and gets nothing of the old one (as psc_dnsbl_request:
 * no cache, and no answers of an earlier session).
 *
 * Every question ends in a report to `observe`, so that a list that is down is noticed however long sessions last: as a
 * timeout when the last session has waited as long as it could. After sessions that left early, some questions stay
 * open without a listener for this purpose.
 *
 * postscreen incompatibility: a site that does not answer counts as answered (with an error) after `timeoutMs`.
 */
export class DnsblResolver<R extends Lists = Lists> {
  readonly #client: DnsClient
  readonly #now: () => number
  readonly #observe: (client: string, answer: DnsblAnswer, rules: R) => void
  readonly #completed: (client: string, answers: readonly DnsblAnswer[], rules: R) => void
  readonly #standing: (list: DnsblList, client: string) => DnsblAnswer['standing']
  /** By client and sites, in the order of their starts. */
  readonly #lookups = new Map<string, SharedLookup<R>>()
  /** By the domain of the list. */
  readonly #orphans = new Map<string, number>()
  /** A policy passes in the same rules each time. */
  readonly #sites = new WeakMap<R, SiteSet>()
  #timeoutMs: number
  #closed = false

  constructor(settings: DnsblResolverSettings<R>) {
    this.#now = settings.now ?? systemClock.now
    this.#timeoutMs = settings.timeoutMs
    this.#observe = settings.observe
    this.#completed = settings.completed ?? (() => undefined)
    this.#standing = settings.standing ?? (() => undefined)
    this.#client = new DnsClient({ ...settings, now: this.#now })
  }

  /**
   * Asks each list of `rules` (which must not change afterwards) about `client`, an IP address. A list's key is only
   * part of the question: answers, counts and errors have its domain. The listener is never called before `lookup`
   * returns. It gets one answer for each list, errors included, in the order in which they come, until it cancels.
   * Without lists it is never called.
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

  /** Asks for the records of a name, outside of any lookup. Resolves with the result, errors included. */
  ask(name: string, flow: string, type: QueryType = 'A'): Promise<DnsResult> {
    return new Promise((resolve) => this.#client.ask(name, flow, resolve, type))
  }

  status(): DnsblStatus {
    this.#forgetOld()
    return { servers: this.#client.serverStatus(), flights: this.#lookups.size, ...this.#client.counts() }
  }

  /** New lookups ask these servers. */
  updateServers(servers: readonly Endpoint[]): void {
    this.#client.updateServers(servers)
  }

  /** New lookups have these time limits. */
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
      if (this.#standing(list, shared.client) === 'suspended') this.#answerWith(shared, suspendedAnswer(list))
      else if (name === undefined) this.#answer(shared, answerOf(list, noQueryName))
      else
        shared.questions.set(
          list,
          this.#client.ask(name, list.domain, (result) => this.#onResult(shared, list, result)),
        )
    }
  }

  /** Listeners get answers only from here and from #answer; a new one not before the current call has returned. */
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

  /**
   * A session that leaves early shows nothing about the list, so some questions stay open to find out whether the list
   * answers at all.
   */
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
    // The list may have been suspended meanwhile.
    this.#answer(shared, answerOf(list, result), this.#standing(list, shared.client))
  }

  /** @param standing of the list: for the listeners only, because the report is about what the list has answered */
  #answer(shared: SharedLookup<R>, answer: DnsblAnswer, standing?: DnsblAnswer['standing']): void {
    this.#report(shared, answer)
    this.#answerWith(shared, standing === undefined ? answer : { ...answer, standing })
  }

  #answerWith(shared: SharedLookup<R>, answer: DnsblAnswer): void {
    shared.answers.push(answer)
    if (isComplete(shared)) guarded(() => this.#completed(shared.client, shared.answers, shared.rules))
    if (isComplete(shared) && this.#lookups.size > mostSharedLookups && this.#lookups.get(shared.key) === shared)
      this.#lookups.delete(shared.key)
    // Listeners may leave and join during this loop. A Set allows that, and new ones are not awake yet.
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
      // With the account, because answers contain it.
      const unique = new Map(rules.lists.map((list) => [`${list.account ?? ''}:${zoneOf(list)}`, list]))
      sites = { lists: [...unique.values()], key: [...unique.keys()].toSorted().join(' ') }
      this.#sites.set(rules, sites)
    }
    return sites
  }
}

const noQueryName: DnsResult = { addresses: [], ttl: -1, error: { kind: 'local', text: 'no query name for this client and site' } }

/** The end of the name in the question, with the key. */
export function zoneOf({ domain, key }: DnsblList): string {
  return key === undefined ? domain : `${key.reveal()}.${domain}`
}

interface SiteSet {
  readonly lists: readonly DnsblList[]
  /** Contains the keys: only for comparing. */
  readonly key: string
}

interface SharedLookup<R> {
  readonly key: string
  readonly client: string
  readonly sites: SiteSet
  /** Of the session that started the lookup. */
  readonly rules: R
  readonly answers: DnsblAnswer[]
  readonly listeners: Set<Listener>
  /** Those that are open. */
  readonly questions: Map<DnsblList, DnsQuestion>
  readonly beganAt: number
  readonly endsAt: number
}

interface Listener {
  readonly tell: DnsblListener
  /** How many answers it has received. */
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

/** An exception of one listener must not affect the others, and must not be hidden: it is thrown again later. */
function guarded(call: () => void): void {
  try {
    call()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}

const suspendedAnswer = ({ domain, account }: DnsblList): DnsblAnswer => ({
  domain,
  ...(account !== undefined && { account }),
  addresses: [],
  ttl: -1,
  standing: 'suspended',
})

function answerOf({ domain, account }: DnsblList, { addresses, ttl, error }: DnsResult): DnsblAnswer {
  return { domain, ...(account !== undefined && { account }), addresses, ttl, ...(error !== undefined && { error }) }
}
