// Remembers since when something is so, as it was seen by those who asked.

export class StateSince {
  readonly #now: () => number
  #since: number | undefined

  /** @param now epoch milliseconds */
  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** Takes note of the state; undefined while it is not so. */
  see(isSo: boolean): number | undefined {
    this.#since = isSo ? (this.#since ?? this.#now()) : undefined
    return this.#since
  }
}
