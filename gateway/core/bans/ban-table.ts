// The bans of one gateway process, and the failures that may become bans. Bounded, whatever clients do.
//
// When a part of the table is full, what has not been used for the longest time makes room: of the bans, the one whose
// network has not come back for the longest time (bans of an administrator stay), of the failing networks, the one
// whose last failure is the oldest.
import { canonicalKey } from '../allowlist-key.ts'
import type { Ban, BanNews, BanRules } from './ban.ts'
import { banLength, isBanDue, withFailure } from './decide-ban.ts'

/** A ban with what has become of it in this process. */
export interface ActiveBan {
  readonly ban: Ban
  /** Visits that were refused. */
  refused: number
}

/** Numbers of the table, for metrics and the status page. */
export interface BanCounts {
  readonly active: number
  /** Networks with failures that are not enough for a ban yet. */
  readonly failing: number
  /** Bans and failing networks that made room for others. */
  readonly dropped: number
}

/** A few megabytes at most. */
export const banCapacity = 20_000
/** Bans of an administrator, which never make room. */
export const administratorBans = 10_000
/** Clocks of gateways may differ by this much. */
const clockDifferenceMs = 60_000

export class BanTable {
  readonly #capacity: number
  /** By network; the one that was visited or made longest ago first. */
  readonly #bans = new Map<string, ActiveBan>()
  /** The last ban of networks that are not banned now; the one that ended longest ago first. */
  readonly #past = new Map<string, Ban>()
  /** The failures of networks, in order; the one with the oldest last failure first. */
  readonly #failing = new Map<string, readonly number[]>()
  /** When bans were removed by hand, so that older news do not bring them back. */
  readonly #removed = new Map<string, number>()
  #ofAdministrator = 0
  #dropped = 0
  /** For the other processes. */
  #news: BanNews[] = []

  /** @param capacity of bans, and of failing networks */
  constructor(capacity = banCapacity) {
    this.#capacity = capacity
  }

