// How many connections per second one backend address gets: a crowd of clients is spread over time, in the order in which the clients came.

/** Connections that may begin at once after a quiet time, as a part of a second's. */
const burstSeconds = 0.25

/** Begins a connection. @returns false when it does not: the next client then gets the slot. */
export type BeginConnection = () => boolean

/**
 * The queue for connections to one address. A slot is used only by a connection that begins, so a client that has left costs nothing.
 * The caller bounds how long a client waits, and `limits.connections` how many do.
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
   * @param now a clock in milliseconds that only goes forward
   * @returns how to leave the queue
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
