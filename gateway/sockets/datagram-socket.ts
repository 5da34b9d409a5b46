// Datagrams to and from one server as the DNS client sees them: the interface between it and its UDP sockets.
// node-datagram-socket.ts implements it.
import type { Endpoint } from '../../crds/values/endpoint.ts'

/** Receives what happens on a socket. Nothing is called before the socket was returned, or after `close`. */
export interface DatagramReader {
  /**
   * The socket can send.
   * @param receiveBufferBytes the size of the kernel's receive buffer, which may be smaller than requested
   */
  onReady(receiveBufferBytes: number): void
  /** A datagram from the server. The bytes are valid only until this returns. */
  onMessage(bytes: Buffer): void
  /** A datagram from another address or port, which is dropped. */
  onStray(): void
  /**
   * Something could not be sent, or the socket could not be opened. After ECONNREFUSED (from ICMP) the socket can still
   * be used.
   */
  onError(error: NodeJS.ErrnoException): void
}

/**
 * A socket with its own random source port, connected to one server, so that the kernel reports ICMP errors. It does
 * not keep the process alive.
 */
export interface DatagramSocket {
  /** Sends soon, perhaps together with others. The bytes must not change until then. Only after `onReady`. */
  send(bytes: Buffer): void
  close(): void
}

export interface DatagramOptions {
  /** A numeric address; an IPv6 address may have a %scope. */
  readonly server: Endpoint
  /** Requested size of the kernel's receive buffer. */
  readonly receiveBufferBytes: number
}

export type OpenDatagramSocket = (options: DatagramOptions, reader: DatagramReader) => DatagramSocket
