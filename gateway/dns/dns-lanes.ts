// Who may be asked next: questions wait in one lane for each list, and lanes take turns.

import { Fifo } from './fifo.ts'

interface Lane<T> {
  readonly name: string
  readonly waiting: Fifo<T>
  admitted: number
}

/**
 * Bounds the questions that run at once. A list that does not answer holds each of its questions for the whole time limit; every
 * lane with something to do has an equal share of the places, so such a list cannot take the places of those that answer.
 * Within a lane it is first come, first served.
 */
export class DnsLanes<T> {
  readonly #places: number
  readonly #lanes = new Map<string, Lane<T>>()
  #turns: Lane<T>[] = []
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
    let lane = this.#lanes.get(name)
    if (lane === undefined) {
      lane = { name, waiting: new Fifo(), admitted: 0 }
      this.#lanes.set(name, lane)
      this.#turns.push(lane)
    }
    lane.waiting.push(item)
    this.#waiting++
  }

  /** The next item that may run, which then holds a place until `leave`; undefined when none may. */
  admit(): T | undefined {
    if (this.#waiting === 0 || this.#admitted >= this.#places) return undefined
    const share = Math.max(1, Math.floor(this.#places / this.#turns.length))
    for (let i = 0; i < this.#turns.length; i++) {
      this.#turn = (this.#turn + 1) % this.#turns.length
      const lane = this.#turns[this.#turn]
      if (lane === undefined || lane.admitted >= share) continue
      const item = lane.waiting.shift()
      if (item === undefined) continue
      this.#waiting--
      lane.admitted++
      this.#admitted++
      return item
    }
    return undefined
  }

  /** An admitted item of the lane is finished. */
  leave(name: string): void {
    const lane = this.#lanes.get(name)
    if (lane === undefined) return
    lane.admitted--
    this.#admitted--
    this.#dropIfIdle(lane)
  }

  /** Takes out items at the head of the lanes that are over; they came first, so those behind them are not over for long. */
  discard(isOver: (item: T) => boolean): void {
    for (const lane of this.#turns) {
      for (let item = lane.waiting.peek(); item !== undefined && isOver(item); item = lane.waiting.peek()) {
        lane.waiting.shift()
        this.#waiting--
      }
      this.#dropIfIdle(lane)
    }
  }

  #dropIfIdle(lane: Lane<T>): void {
    if (lane.admitted > 0 || lane.waiting.length > 0) return
    this.#lanes.delete(lane.name)
    // A new array: `discard` may be going through the old one.
    this.#turns = this.#turns.filter((other) => other !== lane)
  }
}
