// Takes each accepted socket to its session: finds out the client's address (PROXY header) and whether it is a health
// check, then starts screening.
import { reply, wire } from '../core/replies.ts'
import { Capacity, type ConnectionLimit } from './capacity.ts'
import { Connection, type SessionServices } from './connection.ts'
import { closeWith, type Linger } from './linger.ts'
import type { Log } from '../observability/log.ts'
import type { HealthChecks } from './health-checks.ts'
import type { Endpoints, TcpSocket } from '../sockets/tcp-socket.ts'
import { type HeaderReading, readProxyHeader } from './proxy-protocol.ts'

/** The part of the active policy that decides how a connection begins. */
export interface ReceptionRules {
  /** Whether this peer must send a PROXY header. */
  readonly needsHeader: (peerAddress: string) => boolean
  readonly headerTimeoutMs: number
  /** Whether only health checks come from this address. */
  readonly isHealthCheck: (address: string) => boolean
  readonly limit: ConnectionLimit
}

/** All connections under screening. */
export class Reception {
  readonly #services: () => SessionServices
  readonly #rules: () => ReceptionRules
  readonly #linger: Linger
  readonly #healthChecks: HealthChecks
  readonly #log: Pick<Log, 'info' | 'warning' | 'sessionWarning'>
  readonly #relayed: () => number
  /** How many connections there may be. */
  readonly capacity: Capacity
  readonly #connections = new Set<Connection>()
  /** Sockets whose PROXY header has not arrived yet. */
  readonly #waiting = new Set<TcpSocket>()
  readonly #idPrefix: string
  #count = 0
  #clients = 0

  /** @param idPrefix distinguishes the sessions of this process from those of others */
  constructor(parts: {
    services: () => SessionServices
    rules: () => ReceptionRules
    linger: Linger
    healthChecks: HealthChecks
    log: Pick<Log, 'info' | 'warning' | 'sessionWarning'>
    /** Clients that are relayed to a backend. */
    relayed: () => number
    idPrefix: string
  }) {
    this.#services = parts.services
    this.#rules = parts.rules
    this.#linger = parts.linger
    this.#healthChecks = parts.healthChecks
    this.#log = parts.log
    this.#relayed = parts.relayed
    this.capacity = new Capacity({ limit: () => this.#rules().limit, open: () => this.open, log: parts.log })
    this.#idPrefix = parts.idPrefix
  }

  /** Connections under screening, those waiting for a backend included. */
  get connections(): ReadonlySet<Connection> {
    return this.#connections
  }

  /** Clients since the start, without health checks. */
  get clients(): number {
    return this.#clients
  }

  /** Sockets whose PROXY header has not arrived yet. */
  get waitingForHeader(): number {
    return this.#waiting.size
  }

  /** Client connections in any state, health checks included. */
  get open(): number {
    return this.#connections.size + this.#waiting.size + this.#relayed() + this.#linger.size + this.#healthChecks.size
  }

  /** For the listener. */
  readonly accept = (socket: TcpSocket): void => {
    if (!this.capacity.admits()) {
      closeWith(socket, wire(reply.noSystemResources))
      return
    }
    const id = `${this.#idPrefix}${(this.#count++).toString(36)}`
    const ends = socket.endpoints()
    // The peer has left since its SYN. postscreen logs no CONNECT for it either.
    if (ends === undefined) {
      socket.destroy()
      return
    }
    const { needsHeader, headerTimeoutMs } = this.#rules()
    if (needsHeader(ends.client.address)) this.#readHeader(socket, ends, id, headerTimeoutMs)
    else this.#begin(socket, ends, id)
  }

  /**
   * The drain time is over: clients under screening get a last reply; health checks, and connections without a PROXY
   * header, are closed.
   */
  shutDown(): void {
    for (const socket of this.#waiting) socket.destroy()
    this.#healthChecks.close()
    for (const connection of this.#connections) connection.shutDown()
  }

  /** Called when a connection is no longer screened. */
  forget(connection: Connection): void {
    this.#connections.delete(connection)
  }

  /** @param peer the ends of the socket itself */
  #readHeader(socket: TcpSocket, peer: Endpoints, id: string, timeoutMs: number): void {
    this.#waiting.add(socket)
    readProxyHeader(socket, timeoutMs, (reading) => {
      this.#waiting.delete(socket)
      this.#headerRead(socket, peer, id, reading)
    })
  }

  #headerRead(socket: TcpSocket, peer: Endpoints, id: string, reading: HeaderReading): void {
    const { client } = peer
    switch (reading.is) {
      case 'client':
        socket.unread(reading.unread)
        this.#begin(socket, reading, id)
        return
      // postscreen incompatibility: it screens LOCAL by the socket's own addresses, so that each check of a proxy
      // counts as a client.
      case 'unnamed':
        socket.unread(reading.unread)
        this.#healthChecks.answer(socket, { client, reason: 'unnamed', sessionId: id })
        return
      // Many load balancers check the port without the header that they send for clients.
      case 'nothing':
        if (!this.#rules().isHealthCheck(client.address)) break
        if (socket.inputEnded || socket.isDestroyed)
          this.#healthChecks.dismiss(socket, { client, reason: 'network', sessionId: id }, 'it has left')
        else this.#healthChecks.answer(socket, { client, reason: 'network', sessionId: id })
        return
      case 'bad':
    }
    this.#log.sessionWarning(id, reading.reason)
    this.#linger.end(socket, wire(reply.noSystemResources))
  }

  #begin(socket: TcpSocket, ends: Endpoints, id: string): void {
    if (this.#rules().isHealthCheck(ends.client.address)) {
      this.#healthChecks.answer(socket, { client: ends.client, reason: 'network', sessionId: id })
      return
    }
    this.#clients++
    const connection = new Connection(this.#services(), socket, ends, id)
    this.#connections.add(connection)
    connection.start()
  }
}