  get counts(): BanCounts {
    return { active: this.#bans.size, failing: this.#failing.size, dropped: this.#dropped }
  }

  /** The ban of a network now, with its visits. */
  find(network: string, now: number): ActiveBan | undefined {
    const found = this.#bans.get(network)
    return found === undefined || found.ban.until <= now ? undefined : found
  }

  /** Counts a visit that is refused. @returns whether it is the first one since the ban was made */
  visit(active: ActiveBan): boolean {
    const { network } = active.ban
    if (this.#bans.delete(network)) this.#bans.set(network, active)
    return active.refused++ === 0
  }

  /**
   * Counts a failure. It counts for nothing while the network is banned.
   * @returns the ban that it leads to
   */
  fail(network: string, now: number, rules: BanRules): Ban | undefined {
    if (this.find(network, now) !== undefined) return undefined
    const failures = this.#failed(network, now, rules)
    if (!isBanDue(failures, rules)) {
      this.#tell({ is: 'failure', network, at: now })
      return undefined
    }
    const nth = this.#nthBan(network, now, rules)
    return this.#make({ network, at: now, until: now + banLength(nth, rules), nth, by: 'gateway' })
  }

  #failed(network: string, at: number, rules: BanRules): readonly number[] {
    const failures = withFailure(this.#failing.get(network) ?? [], at, rules)
    this.#failing.delete(network)
    makeRoom(this.#failing, this.#capacity, () => this.#dropped++)
    this.#failing.set(network, failures)
    return failures
  }

  /** Which ban of the network the next one is. */
  #nthBan(network: string, now: number, { maxMs }: BanRules): number {
    const last = this.#bans.get(network)?.ban ?? this.#past.get(network)
    return last !== undefined && now - last.until < maxMs ? last.nth + 1 : 1
  }

  #make(made: Ban): Ban {
    // Clocks of gateways differ: a ban that follows a removal must be newer everywhere.
    const ban = { ...made, at: Math.max(made.at, (this.#removed.get(made.network) ?? 0) + 1) }
    this.#put(ban)
    this.#tell({ is: 'ban', ban })
    return ban
  }

  /** A ban that replaces another one goes on with its visits. */
  #put(ban: Ban): void {
    const { network } = ban
    const refused = this.find(network, ban.at)?.refused ?? 0
    this.#forget(network)
    this.#removed.delete(network)
    this.#makeRoomForBan()
    this.#bans.set(network, { ban, refused })
    if (ban.by === 'administrator') this.#ofAdministrator++
  }

  /** Those of an administrator move behind the others when their turn comes, so each search is short. */
  #makeRoomForBan(): void {
    while (this.#bans.size >= this.#capacity) {
      const [first] = this.#bans
      if (first === undefined) return
      const [network, active] = first
      this.#bans.delete(network)
      if (active.ban.by === 'administrator') this.#bans.set(network, active)
      else this.#dropped++
    }
  }

  #forget(network: string): void {
    this.#deleteBan(network)
    this.#past.delete(network)
    this.#failing.delete(network)
  }

  #deleteBan(network: string): void {
    if (this.#bans.get(network)?.ban.by === 'administrator') this.#ofAdministrator--
    this.#bans.delete(network)
  }

  /**
   * Bans a network for an administrator. A ban that would last longer keeps its end.
   * @param until epoch milliseconds
   * @returns undefined when there are as many of these bans as there may be
   */
  add(network: string, now: number, until: number): Ban | undefined {
    if (this.#isFullOfAdministrator(network)) return undefined
    const longest = Math.max(until, this.find(network, now)?.ban.until ?? 0)
    return this.#make({ network, at: now, until: longest, nth: 1, by: 'administrator' })
  }

  #isFullOfAdministrator(network: string): boolean {
    const most = Math.min(administratorBans, Math.floor(this.#capacity / 2))
    return this.#ofAdministrator >= most && this.#bans.get(network)?.ban.by !== 'administrator'
  }

  /** Ends a ban, and forgets all failures of the network. @returns whether it was banned */
  remove(network: string, now: number): boolean {
    const found = this.find(network, now)
    const at = Math.max(now, found?.ban.at ?? 0)
    this.#remove(network, at)
    this.#tell({ is: 'removed', network, at })
    return found !== undefined
  }

  #remove(network: string, at: number): void {
    this.#forget(network)
    this.#removed.delete(network)
    makeRoom(this.#removed, this.#capacity, () => undefined)
    this.#removed.set(network, at)
  }

  /**
   * Takes what another process or gateway tells. Nothing that contradicts the policy is taken: another network than the
   * policy would ban, or a longer time.
   */
  learn(news: BanNews, now: number, rules: BanRules): void {
    const network = news.is === 'ban' ? news.ban.network : news.network
    if (!isNetworkOf(network, rules)) return
    switch (news.is) {
      case 'ban':
        return this.#learnBan(news.ban, now, rules)
      case 'removed':
        if (news.at <= now + clockDifferenceMs && (this.#bans.get(network)?.ban.at ?? 0) <= news.at) this.#remove(network, news.at)
        return
      case 'failure':
        if (Math.abs(news.at - now) < clockDifferenceMs && this.find(network, now) === undefined) this.#failed(network, news.at, rules)
    }
  }

  #learnBan(ban: Ban, now: number, { maxMs }: BanRules): void {
    const { network, at } = ban
    if (!(ban.until > now) || at > now + clockDifferenceMs || (this.#removed.get(network) ?? 0) >= at) return
    // Whatever the order in which gateways learn of two bans, they must end up with the same one.
    if ((this.#bans.get(network)?.ban.until ?? 0) >= ban.until) return
    if (ban.by === 'administrator' && this.#isFullOfAdministrator(network)) return
    this.#put({ ...ban, until: Math.min(ban.until, now + maxMs) })
  }

  /** Removes what has expired, and what the policy would not ban (any more). @returns the bans that have ended */
  expire(now: number, rules: BanRules): readonly ActiveBan[] {
    const ended: ActiveBan[] = []
    for (const [network, active] of this.#bans) {
      const isRight = isNetworkOf(network, rules)
      if (isRight && active.ban.until > now) continue
      // The network may have failed again since the ban ended.
      this.#deleteBan(network)
      ended.push(active)
      if (!isRight) continue
      makeRoom(this.#past, this.#capacity, () => undefined)
      this.#past.set(network, active.ban)
    }
    for (const [network, { until }] of this.#past) if (now - until >= rules.maxMs) this.#past.delete(network)
    for (const [network, failures] of this.#failing) {
      const last = failures.at(-1) ?? 0
      if (now - last >= rules.withinMs || !isNetworkOf(network, rules)) this.#failing.delete(network)
    }
    for (const [network, at] of this.#removed) if (now - at >= rules.maxMs) this.#removed.delete(network)
    return ended
  }

  /** The policy has no bans any more. */
  clear(): void {
    for (const part of [this.#bans, this.#past, this.#failing, this.#removed]) part.clear()
    this.#ofAdministrator = 0
    this.#news = []
  }

  /** The bans that hold now. */
  list(now: number): readonly ActiveBan[] {
    return [...this.#bans.values()].filter(({ ban }) => ban.until > now)
  }

  /** A table with the ban of this network only, on which a session can be tried without an effect. */
  copyFor(network: string | undefined): BanTable {
    const copy = new BanTable(this.#capacity)
    const active = network === undefined ? undefined : this.#bans.get(network)
    if (network !== undefined && active !== undefined) copy.#bans.set(network, { ...active })
    return copy
  }

  /** The failures of a network that count now. */
  failuresOf(network: string, now: number, { withinMs }: BanRules): number {
    return (this.#failing.get(network) ?? []).filter((time) => time > now - withinMs).length
  }

  /** What has happened here since the last call, for the other processes. */
  takeNews(): readonly BanNews[] {
    const news = this.#news
    if (news.length > 0) this.#news = []
    return news
  }

  /** More than this is not kept for a process that does not ask: the latest count. */
  #tell(news: BanNews): void {
    if (this.#news.length >= this.#capacity) this.#news = this.#news.slice(this.#capacity / 2)
    this.#news.push(news)
  }
}

/** The oldest entries make room for one more. */
function makeRoom<T>(map: Map<string, T>, capacity: number, dropped: () => void): void {
  while (map.size >= capacity) {
    const [first] = map.keys()
    if (first === undefined) return
    map.delete(first)
    dropped()
  }
}

/** Whether the policy could ban exactly this network: not a wider one, and not a part of one. */
export function isNetworkOf(network: string, { networkOf }: BanRules): boolean {
  const [address = ''] = network.split('/', 1)
  return canonicalKey(network) === network && networkOf(address) === network
}
