// Senders in the Valkey that gateways share: one text for each domain, and a lease for the gateway that reads its
// record. Without the server, or while it fails, each gateway reads by itself.
import { Outage } from '../allowlist/outage.ts'
import type { ValkeyConnection } from '../allowlist/valkey-connection.ts'
import { valkeyError } from '../allowlist/valkey-errors.ts'
import { type Sender, spfTimes } from '../core/spf/sender.ts'
import type { SpfBounds } from '../core/spf/spf-bounds.ts'
import { formatSender, longestSender, parseSender } from './sender-text.ts'

/** Keys, behind the prefix of all keys. They are not the keys of any client. */
export const senderKey = (domain: string): string => `spf:${domain}`
const leaseKey = (domain: string): string => `spf-lease:${domain}`
/** Longer than the record of one domain takes; then another gateway may try. */
const leaseMs = 60_000

export interface SharedSendersOptions {
  /** Whether the policy has such a server. */
  readonly isConfigured: () => boolean
  /** Undefined while the server cannot be reached, or the policy has none. */
  readonly connection: () => ValkeyConnection | undefined
  readonly bounds: SpfBounds
  readonly info: (text: string) => void
  readonly warn: (text: string) => void
}

export class SharedSenders {
  readonly #options: SharedSendersOptions
  readonly #outage = new Outage()

  constructor(options: SharedSendersOptions) {
    this.#options = options
  }

  /** Whether there is a server that is not connected yet, or not any more. */
  get isAway(): boolean {
    return this.#options.isConfigured() && this.#options.connection() === undefined
  }

  /** What the server has. Never rejects. */
  async read(domain: string): Promise<Sender | undefined> {
    const text = await this.#tried((connection) => connection.text(senderKey(domain), longestSender))
    const sender = text === undefined ? undefined : parseSender(text, this.#options.bounds)
    return sender?.domain === domain ? sender : undefined
  }

  /** Never rejects. */
  async write(sender: Sender): Promise<void> {
    await this.#tried((connection) => connection.setText(senderKey(sender.domain), formatSender(sender), spfTimes.keptMs))
  }

  /** Whether this gateway may read the record now. Never rejects. */
  async lease(domain: string): Promise<boolean> {
    return (await this.#tried((connection) => connection.lease(leaseKey(domain), leaseMs))) ?? true
  }

  async #tried<T>(call: (connection: ValkeyConnection) => Promise<T>): Promise<T | undefined> {
    const connection = this.#options.connection()
    if (connection === undefined) return undefined
    const { info, warn } = this.#options
    try {
      const result = await call(connection)
      this.#outage.end((seconds) => info(`networks of SPF records are shared again after ${seconds.toFixed(1)} s`))
      return result
    } catch (error) {
      const { reason, message } = valkeyError(error)
      this.#outage.begin(() =>
        warn(`networks of SPF records are not shared (${reason}: ${message}); this gateway reads them by itself meanwhile`),
      )
      return undefined
    }
  }
}
