// Waits for something that other events bring about.

import { setImmediate } from 'node:timers/promises'

/** Resolves when `condition` holds. Rejects after 20 seconds, which no test takes, and says what it has waited for. */
export async function until(condition: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 20_000
  while (!condition()) {
    if (performance.now() > giveUpAt) throw new Error(`still not so: ${condition.toString()}`)
    await setImmediate()
  }
}
