// When the temporary allowlist is cleaned.
import { epochSeconds } from '../../runtime/clock.ts'
import { cleanupKey } from './allowlist-store.ts'
import { cleanOnce, type CleanupOptions, type CleanupTimers, realTimers } from './cleanup-run.ts'

export interface Cleanup {
  /** Must be called when the policy has changed: computes again when the next run is due. */
  reschedule(): void
  /** Ends a running cleanup, which logs its line. Resolves when it has ended and the store may be closed. */
  stop(): Promise<void>
}

/** setTimeout cannot wait longer than 24 days; a wait is divided into days. */
const longestWait = 86_400

/**
 * Cleans periodically until it is stopped (dict_cache_control). Of processes that share a store, the first that is due
 * cleans for all.
 */
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
  /** Never before this epoch second: after a failure of the store the next attempt has to wait. */
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

  /** Undefined: never. At most the interval, in case a clock was wrong. */
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
