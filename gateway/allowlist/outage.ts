// A problem that lasts: one log line when it begins and one when it ends, whatever happens in between.
import { systemClock } from '../../runtime/clock.ts'

export class Outage {
  readonly #clock: () => number
  #since: number | undefined

  /** @param clock monotonic time in milliseconds */
  constructor(clock: () => number = systemClock.now) {
    this.#clock = clock
  }

  get isOngoing(): boolean {
    return this.#since !== undefined
  }

  /** Calls `log` unless the outage has already begun. */
  begin(log: () => void): void {
    if (this.#since !== undefined) return
    this.#since = this.#clock()
    log()
  }

  /** Calls `log` with the duration in seconds, if there was an outage. */
  end(log: (seconds: number) => void): void {
    if (this.#since === undefined) return
    const seconds = (this.#clock() - this.#since) / 1000
    this.#since = undefined
    log(seconds)
  }
}
