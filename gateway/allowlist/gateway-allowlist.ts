// The allowlist that sessions use: the local one of this gateway, or a shared one if the policy has one. A new policy
// may switch while sessions run.
import { mergeRecords } from '../core/allowlist-merge.ts'
import type { AllowlistStore, LocalAllowlist, LocalStoreProblem, Warn } from './allowlist-store.ts'
import { type SharedRules, type SharedStatus, type StoreObserver, ValkeyAllowlist } from './allowlist-valkey.ts'
import type { ValkeyConnection } from './valkey-connection.ts'
import type { ValkeySettings } from './valkey-settings.ts'

/** What a policy says about a shared store. */
export interface SharedStore {
  readonly name: string
  /** A different text means another server, or another way to reach it. */
  readonly identity: string
  readonly settings: () => ValkeySettings
  readonly files: readonly string[]
  readonly timeoutMs: number
}

export interface GatewayAllowlistOptions {
  readonly local: LocalAllowlist
  readonly rules: () => SharedRules
  /** Other processes write to the local store too. */
  readonly isWrittenByOthers?: boolean
  readonly observer: StoreObserver
  readonly info: (text: string) => void
  readonly warn: Warn
}

/**
 * How long a starting gateway waits for the shared store before it accepts clients, so that the first ones are
 * recognised too.
 */
const startMs = 2000

/**
 * With a shared store, records that only the local one has are still found, and are copied to the shared one: a site
 * that begins to share loses nothing.
 */
export class GatewayAllowlist {
  readonly #options: GatewayAllowlistOptions
  readonly #local: LocalAllowlist
  #shared: { readonly identity: string; readonly store: ValkeyAllowlist } | undefined
  readonly #closing = new Set<Promise<void>>()
  #closed = false

  constructor(options: GatewayAllowlistOptions) {
    this.#options = options
    this.#local = options.local
  }

  /** What is in use now. */
  get store(): AllowlistStore {
    return this.#shared?.store ?? this.#local
  }

  /** Numbers of the shared store, or why the local one cannot be written. Undefined when there is neither. */
  get status(): SharedStatus | LocalStoreProblem | undefined {
    return this.#shared === undefined ? this.#local.problem?.() : this.#shared.store.status()
  }

  /** The connection to the shared server; undefined while there is none. */
  get connection(): ValkeyConnection | undefined {
    return this.#shared?.store.connection
  }

  /**
   * Uses the store of a new policy. Sessions that wait for the previous store still get their answer. What it has not
   * written yet goes to the new one.
   */
  use(shared: SharedStore | undefined): void {
    if (this.#closed || shared?.identity === this.#shared?.identity) return
    const previous = this.#shared?.store
    this.#shared =
      shared === undefined ? undefined : { identity: shared.identity, store: new ValkeyAllowlist({ ...shared, ...this.#options }) }
    if (previous === undefined) return
    for (const [key, record] of previous.pending()) this.put(key, record)
    const closing = previous.close().finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }

  /** Resolves when clients can be looked up, after at most two seconds. */
  async ready(): Promise<void> {
    await this.#shared?.store.ready(startMs)
  }

  get(key: string): string | undefined | Promise<string | undefined> {
    const shared = this.#shared?.store
    if (shared === undefined) return this.#local.get(key)
    const found = shared.get(key)
    if (typeof found === 'object') return found.then((record) => record ?? this.#fromLocal(key, shared))
    return found ?? this.#fromLocal(key, shared)
  }

  /** Records from before the gateway had a shared store. */
  async #fromLocal(key: string, shared: ValkeyAllowlist): Promise<string | undefined> {
    const record = await this.#local.get(key)
    if (record !== undefined) shared.put(key, record)
    return record
  }

  /**
   * The record of a network is merged, because two of its addresses may be tested at once. Parallel sessions of one
   * address share their results anyway, unless another process has one of them.
   */
  put(key: string, record: string): void {
    const shared = this.#shared?.store
    if (shared !== undefined) shared.put(key, record)
    else if (this.#options.isWrittenByOthers === true || key.includes('/')) this.#merge(key, record)
    else this.#local.put(key, record)
  }

  /** The client is tested again when it connects the next time. */
  remove(key: string): void {
    this.#shared?.store.remove(key)
    this.#local.remove(key)
  }

  #merge(key: string, record: string): void {
    const before = this.#local.get(key)
    this.#local.put(key, typeof before === 'string' ? mergeRecords(before, record) : record)
  }

  /** What an unreachable server has not received is kept in the local store until the next start. */
  async close(): Promise<void> {
    this.#closed = true
    const shared = this.#shared?.store
    await Promise.all([shared?.close(), ...this.#closing])
    for (const [key, record] of shared?.pending() ?? []) this.#merge(key, record)
    await this.#local.close()
  }
}
