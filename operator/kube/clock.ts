// The time as an argument: what waits or measures takes a clock, so that a test can move it.

export interface Clock {
  /** Milliseconds that only ever grow; their zero means nothing. For measuring. */
  now(): number
  /** Milliseconds since 1970. For writing down, never for measuring. */
  epoch(): number
  /** Runs `run` once, in `ms` milliseconds; what it returns calls that off. */
  after(ms: number, run: () => void): () => void
}

/** The clock of the machine. Its timers keep the process alive: whoever sets one takes it back when it stops. */
export const systemClock: Clock = {
  now: () => performance.now(),
  epoch: () => Date.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}
