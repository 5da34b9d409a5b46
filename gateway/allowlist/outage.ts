// A trouble that lasts: one line when it begins, one when it is over, whatever happens in between.
import { systemClock } from '../../runtime/clock.ts'

export class Outage {
  readonly #clock: () => number
  #since: number | undefined

  /** `clock` tells milliseconds that never go back. */
  constructor(clock: () => number = systemClock.now) {
    this.#clock = clock
  }

  get lasts(): boolean {
    return this.#since !== undefined
  }

  /** Calls `say` unless the episode has begun already. */
  begin(say: () => void): void {
    if (this.#since !== undefined) return
    this.#since = this.#clock()
    say()
  }

  /** Calls `say` with how long it lasted, in seconds; nothing when there was none. */
  end(say: (seconds: number) => void): void {
    if (this.#since === undefined) return
    const seconds = (this.#clock() - this.#since) / 1000
    this.#since = undefined
    say(seconds)
  }
}
