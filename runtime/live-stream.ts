// Sends the state of a program to the viewers of its live page once a second. Without a viewer nothing is computed, and
// no timer runs.
import type http from 'node:http'
import { type AdminPage, type OpenStream, plainPage } from './admin-server.ts'

/** A connection to a browser: server-sent events. */
export interface Viewer {
  write(text: string): void
  /** Bytes that it has not read. */
  readonly unread: number
  close(): void
}

export interface StreamParts {
  /** The whole state, for a new viewer; or what is new since the last call, for those that have it. */
  readonly state: (what: 'all' | 'new') => Promise<object>
  /** Milliseconds between updates. Default: 1000. */
  readonly everyMs?: number
}

export const viewersAtMost = 20
/** A viewer that has so much left to read is closed: it may come again. */
const mostUnread = 512 * 1024

export class LiveStream {
  readonly #parts: StreamParts
  readonly #viewers = new Set<Viewer>()
  #timer: NodeJS.Timeout | undefined
  #isBusy = false

  constructor(parts: StreamParts) {
    this.#parts = parts
  }

  /** For the admin server. */
  readonly open: OpenStream = (response): AdminPage | undefined => {
    if (this.isFull) return plainPage(503, `${viewersAtMost} people look at this page already`)
    const viewer = viewerOf(response)
    response.once('close', () => this.remove(viewer))
    void this.add(viewer)
    return undefined
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
      const text = eventOf('new', await this.#parts.state('new'))
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

const eventOf = (event: 'all' | 'new', state: object): string => `event: ${event}\ndata: ${JSON.stringify(state)}\n\n`

const viewerOf = (response: http.ServerResponse): Viewer => ({
  write: (text) => void response.write(text),
  get unread() {
    return response.writableLength
  },
  close: () => response.destroy(),
})
