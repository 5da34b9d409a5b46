// When clients that were told to come back do so: a bounded table of those that have not yet. All workers of a gateway
// have the same table, since a client may come back to another one.
import { addCounts, bucketOf, quantile } from './log-scale.ts'

/** Times are epoch milliseconds. `came`: another worker has counted it. */
export type ReconnectMessage =
  | { readonly is: 'told'; readonly key: string; readonly at: number }
  | { readonly is: 'came'; readonly key: string }

/** What one process has counted today. */
export interface ReconnectCounts {
  readonly told: number
  readonly came: number
  /** On the scale of log-scale.ts. */
  readonly delays: readonly number[]
}

/** Clients that were told to come back today and those that did. */
export interface ReconnectFigures {
  readonly told: number
  readonly came: number
  readonly medianMs: number | undefined
}

const dayMs = 86_400_000
/** Clients that are waited for. */
const mostWaiting = 10_000
/** A client that comes later has not come because of the 450. */
const longestMs = dayMs

export interface ReconnectParts {
  /** Tells the other workers. */
  readonly send: (message: ReconnectMessage) => void
  /** A client has come back after so many seconds. */
  readonly cameAfter: (seconds: number) => void
}

export class Reconnects {
  /** Since when, by the client's key; the eldest first. */
  readonly #waiting = new Map<string, number>()
  readonly #parts: ReconnectParts
  #day = 0
  #told = 0
  #came = 0
  #delays: number[] = []

  constructor(parts: ReconnectParts) {
    this.#parts = parts
  }

  /** Clients that are waited for. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** A client was told to come back. Of parallel sessions the first one counts. */
  told(key: string, now: number): void {
    this.#goTo(now)
    if (this.#waiting.has(key)) return
    this.#told++
    this.#wait(key, now)
    this.#parts.send({ is: 'told', key, at: now })
  }

  /** A client has connected. */
  came(key: string, now: number): void {
    const since = this.#waiting.get(key)
    if (since === undefined) return
    this.#waiting.delete(key)
    this.#parts.send({ is: 'came', key })
    const ms = Math.max(0, now - since)
    if (ms > longestMs) return
    this.#goTo(now)
    this.#came++
    addCounts(this.#delays, oneIn(bucketOf(ms)))
    this.#parts.cameAfter(ms / 1000)
  }

  /** Another worker tells of its clients. */
  hear(message: ReconnectMessage): void {
    if (message.is === 'came') this.#waiting.delete(message.key)
    else if (!this.#waiting.has(message.key)) this.#wait(message.key, message.at)
  }

  read(now: number): ReconnectCounts {
    this.#goTo(now)
    return { told: this.#told, came: this.#came, delays: [...this.#delays] }
  }

  #wait(key: string, at: number): void {
    const [eldest] = this.#waiting.keys()
    if (this.#waiting.size >= mostWaiting && eldest !== undefined) this.#waiting.delete(eldest)
    this.#waiting.set(key, at)
  }

  #goTo(now: number): void {
    const day = Math.floor(now / dayMs)
    if (day <= this.#day) return
    this.#day = day
    this.#told = 0
    this.#came = 0
    this.#delays = []
  }
}

function oneIn(bucket: number): number[] {
  const counts = Array.from({ length: bucket + 1 }, () => 0)
  counts[bucket] = 1
  return counts
}

/** The counts of several processes as the figures of one gateway. */
export function addReconnects(parts: readonly ReconnectCounts[]): ReconnectFigures {
  const delays: number[] = []
  for (const part of parts) addCounts(delays, part.delays)
  const sum = (of: (part: ReconnectCounts) => number): number => parts.reduce((total, part) => total + of(part), 0)
  return { told: sum(({ told }) => told), came: sum(({ came }) => came), medianMs: quantile(delays, 0.5) }
}
