// Limits the connections per second to one backend address: many clients at once are spread over time, in the order of
// their arrival.

/** The burst that is allowed after an idle time, in seconds of the rate. */
const burstSeconds = 0.25

/** Begins a connection. @returns false if it does not: then the next client gets the slot. */
export type BeginConnection = () => boolean

/**
 * The queue for connections to one address. Only a connection that begins uses a slot, so a client that has left costs
 * nothing. The caller limits how long a client waits, and `limits.connections` how many wait.
 */
export class ConnectRateLimiter {
  readonly #waiting = new Set<BeginConnection>()
  #timer: NodeJS.Timeout | undefined
  #next = Number.NEGATIVE_INFINITY
  #gapMs = 0
  #now: () => number = () => performance.now()

  /**
   * Calls `begin` once, when its turn comes: before this returns, if a slot is free.
   * @param perSecond connections per second; 0: no limit
   * @param now monotonic time in milliseconds
   * @returns leaves the queue
   */
  wait(begin: BeginConnection, perSecond: number, now: () => number): () => void {
    this.#gapMs = perSecond === 0 ? 0 : 1000 / perSecond
    this.#now = now
    this.#waiting.add(begin)
    if (this.#timer === undefined || perSecond === 0) this.#serve()
    return () => this.#leave(begin)
  }

  #leave(begin: BeginConnection): void {
    this.#waiting.delete(begin)
    if (this.#waiting.size === 0) this.#stop()
  }

  #stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #serve(): void {
    this.#stop()
    for (const begin of this.#waiting) {
      const now = this.#now()
      if (this.#gapMs > 0 && this.#next > now) {
        this.#timer ??= setTimeout(() => this.#serve(), Math.ceil(this.#next - now))
        return
      }
      this.#waiting.delete(begin)
      if (begin()) this.#next = Math.max(this.#next, now - burstSeconds * 1000) + this.#gapMs
    }
  }
}
