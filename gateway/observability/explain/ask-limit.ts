// How often a gateway explains: each time it asks every DNS list, and a program that asks in a loop must not flood
// them.

/** So many at once after a pause, and then one every so many milliseconds. */
export const askLimits = { burst: 10, everyMs: 2000 } as const

export class AskLimit {
  readonly #now: () => number
  #left: number = askLimits.burst
  #at: number

  /** @param now milliseconds that never go back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
    this.#at = now()
  }

  /** @returns 0 if the question may be answered, or the seconds after which it may be asked again */
  take(): number {
    const now = this.#now()
    this.#left = Math.min(askLimits.burst, this.#left + (now - this.#at) / askLimits.everyMs)
    this.#at = now
    if (this.#left < 1) return Math.ceil(((1 - this.#left) * askLimits.everyMs) / 1000)
    this.#left--
    return 0
  }
}
