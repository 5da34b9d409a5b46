// One time limit for all steps of a request, combined with the abort signal of the caller.

import type { Clock } from '../../runtime/clock.ts'
import { KubeError } from './kube-error.ts'

/** Must be ended, or its timer stays active. */
export class Deadline {
  readonly #clock: Clock
  readonly #what: string
  readonly #abort = new AbortController()
  readonly #outer: AbortSignal | undefined
  readonly #over: Promise<never>
  #cancel: () => void

  /**
   * `what` begins the message of the KubeError with which the deadline ends (reason Timeout, or Aborted by `outer`).
   */
  constructor(clock: Clock, ms: number, what: string, outer?: AbortSignal) {
    this.#clock = clock
    this.#what = what
    this.#outer = outer
    this.#over = new Promise((_, reject) => {
      this.#abort.signal.addEventListener('abort', () => reject(this.#abort.signal.reason as KubeError), { once: true })
    })
    this.#over.catch(() => undefined)
    this.#cancel = clock.after(ms, () => this.#expire(ms))
    if (outer?.aborted === true) this.#onOuter()
    else outer?.addEventListener('abort', this.#onOuter, { once: true })
  }

  /** Aborted with a KubeError as its reason. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** The result of `step`. If the time ends before, this rejects, and the result of the step is ignored. */
  race<T>(step: Promise<T>): Promise<T> {
    return Promise.race([step, this.#over])
  }

  /** Starts the time limit again, with `ms` milliseconds. */
  restart(ms: number): void {
    this.#cancel()
    if (!this.#abort.signal.aborted) this.#cancel = this.#clock.after(ms, () => this.#expire(ms))
  }

  /** Takes the time limit away. The caller's signal still ends it. */
  lift(): void {
    this.#cancel()
  }

  end(): void {
    this.#cancel()
    this.#outer?.removeEventListener('abort', this.#onOuter)
  }

  #expire(ms: number): void {
    this.end()
    this.#abort.abort(new KubeError(`${this.#what}: not done within ${ms / 1000} s`, { status: 0, reason: 'Timeout' }))
  }

  readonly #onOuter = (): void => {
    this.end()
    this.#abort.abort(new KubeError(`${this.#what}: given up`, { status: 0, reason: 'Aborted' }))
  }
}
