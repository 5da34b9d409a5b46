// One call to one backend address: connect, PROXY header, and the greeting. The relay makes calls for clients,
// backend-probe.ts makes them for probes.
import type { Endpoint } from '../../crds/values/endpoint.ts'
import { quoteReply, readReply, type BackendReply } from '../core/backend-reply.ts'
import type { ConnectReader, ConnectTcp, TcpSocket } from '../sockets/tcp-socket.ts'

export interface Call {
  readonly to: Endpoint
  /** What is sent first: a PROXY header or nothing. Called when the connection is open. */
  readonly header: (connection: TcpSocket) => Uint8Array | undefined
  readonly connectTimeoutMs: number
  /** From the connection to the complete greeting. */
  readonly greetingTimeoutMs: number
  /**
   * How long a backend may send nothing on an open connection before `onSilent` is called, and again each time.
   * Default: never.
   */
  readonly patienceMs?: number
  readonly onSilent?: () => void
  /** The first line of a greeting of several lines has arrived, but not the rest. */
  readonly onTeaser?: () => void
  readonly connect: ConnectTcp
}

export interface CallFailed {
  readonly is: 'failed'
  /** No connection, or a connection without a greeting. */
  readonly how: 'connect' | 'send'
  readonly reason: string
  /**
   * `local`: this process or machine could not make the connection, which says nothing about the backend. `refused`: no
   * program accepts connections there. `unanswered`: no answer to the connection attempt, not even a refusal. `silent`:
   * the greeting came too late. `malformed`: its first words are not an SMTP greeting. `other`: it closed the
   * connection.
   */
  readonly cause: 'local' | 'refused' | 'unanswered' | 'silent' | 'malformed' | 'other'
}

export type CallResult =
  /**
   * The backend has sent a complete reply. The socket is paused and has no reader. `received` may hold more than the
   * reply.
   */
  | { readonly is: 'greeting'; readonly socket: TcpSocket; readonly reply: BackendReply; readonly received: Buffer }
  /** The call has failed; the socket is destroyed. */
  | CallFailed

/** Errors of connect(2) and socket(2) that are caused by this process or machine. */
const localErrors: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL', 'EAGAIN'])

/** The word for an error: its code, such as ECONNREFUSED. */
export function errorWord(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}

/** A running call. It calls `done` once, later, unless it is given up before. */
export class BackendCall implements ConnectReader {
  readonly #call: Call
  readonly #done: (result: CallResult) => void
  readonly #socket: TcpSocket
  #timer: NodeJS.Timeout
  #silenceLeftMs: number
  #connected = false
  #over = false
  #received: Buffer | undefined

  constructor(call: Call, done: (result: CallResult) => void) {
    this.#call = call
    this.#done = done
    this.#silenceLeftMs = call.greetingTimeoutMs
    this.#timer = setTimeout(
      () => this.#fail(`no connection within ${call.connectTimeoutMs / 1000} s`, 'unanswered'),
      call.connectTimeoutMs,
    )
    this.#socket = call.connect(call.to, this)
  }

  /** Closes the connection; `done` will not be called. Does nothing after the end of the call. */
  giveUp(): void {
    if (this.#over) return
    this.#leave()
    this.#socket.destroy()
  }

  #leave(): void {
    this.#over = true
    clearTimeout(this.#timer)
    this.#socket.reader = undefined
  }

  #fail(reason: string, cause: CallFailed['cause']): void {
    this.#leave()
    this.#socket.destroy()
    this.#done({ is: 'failed', how: this.#connected ? 'send' : 'connect', reason, cause })
  }

  /** One timer at a time, until the time for the greeting is over. */
  #waitForGreeting(): void {
    const { patienceMs, greetingTimeoutMs, onSilent } = this.#call
    const waitMs = Math.min(patienceMs ?? greetingTimeoutMs, this.#silenceLeftMs)
    this.#timer = setTimeout(() => {
      this.#silenceLeftMs -= waitMs
      if (this.#silenceLeftMs <= 0) return this.#fail(`no greeting within ${greetingTimeoutMs / 1000} s`, 'silent')
      this.#waitForGreeting()
      onSilent?.()
    }, waitMs)
  }

  onConnect(): void {
    if (this.#over) return
    this.#connected = true
    clearTimeout(this.#timer)
    this.#waitForGreeting()
    const bytes = this.#call.header(this.#socket)
    if (bytes !== undefined) this.#socket.write(bytes)
    this.#socket.resume()
  }

  onData(chunk: Buffer): boolean {
    const received = this.#received === undefined ? chunk : Buffer.concat([this.#received, chunk])
    const isFirst = this.#received === undefined
    this.#received = received
    const text = received.toString('latin1')
    const reply = readReply(text)
    if (reply === 'malformed') this.#fail(`${quoteReply(text)}, which is not an SMTP greeting`, 'malformed')
    else if (reply !== 'more') {
      this.#socket.pause()
      this.#leave()
      this.#done({ is: 'greeting', socket: this.#socket, reply, received })
    } else if (isFirst) this.#call.onTeaser?.()
    return true
  }

  onEnd(): void {
    this.#fail('closed before its greeting', 'other')
  }

  onClose(_socket: TcpSocket, error: Error | undefined): void {
    if (error === undefined) return this.onEnd()
    const word = errorWord(error)
    this.#fail(word, this.#connected ? 'other' : localErrors.has(word) ? 'local' : 'refused')
  }
}
