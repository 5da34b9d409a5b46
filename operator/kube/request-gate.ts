// Lets so many requests to the API server be under way at once and no more; the others wait in order.

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
   * Resolves when there is room; the caller must then call `leave` once. Rejects when the deadline ends first, or too
   * many wait.
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
      // Our turn may have come in the same moment as the end: hand it on.
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
