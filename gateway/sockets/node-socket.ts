// TcpSocket on Node's net.Socket.
//
// One object for each connection and no closures: the listeners are shared by all sockets and find their object by a
// property of the socket.
import type { Socket } from 'node:net'
import { type SecureContext, TLSSocket } from 'node:tls'
import { netKeepAlive } from '../node-internals/net-keepalive.ts'
import { sharedReads } from '../node-internals/shared-reads.ts'
import { listenToTls } from '../node-internals/tls-events.ts'
import { tcpOptions } from './tcp-options.ts'
import type { Endpoints, SocketReader, TcpSocket, TlsEvents } from './tcp-socket.ts'

const owner = Symbol('owner')

interface OwnedSocket extends Socket {
  [owner]: NodeSocket
}

function onData(this: OwnedSocket, bytes: Buffer): void {
  this[owner].reader?.onData(bytes)
}

function onEnd(this: OwnedSocket): void {
  this[owner].innerEnded()
}

function onClose(this: OwnedSocket): void {
  this[owner].innerClosed(this.errored ?? undefined)
}

function onDrain(this: OwnedSocket): void {
  this[owner].reader?.onDrain?.()
}

function pauseAgain(socket: NodeSocket): void {
  socket.pauseAgain()
}

function tellHeld(socket: NodeSocket): void {
  socket.tellHeld()
}

/** An error that nothing listens to would end the process. `close` follows it. */
const ignoreError = (): void => undefined

const nothing = Buffer.alloc(0)

/** The text of a socket address as libuv prints it, without zone, an IPv4-mapped one as IPv4 (psc_endpt_lookup). */
function plainAddress(text: string): string {
  if (text.startsWith('::ffff:') && text.includes('.')) return text.slice('::ffff:'.length)
  const zone = text.indexOf('%')
  return zone < 0 ? text : text.slice(0, zone)
}

/** Both ends of a connection as the kernel reports them; undefined when the peer has already gone. */
export function socketEndpoints({ remoteAddress, remotePort, localAddress, localPort }: Socket): Endpoints | undefined {
  if (remoteAddress === undefined || remotePort === undefined || localAddress === undefined || localPort === undefined) return undefined
  return {
    client: { address: plainAddress(remoteAddress), port: remotePort },
    server: { address: plainAddress(localAddress), port: localPort },
  }
}

export class NodeSocket implements TcpSocket {
  reader: SocketReader | undefined = undefined
  #socket: Socket
  #listensForDrain = false
  #sharesReads = false
  #isPaused = true
  /** net.Socket may report an end of input while it is paused. It is held until `resume`, with the close behind it. */
  #held: 'nothing' | 'end' | 'end and close' = 'nothing'

  /** @param socket paused, and created with `allowHalfOpen` */
  constructor(socket: Socket) {
    this.#socket = socket
    this.#listen(socket)
  }

