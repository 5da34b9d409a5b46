// The last events that the operator has reported about policies, for its live page.
import type { Events } from '../event-reporter.ts'
import { keyOf } from '../kube/object.ts'

export interface RecentEvent {
  /** Epoch milliseconds. */
  readonly at: number
  readonly policy: string
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly note: string
}

const mostKept = 50

/** Keeps what it passes on. */
export class RecentEvents implements Events {
  readonly #next: Events
  readonly #now: () => number
  #kept: RecentEvent[] = []

  /** @param now epoch milliseconds */
  constructor(next: Events, now: () => number) {
    this.#next = next
    this.#now = now
  }

  record(...[object, event]: Parameters<Events['record']>): void {
    const { type, reason, note } = event
    this.#kept = [...this.#kept.slice(1 - mostKept), { at: this.#now(), policy: keyOf(object), type, reason, note }]
    this.#next.record(object, event)
  }

  /** The newest first. */
  list(): readonly RecentEvent[] {
    return this.#kept.toReversed()
  }
}
