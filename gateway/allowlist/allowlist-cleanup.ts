// The periodic cleanup of the temporary allowlist: drops what has expired long ago, a little at a time, while service goes on.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { epochSeconds, systemClock } from '../../runtime/clock.ts'
import { decodeRecord } from '../core/allowlist-record.ts'
import { worthKeeping } from '../core/retention.ts'
import { cleanupKey, type LocalAllowlist, type Warn } from './allowlist-store.ts'

/** What the policy says about cleanups; times in seconds. */
export interface CleanupRules {
  /** Between two cleanups; 0: none at all. */
  readonly interval: number
  readonly retention: number
  /** In the order of testNames. */
  readonly enabled: readonly boolean[]
}

export interface CleanupOptions {
  readonly store: LocalAllowlist
  /** Asked before every run, so that a new policy counts from the next one. */
  readonly rules: () => CleanupRules
  readonly info: (text: string) => void
  readonly warn: Warn
  /** Epoch second. */
  readonly now?: () => number
  readonly timers?: CleanupTimers
}

/** The waits of a cleanup, so that tests need not wait. */
export interface CleanupTimers {
  /** Calls `run` after so many seconds, unless it is cancelled before by what this returns. */
  after(seconds: number, run: () => void): () => void
  /** Lets everything else that is ready have its turn. */
  breathe(): Promise<void>
  /** Milliseconds that never go back. */
  clock(): number
}

export interface Cleanup {
  /** To be called when the policy has changed: works out anew when the next run is due. */
  reschedule(): void
  /** Ends a run that is under way, with its line in the log; resolves when it has ended, so that the store may be closed. */
  stop(): Promise<void>
}

export interface CleanupCount {
  readonly retained: number
  readonly dropped: number
  /** partial: it was stopped, another process was quicker, or the store failed. */
  readonly extent: 'full' | 'partial'
}

/** The longest that the event loop is kept busy at a stretch. */
const sliceMs = 3
const entriesBetweenLooks = 64
/** Removals wait in memory until they are on disk; this many at most. */
const removalsAtATime = 5000
/** setTimeout cannot wait longer than 24 days; a wait is cut into pieces of a day. */
const longestWait = 86_400

const realTimers: CleanupTimers = {
  after: (seconds, run) => {
    const timer = setTimeout(run, seconds * 1000).unref()
    return () => clearTimeout(timer)
  },
  breathe: () => nextTurn(),
  clock: systemClock.now,
}

/** Cleans now and again until it is stopped (dict_cache_control). Processes that share a store take turns: whoever is due first cleans for all. */
export function startCleanup(options: CleanupOptions): Cleanup {
  const cleaner = new Cleaner(options)
  cleaner.reschedule()
  return cleaner
}

class Cleaner implements Cleanup {
  readonly #options: CleanupOptions
  readonly #now: () => number
  readonly #timers: CleanupTimers
  readonly #stop = new AbortController()
  #cancel: (() => void) | undefined
  #run: Promise<void> | undefined
  /** Not before this epoch second, whatever the key says: a store that fails is not tried again at once. */
  #earliest = 0

  constructor(options: CleanupOptions) {
    this.#options = options
    this.#now = options.now ?? epochSeconds
    this.#timers = options.timers ?? realTimers
  }

  reschedule(): void {
    if (this.#run === undefined) void this.#schedule()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    this.#cancel?.()
    await this.#run
  }

  async #schedule(): Promise<void> {
    const seconds = await this.#secondsUntilDue()
    this.#cancel?.()
    if (seconds === undefined || this.#stop.signal.aborted) return
    this.#cancel = this.#timers.after(Math.min(seconds, longestWait), () => this.#begin())
  }

  /** Undefined: never. Capped at the interval, should a clock have been wrong. */
  async #secondsUntilDue(): Promise<number | undefined> {
    const { interval } = this.#options.rules()
    if (interval === 0) return undefined
    const completed = Number.parseInt((await this.#options.store.get(cleanupKey)) ?? '', 10)
    const due = Number.isNaN(completed) ? 0 : completed + interval
    return Math.min(Math.max(0, due - this.#now(), this.#earliest - this.#now()), interval)
  }

  #begin(): void {
    if (this.#run !== undefined || this.#stop.signal.aborted) return
    this.#run = this.#cleanIfDue().then(() => {
      this.#run = undefined
      return this.#schedule()
    })
  }

  /** Another process may have cleaned since the timer was set. */
  async #cleanIfDue(): Promise<void> {
    if ((await this.#secondsUntilDue()) !== 0) return
    await cleanOnce({ ...this.#options, now: this.#now, timers: this.#timers }, this.#stop.signal)
    this.#earliest = this.#now() + this.#options.rules().interval
  }
}

/**
 * One run. While it lasts the key says that it is done, so that no other process begins one too; a run that does not reach the end puts the
 * former value back. (Should the process be killed meanwhile, the next cleanup is an interval away, which does no harm.)
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

/** One walk over the store, in slices of some milliseconds. */
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

  /** Only if it is still what was judged: a session may have written it since it was read. */
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
    await this.#timers.breathe()
    this.#sliceEnd = this.#timers.clock() + sliceMs
  }
}
