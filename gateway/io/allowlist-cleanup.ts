// The periodic cleanup of the temporary allowlist: drops what has expired long ago, a little at a time, while service goes on.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { decodeRecord } from '../core/allowlist-record.ts'
import { worthKeeping } from '../core/retention.ts'
import { type AllowlistStore, cleanupKey, type Warn } from './allowlist-store.ts'

/** What the policy says about cleanups; times in seconds. */
export interface CleanupRules {
  /** Between two cleanups; 0: none at all. */
  readonly interval: number
  readonly retention: number
  /** In the order of testNames. */
  readonly enabled: readonly boolean[]
}

export interface CleanupOptions {
  readonly store: AllowlistStore
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
  /** Ends a run that is under way, with its line in the log. */
  stop(): void
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
  clock: () => performance.now(),
}

/** Cleans now and again until it is stopped (dict_cache_control). Processes that share a store take turns: whoever is due first cleans for all. */
export function startCleanup(options: CleanupOptions): Cleanup {
  const { store, rules, now = () => Math.floor(Date.now() / 1000), timers = realTimers } = options
  let cancel: (() => void) | undefined
  let running: AbortController | undefined

  const schedule = async (): Promise<void> => {
    cancel?.()
    const { interval } = rules()
    const completed = interval === 0 ? undefined : await store.get(cleanupKey)
    cancel?.()
    cancel = interval === 0 ? undefined : timers.after(Math.min(secondsUntilDue(completed, interval, now()), longestWait), () => void act())
  }

  const act = async (): Promise<void> => {
    const due = rules()
    if (stopped || due.interval === 0 || secondsUntilDue(await store.get(cleanupKey), due.interval, now()) > 0) return schedule()
    running = new AbortController()
    await cleanOnce({ ...options, timers }, due, now, running.signal)
    running = undefined
    if (!stopped) await schedule()
  }
  let stopped = false
  void schedule()
  return {
    reschedule: () => {
      if (running === undefined && !stopped) void schedule()
    },
    stop: () => {
      stopped = true
      cancel?.()
      running?.abort()
    },
  }
}
