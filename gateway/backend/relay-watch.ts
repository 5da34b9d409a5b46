// Finds out that a side of a relay is gone while nothing is read from it: because the other side takes no bytes, or because it has ended already.
import type { Socket } from 'node:net'
import NetKeepAlive from 'net-keepalive'
import type { TcpSocket } from '../sockets/tcp-socket.ts'

/** How long a backend may leave bytes unacknowledged or its window closed. The same as for clients (listener.ts). */
const goneMs = 120_000
/** How often sides that are not read from are looked at. */
const lookMs = 10_000

export interface WatchOptions {
  /** 120 s where left out. */
  readonly goneMs?: number
  /** 10 s where left out. */
  readonly lookMs?: number
}

const nothing = Buffer.alloc(0)

/**
 * The kernel then ends a connection whose other side takes nothing: that side is gone, or it hangs (TCP_USER_TIMEOUT, tcp(7)). The relay's write
 * fails, and with it the relay ends.
 */
function endWhenUnacknowledged(socket: Socket, ms: number): void {
  if (process.platform !== 'linux') return
  try {
    NetKeepAlive.setUserTimeout(socket, ms)
  } catch {
    // It has just been closed.
  }
}

/**
 * A write of no bytes sends nothing, and fails when the kernel knows that the connection is gone: by a reset, or by keepalive. Reading would tell
 * the same, but a side that is paused is not read from, and one that has ended has nothing more to tell.
 */
function look(socket: Socket): void {
  const isRead = !socket.isPaused() && !socket.readableEnded
  if (!isRead && socket.writable && socket.writableLength === 0) socket.write(nothing)
}

/**
 * Watches both sides of a relay. The socket of a side that is found to be gone emits `error` and `close`.
 * @returns ends the watch
 */
export function watchSides(client: TcpSocket, backend: Socket, options: WatchOptions): () => void {
  endWhenUnacknowledged(backend, options.goneMs ?? goneMs)
  const timer = setInterval(() => {
    client.checkAlive()
    look(backend)
  }, options.lookMs ?? lookMs).unref()
  return () => clearInterval(timer)
}
