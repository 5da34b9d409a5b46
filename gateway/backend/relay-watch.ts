// Detects that one side of a relay is gone while it is not read: because the other side accepts no bytes, or because it
// has ended already.
import type { TcpSocket } from '../sockets/tcp-socket.ts'

/**
 * How long a backend may leave bytes unacknowledged or its window closed. The same as for clients (node-listener.ts).
 */
const unacknowledgedMs = 120_000
/** How often sides that are not read are checked. */
const checkMs = 10_000

export interface WatchOptions {
  /** Default: 120 s. */
  readonly unacknowledgedMs?: number
  /** Default: 10 s. */
  readonly checkMs?: number
}

/**
 * Watches both sides of a relay. A side that is gone is closed with an error: the kernel ends a connection whose peer
 * accepts no bytes, and a side that is not read is asked whether it is alive. @returns ends the watch
 */
export function watchSides(client: TcpSocket, backend: TcpSocket, options: WatchOptions): () => void {
  let isNoticed = false
  const timer = setInterval(() => {
    // Not at the beginning: six system calls that most relays are too short to need.
    if (!isNoticed) backend.noticeWhenGone(options.unacknowledgedMs ?? unacknowledgedMs)
    isNoticed = true
    client.checkAlive()
    backend.checkAlive()
  }, options.checkMs ?? checkMs).unref()
  return () => clearInterval(timer)
}
