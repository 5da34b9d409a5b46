// The sockets of a gateway, as one interface: it listens, connects to mail servers and asks DNS servers through it.
// node-network.ts implements it with Node's own sockets, gateway/linux/ with those of Linux.
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { OpenDatagramSocket } from './datagram-socket.ts'
import type { ConnectTcp, TcpSocket } from './tcp-socket.ts'

/** A listening socket. */
export interface Listener {
  /** The address and port where it listens, also if port 0 was requested. */
  readonly endpoint: Endpoint
  readonly isListening: boolean
  /** Accepts no more clients. */
  close(): void
}

export interface ListenRequest {
  readonly endpoint: Endpoint
  /**
   * Other sockets of this user may listen there too, and the kernel distributes the clients among them (SO_REUSEPORT).
   */
  readonly isShared: boolean
  /** Takes each client's connection, which is paused. */
  readonly accept: (socket: TcpSocket) => void
  /** A client could not be accepted: EMFILE, ENFILE, ENOBUFS, ENOMEM. */
  readonly failed: (error: Error) => void
}

/**
 * The choices of the option. `auto`: sockets of Linux if they can be used, otherwise those of Node. `node`: sockets of
 * Node.
 */
export const networkChoices = ['auto', 'node'] as const
export type NetworkChoice = (typeof networkChoices)[number]

export const isNetworkChoice = (text: string): text is NetworkChoice => networkChoices.some((choice) => choice === text)

/** The sockets that are in use. */
export type NetworkName = 'linux' | 'node'

export interface Network {
  readonly name: NetworkName
  /** Rejects with the error of the system, which has a `code`. */
  listen(request: ListenRequest): Promise<Listener>
  readonly connect: ConnectTcp
  readonly openDatagramSocket: OpenDatagramSocket
}
