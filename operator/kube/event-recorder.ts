// Sends events (events.k8s.io/v1), which `kubectl describe` shows. Best effort: it never fails or blocks, and it limits
// how many events it sends.

import { type Clock, systemClock } from '../../runtime/clock.ts'
import type { KubeClient } from './kube-client.ts'
import { describeError, isNotFound, logText } from './kube-error.ts'
import { microTime } from './micro-time.ts'
import { type KubeObject, keyOf } from './object.ts'
import { resources } from './resource.ts'

export interface EventRecorderOptions {
  readonly client: Pick<KubeClient, 'create' | 'patch'>
  /** The reporting controller, as a qualified name: `postscreen.dev/operator`. */
  readonly controller: string
  /** The reporting instance: the name of the pod. */
  readonly instance: string
  /** Receives one line for the log if an event could not be sent. It must not throw. */
  readonly onTrouble?: (text: string) => void
  readonly clock?: Clock
}

export interface RecordedEvent {
  readonly type: 'Normal' | 'Warning'
  /** The reason, in one CamelCase word. */
  readonly reason: string
  /** The action, in one CamelCase word. */
  readonly action: string
  /** A text for people. Everything beyond 1024 bytes is cut off. */
  readonly note: string
}

/** An event that was sent and may be repeated. */
interface Series {
  readonly namespace: string
  readonly name: string
  count: number
  seenAt: number
  sentAt: number
}

/** How many more events are allowed for an object. */
interface Allowance {
  left: number
  at: number
}

/** The same event within this time counts as a repetition. */
const seriesMs = 10 * 60_000
/** Repetitions are sent to the API server at this interval at most. */
const patchMs = 60_000
const mostSeries = 2048
const mostWaiting = 256
/** The spam filter of client-go: 25 events at once, then one in 5 min, for each object. */
const burst = 25
const refillMs = 5 * 60_000
/** The limits of the API server (ValidateEvent): the note, in bytes, and the other fields. */
const noteBytes = 1024
const fieldLength = 128
const sendMs = 5000
const closeMs = 3000

/** One value for the process. */
export class EventRecorder {
  readonly #options: EventRecorderOptions
  readonly #clock: Clock
  /** Both are in the order of their last use, so that the oldest entry is dropped when they are full. */
  readonly #series = new Map<string, Series>()
  readonly #allowances = new Map<string, Allowance>()
  readonly #waiting: (() => Promise<unknown>)[] = []
  readonly #giveUp = new AbortController()
  #sending: Promise<void> | undefined
  #isClosed = false
  #serial = 0

  constructor(options: EventRecorderOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  /** Returns at once. A repetition within 10 min becomes part of a series. Events over the limit are dropped. */
  record(object: KubeObject, event: RecordedEvent): void {
    if (this.#isClosed) return
    const now = this.#clock.now()
    const about = `${object.kind} ${keyOf(object)} ${object.metadata.uid ?? ''}`
    const key = JSON.stringify([about, event.type, event.reason, event.action, event.note])
    const known = this.#series.get(key)
    if (known !== undefined && now - known.seenAt < seriesMs) {
      this.#repeat(key, known, now)
      return
    }
    if (!this.#mayTell(about, now)) return
    const created = this.#eventOf(object, event)
    const { namespace = '', name } = created.metadata
    const series = { namespace, name, count: 1, seenAt: now, sentAt: now }
    use(this.#series, key, series)
    this.#send(key, series, () => this.#options.client.create(created, this.#call()))
  }

  /** Accepts no more events. Resolves when the waiting ones have been sent, or after 3 s. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#sending === undefined) return
    const cancel = this.#clock.after(closeMs, () => {
      this.#waiting.length = 0
      this.#giveUp.abort()
    })
    await this.#sending
    cancel()
  }

  #repeat(key: string, series: Series, now: number): void {
    series.count++
    series.seenAt = now
    use(this.#series, key, series)
    if (series.count > 2 && now - series.sentAt < patchMs) return
    series.sentAt = now
    const { namespace, name, count } = series
    const patch = { series: { count, lastObservedTime: microTime(this.#clock.epoch()) } }
    this.#send(key, series, () => this.#options.client.patch(resources.Event, namespace, name, patch, this.#call()))
  }

  #mayTell(about: string, now: number): boolean {
    const known = this.#allowances.get(about) ?? { left: burst, at: now }
    const refilled = Math.min(burst, known.left + (now - known.at) / refillMs)
    const may = refilled >= 1
    use(this.#allowances, about, { left: may ? refilled - 1 : refilled, at: now })
    return may
  }

  #eventOf(object: KubeObject, { type, reason, action, note }: RecordedEvent): KubeObject {
    const { name, namespace = 'default', uid, resourceVersion } = object.metadata
    const unique = BigInt(Math.floor(this.#clock.epoch())) * 1_000_000n + BigInt(this.#serial++ % 1_000_000)
    return {
      apiVersion: resources.Event.apiVersion,
      kind: resources.Event.kind,
      metadata: { namespace, name: `${name.slice(0, 200)}.${unique.toString(16)}` },
      eventTime: microTime(this.#clock.epoch()),
      reportingController: this.#options.controller,
      reportingInstance: this.#options.instance.slice(0, fieldLength),
      type,
      reason: reason.slice(0, fieldLength),
      action: action.slice(0, fieldLength),
      note: cutBytes(logText(note, noteBytes), noteBytes),
      regarding: { apiVersion: object.apiVersion, kind: object.kind, namespace, name, uid, resourceVersion },
    }
  }

  #send(key: string, series: Series, request: () => Promise<unknown>): void {
    if (this.#waiting.length >= mostWaiting) {
      this.#series.delete(key)
      return
    }
    this.#waiting.push(async () => {
      try {
        await request()
      } catch (error) {
        // The next event of this kind starts a new series. If the event does not exist any more, it has only expired.
        if (this.#series.get(key) === series) this.#series.delete(key)
        if (!isNotFound(error)) this.#options.onTrouble?.(`an event is lost: ${describeError(error)}`)
      }
    })
    this.#sending ??= this.#sendAll()
  }

  /** Sends one event after the other. */
  async #sendAll(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) await next()
    this.#sending = undefined
  }

  #call(): { timeoutMs: number; signal: AbortSignal } {
    return { timeoutMs: sendMs, signal: this.#giveUp.signal }
  }
}

/** Puts an entry at the end of a table that is ordered by use, and drops the oldest entry if the table is full. */
function use<T>(table: Map<string, T>, key: string, entry: T): void {
  table.delete(key)
  table.set(key, entry)
  if (table.size <= mostSeries) return
  const [oldest] = table.keys()
  if (oldest !== undefined) table.delete(oldest)
}

/** The longest beginning of whole characters that has at most this many bytes. */
function cutBytes(text: string, most: number): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= most) return text
  let end = most
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return bytes.toString('utf8', 0, end)
}
