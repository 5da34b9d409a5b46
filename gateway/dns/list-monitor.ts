// Tests the DNS lists of the policy from time to time, and says which of them count.
//
// Jitter: every pause is longer or shorter by up to 20 %, and the lists begin one after the other, so that neither the
// lists of one gateway nor the gateways of one cluster are tested at the same moment. One worker of a gateway tests for
// all.
import type { DnsblList, DnsblRules } from '../core/dnsbl.ts'
import { dnsblQueryName } from '../core/dnsbl-query-name.ts'
import type { DnsblAnswer } from '../core/vocabulary.ts'
import { zoneOf } from './dnsbl-resolver.ts'
import type { ShareBounds, Suspicion } from './list-share.ts'
import type { ListChannel, ListMessage, ListNews } from './list-sharing.ts'
import { type Ask, randomLabel, type ResolverAnswers, testList, testResolver } from './list-test.ts'
import type { ResolverState } from './list-verdict.ts'
import { type StandingChange, WatchedList } from './watched-list.ts'

/** What a policy says about the tests. */
export interface ListTestRules {
  /** Between two tests of a healthy list; 0: no tests. */
  readonly everyMs: number
  /** Lists that cannot be trusted are not used. */
  readonly suspends: boolean
  readonly share: ShareBounds
}

/** With the lists of the policy. */
export interface MonitorRules extends ListTestRules {
  readonly dnsbl: DnsblRules
}

export interface MonitorEvents {
  /** `found`: this process has made the test. Otherwise another one has, and has logged the change. */
  readonly changed: (list: WatchedList, changes: readonly StandingChange[], found: boolean) => void
  readonly resolver: (state: ResolverState, before: ResolverState, rewritten: readonly string[]) => void
  readonly tested: (list: WatchedList) => void
}

export interface MonitorSettings {
  readonly ask: Ask
  readonly channel: ListChannel
  readonly events: MonitorEvents
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number
  /** Milliseconds since 1970. */
  readonly date: () => number
  /** As Math.random. */
  readonly random: () => number
  /** Calls later; returns how to cancel. */
  readonly later: (call: () => void, ms: number) => () => void
}

/** Between the first tests of two lists. */
const staggerMs = 200
/** The first test comes within this time after the start. */
const startMs = 500
/** Before a doubt that a client's answer raised is checked; a forged answer does not come twice. */
const doubtMs = 5000
/** Between two tests because of doubts. */
const doubtGapMs = 60_000
/** The same for a suspicious share. */
const shareGapMs = 5000
/** The same for a share that may be usual: doubled each time that the test finds nothing. */
const unfoundedGapMs = 120_000
const mostUnfounded = 8
/** A suspicion ends after this time, because a list that is suspended may see too few clients to end it. */
const suspicionMs = 6 * 3_600_000
/** The test of the DNS resolver holds for the tests of all lists that begin within this time. */
const resolverHoldsMs = 10_000
/** How often a process that does not test looks whether it has to. */
const lookMs = 10_000

export class ListMonitor {
  readonly #settings: MonitorSettings
  #rules: MonitorRules | undefined
  #watched = new Map<string, WatchedList>()
  /** For the path of each client: by the object of the policy. */
  #byList = new WeakMap<DnsblList, WatchedList>()
  #timers = new Map<WatchedList, () => void>()
  #resolver: { readonly at: number; readonly answers: Promise<ResolverAnswers> } | undefined
  #resolverState: ResolverState = 'works'
  #closed = false

  constructor(settings: MonitorSettings) {
    this.#settings = settings
  }

