// Waits for something that other events bring about.

import { setImmediate } from 'node:timers/promises'

/** Goes on when `condition` holds. Fails after 20 seconds, which no test takes: a test that waits for ever tells nobody why. */
export async function until(condition: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 20_000
  while (!condition()) {
    if (performance.now() > giveUpAt) throw new Error(`still not so: ${condition.toString()}`)
    await setImmediate()
  }
}
