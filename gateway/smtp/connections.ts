// All connections under screening. Health checks are answered separately: they are not clients.
import type { Endpoints, TcpSocket } from '../sockets/tcp-socket.ts'
import { Connection, type SessionServices } from './connection.ts'
import type { HealthChecks } from './health-checks.ts'

export interface ConnectionsParts {
  /** What a new session uses of the gateway. */
  readonly services: () => SessionServices
  /** Whether only health checks come from this address. */
  readonly isHealthCheck: (address: string) => boolean
  readonly healthChecks: HealthChecks
}

export class Connections {
  readonly #parts: ConnectionsParts
  readonly #screened = new Set<Connection>()
  #clients = 0

  constructor(parts: ConnectionsParts) {
    this.#parts = parts
  }

  /** Connections under screening, those waiting for a backend included. */
  get screened(): ReadonlySet<Connection> {
    return this.#screened
  }

  /** Clients since the start, without health checks. */
  get clients(): number {
    return this.#clients
  }

  /**
   * Begins to screen a client. Its socket is paused.
   * @param ends the addresses of client and server, from the PROXY header if there is one
   */
  begin(socket: TcpSocket, ends: Endpoints, id: string): void {
    const { services, isHealthCheck, healthChecks } = this.#parts
    if (isHealthCheck(ends.client.address)) {
      healthChecks.answer(socket, { client: ends.client, reason: 'network', sessionId: id })
      return
    }
    this.#clients++
    const connection = new Connection(services(), socket, ends, id)
    this.#screened.add(connection)
    connection.start()
  }

  /** Called when a connection is no longer screened. */
  forget(connection: Connection): void {
    this.#screened.delete(connection)
  }

  /** The drain time is over: clients under screening get a last reply. */
  shutDown(): void {
    for (const connection of this.#screened) connection.shutDown()
  }
}
