// One cleanup of the temporary allowlist: removes expired records in small steps, without interrupting service.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Seconds } from '../../crds/values/duration.ts'
import { epochSeconds, systemClock } from '../../runtime/clock.ts'
import { decodeRecord } from '../core/allowlist-record.ts'
import { worthKeeping } from '../core/retention.ts'
import { cleanupKey, type LocalAllowlist, type Warn } from './allowlist-store.ts'

/** What the policy says about cleanups. */
export interface CleanupRules {
  /** Between two cleanups; 0 disables them. */
  readonly interval: Seconds
  readonly retention: Seconds
  /** In the order of testNames. */
  readonly enabled: readonly boolean[]
}

export interface CleanupOptions {
  readonly store: LocalAllowlist
  /** Called before every run, so that the next run uses a new policy. */
  readonly rules: () => CleanupRules
  readonly info: (text: string) => void
  readonly warn: Warn
  /** Epoch second. */
  readonly now?: () => number
  readonly timers?: CleanupTimers
}

/** What a cleanup waits for, so that tests need not wait. */
export interface CleanupTimers {
  /** Calls `run` after this many seconds. The returned function cancels that. */
  after(seconds: number, run: () => void): () => void
  /** Lets all other pending work run. */
  yieldTurn(): Promise<void>
  /** Monotonic time in milliseconds. */
  clock(): number
}

export interface CleanupCount {
  readonly retained: number
  readonly dropped: number
  /** partial: it was stopped, or the store failed. */
  readonly extent: 'full' | 'partial'
}

/** The longest time that the event loop is blocked at once. */
const sliceMs = 3
const entriesBetweenLooks = 64
/** At most this many removals wait in memory until they are on disk. */
const removalsAtATime = 5000

export const realTimers: CleanupTimers = {
  after: (seconds, run) => {
    const timer = setTimeout(run, seconds * 1000).unref()
    return () => clearTimeout(timer)
  },
  yieldTurn: () => nextTurn(),
  clock: systemClock.now,
}

/**
 * One run. While it lasts the key says that it is complete, so that no other process begins one; a run that does not
 * reach the end restores the previous value. (If the process is killed during the run, the next cleanup is an interval
 * away, which does no harm.)
 */
export async function cleanOnce(options: CleanupOptions, stop: AbortSignal): Promise<CleanupCount> {
  const { store, info, warn, now = epochSeconds } = options
  const before = await store.get(cleanupKey)
  store.put(cleanupKey, String(now()))
  await store.flush()
  const sweep = new Sweep(options)
  const finished = await sweep.run(stop).catch(() => {
    warn(`${store.name}: cache cleanup scan terminated due to error`)
    return false
  })
  if (finished) store.put(cleanupKey, String(now()))
  else if (before === undefined) store.remove(cleanupKey)
  else store.put(cleanupKey, before)
  const count: CleanupCount = { retained: sweep.retained, dropped: sweep.dropped, extent: finished ? 'full' : 'partial' }
  if (finished || count.retained > 0 || count.dropped > 0) {
    info(`cache ${store.name} ${count.extent} cleanup: retained=${count.retained} dropped=${count.dropped} entries`)
  }
  return count
}

/** One pass over the store, in slices of some milliseconds. */
class Sweep {
  retained = 0
  dropped = 0
  readonly #options: CleanupOptions
  readonly #timers: CleanupTimers
  readonly #rules: CleanupRules
  readonly #now: number
  #sliceEnd = 0
  #unflushed = 0

  constructor(options: CleanupOptions) {
    this.#options = options
    this.#timers = options.timers ?? realTimers
    this.#rules = options.rules()
    this.#now = options.now?.() ?? epochSeconds()
  }

  /** False when it was stopped. Rejects when the store cannot be read. */
  async run(stop: AbortSignal): Promise<boolean> {
    this.#sliceEnd = this.#timers.clock() + sliceMs
    let looked = 0
    for (const [key, record] of this.#options.store.entries()) {
      if (key !== cleanupKey && this.#expired(record)) await this.#drop(key, record)
      else if (key !== cleanupKey) this.retained++
      if (++looked % entriesBetweenLooks === 0) await this.#pause()
      if (stop.aborted) return false
    }
    return true
  }

  #expired(record: string): boolean {
    return !worthKeeping(decodeRecord(record), this.#rules.enabled, this.#now, this.#rules.retention)
  }

  /** Only if the record has not changed: a session may have written it since it was read. */
  async #drop(key: string, record: string): Promise<void> {
    const { store } = this.#options
    const current = store.get(key)
    if ((typeof current === 'object' ? await current : current) !== record) {
      this.retained++
      return
    }
    store.remove(key)
    this.dropped++
    this.#unflushed++
  }

  async #pause(): Promise<void> {
    if (this.#timers.clock() < this.#sliceEnd) return
    if (this.#unflushed >= removalsAtATime) {
      await this.#options.store.flush()
      this.#unflushed = 0
    }
    await this.#timers.yieldTurn()
    this.#sliceEnd = this.#timers.clock() + sliceMs
  }
}
