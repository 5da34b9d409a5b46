// The temporary allowlist in a Valkey or Redis that gateways share. Whatever happens to that server, no client is
// refused or waits longer than the time budget: a record that does not come in time counts as missing, and new records
// are kept here while the server is unreachable.
import { setTimeout as sleep } from 'node:timers/promises'
import { epochSeconds } from '../../runtime/clock.ts'
import { settledWithin } from '../../runtime/time-budget.ts'
import { holdsAt, latestStamp, mergeRecords } from '../core/allowlist-merge.ts'
import type { AllowlistEntry, AllowlistStore, Warn } from './allowlist-store.ts'
import { WriteQueue } from './allowlist-writes.ts'
import { Outage } from './outage.ts'
import { ValkeyReconnector } from './valkey-reconnector.ts'
import { NearCache } from './near-cache.ts'
import { ValkeyError, valkeyError, type ValkeyReason } from './valkey-errors.ts'
import type { ValkeyConnection } from './valkey-connection.ts'
import type { ValkeySettings } from './valkey-settings.ts'

/** What the policy says about records. */
export interface SharedRules {
  /** Seconds that the server keeps a record after its last pass has expired. */
  readonly retention: number
  /** Which tests are enabled, in the order of testNames. */
  readonly enabled: readonly boolean[]
}

/** Numbers of the store, for metrics and the status page. */
export interface SharedStatus {
  /** It answers. */
  readonly up: boolean
  readonly pendingWrites: number
  /** Dropped because too many were waiting. */
  readonly droppedWrites: number
  readonly nearCacheHits: number
}

/** Counts what happens to the store. */
export interface StoreObserver {
  /** A lookup has ended, with or without an answer, after so many seconds. */
  readonly lookedUp: (seconds: number) => void
  readonly failed: (reason: ValkeyReason) => void
}

export interface ValkeyStoreOptions {
  readonly name: string
  readonly settings: () => ValkeySettings
  readonly files: readonly string[]
  readonly timeoutMs: number
  readonly rules: () => SharedRules
  readonly observer: StoreObserver
  readonly info: (text: string) => void
  readonly warn: Warn
  /** Epoch second. */
  readonly now?: () => number
  /** For tests. */
  readonly open?: (settings: ValkeySettings, attempt: number) => Promise<ValkeyConnection>
}

/** About 6 MB. */
const nearCapacity = 20_000
/** How long a gateway may use a record that was removed from the server. */
const nearTtlMs = 60_000
const writeLimits = { collect: 0, batch: 64, waiting: 100_000, retry: { firstMs: 1000, longestMs: 5000 } }
/** Between two batches of a backlog: about ten thousand records a second, so that lookups are not delayed. */
const batchPauseMs = 5
const writeRetryMs = 1000
const closeMs = 2000
const countEveryMs = 30_000

/** Reasons for which the server answers lookups but accepts no records. */
const writeOnly: ReadonlySet<ValkeyReason> = new Set(['full', 'readonly', 'auth', 'other'])

export class ValkeyAllowlist implements AllowlistStore {
  readonly kind = 'valkey'
  readonly name: string
  readonly #options: ValkeyStoreOptions
  readonly #now: () => number
  readonly #reconnector: ValkeyReconnector
  readonly #near = new NearCache(nearCapacity, nearTtlMs)
  readonly #writes: WriteQueue
  readonly #unwritten = new Outage()
  readonly #closing = new AbortController()
  #nearHits = 0
  #count = 0
  #counted = Number.NEGATIVE_INFINITY

