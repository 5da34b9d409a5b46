// The queue of writes to the temporary allowlist: visible to lookups at once, committed in batches, limited in length.
import { BackOff, type BackOffLimits } from '../../runtime/back-off.ts'
import type { WarnOfFailure } from './allowlist-store.ts'

/** Commits a batch in one transaction; a record that is undefined means removal. Rejects when nothing was written. */
export type Commit = (batch: ReadonlyMap<string, string | undefined>) => Promise<void>

/** All times in milliseconds. */
export interface WriteLimits {
  /** How long the first write of a batch waits for more. */
  readonly collect: number
  /** A batch of 2,000 costs the event loop some 4 ms (measured). */
  readonly batch: number
  /** More writes than this wait only when the disk does not work; then the oldest sixteenth is dropped. */
  readonly waiting: number
  /** The delays before a failed batch is tried again. */
  readonly retry: BackOffLimits
}

/** A caller that waits until so many more batches are committed. */
interface FlushWaiter {
  batches: number
  readonly resolve: () => void
}

const defaultLimits: WriteLimits = { collect: 50, batch: 2000, waiting: 100_000, retry: { firstMs: 1000, longestMs: 30_000 } }

/**
 * One batch is committed at a time, so a slow disk makes batches larger, not more numerous. A batch that fails is tried
 * again later.
 */
export class WriteQueue {
  readonly #commit: Commit
  readonly #warnOfFailure: WarnOfFailure
  readonly #limits: WriteLimits
  #waiting = new Map<string, string | undefined>()
  #underWay = new Map<string, string | undefined>()
  #timer: NodeJS.Timeout | undefined
  readonly #retry: BackOff
  #stopped = false
  #flushWaiters: FlushWaiter[] = []
  #dropped = 0

  constructor(commit: Commit, complain: WarnOfFailure, limits: WriteLimits = defaultLimits) {
    this.#commit = commit
    this.#warnOfFailure = complain
    this.#limits = limits
    this.#retry = new BackOff(limits.retry)
  }

  /** Writes that are not committed yet. */
  get size(): number {
    return this.#waiting.size + this.#underWay.size
  }

  /** Writes that were dropped so far. */
  get dropped(): number {
    return this.#dropped
  }

  /** Whether a write of this key is not committed yet. */
  has(key: string): boolean {
    return (this.#waiting.size !== 0 && this.#waiting.has(key)) || (this.#underWay.size !== 0 && this.#underWay.has(key))
  }

  /** What will be written: undefined when the key will be removed. Call `has` first. */
  get(key: string): string | undefined {
    return this.#waiting.has(key) ? this.#waiting.get(key) : this.#underWay.get(key)
  }

  *waiting(): Generator<readonly [string, string | undefined], void> {
    for (const entry of this.#underWay) if (!this.#waiting.has(entry[0])) yield entry
    yield* this.#waiting
  }

  /** The last write of a key wins, so an update cancels a removal that is not committed yet. */
  add(key: string, record: string | undefined): void {
    this.#waiting.delete(key)
    this.#waiting.set(key, record)
    if (this.#waiting.size > this.#limits.waiting) this.#dropOldest()
    this.#schedule(this.#limits.collect)
  }

  /** Resolves when everything added before is committed, or a commit has failed. */
  drained(): Promise<void> {
    if (this.#stopped || (this.#waiting.size === 0 && this.#underWay.size === 0)) return Promise.resolve()
    const batches = Math.ceil(this.#waiting.size / this.#limits.batch) + (this.#underWay.size === 0 ? 0 : 1)
    const promise = new Promise<void>((resolve) => this.#flushWaiters.push({ batches, resolve }))
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#schedule(0)
    return promise
  }

  /** No further commits. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#release('all')
  }

  #schedule(ms: number): void {
    if (this.#stopped || this.#timer !== undefined || this.#underWay.size !== 0) return
    this.#timer = setTimeout(() => void this.#run(), ms)
  }

  async #run(): Promise<void> {
    this.#takeBatch()
    let failed = false
    try {
      await this.#commit(this.#underWay)
      this.#retry.reset()
    } catch (error) {
      failed = true
      this.#putBack(error)
    }
    this.#underWay = new Map()
    this.#timer = undefined
    this.#release(failed || this.#waiting.size === 0 ? 'all' : 'those whose batches are done')
    if (this.#waiting.size !== 0) this.#schedule(this.#pause(failed))
  }

  #pause(failed: boolean): number {
    if (!failed) return this.#flushWaiters.length > 0 || this.#waiting.size >= this.#limits.batch ? 0 : this.#limits.collect
    return this.#retry.next()
  }

  #takeBatch(): void {
    if (this.#waiting.size <= this.#limits.batch) {
      this.#underWay = this.#waiting
      this.#waiting = new Map()
      return
    }
    for (const [key, record] of this.#waiting) {
      if (this.#underWay.size >= this.#limits.batch) break
      this.#underWay.set(key, record)
      this.#waiting.delete(key)
    }
  }

  #putBack(error: unknown): void {
    const [key = '', record] = this.#underWay.entries().next().value ?? []
    this.#warnOfFailure(record === undefined ? 'delete' : 'update', key, error)
    const newer = this.#waiting
    this.#waiting = this.#underWay
    for (const [changed, value] of newer) {
      this.#waiting.delete(changed)
      this.#waiting.set(changed, value)
    }
    if (this.#waiting.size > this.#limits.waiting) this.#dropOldest()
  }

  /** Many at once: finding the first entry of a Map visits all entries that were deleted before it, each time. */
  #dropOldest(): void {
    const keep = this.#limits.waiting - Math.ceil(this.#limits.waiting / 16)
    const [oldest = ''] = this.#waiting.keys()
    for (const key of this.#waiting.keys()) {
      if (this.#waiting.size <= keep) break
      this.#waiting.delete(key)
      this.#dropped++
    }
    this.#warnOfFailure('update', oldest, 'too many writes wait for the disk')
  }

  #release(which: 'all' | 'those whose batches are done'): void {
    const left: FlushWaiter[] = []
    for (const waiter of this.#flushWaiters) {
      waiter.batches--
      if (which === 'all' || waiter.batches <= 0) waiter.resolve()
      else left.push(waiter)
    }
    this.#flushWaiters = left
  }
}
