// Takes each accepted socket: closes it when there are too many, and finds out whether a PROXY header comes first.
import { reply, wire } from '../core/replies.ts'
import type { Log } from '../observability/log.ts'
import type { TcpSocket } from '../sockets/tcp-socket.ts'
import { Capacity, type ConnectionLimit } from './capacity.ts'
import { Connections } from './connections.ts'
import type { SessionServices } from './connection.ts'
import type { HealthChecks } from './health-checks.ts'
import { closeWith, type Linger } from './linger.ts'
import { ProxyHeaders } from './proxy-headers.ts'

/** The part of the active policy that decides how a connection begins. */
export interface ReceptionRules {
  /** Whether this peer must send a PROXY header. */
  readonly needsHeader: (peerAddress: string) => boolean
  readonly headerTimeoutMs: number
  /** Whether only health checks come from this address. */
  readonly isHealthCheck: (address: string) => boolean
  readonly limit: ConnectionLimit
}

export interface ReceptionParts {
  readonly services: () => SessionServices
  readonly rules: () => ReceptionRules
  readonly linger: Linger
  readonly healthChecks: HealthChecks
  readonly log: Pick<Log, 'info' | 'warning' | 'sessionWarning'>
  /** Clients that are relayed to a backend. */
  readonly relayed: () => number
  /** Distinguishes the sessions of this process from those of others. */
  readonly idPrefix: string
}

export class Reception {
  readonly #parts: ReceptionParts
  readonly #headers: ProxyHeaders
  readonly connections: Connections
  /** How many connections there may be. */
  readonly capacity: Capacity
  #count = 0

  constructor(parts: ReceptionParts) {
    const { services, rules, healthChecks, linger, log } = parts
    const isHealthCheck = (address: string): boolean => rules().isHealthCheck(address)
    this.#parts = parts
    this.connections = new Connections({ services, isHealthCheck, healthChecks })
    this.#headers = new ProxyHeaders({ connections: this.connections, isHealthCheck, healthChecks, linger, log })
    this.capacity = new Capacity({ limit: () => rules().limit, open: () => this.open, log })
  }

  /** Sockets whose PROXY header has not arrived yet. */
  get waitingForHeader(): number {
    return this.#headers.size
  }

  /** Client connections in any state, health checks included. */
  get open(): number {
    const { relayed, linger, healthChecks } = this.#parts
    return this.connections.screened.size + this.#headers.size + relayed() + linger.size + healthChecks.size
  }

  /** For the listener. */
  readonly accept = (socket: TcpSocket): void => {
    if (!this.capacity.admits()) {
      closeWith(socket, wire(reply.noSystemResources))
      return
    }
    const id = `${this.#parts.idPrefix}${(this.#count++).toString(36)}`
    const ends = socket.endpoints()
    // The peer has left since its SYN. postscreen logs no CONNECT for it either.
    if (ends === undefined) {
      socket.destroy()
      return
    }
    const { needsHeader, headerTimeoutMs } = this.#parts.rules()
    if (needsHeader(ends.client.address)) this.#headers.read(socket, ends, id, headerTimeoutMs)
    else this.connections.begin(socket, ends, id)
  }

  /**
   * The drain time is over: clients under screening get a last reply; health checks, and connections without a PROXY
   * header, are closed.
   */
  shutDown(): void {
    this.#headers.close()
    this.#parts.healthChecks.close()
    this.connections.shutDown()
  }
}
