// The end of a connection: the last reply must arrive, and a client that keeps sending or never closes must not take
// resources for long.
import type { SocketReader, TcpSocket } from '../sockets/tcp-socket.ts'

/** The time for a client to take the last reply and close. */
const lingerMs = 2000
const sweepMs = 500

/**
 * Sends the text (one byte a character) and closes at once, to free the descriptor. As in postscreen, a client that is
 * still sending may get a reset before it has read the text.
 */
export function closeWith(socket: TcpSocket, text: string): void {
  // Bytes that wait already would have to be sent first.
  if (socket.unsentBytes > 0 || !socket.isWritable) return socket.destroy()
  socket.write(text)
  socket.endAndClose()
}

/**
 * Ends sockets. One sweep for all of them instead of one timer for each.
 * postscreen incompatibility: it closes at once, and with unread input the kernel then sends a reset that may overtake
 * the reply. Here the reply is sent first, and what the client still sends is read and dropped.
 */
export class Linger implements SocketReader {
  readonly #deadlines = new Map<TcpSocket, number>()
  readonly #now: () => number
  #sweep: NodeJS.Timeout | undefined

  constructor(now: () => number) {
    this.#now = now
  }

  /** Sockets that are not closed yet. */
  get size(): number {
    return this.#deadlines.size
  }

  /**
   * Sends the text (one byte a character), ends our direction, and drops input until the client ends too or the time is
   * over.
   */
  end(socket: TcpSocket, text: string): void {
    if (socket.isDestroyed) return
    this.#deadlines.set(socket, this.#now() + lingerMs)
    socket.reader = this
    // A socket closes once both directions have ended.
    socket.end(text)
    socket.resume()
    this.#sweep ??= setInterval(() => this.#destroyLate(), sweepMs)
  }

  /** What the client still sends is dropped. */
  onData(): boolean {
    return false
  }

  onEnd(): void {}

  onClose(socket: TcpSocket): void {
    this.#deadlines.delete(socket)
  }

  /** Ends all of them now. */
  close(): void {
    for (const socket of this.#deadlines.keys()) socket.destroy()
    this.#stopSweep()
  }

  #destroyLate(): void {
    const now = this.#now()
    // Deadlines are in the order of insertion, which is the order of time.
    for (const [socket, deadline] of this.#deadlines) {
      if (deadline > now) break
      this.#deadlines.delete(socket)
      socket.destroy()
    }
    if (this.#deadlines.size === 0) this.#stopSweep()
  }

  #stopSweep(): void {
    clearInterval(this.#sweep)
    this.#sweep = undefined
  }
}
