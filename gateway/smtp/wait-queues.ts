// Timers for many sessions at once. Those that wait equally long stand in one queue, in the order in which they were
// armed, which is the order in which they end: one native timer for each length, and no timer object for each session.
// The lengths are few: the greet wait and the limits of the policy.

/** What can wait: the links of its queue, which only this file touches. In one queue at a time. */
export abstract class Waiter {
  waitQueue: WaitQueue | undefined = undefined
  waitUntil = 0
  waitNext: Waiter | undefined = undefined
  waitPrevious: Waiter | undefined = undefined

  /** The time is over. */
  abstract waitOver(): void
}

/** All that wait for the same number of milliseconds. */
class WaitQueue {
  readonly ms: number
  readonly #now: () => number
  #first: Waiter | undefined
  #last: Waiter | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(ms: number, now: () => number) {
    this.ms = ms
    this.#now = now
  }

  get isEmpty(): boolean {
    return this.#first === undefined
  }

  append(waiter: Waiter): void {
    waiter.waitQueue = this
    waiter.waitUntil = this.#now() + this.ms
    waiter.waitPrevious = this.#last
    if (this.#last === undefined) {
      this.#first = waiter
      this.#timer?.ref()
    } else this.#last.waitNext = waiter
    this.#last = waiter
    this.#timer ??= setTimeout(this.#sweep, this.ms)
  }

  /**
   * The timer stays, since it finds out for whom it was, but it does not keep the process alive where nothing waits.
   */
  remove(waiter: Waiter): void {
    const { waitNext: next, waitPrevious: previous } = waiter
    if (previous === undefined) this.#first = next
    else previous.waitNext = next
    if (next === undefined) this.#last = previous
    else next.waitPrevious = previous
    if (this.#first === undefined) this.#timer?.unref()
    waiter.waitQueue = undefined
    waiter.waitNext = undefined
    waiter.waitPrevious = undefined
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  readonly #sweep = (): void => {
    this.#timer = undefined
    // Never early: a timer of Node counts from the time at which its event loop began the turn in which it was set.
    const now = this.#now()
    for (let first = this.#first; first !== undefined && first.waitUntil <= now; first = this.#first) {
      this.remove(first)
      first.waitOver()
    }
    if (this.#first !== undefined) this.#timer ??= setTimeout(this.#sweep, Math.ceil(this.#first.waitUntil - now))
  }
}

export class WaitQueues {
  readonly #now: () => number
  readonly #queues = new Map<number, WaitQueue>()

  /** @param now a clock in milliseconds that only goes forward */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Calls `waitOver` once, after so many milliseconds. What the waiter waited for before no longer counts. */
  arm(waiter: Waiter, ms: number): void {
    const queue = waiter.waitQueue?.ms === ms ? waiter.waitQueue : this.#queueOf(ms)
    this.disarm(waiter)
    queue.append(waiter)
  }

  /** Does nothing for one that does not wait. */
  disarm(waiter: Waiter): void {
    waiter.waitQueue?.remove(waiter)
  }

  #queueOf(ms: number): WaitQueue {
    const found = this.#queues.get(ms)
    if (found !== undefined) return found
    // An early talker waits for what is left of the greet wait, so a length may be needed once and never again.
    if (this.#queues.size >= queuesAtMost) this.#dropEmpty()
    const queue = new WaitQueue(ms, this.#now)
    this.#queues.set(ms, queue)
    return queue
  }

  #dropEmpty(): void {
    for (const [ms, queue] of this.#queues) {
      if (!queue.isEmpty) continue
      queue.stop()
      this.#queues.delete(ms)
    }
  }
}

/** More lengths than that are looked through for those that nothing waits in. */
const queuesAtMost = 64
