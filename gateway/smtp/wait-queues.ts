// Timers for many sessions. Sessions with the same time limit are in one queue, in the order in which their timers were
// started, which is also the order in which these end. So there is one native timer for each time limit, and no timer
// object for each session. There are few different time limits: the greet wait and the limits of the policy.

/** A session that can wait: the links of its queue, which only this file uses. It is in one queue at a time. */
export abstract class Waiter {
  waitQueue: WaitQueue | undefined = undefined
  waitUntil = 0
  waitNext: Waiter | undefined = undefined
  waitPrevious: Waiter | undefined = undefined

  /** The time is over. */
  abstract waitOver(): void
}

/** All sessions with the same time limit, in milliseconds. */
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
   * The timer stays when its session is removed, and then finds the next one. It does not keep the process alive while
   * the queue is empty.
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

  /** Calls `waitOver` once, after this number of milliseconds. It replaces the session's previous timer. */
  arm(waiter: Waiter, ms: number): void {
    const queue = waiter.waitQueue?.ms === ms ? waiter.waitQueue : this.#queueOf(ms)
    this.disarm(waiter)
    queue.append(waiter)
  }

  /** Does nothing if the session does not wait. */
  disarm(waiter: Waiter): void {
    waiter.waitQueue?.remove(waiter)
  }

  #queueOf(ms: number): WaitQueue {
    const found = this.#queues.get(ms)
    if (found !== undefined) return found
    // An early talker waits for the rest of the greet wait, so a time limit may be used only once.
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

/** If there are more time limits than this, empty queues are removed. */
const queuesAtMost = 64
