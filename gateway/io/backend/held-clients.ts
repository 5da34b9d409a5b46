// Clients that no backend takes at the moment. They are held for a few seconds, since that costs them nothing, and a 421 costs them minutes.

/** How often one of them may try, when nothing else is known to have changed. */
const tryMs = 500

/** Lets held clients go: all when there is hope, else the one that has waited longest, so that an outage is not made worse by those who wait for its end. */
export class HeldClients {
  readonly #look: () => 'hope' | 'none'
  readonly #waiting = new Set<() => void>()
  #timer: NodeJS.Timeout | undefined

  /** @param look called twice a second while somebody waits: whether an address seems to work by now */
  constructor(look: () => 'hope' | 'none') {
    this.#look = look
  }

  get size(): number {
    return this.#waiting.size
  }

  /** Calls back once, when it is time to try again. @returns how to lose interest */
  add(ready: () => void): () => void {
    this.#waiting.add(ready)
    this.#timer ??= setInterval(() => this.#tick(), tryMs)
    return () => this.#remove(ready)
  }

  releaseAll(): void {
    for (const ready of [...this.#waiting]) this.#release(ready)
  }

  #tick(): void {
    if (this.#look() === 'hope') return this.releaseAll()
    const [eldest] = this.#waiting
    if (eldest !== undefined) this.#release(eldest)
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
