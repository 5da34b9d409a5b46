// An SMTP client that plays a script's steps against a real listener and tells what it saw, line by line.

import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'

/** Marks beside reply lines. A reset after a drop depends on what was unread, so it counts as a close like any other. */
export const closed = '<closed>'
export const timedOut = '<timeout>'
export const stillOpen = '<still open>'
export const tlsOk = '<tls ok>'
export const tlsFailed = '<tls failed>'
export const noTls = '<not asked to start tls>'

/** More unread bytes than this mean that a server floods its client: the player gives up on it. */
const unreadLimit = 1024 * 1024

export interface Target {
  readonly host: string
  readonly port: number
  /** The client's address; any of 127.0.0.0/8 will do on Linux. */
  readonly from: string
}

/** Below the kernel's own choice, which may take the port of a client's last connection again: then the log could not tell them apart. */
const ports = { first: 10_000, last: 31_999 }
let lastPort = ports.first + Math.floor(Math.random() * (ports.last - ports.first))

function ownPort(): number {
  lastPort = lastPort === ports.last ? ports.first : lastPort + 1
  return lastPort
}

/** One connection of a client. Reading steps give the lines that came, without CRLF, and a mark where the lines end for another reason. */
export class Player {
  /** What is read and written: the TCP connection, or TLS over it. */
  #socket: Socket
  readonly #plain: Socket
  #unread = ''
  #lastLine = ''
  #ended = false
  #wasReset = false
  #wake: (() => void) | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#plain = socket
    this.#listen(socket)
  }

  /** Connects; resolves once the connection stands. */
  static async connect(target: Target): Promise<Player> {
    const { host, port, from: localAddress } = target
    for (let attempt = 1; ; attempt++) {
      const localPort = ownPort()
      const socket = connect({ host, port, localAddress, localPort, allowHalfOpen: true, noDelay: true })
      try {
        await once(socket, 'connect')
        return new Player(socket)
      } catch (error) {
        if (attempt === 5 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      }
    }
  }

  /** This end's port, by which log lines are told apart. */
  get port(): number {
    return this.#socket.localPort ?? this.#port
  }

  #port = 0

  #listen(socket: Socket): void {
    this.#port = socket.localPort ?? this.#port
    socket.on('data', (chunk: Buffer) => this.#came(chunk.toString('latin1')))
    socket.on('end', () => this.#end())
    socket.on('error', (error: NodeJS.ErrnoException) => this.#fail(error))
    socket.on('close', () => this.#end())
  }

  #came(text: string): void {
    this.#unread += text
    if (this.#unread.length > unreadLimit) this.#socket.destroy()
    this.#wake?.()
  }

  #fail(error: NodeJS.ErrnoException): void {
    this.#wasReset ||= !this.#ended && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
    this.#end()
  }

  /** Whether what the server said last may be lost: it ended the connection with a reset, or through tlsproxy, which closes without asking. */
  get mayHaveLost(): boolean {
    return this.#wasReset || this.#socket !== this.#plain
  }

  #end(): void {
    this.#ended = true
    this.#wake?.()
  }

  /** Sends bytes (one a character) in one write and waits until the kernel has them. Nothing happens once the server has closed. */
  async send(text: string): Promise<void> {
    if (this.#ended || text === '') return
    await new Promise<void>((done) => this.#socket.write(Buffer.from(text, 'latin1'), () => done()))
  }

  /** One line. */
  async line(seconds: number): Promise<string[]> {
    return this.#readUntil(performance.now() + seconds * 1000, (lines) => lines.length > 0)
  }

  /** So many whole replies; a reply ends with a line that has no dash behind its code. */
  async replies(count: number, seconds: number): Promise<string[]> {
    const whole = (line: string): boolean => !/^\d{3}-/.test(line)
    return this.#readUntil(performance.now() + seconds * 1000, (lines) => lines.filter(whole).length >= count)
  }

  /** All that comes within so many seconds, or until the server closes. */
  async quiet(seconds: number): Promise<string[]> {
    const lines = await this.#readUntil(performance.now() + seconds * 1000, () => false)
    return lines.at(-1) === timedOut ? lines.slice(0, -1) : lines
  }

  /** All that comes until the server closes, which it should within so many seconds. */
  async end(seconds: number): Promise<string[]> {
    const lines = await this.#readUntil(performance.now() + seconds * 1000, () => false)
    return lines.at(-1) === timedOut ? [...lines.slice(0, -1), stillOpen] : lines
  }

  async #readUntil(deadline: number, done: (lines: readonly string[]) => boolean): Promise<string[]> {
    const lines: string[] = []
    for (;;) {
      while (!done(lines)) {
        const at = this.#unread.indexOf('\n')
        if (at < 0) break
        this.#lastLine = this.#unread.slice(0, at).replace(/\r$/, '')
        lines.push(this.#lastLine)
        this.#unread = this.#unread.slice(at + 1)
      }
      if (done(lines)) return lines
      if (this.#ended) return [...lines, ...this.#remainder(), closed]
      if (performance.now() >= deadline) return [...lines, timedOut]
      await this.#news(deadline - performance.now())
    }
  }

  /** What the server left without a line end is shown too: it must not go unnoticed. */
  #remainder(): string[] {
    const rest = this.#unread
    this.#unread = ''
    return rest === '' ? [] : [`${rest}<no line end>`]
  }

  async #news(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(1, ms))
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = undefined
  }

  /** Nothing more will be sent; replies can still come. */
  half(): void {
    this.#socket.end()
  }

  /** Closes as a client that leaves. */
  async close(): Promise<void> {
    if (this.#socket.destroyed) return
    this.#socket.destroy()
    await once(this.#socket, 'close')
  }

  /** Leaves with a TCP reset. */
  async reset(): Promise<void> {
    if (this.#plain.destroyed) return
    this.#plain.resetAndDestroy()
    await once(this.#plain, 'close')
  }

  /** Starts TLS as a client that trusts every certificate, if the last reply was a 220. Unread plaintext is dropped. */
  async tls(seconds = 10): Promise<string[]> {
    if (this.#ended) return [closed]
    if (!this.#lastLine.startsWith('220 ')) return [noTls]
    const plain = this.#plain
    plain.removeAllListeners('data')
    plain.removeAllListeners('end')
    const secure = connectTls({ socket: plain, rejectUnauthorized: false })
    secure.on('error', () => this.#end())
    const limit = sleep(seconds * 1000, false, { ref: false })
    const ok = await Promise.race([
      once(secure, 'secureConnect').then(
        () => true,
        () => false,
      ),
      limit,
    ])
    this.#socket = secure
    this.#listen(secure)
    return [ok ? tlsOk : tlsFailed]
  }
}
