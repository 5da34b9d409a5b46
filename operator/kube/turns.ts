// Turns of the event loop: one piece of work in each, so that probes are answered and the lease is renewed in between.

/**
 * A function that resolves in another turn of the event loop for each call. Work that waits for nothing else (its data
 * is in memory) would otherwise run in one go: the promises of five hundred policies take precedence over every socket
 * and timer. On a slow machine this was a minute without a renewal.
 */
export function turns(): () => Promise<void> {
  let last = Promise.resolve()
  return () => (last = last.then(nextTurn))
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
