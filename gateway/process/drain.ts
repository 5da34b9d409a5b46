// Waiting while a gateway drains: for the end of its sessions, and until load balancers send it no new clients.
import { setTimeout as sleep } from 'node:timers/promises'

const pollMs = 20
/** No new client for this long means that the others have learnt that this gateway is not ready. */
const noClientMs = 1000

/** Resolves when `done` holds, or at the deadline (of performance.now()). */
export async function until(done: () => boolean, deadline: number): Promise<void> {
  while (!done() && performance.now() < deadline) await sleep(pollMs)
}

/**
 * Resolves when no new client has come for a second. New clients mean that endpoints or a load balancer lag behind; a
 * closed port would refuse them.
 * @param clients how many clients have come so far
 */
export async function untilClientsStop(clients: () => number, deadline: number): Promise<void> {
  let seen = clients()
  let since = performance.now()
  const haveStopped = (): boolean => {
    const now = performance.now()
    if (clients() !== seen) since = now
    seen = clients()
    return now - since >= noClientMs
  }
  await until(haveStopped, deadline)
}
