// The time as an argument: code that waits or measures takes a clock, so that a test can move it.

export interface Clock {
  /** Monotonic time in milliseconds from an arbitrary start. For measuring. */
  now(): number
  /** Milliseconds since 1970. For timestamps, never for measuring: this clock can be set back. */
  epoch(): number
  /** Runs `run` once, after `ms` milliseconds. The returned function cancels that. */
  after(ms: number, run: () => void): () => void
}

/** The clock of the machine. A pending timer keeps the process running: the caller must cancel it on stop. */
export const systemClock: Clock = {
  now: () => performance.now(),
  epoch: () => Date.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}

/** Whole seconds since 1970, the unit of times in the temporary allowlist. */
export const epochSeconds = (clock: Pick<Clock, 'epoch'> = systemClock): number => Math.floor(clock.epoch() / 1000)
