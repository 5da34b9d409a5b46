// Clients that come at a fixed rate, independent of the earlier ones: an open loop, as real clients are.
import { Client, endOf, type Script, type Visit } from './clients.ts'

/** One kind of client. */
export interface Kind {
  readonly what: string
  /** Of the sum of all shares. */
  readonly share: number
  /** `nth` counts the clients of this kind. */
  readonly client: (nth: number) => { readonly from: string; readonly script: Script }
  /** What such a client must have heard in the end. */
  readonly heard: RegExp
  /** It leaves after this long; 60 s where left out. */
  readonly patienceMs?: number
}

/** What became of the clients of one kind. */
export interface Tally {
  came: number
  /** Those that heard what they must. */
  well: number
  /** The others: the last line heard and the ending, with counts. */
  readonly wrong: Map<string, number>
  /** Milliseconds from the call to the first byte heard. */
  readonly firstWordMs: number[]
  /** Milliseconds from the call to the end, of those that went well. */
  readonly visitMs: number[]
}

export interface ArrivalOptions {
  readonly kinds: readonly Kind[]
  readonly perSecond: number
  /** The port of the next client; undefined when there is none, which counts as a failure. */
  readonly port: () => number | undefined
}

const tickMs = 5

/** Begins at once; `stop` ends the coming and waits for those who are there. */
export class Arrivals {
  readonly tallies: ReadonlyMap<string, Tally>
  readonly #options: ArrivalOptions
  readonly #inTurn: readonly Kind[]
  readonly #there = new Set<Client>()
  readonly #timer: NodeJS.Timeout
  readonly #began = performance.now()
  #came = 0
  #tickedAt = performance.now()
  #longestPauseMs = 0
  #over: (() => void) | undefined

  constructor(options: ArrivalOptions) {
    this.#options = options
    this.#inTurn = mixed(options.kinds)
    this.tallies = new Map(options.kinds.map(({ what }) => [what, newTally()]))
    this.#timer = setInterval(() => this.#come(), tickMs)
  }

  get came(): number {
    return this.#came
  }

  /** The longest that this process stood still while they came: what happened to the whole machine is not the server's doing. */
  get longestPauseMs(): number {
    return this.#longestPauseMs
  }

  get there(): number {
    return this.#there.size
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    if (this.#there.size > 0) await new Promise<void>((resolve) => (this.#over = resolve))
  }

  #come(): void {
    const now = performance.now()
    this.#longestPauseMs = Math.max(this.#longestPauseMs, now - this.#tickedAt - tickMs)
    this.#tickedAt = now
    // What a busy machine was late with comes now, but not all at once.
    const due = Math.min(((performance.now() - this.#began) / 1000) * this.#options.perSecond, this.#came + this.#options.perSecond / 10)
    while (this.#came < due) this.#one(this.#inTurn[this.#came++ % this.#inTurn.length] as Kind)
  }

  #one(kind: Kind): void {
    const tally = this.tallies.get(kind.what) as Tally
    const { from, script } = kind.client(tally.came++)
    const port = this.#options.port()
    if (port === undefined) return count(tally.wrong, 'no gateway is ready')
    const client: Client = new Client(port, from, script, (visit) => {
      clearTimeout(patience)
      this.#there.delete(client)
      note(tally, kind, visit)
      if (this.#there.size === 0) this.#over?.()
    })
    const patience = setTimeout(() => client.leave('late'), kind.patienceMs ?? 60_000)
    this.#there.add(client)
  }
}

export function newTally(): Tally {
  return { came: 0, well: 0, wrong: new Map(), firstWordMs: [], visitMs: [] }
}

/** Kinds by their shares, each spread over the whole turn. */
function mixed(kinds: readonly Kind[]): readonly Kind[] {
  const places = kinds.flatMap((kind) => Array.from({ length: kind.share }, (_, nth) => ({ kind, at: (nth + 0.5) / kind.share })))
  return places.toSorted((a, b) => a.at - b.at).map(({ kind }) => kind)
}

function note(tally: Tally, { heard }: Kind, visit: Visit): void {
  if (visit.heardAt !== undefined) tally.firstWordMs.push(visit.heardAt - visit.beganAt)
  if (heard.test(visit.heard)) {
    tally.well++
    tally.visitMs.push(visit.endedAt - visit.beganAt)
  } else {
    count(tally.wrong, visit.connectedAt === undefined ? `not connected (${visit.ending})` : endOf(visit))
  }
}

function count(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1)
}
