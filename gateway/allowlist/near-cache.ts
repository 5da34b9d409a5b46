// What this gateway has lately learnt from the shared allowlist: bounded, in memory, and for a short time, so that a known client costs no round trip.
import { systemClock } from '../../runtime/clock.ts'

interface Known {
  readonly record: string
  /** In the clock's milliseconds. */
  readonly until: number
}

/**
 * Only records that are there, never their absence: a client that passed elsewhere must be found at once.
 * Two generations: when the young one has half of the capacity, the old one is dropped as a whole, so that nothing ever walks over many entries.
 */
export class NearCache {
  readonly #half: number
  readonly #ttlMs: number
  readonly #clock: () => number
  #young = new Map<string, Known>()
  #old = new Map<string, Known>()

  /** `clock` tells milliseconds that never go back. */
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

  /** A record that was learnt within the time to live. */
  fresh(key: string): string | undefined {
    const known = this.#find(key)
    return known !== undefined && this.#clock() < known.until ? known.record : undefined
  }

  /** A record of any age: better than nothing while the store is away. */
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
