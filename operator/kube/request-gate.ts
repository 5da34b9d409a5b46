// Limits how many requests to the API server run at once. The others wait in order.

import type { Deadline } from './deadline.ts'
import { KubeError } from './kube-error.ts'

const mostWaiting = 4096

export class RequestGate {
  readonly #limit: number
  #inside = 0
  readonly #waiting = new Set<() => void>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /**
   * Resolves when the request may start; the caller must then call `leave` once. Rejects if the deadline ends first, or
   * if too many requests wait.
   */
  async enter(deadline: Deadline): Promise<void> {
    if (this.#inside < this.#limit) {
      this.#inside++
      return
    }
    if (this.#waiting.size >= mostWaiting) throw new KubeError('too many requests are waiting', { status: 0, reason: 'Busy' })
    const turn = Promise.withResolvers<void>()
    this.#waiting.add(turn.resolve)
    try {
      await deadline.race(turn.promise)
    } catch (error) {
      // The place may have become free at the moment when the deadline ended: give it to the next request.
      if (!this.#waiting.delete(turn.resolve)) this.leave()
      throw error
    }
  }

  /** Admits the request that has waited longest. */
  leave(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#inside--
      return
    }
    this.#waiting.delete(next)
    next()
  }
}
