// Delays between attempts: the delay doubles after each failure in a row, up to a limit.

/** Both in milliseconds. */
export interface BackOffLimits {
  readonly firstMs: number
  readonly longestMs: number
}

/** Keeps the result finite when `longestMs` is Infinity. */
const mostDoublings = 30

/**
 * The delay in milliseconds before the next attempt.
 * @param failures how many attempts in a row have failed before the last one: 0 gives `firstMs`
 */
export function backOffDelay({ firstMs, longestMs }: BackOffLimits, failures: number): number {
  return Math.min(firstMs * 2 ** Math.min(failures, mostDoublings), longestMs)
}

/**
 * The delay is multiplied by a random factor between these two, so that clients that failed together do not return
 * together. `{ least: 0, most: 1 }` is full jitter.
 */
export interface Jitter {
  readonly least: number
  readonly most: number
}

export interface BackOffOptions extends BackOffLimits {
  /** Without it the delays are exact. */
  readonly jitter?: Jitter
  /** From 0 (included) to 1 (excluded). Default: Math.random. */
  readonly random?: () => number
}

/** Counts the failures in a row of one task. */
export class BackOff {
  readonly #options: BackOffOptions
  #failures = 0

  constructor(options: BackOffOptions) {
    this.#options = options
  }

  /**
   * The delay in milliseconds after one more failure. A server's own wish (Retry-After) is the minimum; the delay comes
   * on top of it.
   */
  next(retryAfterMs = 0): number {
    const { jitter = { least: 1, most: 1 }, random = Math.random } = this.#options
    const delay = backOffDelay(this.#options, this.#failures)
    this.#failures = Math.min(this.#failures + 1, mostDoublings)
    return retryAfterMs + delay * (jitter.least + random() * (jitter.most - jitter.least))
  }

  /** After a success: the next delay is the first one. */
  reset(): void {
    this.#failures = 0
  }
}
