// A cache in front of the shared allowlist: limited in size and time, so that a known client needs no round trip.
import { systemClock } from '../../runtime/clock.ts'

interface Known {
  readonly record: string
  /** Milliseconds of the clock. */
  readonly until: number
}

/**
 * It holds records, never their absence: a client that passed at another gateway must be found at once. It has two
 * generations: when the young one reaches half of the capacity, the old one is dropped as a whole, which avoids long
 * loops.
 */
export class NearCache {
  readonly #half: number
  readonly #ttlMs: number
  readonly #clock: () => number
  #young = new Map<string, Known>()
  #old = new Map<string, Known>()

  /** @param clock monotonic time in milliseconds */
  constructor(capacity: number, ttlMs: number, clock: () => number = systemClock.now) {
    this.#half = Math.ceil(capacity / 2)
    this.#ttlMs = ttlMs
    this.#clock = clock
  }

  learn(key: string, record: string): void {
    if (this.#young.size >= this.#half && !this.#young.has(key)) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, { record, until: this.#clock() + this.#ttlMs })
  }

  /** A record within its time to live. */
  fresh(key: string): string | undefined {
    const known = this.#find(key)
    return known !== undefined && this.#clock() < known.until ? known.record : undefined
  }

  /** A record of any age, for use while the store is unreachable. */
  any(key: string): string | undefined {
    return this.#find(key)?.record
  }

  forget(key: string): void {
    this.#young.delete(key)
    this.#old.delete(key)
  }

  #find(key: string): Known | undefined {
    return this.#young.get(key) ?? this.#old.get(key)
  }
}
