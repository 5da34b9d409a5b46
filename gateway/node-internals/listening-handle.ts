// Undocumented in Node: `_handle` of a net.Server, libuv's listening socket, with setNoDelay and setKeepAlive (TCPWrap
// in tcp_wrap.cc).
//
// Linux copies the options of a listening socket to each accepted one. Set for each connection they would cost 6 µs
// each and some bytes (measured: 58 µs a connection with three options, 27 µs this way; TCP_NODELAY alone 1 µs).
// Without it: each accepted socket gets its options by the documented methods of net.Socket.
import net from 'node:net'
import type { TcpOptions } from '../sockets/tcp-options.ts'
import { netKeepAlive } from './net-keepalive.ts'

/** The part of the handle that is used here. */
interface ListeningHandle {
  setNoDelay(on: boolean): number
  setKeepAlive(on: boolean, idleSeconds: number): number
}

function isListeningHandle(handle: unknown): handle is ListeningHandle {
  return typeof handle === 'object' && handle !== null && 'setNoDelay' in handle && 'setKeepAlive' in handle
}

/**
 * Sets TCP options on a listening socket, from which accepted ones inherit them.
 * @returns false where that is not possible: set them with `setOptionsOfSocket` on each accepted socket
 */
export function setOptionsOfListener(server: object, options: TcpOptions): boolean {
  const { _handle: handle } = server as { readonly _handle?: unknown }
  if (process.platform !== 'linux' || !isListeningHandle(handle)) return false
  handle.setNoDelay(true)
  handle.setKeepAlive(true, options.keepAliveIdle / 1000)
  // net-keepalive takes a Socket and uses only its handle.
  const listening: net.Socket = Object.create(net.Socket.prototype)
  Object.defineProperty(listening, '_handle', { value: handle })
  setTimes(listening, options)
  return true
}

/** The same for one accepted socket, by documented methods. The times of net-keepalive exist only on some systems. */
export function setOptionsOfSocket(socket: net.Socket, options: TcpOptions): void {
  socket.setNoDelay(true)
  socket.setKeepAlive(true, options.keepAliveIdle)
  if (process.platform === 'linux') setTimes(socket, options)
}

function setTimes(socket: net.Socket, options: TcpOptions): void {
  const times = netKeepAlive()
  times.setKeepAliveInterval(socket, options.keepAliveInterval)
  times.setKeepAliveProbes(socket, options.keepAliveProbes)
  times.setUserTimeout(socket, options.userTimeout)
}
