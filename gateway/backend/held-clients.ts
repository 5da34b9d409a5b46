// Clients that no backend accepts at the moment. They are held for a few seconds: this costs them little, while a 421
// costs them minutes.

/** How often to check whether something has changed. */
const checkMs = 500

/**
 * Releases held clients: all when an address begins to work; one at a time, the oldest first, when only a client can
 * find that out.
 */
export class HeldClients {
  readonly #check: () => 'all' | 'oldest' | 'none'
  readonly #waiting = new Set<() => void>()
  #timer: NodeJS.Timeout | undefined

  /** @param check called twice a second while clients wait: which of them may try again */
  constructor(check: () => 'all' | 'oldest' | 'none') {
    this.#check = check
  }

  get size(): number {
    return this.#waiting.size
  }

  /** Calls back once, when it is time to try again. @returns cancels the wait */
  add(ready: () => void): () => void {
    this.#waiting.add(ready)
    this.#timer ??= setInterval(() => this.#tick(), checkMs)
    return () => this.#remove(ready)
  }

  releaseAll(): void {
    for (const ready of [...this.#waiting]) this.#release(ready)
  }

  #tick(): void {
    const which = this.#check()
    if (which === 'none') return
    if (which === 'all') return this.releaseAll()
    const [oldest] = this.#waiting
    if (oldest !== undefined) this.#release(oldest)
  }

  #release(ready: () => void): void {
    if (this.#remove(ready)) ready()
  }

  #remove(ready: () => void): boolean {
    const was = this.#waiting.delete(ready)
    if (this.#waiting.size === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
    return was
  }
}
