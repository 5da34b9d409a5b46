// Sends the state to the viewers of the live page once a second. Without a viewer nothing is computed, and no timer
// runs.
import type { LiveState } from './live-state.ts'

/** A connection to a browser: server-sent events. */
export interface Viewer {
  write(text: string): void
  /** Bytes that it has not read. */
  readonly unread: number
  close(): void
}

export interface StreamParts {
  /** The state with the last sessions, for a new viewer; or with what is new since the last call. */
  readonly state: (what: 'all' | 'new') => Promise<LiveState>
  /** Milliseconds between updates. Default: 1000. */
  readonly everyMs?: number
}

export const viewersAtMost = 20
/** A viewer that has so much left to read is closed: it may come again. */
const mostUnread = 512 * 1024
/** Minutes of an update: the one that is not over and the one before it. */
const newMinutes = 2

export class LiveStream {
  readonly #parts: StreamParts
  readonly #viewers = new Set<Viewer>()
  #timer: NodeJS.Timeout | undefined
  #isBusy = false

  constructor(parts: StreamParts) {
    this.#parts = parts
  }

  get viewers(): number {
    return this.#viewers.size
  }

  get isFull(): boolean {
    return this.#viewers.size >= viewersAtMost
  }

  /** Begins to send. The first message has everything. */
  async add(viewer: Viewer): Promise<void> {
    this.#viewers.add(viewer)
    this.#timer ??= setInterval(() => void this.#update(), this.#parts.everyMs ?? 1000)
    try {
      this.#send(viewer, eventOf('all', await this.#parts.state('all')))
    } catch {
      this.remove(viewer)
      viewer.close()
    }
  }

  remove(viewer: Viewer): void {
    this.#viewers.delete(viewer)
    if (this.#viewers.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  close(): void {
    for (const viewer of this.#viewers) {
      this.remove(viewer)
      viewer.close()
    }
  }

  /** One text for all viewers. */
  async #update(): Promise<void> {
    if (this.#isBusy) return
    this.#isBusy = true
    try {
      const { hour, ...state } = await this.#parts.state('new')
      const text = eventOf('new', { ...state, hour: hour && { ...hour, minutes: hour.minutes.slice(-newMinutes) } })
      for (const viewer of this.#viewers) this.#send(viewer, text)
    } catch {
      // A worker did not answer: the next update comes in a second.
    } finally {
      this.#isBusy = false
    }
  }

  #send(viewer: Viewer, text: string): void {
    if (viewer.unread > mostUnread) {
      this.remove(viewer)
      viewer.close()
    } else viewer.write(text)
  }
}

const eventOf = (event: 'all' | 'new', state: LiveState): string => `event: ${event}\ndata: ${JSON.stringify(state)}\n\n`
