// Puts the lines of the gateways' logs together to sessions, each shown once: when it is over, or handed off.
import { type Decided, decide } from './outcome.ts'
import type { LogLine } from './log-record.ts'

/** A session that is decided. */
export interface SessionStory extends Decided {
  readonly gateway: string
  readonly session: string
  readonly client: string
  /** When it began, as far as the log was read; epoch milliseconds. */
  readonly began: number
  readonly decidedAt: number
  readonly lines: readonly LogLine[]
}

/** Beyond it, the oldest session is forgotten. */
const mostOpen = 50_000
/** Of one session; a longer one is shown without the lines in the middle. */
const mostLines = 200
/** postscreen logs nothing about a client that it has handed off; DISCONNECT would follow at once. */
const afterPassMs = 2000

interface Open {
  readonly gateway: string
  readonly lines: LogLine[]
}

export class Sessions {
  readonly #open = new Map<string, Open>()
  readonly #done: (story: SessionStory) => void

  constructor(done: (story: SessionStory) => void) {
    this.#done = done
  }

  /** Takes a line that belongs to a session. */
  take(gateway: string, line: LogLine): void {
    const { session, event } = line
    if (session === undefined) return
    const key = `${gateway} ${session}`
    const open = this.#open.get(key) ?? this.#begin(key, gateway, line)
    if (open === undefined) return
    if (open.lines.length < mostLines) open.lines.push(line)
    const isOver = event === 'DISCONNECT' || event === 'HANDED OFF' || event === 'RELAY ENDED'
    if (isOver) this.#end(key, open)
  }

  /** A session of which only the end is seen has no story. */
  #begin(key: string, gateway: string, { event }: LogLine): Open | undefined {
    if (event === 'DISCONNECT' || event === 'RELAY ENDED') return undefined
    const open: Open = { gateway, lines: [] }
    this.#open.set(key, open)
    const [oldest] = this.#open.size > mostOpen ? this.#open.keys() : []
    if (oldest !== undefined) this.#open.delete(oldest)
    return open
  }

  /** Shows what the log will say nothing more about. @param now the time of the log; epoch milliseconds */
  settle(now: number): void {
    for (const [key, open] of this.#open) {
      const last = open.lines.at(-1)
      if (last === undefined || last.time > now - afterPassMs) continue
      const isAlone = last.event === 'CONNECTION REFUSED' || last.event === 'BANNED'
      const isPassed = !last.isJson && /^(PASS (NEW|OLD)|ALLOWLISTED)$/.test(last.event)
      if (isAlone || isPassed) this.#end(key, open)
    }
  }

  /** The logs are over: the others go on, and are not shown. */
  finish(): void {
    this.settle(Number.POSITIVE_INFINITY)
  }

  #end(key: string, { gateway, lines }: Open): void {
    this.#open.delete(key)
    const [first] = lines
    const last = lines.at(-1)
    if (first === undefined || last === undefined) return
    const client = lines.find((line) => line.client !== '')?.client ?? ''
    const session = first.session ?? ''
    this.#done({ ...decide(lines), gateway, session, client, began: first.time, decidedAt: last.time, lines })
  }
}
