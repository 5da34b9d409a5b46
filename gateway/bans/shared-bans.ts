// Bans in the Valkey that gateways share: a list of changes in their order, from which every gateway makes its own
// table. No client waits for it. While the server is away, each gateway bans by itself, and tells the others
// afterwards.
import type { ValkeyConnection } from '../allowlist/valkey-connection.ts'
import { valkeyError } from '../allowlist/valkey-errors.ts'
import { Outage } from '../allowlist/outage.ts'
import type { BanRules } from '../core/bans/ban.ts'
import { formatBanNews, parseBanNews, type SharedBanNews } from './ban-text.ts'

/** The list of changes, behind the prefix of all keys. It is not the key of any client. */
export const banListKey = 'bans'
/** Older changes are dropped by the server. */
export const banListLength = 20_000
/** How long the server keeps the list after the last change: longer than any ban, so that removals outlast bans. */
export const keptMs = ({ maxMs }: BanRules): number => maxMs + 3_600_000
/** Changes that wait for the server; then the oldest is dropped. */
const waitingAtMost = 10_000
const readAtOnce = 500
const writtenAtOnce = 100
/** Before the first entry. */
const beginning = '0'

export interface SharedBansOptions {
  /** Undefined while the server cannot be reached, or the policy has none. */
  readonly connection: () => ValkeyConnection | undefined
  readonly learn: (news: SharedBanNews) => void
  readonly info: (text: string) => void
  readonly warn: (text: string) => void
}

export class SharedBans {
  readonly #options: SharedBansOptions
  readonly #waiting: string[] = []
  readonly #outage = new Outage()
  #connection: ValkeyConnection | undefined
  #position = beginning
  #busy = false

  constructor(options: SharedBansOptions) {
    this.#options = options
  }

  /** Changes that the server does not have yet. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Takes a change of this gateway. It is written with the next exchange. */
  tell(news: SharedBanNews): void {
    if (this.#waiting.length >= waitingAtMost) this.#waiting.shift()
    this.#waiting.push(formatBanNews(news))
  }

  /**
   * Writes what waits, and reads what is new. Does nothing while the last call is under way, or without the server.
   * Never rejects.
   */
  async exchange(rules: BanRules): Promise<void> {
    const connection = this.#options.connection()
    if (this.#busy || connection === undefined) return
    this.#busy = true
    try {
      await this.#write(connection, rules)
      await this.read(connection)
      this.#outage.end((seconds) => this.#options.info(`bans are shared again after ${seconds.toFixed(1)} s`))
    } catch (error) {
      const { reason, message } = valkeyError(error)
      this.#outage.begin(() => this.#options.warn(`bans are not shared (${reason}: ${message}); this gateway bans by itself meanwhile`))
    } finally {
      this.#busy = false
    }
  }

  async #write(connection: ValkeyConnection, rules: BanRules): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, writtenAtOnce)
      await connection.append(banListKey, batch, { most: banListLength, keptMs: keptMs(rules) })
      // Others may have been dropped meanwhile, from the front.
      const written = new Set(batch)
      while (this.#waiting[0] !== undefined && written.has(this.#waiting[0])) this.#waiting.shift()
    }
  }

  /**
   * Reads what is new. Another server may have another list, or the same one with other positions.
   * Rejects with a ValkeyError.
   */
  async read(connection: ValkeyConnection): Promise<void> {
    if (connection !== this.#connection) this.#position = beginning
    this.#connection = connection
    for (let read = 0; read < 2 * banListLength; read += readAtOnce) {
      const entries = await connection.entriesAfter(banListKey, this.#position, readAtOnce)
      for (const { position, text } of entries) {
        this.#position = position
        const news = parseBanNews(text)
        if (news !== undefined) this.#options.learn(news)
      }
      if (entries.length < readAtOnce) return
    }
  }
}
