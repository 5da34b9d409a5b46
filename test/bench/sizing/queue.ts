// Queues of the simulation: work waits until a server is free, in the order of arrival.

/** Waiting times of one stage, in seconds. */
export class Waits {
  readonly #values: number[] = []

  add(seconds: number): void {
    this.#values.push(seconds)
  }

  get count(): number {
    return this.#values.length
  }

  /** Sorted once for all quantiles. */
  quantiles(...shares: readonly number[]): readonly number[] {
    const sorted = Float64Array.from(this.#values).toSorted()
    return shares.map((share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0)
  }
}

/** Servers that each do one thing at a time; work is given to one of them and waits there. */
export class Cores {
  readonly #freeAt: Float64Array
  #busy = 0

  constructor(count: number) {
    this.#freeAt = new Float64Array(count)
  }

  get count(): number {
    return this.#freeAt.length
  }

  /** Seconds of work that were given to all of them. */
  get busy(): number {
    return this.#busy
  }

  /** @returns how long the work waits before it begins */
  give(core: number, now: number, work: number): number {
    const begins = Math.max(now, this.#freeAt[core] ?? 0)
    this.#freeAt[core] = begins + work
    this.#busy += work
    return begins - now
  }
}

const slotsPerSecond = 10_000

/** Events in the order of their times, to a tenth of a millisecond. */
export class Calendar {
  readonly #slots: (() => void)[][]

  /** @param seconds events after this time do not happen */
  constructor(seconds: number) {
    this.#slots = Array.from({ length: Math.ceil(seconds * slotsPerSecond) + 1 }, () => [])
  }

  at(time: number, event: () => void): void {
    this.#slots[Math.ceil(time * slotsPerSecond)]?.push(event)
  }

  run(): void {
    // An event may add others to its own slot.
    for (const [index, slot] of this.#slots.entries()) {
      for (let next = 0; next < slot.length; next++) slot[next]?.()
      this.#slots[index] = []
    }
  }
}
