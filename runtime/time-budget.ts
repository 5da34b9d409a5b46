// Waits for a promise, but not longer than a time limit.

/**
 * Resolves with the promise's value, or rejects with `timedOut()` after `ms` milliseconds. An answer that has already
 * arrived counts, even if this process was too busy to read it: Node runs timers first in a turn of the event loop, so
 * pending input is read before the limit applies.
 */
export async function withinBudget<T>(promise: Promise<T>, ms: number, timedOut: () => Error): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => setImmediate(() => late.reject(timedOut())), ms)
  // The limit can pass after the promise has won.
  late.promise.catch(() => undefined)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** Resolves when the promise settles in any way, or after `ms` milliseconds. */
export async function settledWithin(promise: Promise<unknown>, ms: number): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timer = setTimeout(late.resolve, ms)
  try {
    await Promise.race([promise.catch(() => undefined), late.promise])
  } finally {
    clearTimeout(timer)
  }
}
