// Writes to the temporary allowlist on their way to the disk: collected, seen by lookups at once, committed many at a time, bounded.
import { BackOff, type BackOffLimits } from '../../runtime/back-off.ts'
import type { Complain } from './allowlist-store.ts'

/** Commits a batch in one transaction; undefined as a record means: remove. Rejects when nothing of it was kept. */
export type Commit = (batch: ReadonlyMap<string, string | undefined>) => Promise<void>

/** All times in milliseconds. */
export interface WriteLimits {
  /** How long the first write of a batch waits for company. */
  readonly collect: number
  /** A batch of 2,000 costs the event loop some 4 ms (measured). */
  readonly batch: number
  /** More writes than this wait only when the disk has stopped; then the sixteenth that has waited longest is given up. */
  readonly waiting: number
  /** The delays before a failed batch is tried again. */
  readonly retry: BackOffLimits
}

/** Somebody who waits until so many more batches are done. */
interface Drainer {
  batches: number
  readonly resolve: () => void
}

const defaultLimits: WriteLimits = { collect: 50, batch: 2000, waiting: 100_000, retry: { firstMs: 1000, longestMs: 30_000 } }

/** One batch is under way at a time, so a slow disk makes batches larger and not more numerous. A batch that fails waits and is tried again. */
export class WriteQueue {
  readonly #commit: Commit
  readonly #complain: Complain
  readonly #limits: WriteLimits
  #waiting = new Map<string, string | undefined>()
  #underWay = new Map<string, string | undefined>()
  #timer: NodeJS.Timeout | undefined
  readonly #retry: BackOff
  #stopped = false
  #drainers: Drainer[] = []
  #dropped = 0

  constructor(commit: Commit, complain: Complain, limits: WriteLimits = defaultLimits) {
    this.#commit = commit
    this.#complain = complain
    this.#limits = limits
    this.#retry = new BackOff(limits.retry)
  }

  /** Writes that have not reached the disk yet. */
  get size(): number {
    return this.#waiting.size + this.#underWay.size
  }

  /** Writes that were given up so far. */
  get dropped(): number {
    return this.#dropped
  }

  /** Whether a write of this key has not reached the disk yet. */
  has(key: string): boolean {
    return (this.#waiting.size !== 0 && this.#waiting.has(key)) || (this.#underWay.size !== 0 && this.#underWay.has(key))
  }

  /** What will be on the disk: undefined when the key is about to be removed. Ask `has` first. */
  get(key: string): string | undefined {
    return this.#waiting.has(key) ? this.#waiting.get(key) : this.#underWay.get(key)
  }

  *waiting(): Generator<readonly [string, string | undefined], void> {
    for (const entry of this.#underWay) if (!this.#waiting.has(entry[0])) yield entry
    yield* this.#waiting
  }

  /** The last word about a key wins, so an update cancels a removal that has not happened yet. */
  add(key: string, record: string | undefined): void {
    this.#waiting.delete(key)
    this.#waiting.set(key, record)
    if (this.#waiting.size > this.#limits.waiting) this.#giveUpOldest()
    this.#schedule(this.#limits.collect)
  }

  /** Resolves when all that was added before is committed, or a commit has failed. */
  drained(): Promise<void> {
    if (this.#stopped || (this.#waiting.size === 0 && this.#underWay.size === 0)) return Promise.resolve()
    const batches = Math.ceil(this.#waiting.size / this.#limits.batch) + (this.#underWay.size === 0 ? 0 : 1)
    const promise = new Promise<void>((resolve) => this.#drainers.push({ batches, resolve }))
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#schedule(0)
    return promise
  }

  /** Nothing is committed any more. */
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
    if (!failed) return this.#drainers.length > 0 || this.#waiting.size >= this.#limits.batch ? 0 : this.#limits.collect
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
    this.#complain(record === undefined ? 'delete' : 'update', key, error)
    const newer = this.#waiting
    this.#waiting = this.#underWay
    for (const [changed, value] of newer) {
      this.#waiting.delete(changed)
      this.#waiting.set(changed, value)
    }
    if (this.#waiting.size > this.#limits.waiting) this.#giveUpOldest()
  }

  /** Many at a time: a Map that loses only its first entry walks over all that were deleted before, each time. */
  #giveUpOldest(): void {
    const keep = this.#limits.waiting - Math.ceil(this.#limits.waiting / 16)
    const [oldest = ''] = this.#waiting.keys()
    for (const key of this.#waiting.keys()) {
      if (this.#waiting.size <= keep) break
      this.#waiting.delete(key)
      this.#dropped++
    }
    this.#complain('update', oldest, 'too many writes wait for the disk')
  }

  #release(whom: 'all' | 'those whose batches are done'): void {
    const left: Drainer[] = []
    for (const drainer of this.#drainers) {
      drainer.batches--
      if (whom === 'all' || drainer.batches <= 0) drainer.resolve()
      else left.push(drainer)
    }
    this.#drainers = left
  }
}
