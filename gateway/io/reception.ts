// Takes each accepted socket to its session: who is it really (PROXY header), then screening, until it is handed on or gone.
import type { Socket } from 'node:net'
import { reply } from '../core/replies.ts'
import type { Endpoint } from '../core/vocabulary.ts'
import { Connection, type World } from './connection.ts'
import type { Linger } from './linger.ts'
import { readProxyHeader, socketEndpoints } from './proxy-protocol.ts'

/** What the reception must know of the policy in force. */
export interface ReceptionRules {
  /** Must this peer send a PROXY header? */
  readonly needsHeader: (peerAddress: string) => boolean
  readonly headerTimeoutMs: number
}

/** All connections under screening. */
export class Reception {
  readonly #world: () => World
  readonly #rules: () => ReceptionRules
  readonly #linger: Linger
  readonly #warn: (sessionId: string, text: string) => void
  readonly #connections = new Set<Connection>()
  /** Sockets that still owe their PROXY header. */
  readonly #waiting = new Set<Socket>()
  readonly #idPrefix: string
  #count = 0

  /** @param idPrefix distinguishes the sessions of this process from those of others */
  constructor(parts: {
    world: () => World
    rules: () => ReceptionRules
    linger: Linger
    warn: (sessionId: string, text: string) => void
    idPrefix: string
  }) {
    this.#world = parts.world
    this.#rules = parts.rules
    this.#linger = parts.linger
    this.#warn = parts.warn
    this.#idPrefix = parts.idPrefix
  }

  /** Connections under screening, those waiting for a backend included. */
  get connections(): ReadonlySet<Connection> {
    return this.#connections
  }

  /** Sockets whose PROXY header has not come yet. */
  get waitingForHeader(): number {
    return this.#waiting.size
  }

  /** For the listener. */
  readonly accept = (socket: Socket): void => {
    const id = `${this.#idPrefix}${(this.#count++).toString(36)}`
    const ends = socketEndpoints(socket)
    // The peer has gone between its SYN and now: nobody is there to hear us, and postscreen has no CONNECT line for it either.
    if (ends === undefined) {
      socket.on('error', () => undefined).destroy()
      return
    }
    const { needsHeader, headerTimeoutMs } = this.#rules()
    if (needsHeader(ends.client.address)) this.#readHeader(socket, id, headerTimeoutMs)
    else this.#begin(socket, ends, id)
  }

  /** The drain time is over: those who are still screened are told so; whoever has sent no header yet just goes. */
  shutDown(): void {
    for (const socket of this.#waiting) socket.destroy()
    for (const connection of this.#connections) connection.shutDown()
  }

  /** Called by the world when a connection is no longer screened. */
  forget(connection: Connection): void {
    this.#connections.delete(connection)
  }

  #readHeader(socket: Socket, id: string, timeoutMs: number): void {
    this.#waiting.add(socket)
    readProxyHeader(socket, timeoutMs, (reading) => {
      this.#waiting.delete(socket)
      if (reading.is === 'bad') {
        this.#warn(id, reading.reason)
        socket.on('error', () => undefined)
        this.#linger.end(socket, reply.noSystemResources)
        return
      }
      if (reading.unread.length > 0) socket.unshift(reading.unread)
      this.#begin(socket, reading, id)
    })
  }

  #begin(socket: Socket, ends: { client: Endpoint; server: Endpoint }, id: string): void {
    const connection = new Connection(this.#world(), socket, ends, id)
    this.#connections.add(connection)
    connection.start()
  }
}
