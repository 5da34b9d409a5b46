// How many connections per second one backend address gets: a crowd of clients is spread over time, each gets the next free moment.

/** Connections that may begin at once after a quiet time, as a part of a second's. */
const burstSeconds = 0.25

/** The moments at which connections to one address may begin. */
export class Pace {
  #next = 0

  /**
   * Takes the next moment.
   * @param now on a clock in milliseconds that only goes forward
   * @param perSecond connections per second; 0: no limit
   * @returns how many milliseconds to wait
   */
  delay(now: number, perSecond: number): number {
    if (perSecond === 0) return 0
    const gap = 1000 / perSecond
    this.#next = Math.max(this.#next, now - burstSeconds * 1000) + gap
    return Math.max(0, this.#next - gap - now)
  }
}