  #listen(socket: Socket): void {
    const owned = socket as OwnedSocket
    owned[owner] = this
    owned.on('error', ignoreError).on('data', onData).on('end', onEnd).on('close', onClose)
  }

  /** The net.Socket behind it, as it is now. */
  get inner(): Socket {
    return this.#socket
  }

  endpoints(): Endpoints | undefined {
    return socketEndpoints(this.#socket)
  }

  get inputEnded(): boolean {
    return this.#socket.readableEnded && this.#held === 'nothing'
  }

  get isWritable(): boolean {
    return this.#socket.writable
  }

  get isDestroyed(): boolean {
    return this.#socket.destroyed
  }

  get isClosed(): boolean {
    return this.#socket.closed && this.#held === 'nothing'
  }

  get endedInOrder(): boolean {
    const { errored, readableEnded, writableFinished } = this.#socket
    return errored === null && readableEnded && writableFinished
  }

  get unsentBytes(): number {
    return this.#socket.writableLength
  }

  get bytesRead(): number {
    return this.#socket.bytesRead
  }

  resume(): void {
    this.#isPaused = false
    this.#socket.resume()
    if (this.#held !== 'nothing') process.nextTick(tellHeld, this)
  }

  pause(): void {
    this.#isPaused = true
    this.#socket.pause()
    // `resume` begins to read once more in the next tick, even if `pause` has followed (net.Socket with `onread`).
    if (this.#sharesReads) process.nextTick(pauseAgain, this)
  }

  /** For the listeners of this file: stops reading, if the connection is still paused. */
  pauseAgain(): void {
    if (this.#isPaused) this.#socket.pause()
  }

  /** For the listeners of this file, like the two that follow. */
  innerEnded(): void {
    if (this.#isPaused) this.#held = 'end'
    else this.reader?.onEnd()
  }

  innerClosed(error: Error | undefined): void {
    if (this.#held !== 'nothing' && error === undefined) this.#held = 'end and close'
    else this.reader?.onClose(this, error)
  }

  tellHeld(): void {
    if (this.#isPaused) return
    const held = this.#held
    this.#held = 'nothing'
    if (held !== 'nothing') this.reader?.onEnd()
    if (held === 'end and close') this.reader?.onClose(this, undefined)
  }

  /** The connection is closed by us: the end of its input is no longer of interest. */
  #forgetEnd(): void {
    const isClosed = this.#held === 'end and close'
    this.#held = 'nothing'
    if (isClosed) process.nextTick(() => this.reader?.onClose(this, undefined))
  }

  unread(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#socket.unshift(bytes)
  }

  write(bytes: Uint8Array | string): boolean {
    const socket = this.#socket
    // A write behind the end would be an error, and close the connection.
    if (!socket.writable) return false
    if (typeof bytes === 'string' ? socket.write(bytes, 'latin1') : socket.write(bytes)) return true
    // net.Socket also asks to wait when the kernel has already taken a large chunk. Reading on then saves a pause, a
    // resume and a `drain` for each chunk of bulk data.
    if (socket.writableLength === 0) return true
    if (!this.#listensForDrain) socket.on('drain', onDrain)
    this.#listensForDrain = true
    return false
  }

  end(text = ''): void {
    // A second end would be a write behind the first one.
    if (this.#socket.writable) this.#socket.end(text, 'latin1')
  }

  endAndClose(): void {
    this.#forgetEnd()
    this.#socket.destroySoon()
  }

  destroy(): void {
    this.#forgetEnd()
    this.#socket.destroy()
  }

  reset(): void {
    this.#forgetEnd()
    if (!this.#socket.destroyed) this.#socket.resetAndDestroy()
  }

  startTls(context: SecureContext, events: TlsEvents): TcpSocket {
    const socket = new TLSSocket(this.#socket, { isServer: true, secureContext: context })
    // OpenSSL would run a new handshake as often as a client of TLS 1.2 or older asks for one.
    socket.disableRenegotiation()
    listenToTls(socket, events)
    const plaintext = new NodeSocket(socket)
    plaintext.pause()
    return plaintext
  }

  shareReads(): void {
    const replaced = sharedReads(this.#socket, (bytes) => this.reader?.onData(bytes) ?? false)
    if (replaced === undefined) return
    this.#socket = replaced
    this.#sharesReads = true
    this.#listensForDrain = false
    this.#listen(replaced)
  }

  /**
   * A write of no bytes sends nothing, and fails when the kernel knows that the connection is gone: by a reset, or by
   * keepalive.
   */
  checkAlive(): void {
    const socket = this.#socket
    const isRead = !socket.isPaused() && !socket.readableEnded
    if (!isRead && socket.writable && socket.writableLength === 0) socket.write(nothing)
  }

  /** Keepalive and TCP_USER_TIMEOUT, tcp(7). */
  noticeWhenGone(unacknowledgedMs: number): void {
    const { keepAliveIdle, keepAliveInterval, keepAliveProbes } = tcpOptions
    this.#socket.setKeepAlive(true, keepAliveIdle, keepAliveInterval, keepAliveProbes)
    if (process.platform !== 'linux') return
    try {
      netKeepAlive().setUserTimeout(this.#socket, unacknowledgedMs)
    } catch {
      // It has just been closed.
    }
  }

  whenIdle(ms: number, callback: () => void): void {
    this.#socket.setTimeout(ms, callback)
  }
}