  /**
   * Uses the lists of a new policy. A list that is not new keeps its state, unless its key or its entry has changed.
   */
  use(rules: MonitorRules): void {
    this.#rules = rules
    const before = this.#watched
    this.#watched = new Map()
    for (const list of rules.everyMs === 0 ? [] : rules.dnsbl.lists.toReversed()) {
      const fresh = new WatchedList(list, rules.dnsbl, this.#settings.date())
      const known = before.get(fresh.name)
      const watched = known !== undefined && isSame(known, fresh) ? known : fresh
      this.#watched.set(watched.name, watched)
      this.#byList.set(list, watched)
    }
    for (const [watched, cancel] of this.#timers) {
      if (this.#watched.get(watched.name) === watched) continue
      cancel()
      this.#timers.delete(watched)
    }
    this.#begin()
  }

  /** Whether the answers of a list about a client count. */
  standing(list: DnsblList, client: string): DnsblAnswer['standing'] {
    if (this.#rules?.suspends !== true) return undefined
    return this.#byList.get(list)?.standingFor(client)
  }

  /** In the order of the policy. */
  lists(): readonly WatchedList[] {
    return [...this.#watched.values()]
  }

  get resolverState(): ResolverState {
    return this.#resolverState
  }

  /** The list has listed a client. */
  listed(name: string): void {
    const watched = this.#watched.get(name)
    if (watched === undefined || watched.hasListed) return
    watched.hasListed = true
    if (watched.shown.fault?.reason === 'NoTestEntry' && this.#settings.channel.isTester()) this.#schedule(watched, doubtMs)
  }

  /**
   * The answers of a list to clients raise a doubt: it is tested soon. A single wrong answer suspends nothing, because
   * it may be forged.
   * @param client the client whose answer should be checked; undefined if there was no answer
   */
  doubt(name: string, client: string | undefined): void {
    const watched = this.#watched.get(name)
    if (watched === undefined || watched.standing === 'suspended') return
    if (!this.#settings.channel.isTester()) {
      if (this.#settings.now() - watched.testedAt < doubtGapMs) return
      watched.testedAt = this.#settings.now()
      return this.#settings.channel.send({ is: 'doubt', list: name, client })
    }
    watched.doubt ??= client
    const at = Math.max(this.#settings.now() + doubtMs, watched.testedAt + (watched.turn > 1 ? doubtGapMs : 0))
    if (at < watched.dueAt) this.#schedule(watched, at - this.#settings.now())
  }

  /**
   * A list lists a suspicious share of clients: it is tested now. If the test finds nothing, it is suspended because of
   * the share, if that is sudden. Undefined: the share is usual again.
   */
  suspect(name: string, suspicion: Suspicion | undefined): void {
    const watched = this.#watched.get(name)
    if (watched === undefined) return
    const { now, channel } = this.#settings
    watched.suspicion = suspicion === undefined ? undefined : { ...suspicion, at: now() }
    if (!channel.isTester()) return channel.send({ is: 'share', list: name, suspicion })
    const gapMs = suspicion?.isSudden === false ? unfoundedGapMs * 2 ** watched.unfounded : shareGapMs
    const at = watched.testedAt + (watched.turn > 0 ? gapMs : 0)
    const ms = Math.max(0, at - now())
    if (now() + ms < watched.dueAt) this.#schedule(watched, ms)
  }

  /** Whether a list is suspended because of its share of clients. */
  isSuspect(name: string): boolean {
    return this.#watched.get(name)?.shown.fault?.reason === 'SuspiciousShare'
  }

  /** The lists of a domain give no usable answers. */
  doubtAll(domain: string): void {
    for (const { name, list } of this.#watched.values()) if (list.domain === domain) this.doubt(name, undefined)
  }

  /** A message of another process of this gateway. */
  hear(message: ListMessage): void {
    switch (message.is) {
      case 'ask':
        if (this.#settings.channel.isTester()) for (const watched of this.#watched.values()) if (watched.turn > 0) this.#tell(watched)
        return
      case 'doubt':
        return this.doubt(message.list, message.client)
      case 'share':
        return this.suspect(message.list, message.suspicion)
      case 'news':
        return this.#learn(message.news)
    }
  }

  close(): void {
    this.#closed = true
    for (const cancel of this.#timers.values()) cancel()
    this.#timers.clear()
  }

  /** Lists without a timer are new. */
  #begin(): void {
    let at = this.#settings.random() * startMs
    let isAsked = false
    for (const watched of this.#watched.values()) {
      if (this.#timers.has(watched) || watched.isRunning) continue
      this.#schedule(watched, at)
      at += this.#jittered(staggerMs)
      if (!isAsked && !this.#settings.channel.isTester()) this.#settings.channel.send({ is: 'ask' })
      isAsked = true
    }
  }

  #jittered(ms: number): number {
    return ms * (0.8 + 0.4 * this.#settings.random())
  }

  #schedule(watched: WatchedList, ms: number): void {
    this.#timers.get(watched)?.()
    watched.dueAt = this.#settings.now() + ms
    this.#timers.set(
      watched,
      this.#settings.later(() => this.#due(watched), ms),
    )
  }

  #due(watched: WatchedList): void {
    this.#timers.delete(watched)
    if (this.#closed || watched.isRunning) return
    // The tester may have ended, and this process may have to take its place.
    if (!this.#settings.channel.isTester()) return this.#schedule(watched, this.#jittered(lookMs))
    watched.isRunning = true
    void this.#test(watched).finally(() => (watched.isRunning = false))
  }

  async #test(watched: WatchedList): Promise<void> {
    const { list, known, turn } = watched
    const doubt = watched.doubt === undefined ? undefined : dnsblQueryName(watched.doubt, zoneOf(list))
    watched.doubt = undefined
    const resolver = this.#testOfResolver()
    const verdicts = await testList(this.#settings.ask, { list, known, turn, doubt }, resolver)
    // The policy may have changed meanwhile.
    if (this.#closed || this.#rules === undefined || this.#watched.get(watched.name) !== watched) return
    const { state, rewritten } = await resolver
    this.#isResolver(state, rewritten)
    watched.turn++
    watched.testedAt = this.#settings.now()
    this.#endSuspicion(watched)
    const { changes, nextMs } = watched.tested(verdicts, this.#settings.date(), this.#rules.everyMs)
    this.#schedule(watched, this.#jittered(nextMs))
    this.#settings.events.tested(watched)
    if (changes.length > 0) this.#settings.events.changed(watched, changes, true)
    this.#tell(watched)
  }

  /** One that is not sudden only causes a test. */
  #endSuspicion(watched: WatchedList): void {
    const { suspicion } = watched
    if (suspicion?.isSudden === false) {
      watched.unfounded = Math.min(watched.unfounded + 1, mostUnfounded)
      watched.suspicion = undefined
    }
    if (suspicion !== undefined && this.#settings.now() - suspicion.at > suspicionMs) watched.suspicion = undefined
  }

  #testOfResolver(): Promise<ResolverAnswers> {
    const now = this.#settings.now()
    if (this.#resolver === undefined || now - this.#resolver.at > resolverHoldsMs)
      this.#resolver = { at: now, answers: testResolver(this.#settings.ask, randomLabel(this.#settings.random)) }
    return this.#resolver.answers
  }

  #isResolver(state: ResolverState, rewritten: readonly string[]): void {
    const before = this.#resolverState
    this.#resolverState = state
    if (state !== before) this.#settings.events.resolver(state, before, rewritten)
  }

  #tell(watched: WatchedList): void {
    const { name, IPv4, IPv6, dueAt } = watched
    const dueInMs = Math.max(0, dueAt - this.#settings.now())
    this.#settings.channel.send({ is: 'news', news: { list: name, IPv4, IPv6, resolver: this.#resolverState, dueInMs } })
  }

  /** What another process has found; it has logged it. */
  #learn({ list, IPv4, IPv6, resolver }: ListNews): void {
    const watched = this.#watched.get(list)
    if (watched === undefined || this.#settings.channel.isTester()) return
    this.#resolverState = resolver
    watched.turn++
    const changes = watched.learn(IPv4, IPv6)
    if (changes.length > 0) this.#settings.events.changed(watched, changes, false)
  }
}

const keyOf = ({ key }: DnsblList): string | undefined => key?.reveal()

function isSame(one: WatchedList, other: WatchedList): boolean {
  const facts = ({ known, isAllow }: WatchedList): string => JSON.stringify([known.IPv4, known.IPv6, known.errors, known.listings, isAllow])
  return keyOf(one.list) === keyOf(other.list) && facts(one) === facts(other)
}
