// Whether something comes within a time, told by the order of timers instead of the clock: a process that was kept from running is late with both.

/**
 * Whether `work` is done before a timer of `ms` milliseconds. What has arrived counts although this process was too busy to read it, and a limit
 * of the work's own that is shorter comes first, however late the machine runs both.
 */
export async function inTime(work: unknown, ms: number): Promise<boolean> {
  const late = Promise.withResolvers<false>()
  // A turn later than a time budget, which gives the sockets one turn.
  const timer = setTimeout(() => setImmediate(() => setImmediate(() => late.resolve(false))), ms)
  try {
    return await Promise.race([Promise.resolve(work).then(() => true), late.promise])
  } finally {
    clearTimeout(timer)
  }
}
