// Keeps the bans of one gateway process: ends those that are over, and shares them with the other processes and
// gateways. Sessions only look into the table (gateway/core/bans), so none of this makes a client wait.
import type { ValkeyConnection } from '../allowlist/valkey-connection.ts'
import type { ActiveBan, BanCounts, BanTable } from '../core/bans/ban-table.ts'
import type { BanNews, BanRules } from '../core/bans/ban.ts'
import type { BanChannel, BanMessage } from './ban-sharing.ts'
import { SharedBans } from './shared-bans.ts'

/** How often the other processes of the gateway learn what is new. */
const tellMs = 100
/** In ticks of that: how often the shared server is asked, and how often ended bans are removed. */
const exchangeTicks = 10
const expireTicks = 100

export interface BanKeeperOptions {
  readonly table: BanTable
  readonly connection: () => ValkeyConnection | undefined
  /** Undefined: the only process of its gateway. */
  readonly channel: BanChannel | undefined
  readonly info: (text: string, fields?: Readonly<Record<string, unknown>>) => void
  readonly warn: (text: string) => void
  /** Epoch milliseconds. */
  readonly now?: () => number
}

/** Numbers for metrics and the status page. */
export interface BanStatus extends BanCounts {
  /** Changes that the shared server does not have yet. */
  readonly waiting: number
}

export class BanKeeper {
  readonly #options: BanKeeperOptions
  readonly #table: BanTable
  readonly #now: () => number
  readonly #shared: SharedBans
  #rules: BanRules | undefined
  #hasShared = false
  #timer: NodeJS.Timeout | undefined
  #ticks = 0

  constructor(options: BanKeeperOptions) {
    this.#options = options
    this.#table = options.table
    this.#now = options.now ?? (() => Date.now())
    const { connection, info, warn } = options
    this.#shared = new SharedBans({ connection, info, warn, learn: (news) => this.#learn(news) })
  }

  /**
   * Follows a policy. Without rules, all bans end.
   * @param hasShared whether the policy has a shared server
   */
  use(rules: BanRules | undefined, hasShared: boolean): void {
    const begins = this.#rules === undefined && rules !== undefined
    this.#rules = rules
    this.#hasShared = hasShared
    if (rules === undefined) {
      this.close()
      this.#table.clear()
      return
    }
    this.#table.expire(this.#now(), rules)
    if (!begins) return
    this.#timer = setInterval(() => this.#tick(), tellMs).unref()
    this.#options.channel?.send({ is: 'ask' })
  }

  #tick(): void {
    if (this.#rules === undefined) return
    this.#ticks++
    this.#tellNews()
    if (this.#hasShared && this.#ticks % exchangeTicks === 0) void this.#shared.exchange(this.#rules)
    if (this.#ticks % expireTicks === 0) for (const ended of this.#table.expire(this.#now(), this.#rules)) this.#logEnd(ended)
  }

  #tellNews(): void {
    const news = this.#table.takeNews()
    if (news.length === 0) return
    this.#options.channel?.send({ is: 'news', news })
    if (!this.#hasShared) return
    for (const one of news) if (one.is !== 'failure') this.#shared.tell(one)
  }

  /** Each process has refused visits of its own. */
  #logEnd({ ban: { network, nth }, refused }: ActiveBan): void {
    if (refused === 0) return
    const visits = refused === 1 ? '1 visit was' : `${refused} visits were`
    this.#options.info(`BAN ENDED ${network}: ${visits} refused`, { event: 'BAN ENDED', network, nth, refused })
  }

  #learn(news: BanNews): void {
    if (this.#rules !== undefined) this.#table.learn(news, this.#now(), this.#rules)
  }

  /** Another process of the gateway tells or asks. */
  hear(message: BanMessage): void {
    if (message.is === 'news') {
      for (const news of message.news) this.#learn(news)
      return
    }
    const news = this.#table.list(this.#now()).map(({ ban }) => ({ is: 'ban', ban }) as const)
    if (news.length > 0) this.#options.channel?.send({ is: 'news', news })
  }

  /** Undefined when the policy has no bans. */
  get status(): BanStatus | undefined {
    return this.#rules === undefined ? undefined : { ...this.#table.counts, waiting: this.#shared.waiting }
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
