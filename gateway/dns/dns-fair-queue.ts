// Who may be asked next: questions wait in one flow for each list, and flows take turns.

import { Fifo } from './fifo.ts'

interface Flow<T> {
  readonly name: string
  readonly waiting: Fifo<T>
  admitted: number
}

/**
 * Bounds the questions that run at once. A list that does not answer holds each of its questions for the whole time limit; every
 * flow with something to do has an equal share of the places, so such a list cannot take the places of those that answer.
 * Within a flow it is first come, first served.
 */
export class DnsFairQueue<T> {
  readonly #places: number
  readonly #flows = new Map<string, Flow<T>>()
  #turns: Flow<T>[] = []
  #turn = 0
  #admitted = 0
  #waiting = 0

  constructor(places: number) {
    this.#places = places
  }

  get admitted(): number {
    return this.#admitted
  }

  get waiting(): number {
    return this.#waiting
  }

  add(name: string, item: T): void {
    let flow = this.#flows.get(name)
    if (flow === undefined) {
      flow = { name, waiting: new Fifo(), admitted: 0 }
      this.#flows.set(name, flow)
      this.#turns.push(flow)
    }
    flow.waiting.push(item)
    this.#waiting++
  }

  /** The next item that may run, which then holds a place until `leave`; undefined when none may. */
  admit(): T | undefined {
    if (this.#waiting === 0 || this.#admitted >= this.#places) return undefined
    const share = Math.max(1, Math.floor(this.#places / this.#turns.length))
    for (let i = 0; i < this.#turns.length; i++) {
      this.#turn = (this.#turn + 1) % this.#turns.length
      const flow = this.#turns[this.#turn]
      if (flow === undefined || flow.admitted >= share) continue
      const item = flow.waiting.shift()
      if (item === undefined) continue
      this.#waiting--
      flow.admitted++
      this.#admitted++
      return item
    }
    return undefined
  }

  /** An admitted item of the flow is finished. */
  leave(name: string): void {
    const flow = this.#flows.get(name)
    if (flow === undefined) return
    flow.admitted--
    this.#admitted--
    this.#dropIfIdle(flow)
  }

  /** Takes out items at the head of the flows that are over; they came first, so those behind them are not over for long. */
  discard(isOver: (item: T) => boolean): void {
    for (const flow of this.#turns) {
      for (let item = flow.waiting.peek(); item !== undefined && isOver(item); item = flow.waiting.peek()) {
        flow.waiting.shift()
        this.#waiting--
      }
      this.#dropIfIdle(flow)
    }
  }

  #dropIfIdle(flow: Flow<T>): void {
    if (flow.admitted > 0 || flow.waiting.length > 0) return
    this.#flows.delete(flow.name)
    // A new array: `discard` may be going through the old one.
    this.#turns = this.#turns.filter((other) => other !== flow)
  }
}
