// A queue in the order of time: a binary heap.

export interface Due {
  /** Epoch milliseconds at which something happens next. */
  due: number
}

export class DueQueue<T extends Due> {
  readonly #heap: T[] = []

  get size(): number {
    return this.#heap.length
  }

  /** The earliest, which stays. */
  get first(): T | undefined {
    return this.#heap[0]
  }

  push(item: T): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(item)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || above.due <= item.due) break
      heap[at] = above
      at = parent
    }
    heap[at] = item
  }

  /** Removes the earliest. */
  pop(): T | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return top
    this.#sink(last)
    return top
  }

  /** Puts the earliest where it belongs now that it is due later. Costs little if it is still the earliest. */
  delayFirst(): void {
    const top = this.#heap[0]
    if (top !== undefined) this.#sink(top)
  }

  #sink(item: T): void {
    const heap = this.#heap
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      let below = heap[child]
      if (below === undefined) break
      const right = heap[child + 1]
      if (right !== undefined && right.due < below.due) {
        child++
        below = right
      }
      if (below.due >= item.due) break
      heap[at] = below
      at = child
    }
    heap[at] = item
  }
}
