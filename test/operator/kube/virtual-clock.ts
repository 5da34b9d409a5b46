// A clock that stands still until a test moves it.

import assert from 'node:assert/strict'
import type { Clock } from '../../../runtime/clock.ts'

interface Timer {
  readonly at: number
  readonly run: () => void
}

/** Its first moment is 2026-01-01T00:00:00Z. */
export class VirtualClock implements Clock {
  #now = 0
  readonly #start: number
  readonly #timers = new Set<Timer>()

  /** `ahead`: by how much its writing of the time is wrong, in milliseconds. */
  constructor(ahead = 0) {
    this.#start = Date.UTC(2026, 0, 1) + ahead
  }

  now(): number {
    return this.#now
  }

  epoch(): number {
    return this.#start + this.#now
  }

  after(ms: number, run: () => void): () => void {
    const timer: Timer = { at: this.#now + Math.max(0, ms), run }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#timers.size
  }

  /** How long the timers still have to wait, in milliseconds, shortest first. */
  get waits(): number[] {
    return Array.from(this.#timers, ({ at }) => at - this.#now).toSorted((a, b) => a - b)
  }

  /** Moves on by `ms`, running the timers on the way, in order. */
  move(ms: number): void {
    const end = this.#now + ms
    for (let timer = this.#next(end); timer !== undefined; timer = this.#next(end)) this.#fire(timer)
    this.#now = end
  }

  /** Moves on as `move` does, and lets `settle` finish after each timer. */
  async walk(ms: number, settle: () => Promise<void>): Promise<void> {
    const end = this.#now + ms
    await settle()
    for (let timer = this.#next(end); timer !== undefined; timer = this.#next(end)) {
      this.#fire(timer)
      await settle()
    }
    this.#now = end
  }

  #next(end: number): Timer | undefined {
    const due = Array.from(this.#timers).filter(({ at }) => at <= end)
    return due.toSorted((a, b) => a.at - b.at)[0]
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer)
    this.#now = Math.max(this.#now, timer.at)
    timer.run()
  }
}

/** Waits until `condition` holds, for results of real sockets. Fails after a minute. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 60_000
  while (!condition()) {
    assert.ok(performance.now() < end, `it never happened: ${what}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
