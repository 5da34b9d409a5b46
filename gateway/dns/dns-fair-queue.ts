// A fair queue: questions wait in one flow for each DNS list, and flows take turns.

import { Fifo } from './fifo.ts'

interface Flow<T> {
  readonly name: string
  readonly waiting: Fifo<T>
  admitted: number
}

/**
 * Limits the questions that are in flight. A list that does not answer keeps each of its questions in flight for the
 * whole time limit. Every flow that is not empty has an equal share of the places, so such a list cannot take the
 * places of lists that answer. Within a flow questions are served in order.
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

  /** The next item that may run. It then takes a place until `leave`. Undefined when there is none, or no place. */
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

  /** Removes items that are over from the head of each flow. The oldest are there, so few remain further back. */
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
    // A new array, because `discard` may be iterating over the old one.
    this.#turns = this.#turns.filter((other) => other !== flow)
  }
}