  /** Connects in the background. */
  constructor(options: ValkeyStoreOptions) {
    this.#options = options
    this.name = options.name
    this.#now = options.now ?? epochSeconds
    const { observer } = options
    this.#reconnector = new ValkeyReconnector({ ...options, failed: observer.failed })
    this.#writes = new WriteQueue(
      (batch) => this.#commit(batch),
      () => undefined,
      writeLimits,
    )
  }

  status(): SharedStatus {
    return {
      up: this.#reconnector.connection !== undefined,
      pendingWrites: this.#writes.size,
      droppedWrites: this.#writes.dropped,
      nearCacheHits: this.#nearHits,
    }
  }

  /** Undefined while the server cannot be reached. */
  get connection(): ValkeyConnection | undefined {
    return this.#reconnector.connection
  }

  /** Resolves when the store is available, or after `ms` milliseconds. */
  async ready(ms: number): Promise<void> {
    await settledWithin(this.#reconnector.available(), ms)
  }

  /**
   * Returns at once if this gateway knows the answer or the store is unreachable; else a promise that resolves within
   * the time budget.
   */
  get(key: string): string | undefined | Promise<string | undefined> {
    const waiting = this.#writes.get(key)
    const near = this.#near.fresh(key)
    const known = near === undefined ? waiting : mergeRecords(waiting, near)
    // Some tests are not enough: the client may have passed the others at another gateway just now.
    if (known !== undefined && holdsAt(known, this.#options.rules().enabled, this.#now())) {
      this.#nearHits++
      return known
    }
    const connection = this.#reconnector.connection
    return connection === undefined ? this.#withoutStore(key) : this.#ask(connection, key)
  }

  #withoutStore(key: string): string | undefined {
    const [waiting, near] = [this.#writes.get(key), this.#near.any(key)]
    return near === undefined ? waiting : mergeRecords(waiting, near)
  }

  async #ask(connection: ValkeyConnection, key: string): Promise<string | undefined> {
    const { lookedUp } = this.#options.observer
    const began = performance.now()
    const answer = connection.get(key)
    // Even if it comes too late for this client.
    answer.then((record) => this.#learn(key, record)).catch(() => undefined)
    try {
      const record = await this.#reconnector.ask(connection, answer)
      const waiting = this.#writes.get(key)
      if (record === undefined) return waiting
      return waiting === undefined ? record : mergeRecords(record, waiting)
    } catch {
      return this.#withoutStore(key)
    } finally {
      lookedUp((performance.now() - began) / 1000)
    }
  }

  #learn(key: string, record: string | undefined): void {
    if (record === undefined) this.#near.forget(key)
    else this.#near.learn(key, record)
  }

  /**
   * Merged with what is known here and later with the record in the store. A record without any passed test is not
   * written.
   */
  put(key: string, record: string): void {
    if (this.#closing.signal.aborted || latestStamp(record) <= 1) return
    const merged = mergeRecords(this.#writes.get(key), record)
    this.#writes.add(key, merged)
    this.#near.learn(key, mergeRecords(this.#near.any(key), merged))
  }

  remove(key: string): void {
    this.#near.forget(key)
    if (!this.#closing.signal.aborted) this.#writes.add(key, undefined)
  }

  async *entries(): AsyncGenerator<AllowlistEntry, void> {
    const connection = this.#reconnector.connection
    if (connection === undefined) throw new ValkeyError('connection', `${this.name} is unreachable`)
    yield* connection.entries()
  }

  /** An estimate: all keys of the database, also those of other applications, up to half a minute ago. */
  size(): number {
    const now = performance.now()
    const connection = this.#reconnector.connection
    if (connection !== undefined && now - this.#counted >= countEveryMs) {
      this.#counted = now
      connection.count().then(
        (count) => (this.#count = count),
        () => undefined,
      )
    }
    return this.#count
  }

  /** Records that are not written yet, for the next store. */
  *pending(): Generator<AllowlistEntry, void> {
    for (const [key, record] of this.#writes.waiting()) if (record !== undefined) yield [key, record]
  }

  async flush(): Promise<void> {
    await settledWithin(this.#writes.drained(), closeMs)
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    if (this.#reconnector.connection !== undefined) await this.flush()
    this.#closing.abort()
    this.#writes.stop()
    this.#reconnector.close()
  }

  /**
   * Repeats the batch until it is written: merging twice does no harm, so a batch that failed in part is sent again
   * completely.
   */
  async #commit(batch: ReadonlyMap<string, string | undefined>): Promise<void> {
    for (;;) {
      await this.#reconnector.available()
      const connection = this.#reconnector.connection
      if (this.#closing.signal.aborted) throw new ValkeyError('connection', 'closed')
      if (connection === undefined) continue
      const asked = performance.now()
      const why = await this.#write(connection, batch)
      if (why === undefined) break
      this.#notWritten(connection, why, asked)
      await this.#pause(writeRetryMs)
    }
    const { name, info } = this.#options
    this.#unwritten.end((seconds) => info(`${name}: the shared allowlist takes records again after ${seconds.toFixed(1)} s`))
    if (this.#writes.size > writeLimits.batch) await this.#pause(batchPauseMs)
  }

  /** @returns why not all is written */
  async #write(connection: ValkeyConnection, batch: ReadonlyMap<string, string | undefined>): Promise<ValkeyError | undefined> {
    const { retention } = this.#options.rules()
    const results = await Promise.allSettled(
      [...batch].map(async ([key, record]) => {
        if (record === undefined) await connection.remove(key)
        else this.#near.learn(key, (await connection.merge(key, record, retention)) || record)
      }),
    )
    const failure = results.find((result) => result.status === 'rejected')
    return failure === undefined ? undefined : valkeyError(failure.reason)
  }

  #notWritten(connection: ValkeyConnection, why: ValkeyError, asked: number): void {
    const { name, warn, observer } = this.#options
    if (!writeOnly.has(why.reason)) return this.#reconnector.unanswered(connection, why, asked)
    observer.failed(why.reason)
    this.#unwritten.begin(() =>
      warn(`${name}: the shared allowlist takes no records (${why.reason}: ${why.message}); they are kept here until it does`),
    )
    // This is a replica; a primary may be available by now.
    if (why.reason === 'readonly') this.#reconnector.renew()
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { ref: false, signal: this.#closing.signal }).catch(() => undefined)
  }
}
