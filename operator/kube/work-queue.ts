// The queue of a controller: each key is reconciled by at most one worker at a time, and each key that fails has its
// own back-off.

import { backOffDelay } from '../../runtime/back-off.ts'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import { KubeError } from './kube-error.ts'
import { turns } from './turns.ts'

/** The result of a piece of work: whether to do it again, and in how many milliseconds. */
export interface WorkResult {
  readonly again?: number
}

/** `again`: done, and the work has asked to be repeated later. */
export type WorkOutcome = 'done' | 'again' | 'failed'

/** Is told what happens in the queue, for metrics. Its functions must not throw. */
export interface QueueObserver {
  /** A key was added that was not waiting yet. */
  added(): void
  /** The work for a key begins. It was ready for this long. */
  began(waitedMs: number): void
  ended(outcome: WorkOutcome, tookMs: number): void
  /** A key will be added again after a delay: it failed, or its work asked for that. */
  postponed(): void
}

/** The work in progress. */
export interface Progress {
  /** How many workers are in use. Keys that wait aside use none. */
  readonly active: number
  /** For how long the work for each key has been in progress, those that wait aside included. */
  readonly sinceMs: readonly number[]
}

/** Waits for something outside the cluster's API. Meanwhile, another key uses this key's worker. */
export type Aside = <T>(wait: () => Promise<T>) => Promise<T>

export interface WorkQueueOptions<K extends string> {
  /**
   * The work for a key. It is level-triggered: it looks at the present state. It should end soon after `signal` is
   * aborted.
   */
  readonly work: (key: K, signal: AbortSignal, aside: Aside) => Promise<WorkResult | void>
  /** How many keys are worked on at once, besides those that wait aside. */
  readonly workers: number
  /** The delay after the first failure. It doubles with each further one. Default 100 ms. */
  readonly baseDelayMs?: number
  /** The longest delay. Default 5 min. */
  readonly maxDelayMs?: number
  /** Called for each failure. It must not throw. */
  readonly onError: (key: K, error: unknown) => void
  readonly observer?: QueueObserver | undefined
  readonly clock?: Clock
  /** Resolves when the next piece of work may run. Default: one in each turn of the event loop. */
  readonly turn?: () => Promise<void>
}

/** As many keys may wait aside. Further ones keep their workers while they wait. */
const mostAside = 256

/**
 * The rate-limiting work queue of client-go. A key that is added again while it waits stays one key. A key that is
 * added while it is worked on is worked on again right after. A key that fails is added again after a delay, which
 * grows with each failure (and is at least KubeError.retryAfterMs). One success resets the failures. The size of all
 * tables is limited by the number of keys.
 */
export class WorkQueue<K extends string> {
  readonly #options: WorkQueueOptions<K>
  readonly #clock: Clock
  readonly #turn: () => Promise<void>
  /** The waiting keys in order, with the time since when they wait. */
  readonly #ready = new Map<K, number>()
  /** The keys that are worked on, with the time since when. */
  readonly #busy = new Map<K, number>()
  /** How many of the busy keys wait aside, or for a worker after that. */
  #aside = 0
  /** Keys that have waited aside. They continue before another key begins. */
  readonly #returning: (() => void)[] = []
  /** Keys that were added while they were busy. */
  readonly #dirty = new Map<K, number>()
  /** Cancels the timer of a key that failed, or asked for `again`. It has none once the key is worked on. */
  readonly #retries = new Map<K, () => void>()
  readonly #failures = new Map<K, number>()
  readonly #stopping = new AbortController()
  #idle: (() => void)[] = []

  constructor(options: WorkQueueOptions<K>) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#turn = options.turn ?? turns()
  }

  /** How many keys wait for a worker. */
  get depth(): number {
    return this.#ready.size + this.#dirty.size
  }

  /** How many keys failed in their last work. */
  get failing(): number {
    return this.#failures.size
  }

  get progress(): Progress {
    const now = this.#clock.now()
    return { active: this.#busy.size - this.#aside, sinceMs: [...this.#busy.values()].map((since) => now - since) }
  }

  /** Adds the key, to be worked on as soon as a worker is free. Its back-off is ignored. */
  add(key: K): void {
    if (this.#stopping.signal.aborted) return
    const queue = this.#busy.has(key) ? this.#dirty : this.#ready
    if (!queue.has(key)) {
      queue.set(key, this.#clock.now())
      this.#options.observer?.added()
    }
    this.#startWork()
  }

  /** Drops the key's failures and its timers. A key that is already waiting stays in the queue. */
  forget(key: K): void {
    this.#failures.delete(key)
    this.#unschedule(key)
  }

  /** Resolves when no key waits or is worked on. Keys that wait for a timer do not count. */
  drain(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  /** Accepts no more keys, drops the waiting ones, and resolves when the work in progress has ended. */
  stop(): Promise<void> {
    this.#stopping.abort()
    for (const key of this.#retries.keys()) this.#unschedule(key)
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
      const now = this.#clock.now()
      this.#busy.set(key, now)
      this.#options.observer?.began(now - since)
      void this.#run(key)
    }
  }

  async #run(key: K): Promise<void> {
    this.#unschedule(key)
    // Not within add(), whose caller is not prepared for it.
    await this.#turn()
    const began = this.#clock.now()
    const result = await this.#attempt(key)
    this.#busy.delete(key)
    const since = this.#dirty.get(key)
    if (since !== undefined && this.#dirty.delete(key)) this.#ready.set(key, since)
    else if (result.again !== undefined) this.#schedule(key, result.again)
    this.#startWork()
    const tookMs = this.#clock.now() - began
    this.#options.observer?.ended(outcomeOf(result), tookMs)
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
      await this.#turn()
    }
  }

  /** Counts the result of the key's work as a failure or a success. */
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

  #schedule(key: K, ms: number): void {
    if (this.#stopping.signal.aborted) return
    const cancel = this.#clock.after(ms, () => {
      this.#retries.delete(key)
      this.add(key)
    })
    this.#retries.set(key, cancel)
    this.#options.observer?.postponed()
  }

  #unschedule(key: K): void {
    this.#retries.get(key)?.()
    this.#retries.delete(key)
  }
}

const outcomeOf = (result: WorkResult & { readonly error?: unknown }): WorkOutcome =>
  'error' in result ? 'failed' : result.again === undefined ? 'done' : 'again'
