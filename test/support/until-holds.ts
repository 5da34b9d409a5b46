// Waits for something that another process brings about.

import { setTimeout as sleep } from 'node:timers/promises'

/** Waits until it holds; throws with `what` after so many seconds. */
export async function untilHolds(what: string, holds: () => Promise<boolean> | boolean, seconds = 60): Promise<void> {
  const end = performance.now() + seconds * 1000
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${seconds} s: ${what}`)
    await sleep(50)
  }
}
