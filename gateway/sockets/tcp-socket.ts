// A TCP connection as the gateway sees it: the one interface between its code and its sockets. node-socket.ts
// implements it on net.Socket.
import type { SecureContext } from 'node:tls'
export type { SecureContext } from 'node:tls'
import type { Endpoint } from '../../crds/values/endpoint.ts'

/** Receives what happens on a connection. One object may read many connections: `onClose` says which one. */
export interface SocketReader {
  /**
   * Bytes have arrived. After `shareReads` they are valid only until this returns, unless it returns true.
   * @returns whether the bytes are still needed afterwards
   */
  onData(bytes: Buffer): boolean
  /** The other side has ended its stream; no bytes follow. */
  onEnd(): void
  /**
   * The connection is closed in both directions. The last call. `error` is the reason when it was closed by an error.
   */
  onClose(socket: TcpSocket, error: Error | undefined): void
  /** Everything that `write` could not send at once is sent. */
  onDrain?(): void
}

/** Receives what happens on a connection that is being opened. A failure to connect is an `onClose` with an error. */
export interface ConnectReader extends SocketReader {
  /** The connection is open. */
  onConnect(): void
}

/**
 * Opens a connection to a numeric address. It is paused, like every new connection, and keepalive detects a peer that
 * is gone. Nothing is called before this returns.
 */
export type ConnectTcp = (to: Endpoint, reader: ConnectReader) => TcpSocket

/** Receives what happens to TLS on a connection. */
export interface TlsEvents {
  /** The handshake is complete. */
  onSecure(protocol: string, cipher: string): void
  /** OpenSSL reports an error, during the handshake or after it. May be called more than once. */
  onError(error: unknown): void
  onClose(): void
}

/** Both ends of a connection. */
export interface Endpoints {
  readonly client: Endpoint
  readonly server: Endpoint
}

/** One connection. Both directions end separately. Text is sent as one byte for each character. */
export interface TcpSocket {
  /** Where events go. While it is undefined, events are lost and bytes that arrive are dropped: pause first. */
  reader: SocketReader | undefined
  /** Both ends as the kernel reports them; undefined when the peer has already gone. */
  endpoints(): Endpoints | undefined
  /** Whether the other side has ended its stream and all its bytes were read. */
  readonly inputEnded: boolean
  /** Whether what is written now can still be sent. */
  readonly isWritable: boolean
  readonly isDestroyed: boolean
  readonly isClosed: boolean
  /** Whether both sides ended their streams, all bytes were sent, and no error occurred. */
  readonly endedInOrder: boolean
  /** Bytes that were written and are not sent yet. */
  readonly unsentBytes: number
  /** Bytes received so far. */
  readonly bytesRead: number

  /** Reads on. A new connection is paused. */
  resume(): void
  pause(): void
  /** Puts bytes back in front of those that will be read next. */
  unread(bytes: Uint8Array): void
  /** @returns whether more can be written without waiting for `onDrain` */
  write(bytes: Uint8Array | string): boolean
  /** Sends the text, if any, then ends our direction. The connection closes when the other direction has ended too. */
  end(text?: string): void
  /** Sends what is written, then closes without waiting for the other side. */
  endAndClose(): void
  /** Closes now. */
  destroy(): void
  /** Closes now; the other side gets a reset. */
  reset(): void

  /**
   * Starts TLS as a server on a connection that is paused and has no reader.
   * @returns the plaintext side, paused. The encrypted side only counts bytes from then on.
   */
  startTls(context: SecureContext, events: TlsEvents): TcpSocket
  /**
   * Reads into a buffer that all connections share, where that is possible: see `SocketReader.onData`. For bulk data.
   */
  shareReads(): void
  /** Finds out whether a connection that is not being read is gone. If it is, it closes with an error. */
  checkAlive(): void
  /**
   * For a connection that this process has opened: from now on it closes with an error when the other side is gone, or
   * leaves bytes unacknowledged or its window closed for this long (the latter on Linux only). Accepted connections
   * have this from their listener.
   */
  noticeWhenGone(unacknowledgedMs: number): void
  /** Calls back after so many milliseconds without a byte in either direction. */
  whenIdle(ms: number, callback: () => void): void
}
