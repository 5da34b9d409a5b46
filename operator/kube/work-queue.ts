// The queue of a controller: keys that wait to be reconciled, each at most once at a time, with a back-off for each key
// that fails.

import { backOffDelay } from '../../runtime/back-off.ts'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import { KubeError } from './kube-error.ts'

/** What a piece of work may ask for: to be done again, in so many milliseconds. */
export interface WorkResult {
  readonly again?: number
}

/** One finished piece of work, for metrics. */
export interface WorkDone<K extends string> {
  readonly key: K
  readonly outcome: 'done' | 'failed'
  /** From when the key was ready until its work began. */
  readonly waitedMs: number
  readonly tookMs: number
}

/** Waits for something outside the cluster's API. Meanwhile another key has the place of this one. */
export type Aside = <T>(wait: () => Promise<T>) => Promise<T>

export interface WorkQueueOptions<K extends string> {
  /**
   * The key's work. It is level-triggered: it looks at the state as it is now. Once `signal` is aborted it should end.
   */
  readonly work: (key: K, signal: AbortSignal, aside: Aside) => Promise<WorkResult | void>
  /** How many keys are worked on at once, besides those that wait aside. */
  readonly workers: number
  /** The delay after a first failure; it doubles with each that follows. Default 100 ms. */
  readonly baseDelayMs?: number
  /** The longest delay. Default 5 min. */
  readonly maxDelayMs?: number
  /** Called for each failure. It must not throw. */
  readonly onError: (key: K, error: unknown) => void
  readonly onDone?: (done: WorkDone<K>) => void
  readonly clock?: Clock
}

/** As many keys may wait aside. Further ones keep their places while they wait. */
const mostAside = 256

interface Later {
  readonly dueAt: number
  readonly cancel: () => void
}

/**
 * client-go's rate-limiting work queue. A key that is added while it waits is one key; one that is added while it is
 * worked on is worked on once more right after. A key that fails comes back by itself, later each time (and not before
 * KubeError.retryAfterMs); one success forgets its failures. All tables are keyed by the keys, so they are as bounded
 * as these are.
 */
export class WorkQueue<K extends string> {
  readonly #options: WorkQueueOptions<K>
  readonly #clock: Clock
  /** Waiting, with the time since when; in order. */
  readonly #ready = new Map<K, number>()
  readonly #busy = new Set<K>()
  /** How many of the busy keys wait aside, or for a place after that. */
  #aside = 0
  /** Keys that have waited aside and go on before any other key begins. */
  readonly #returning: (() => void)[] = []
  /** Added while busy. */
  readonly #dirty = new Map<K, number>()
  /** By addAfter. */
  readonly #later = new Map<K, Later>()
  /** By a failure, or by `again`: void as soon as the key is worked on. */
  readonly #retries = new Map<K, Later>()
  readonly #failures = new Map<K, number>()
  readonly #stopping = new AbortController()
  #idle: (() => void)[] = []

  constructor(options: WorkQueueOptions<K>) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  /** How many keys wait for a worker. */
  get depth(): number {
    return this.#ready.size + this.#dirty.size
  }

  /** How many keys are worked on. */
  get busy(): number {
    return this.#busy.size
  }

  /** How many keys failed when they were last worked on. */
  get failing(): number {
    return this.#failures.size
  }

