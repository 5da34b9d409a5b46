// How long to stay away from a server that has trouble: full jitter, so that clients that failed together do not come back together.

interface BackOffOptions {
  /** The longest first delay, in milliseconds. */
  readonly baseMs: number
  readonly maxMs: number
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number
}

/** Delays from 0 to a bound that doubles with each failure in a row. */
export class BackOff {
  readonly #options: BackOffOptions
  #failures = 0

  constructor(options: BackOffOptions) {
    this.#options = options
  }

  /** The next delay in milliseconds. The server's own wish (Retry-After) is kept, with a little on top. */
  next(retryAfterMs = 0): number {
    const { baseMs, maxMs, random } = this.#options
    const bound = Math.min(baseMs * 2 ** this.#failures, maxMs)
    this.#failures = Math.min(this.#failures + 1, 30)
    return retryAfterMs + random() * bound
  }

  reset(): void {
    this.#failures = 0
  }
}
