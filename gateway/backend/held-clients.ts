// Clients that no backend takes at the moment. They are held for a few seconds, since that costs them nothing, and a 421 costs them minutes.

/** How often is looked whether something has changed. */
const lookMs = 500

/** Lets held clients go: all when an address begins to work; the one that has waited longest where only a client can find that out. */
export class HeldClients {
  readonly #look: () => 'all' | 'oldest' | 'none'
  readonly #waiting = new Set<() => void>()
  #timer: NodeJS.Timeout | undefined

  /** @param look called twice a second while clients wait: which of them may try */
  constructor(look: () => 'all' | 'oldest' | 'none') {
    this.#look = look
  }

  get size(): number {
    return this.#waiting.size
  }

  /** Calls back once, when it is time to try again. @returns how to lose interest */
  add(ready: () => void): () => void {
    this.#waiting.add(ready)
    this.#timer ??= setInterval(() => this.#tick(), lookMs)
    return () => this.#remove(ready)
  }

  releaseAll(): void {
    for (const ready of [...this.#waiting]) this.#release(ready)
  }

  #tick(): void {
    const which = this.#look()
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
