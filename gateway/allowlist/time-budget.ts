// Waits for a promise, but not longer than there is time.
import { ValkeyError } from './valkey-errors.ts'

/**
 * Gives what the promise gives, or rejects after `ms` milliseconds. An answer that has arrived counts even if this process was too busy to read it:
 * timers come first in a turn of the event loop, so what lies in the sockets is read before the time is called up.
 */
export async function inBudget<T>(promise: Promise<T>, ms: number): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => setImmediate(() => late.reject(new ValkeyError('timeout', `no answer within ${ms} ms`))), ms)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
