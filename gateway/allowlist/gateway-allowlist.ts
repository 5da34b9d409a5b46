// The allowlist that sessions use: the gateway's own, or a shared one when the policy says so; changed while sessions go on.
import { mergeRecords } from '../core/allowlist-merge.ts'
import type { AllowlistStore, LocalAllowlist, LocalStoreProblem, Warn } from './allowlist-store.ts'
import { type SharedRules, type SharedStatus, type StoreObserver, ValkeyAllowlist } from './allowlist-valkey.ts'
import type { ValkeySettings } from './valkey-settings.ts'

/** What a policy says about a shared store. */
export interface SharedStore {
  readonly name: string
  /** Another text means another server, or other ways to it. */
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

/** At its start a gateway waits so long for the shared store before it takes clients: the first ones shall be known too. */
const startMs = 2000

/**
 * With a shared store the local one still answers for what the shared one does not know, and passes it on: so a site that begins to share loses nothing.
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

  /** Numbers of the shared store, or what keeps the gateway's own from being written; undefined when neither is there. */
  get status(): SharedStatus | LocalStoreProblem | undefined {
    return this.#shared === undefined ? this.#local.trouble?.() : this.#shared.store.status()
  }

  /** Takes what the policy says. Sessions that are asking the former store still get their answer; what it has not written yet goes to the new one. */
  use(shared: SharedStore | undefined): void {
    if (this.#closed || shared?.identity === this.#shared?.identity) return
    const former = this.#shared?.store
    this.#shared =
      shared === undefined ? undefined : { identity: shared.identity, store: new ValkeyAllowlist({ ...shared, ...this.#options }) }
    if (former === undefined) return
    for (const [key, record] of former.pending()) this.put(key, record)
    const closing = former.close().finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }

  /** Resolves when clients can be looked up, after two seconds at the latest. */
  async ready(): Promise<void> {
    await this.#shared?.store.ready(startMs)
  }

  get(key: string): string | undefined | Promise<string | undefined> {
    const shared = this.#shared?.store
    if (shared === undefined) return this.#local.get(key)
    const found = shared.get(key)
    if (typeof found === 'object') return found.then((record) => record ?? this.#fromBefore(key, shared))
    return found ?? this.#fromBefore(key, shared)
  }

  /** Entries that the gateway had before it shared them. */
  async #fromBefore(key: string, shared: ValkeyAllowlist): Promise<string | undefined> {
    const record = await this.#local.get(key)
    if (record !== undefined) shared.put(key, record)
    return record
  }

  /**
   * A network's record is merged: two of its addresses may be tested at once. For one address, parallel sessions share what they know anyway,
   * unless another process has one of them.
   */
  put(key: string, record: string): void {
    const shared = this.#shared?.store
    if (shared !== undefined) shared.put(key, record)
    else if (this.#options.isWrittenByOthers === true || key.includes('/')) this.#merge(key, record)
    else this.#local.put(key, record)
  }

  #merge(key: string, record: string): void {
    const before = this.#local.get(key)
    this.#local.put(key, typeof before === 'string' ? mergeRecords(before, record) : record)
  }

  /** What a server that is away has not taken is kept in the data directory, for the next start. */
  async close(): Promise<void> {
    this.#closed = true
    const shared = this.#shared?.store
    await Promise.all([shared?.close(), ...this.#closing])
    for (const [key, record] of shared?.pending() ?? []) this.#merge(key, record)
    await this.#local.close()
  }
}
