// Which share of distinct clients a DNS list lists, among those that all other lists pass. A list whose share suddenly
// rises to almost all of them has probably gone bad, although its test points may still be right. Pure.

export interface ShareBounds {
  /** The suspicious share in percent; 0: never. */
  readonly percent: number
  /** The share in percent that is usual at most: a list that has always listed more is not suspicious. */
  readonly usualPercent: number
  /** Distinct clients: with fewer, nothing is concluded. */
  readonly clients: number
  readonly windowMs: number
}

export interface Share {
  readonly listed: number
  readonly of: number
}

/** How a list has become suspicious. `text`: for people. `isSudden`: it listed fewer clients before. */
export interface Suspicion {
  readonly text: string
  readonly isSudden: boolean
}

/** Limits memory. Older clients count as those that have left the window. */
const mostClients = 5000
const hourMs = 3_600_000
/** What is usual is that of the last day. */
const hours = 24

interface Seen {
  readonly at: number
  readonly listed: boolean
}

/** Times are milliseconds of a clock that never goes back. */
export class ShareOfClients {
  readonly #window = new Map<string, Seen>()
  /**
   * The clients of the window in the order of their first visit, from `#oldest` on. A Map finds its first key slowly.
   */
  #order: string[] = []
  #oldest = 0
  #listed = 0
  /** Clients that have left the window, by hour. */
  #past: { hour: number; listed: number; of: number }[] = []

  /** A client that comes again within the window is not counted again. */
  add(client: string, listed: boolean, now: number, { windowMs }: ShareBounds): void {
    this.#forget(now - windowMs, now)
    if (this.#window.has(client)) return
    this.#window.set(client, { at: now, listed })
    this.#order.push(client)
    if (listed) this.#listed++
    if (this.#window.size > mostClients) this.#leave(now)
  }

  get current(): Share {
    return { listed: this.#listed, of: this.#window.size }
  }

  /** What was usual before the window; undefined while too few clients are known. */
  usual(now: number, { clients }: ShareBounds): Share | undefined {
    const since = Math.floor(now / hourMs) - hours
    const past = this.#past.filter(({ hour }) => hour > since)
    const of = past.reduce((sum, one) => sum + one.of, 0)
    return of < clients ? undefined : { listed: past.reduce((sum, one) => sum + one.listed, 0), of }
  }

  /**
   * Whether the share of the window is suspicious. `sudden`: it is known that it was lower before; otherwise it may be
   * the usual one.
   */
  judge(now: number, bounds: ShareBounds): 'suspicious' | 'sudden' | undefined {
    const { listed, of } = this.current
    if (bounds.percent === 0 || of < bounds.clients || listed * 100 < bounds.percent * of) return undefined
    const usual = this.usual(now, bounds)
    if (usual === undefined) return 'suspicious'
    return usual.listed * 100 < bounds.usualPercent * usual.of ? 'sudden' : undefined
  }

  /** Whether the share of the window is a usual one again. */
  isUsual({ clients, usualPercent }: ShareBounds): boolean {
    const { listed, of } = this.current
    return of >= clients && listed * 100 < usualPercent * of
  }

  /** Begins a new window, without the clients of the present one: they say nothing about what is usual. */
  restart(): void {
    this.#window.clear()
    this.#order = []
    this.#oldest = 0
    this.#listed = 0
  }

  #forget(before: number, now: number): void {
    while (this.#oldest < this.#order.length && (this.#window.get(this.#order[this.#oldest] ?? '')?.at ?? now) < before) this.#leave(now)
  }

  /** The oldest client leaves the window. */
  #leave(now: number): void {
    const client = this.#order[this.#oldest++] ?? ''
    const seen = this.#window.get(client)
    if (this.#oldest > mostClients) {
      this.#order = this.#order.slice(this.#oldest)
      this.#oldest = 0
    }
    if (seen === undefined) return
    this.#window.delete(client)
    if (seen.listed) this.#listed--
    const hour = Math.floor(now / hourMs)
    let last = this.#past.at(-1)
    if (last?.hour !== hour) {
      last = { hour, listed: 0, of: 0 }
      this.#past = [...this.#past.slice(-hours), last]
    }
    last.of++
    if (seen.listed) last.listed++
  }
}
