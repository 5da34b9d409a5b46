// A growing log, sorted by the client addresses that its lines name.

/** Lines without a client that belong to what was going on, in postscreen's words. */
const nameless = /^(warning: |entering STRESS|leaving STRESS)/
const address = /\[([\da-fA-F.:]+)\]/g

/** Reads on whenever it is asked. `source` gives every line so far, oldest first, and only ever grows. */
export class ClientLog {
  readonly #source: () => readonly string[]
  readonly #byAddress = new Map<string, { readonly at: number; readonly line: string }[]>()
  #lines: readonly string[] = []
  #read = 0

  constructor(source: () => readonly string[]) {
    this.#source = source
  }

  #readOn(): void {
    this.#lines = this.#source()
    for (; this.#read < this.#lines.length; this.#read++) {
      const line = this.#lines[this.#read] ?? ''
      for (const named of new Set(Array.from(line.matchAll(address), (match) => match[1] ?? ''))) {
        const own = this.#byAddress.get(named)
        if (own === undefined) this.#byAddress.set(named, [{ at: this.#read, line }])
        else own.push({ at: this.#read, line })
      }
    }
  }

  /** How many lines there are. */
  get count(): number {
    this.#readOn()
    return this.#lines.length
  }

  /**
   * The lines that name one of the addresses, oldest first. With `alone`, the lines from the first to before the last that name no client
   * are among them: they may be anybody's.
   */
  of(addresses: readonly string[], alone?: { readonly first: number; readonly last: number }): string[] {
    this.#readOn()
    const found = new Map(addresses.flatMap((one) => this.#byAddress.get(one) ?? []).map(({ at, line }) => [at, line]))
    for (let at = alone?.first ?? 0; at < (alone?.last ?? 0); at++) {
      const line = this.#lines[at] ?? ''
      if (nameless.test(line) && !/ \[[\d.]+\]/.test(line)) found.set(at, line)
    }
    return [...found].toSorted(([a], [b]) => a - b).map(([, line]) => line)
  }
}
