// Counts the most frequent texts of a stream in bounded memory (Misra and Gries, 1982). A text with more than 1/33 of
// all is always kept, and its count is at most 1/33 of all too low.

const capacity = 32

export class Frequent {
  readonly #counts = new Map<string, number>()
  #hasForgotten = false

  add(text: string): void {
    const count = this.#counts.get(text)
    if (count !== undefined || this.#counts.size < capacity) {
      this.#counts.set(text, (count ?? 0) + 1)
      return
    }
    this.#hasForgotten = true
    for (const [other, of] of this.#counts) {
      if (of === 1) this.#counts.delete(other)
      else this.#counts.set(other, of - 1)
    }
  }

  /** How many different texts there were; Infinity when that is not known any more. */
  get different(): number {
    return this.#hasForgotten ? Infinity : this.#counts.size
  }

  /** The most frequent ones, with counts that may be too low. */
  top(most: number): readonly { readonly text: string; readonly count: number }[] {
    return [...this.#counts]
      .map(([text, count]) => ({ text, count }))
      .toSorted((a, b) => b.count - a.count || (a.text < b.text ? -1 : 1))
      .slice(0, most)
  }
}