  /** Has the key worked on as soon as a worker is free, whatever its back-off says. */
  add(key: K): void {
    if (this.#stopping.signal.aborted) return
    const queue = this.#busy.has(key) ? this.#dirty : this.#ready
    if (!queue.has(key)) queue.set(key, this.#clock.now())
    this.#startWork()
  }

  /** Adds the key in `ms` milliseconds. Of several times for one key the earliest counts. */
  addAfter(key: K, ms: number): void {
    this.#schedule(this.#later, key, ms)
  }

  /** Drops the key's failures and whatever was to add it later. That it waits now is not undone. */
  forget(key: K): void {
    this.#failures.delete(key)
    this.#unschedule(this.#later, key)
    this.#unschedule(this.#retries, key)
  }

  /** Resolves when no key waits or is worked on. Those that come later (addAfter, back-off) do not count. */
  drain(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  /** Takes no more keys, drops those that wait, and resolves when the work that is under way has ended. */
  stop(): Promise<void> {
    this.#stopping.abort()
    for (const scheduled of [this.#later, this.#retries]) {
      for (const key of scheduled.keys()) this.#unschedule(scheduled, key)
    }
    this.#ready.clear()
    this.#dirty.clear()
    return this.drain()
  }

  #isIdle(): boolean {
    return this.#ready.size + this.#dirty.size + this.#busy.size === 0
  }

  get #hasPlace(): boolean {
    return this.#busy.size - this.#aside < this.#options.workers
  }

  #startWork(): void {
    while (this.#hasPlace && this.#returning.length > 0) {
      this.#aside--
      this.#returning.shift()?.()
    }
    for (const [key, since] of this.#ready) {
      if (!this.#hasPlace) return
      this.#ready.delete(key)
      this.#busy.add(key)
      void this.#run(key, this.#clock.now() - since)
    }
  }

  async #run(key: K, waitedMs: number): Promise<void> {
    this.#unschedule(this.#retries, key)
    // Never within add(): its caller is in the middle of something.
    await Promise.resolve()
    const began = this.#clock.now()
    const result = await this.#attempt(key)
    this.#busy.delete(key)
    const since = this.#dirty.get(key)
    if (since !== undefined && this.#dirty.delete(key)) this.#ready.set(key, since)
    else if (result.again !== undefined) this.#schedule(this.#retries, key, result.again)
    this.#startWork()
    const tookMs = this.#clock.now() - began
    this.#options.onDone?.({ key, outcome: 'error' in result ? 'failed' : 'done', waitedMs, tookMs })
    if ('error' in result) this.#options.onError(key, result.error)
    if (this.#isIdle()) for (const tell of this.#idle.splice(0)) tell()
  }

  async #waitAside<T>(wait: () => Promise<T>): Promise<T> {
    if (this.#aside >= mostAside) return wait()
    this.#aside++
    this.#startWork()
    try {
      return await wait()
    } finally {
      const place = Promise.withResolvers<void>()
      this.#returning.push(place.resolve)
      this.#startWork()
      await place.promise
    }
  }

  /** The outcome of the key's work, counted as a failure or a success. */
  async #attempt(key: K): Promise<WorkResult & { readonly error?: unknown }> {
    try {
      const result = await this.#options.work(key, this.#stopping.signal, (wait) => this.#waitAside(wait))
      this.#failures.delete(key)
      return result === undefined ? {} : { ...result }
    } catch (error) {
      const failures = (this.#failures.get(key) ?? 0) + 1
      this.#failures.set(key, failures)
      return { again: this.#delayAfter(failures, error), error }
    }
  }

  #delayAfter(failures: number, error: unknown): number {
    const { baseDelayMs = 100, maxDelayMs = 300_000 } = this.#options
    const delay = backOffDelay({ firstMs: baseDelayMs, longestMs: maxDelayMs }, failures - 1)
    return Math.max(delay, error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0)
  }

  #schedule(scheduled: Map<K, Later>, key: K, ms: number): void {
    if (this.#stopping.signal.aborted) return
    const dueAt = this.#clock.now() + ms
    const known = scheduled.get(key)
    if (known !== undefined && known.dueAt <= dueAt) return
    known?.cancel()
    const cancel = this.#clock.after(ms, () => {
      scheduled.delete(key)
      this.add(key)
    })
    scheduled.set(key, { dueAt, cancel })
  }

  #unschedule(scheduled: Map<K, Later>, key: K): void {
    scheduled.get(key)?.cancel()
    scheduled.delete(key)
  }
}
