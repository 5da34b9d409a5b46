// One call to one backend address: connect, PROXY header, and its greeting. The relay makes them for clients, backend-probe.ts for its probes.
import { connect as connectTcp, type Socket } from 'node:net'
import { quoteReply, readReply, type BackendReply } from '../core/backend-reply.ts'

export interface Destination {
  readonly address: string
  readonly port: number
}

/** Starts a connection; both its directions end on their own. */
export type Connect = (to: Destination) => Socket

export interface Call {
  readonly to: Destination
  /** What goes in front: a PROXY header or nothing. Asked for once the connection stands. */
  readonly header: (connection: Socket) => Uint8Array | undefined
  readonly connectTimeoutMs: number
  /** From then on, until the greeting is there with all its lines. */
  readonly greetingTimeoutMs: number
  /** How long a backend that has taken the connection may say nothing before `onSilent` is called, and again each time. Left out: never. */
  readonly patienceMs?: number
  readonly onSilent?: () => void
  /** The first line of a greeting of several lines is there, and the rest is not. */
  readonly onTeaser?: () => void
  readonly connect: Connect
}

export interface CallFailed {
  readonly is: 'failed'
  /** No connection, or a connection that got no greeting. */
  readonly how: 'connect' | 'send'
  readonly reason: string
  /**
   * What it shows about the backend. `local`: nothing, this process or machine could not make the connection. `refused`: no program takes connections there.
   * `unanswered`: the connection got no answer, not even a refusal. `silent`: it greeted too late. `malformed`: its first words are not an SMTP greeting.
   * `other`: it hung up.
   */
  readonly cause: 'local' | 'refused' | 'unanswered' | 'silent' | 'malformed' | 'other'
}

export type CallResult =
  /** The backend has said a whole reply. The socket is paused and has no listeners: see to `error` at once. `received` may hold more than the reply. */
  | { readonly is: 'greeting'; readonly socket: Socket; readonly reply: BackendReply; readonly received: Buffer }
  /** Nothing came of it; the socket is destroyed. */
  | CallFailed

const keepAliveMs = { idle: 60_000, interval: 10_000 }
const keepAliveProbes = 6

/** Errors of a connect that this process or machine is to blame for: connect(2), socket(2). */
const localErrors: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL', 'EAGAIN'])

/** Connects without name lookup: addresses are numeric. */
export function connectPlainly({ address, port }: Destination): Socket {
  return connectTcp({ host: address, port, allowHalfOpen: true, noDelay: true, autoSelectFamily: false })
}

/** The word for an error: its code, such as ECONNREFUSED. */
export function errorWord(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}

/** A call that is under way; it makes itself known by `done` once, later, unless it is given up before. */
export class BackendCall {
  readonly #call: Call
  readonly #done: (result: CallResult) => void
  readonly #socket: Socket
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
    this.#socket = call.connect(call.to)
    this.#socket
      .on('error', this.#onError)
      .on('connect', this.#onConnect)
      .on('data', this.#onData)
      .on('end', this.#onEnd)
      .on('close', this.#onEnd)
  }

  /** Hangs up: `done` will not come. Does nothing when it came. */
  giveUp(): void {
    if (this.#over) return
    this.#leave()
    this.#socket.destroy()
  }

  #leave(): void {
    this.#over = true
    clearTimeout(this.#timer)
    this.#socket.off('connect', this.#onConnect).off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onEnd)
  }

  #fail(reason: string, cause: CallFailed['cause']): void {
    this.#leave()
    this.#socket.destroy()
    this.#done({ is: 'failed', how: this.#connected ? 'send' : 'connect', reason, cause })
  }

  /** One timer at a time, until the greeting's time is over. */
  #listenOn(): void {
    const { patienceMs, greetingTimeoutMs, onSilent } = this.#call
    const waitMs = Math.min(patienceMs ?? greetingTimeoutMs, this.#silenceLeftMs)
    this.#timer = setTimeout(() => {
      this.#silenceLeftMs -= waitMs
      if (this.#silenceLeftMs <= 0) return this.#fail(`no greeting within ${greetingTimeoutMs / 1000} s`, 'silent')
      this.#listenOn()
      onSilent?.()
    }, waitMs)
  }

  readonly #onConnect = (): void => {
    this.#connected = true
    clearTimeout(this.#timer)
    this.#listenOn()
    this.#socket.setKeepAlive(true, keepAliveMs.idle, keepAliveMs.interval, keepAliveProbes)
    const bytes = this.#call.header(this.#socket)
    if (bytes !== undefined) this.#socket.write(bytes)
  }

  readonly #onData = (chunk: Buffer): void => {
    const received = this.#received === undefined ? chunk : Buffer.concat([this.#received, chunk])
    const isFirst = this.#received === undefined
    this.#received = received
    const text = received.toString('latin1')
    const reply = readReply(text)
    if (reply === 'malformed') return this.#fail(`${quoteReply(text)}, which is not an SMTP greeting`, 'malformed')
    if (reply !== 'more') {
      this.#leave()
      const socket = this.#socket.pause().off('error', this.#onError)
      this.#done({ is: 'greeting', socket, reply, received })
    } else if (isFirst) this.#call.onTeaser?.()
  }

  readonly #onEnd = (): void => this.#fail('closed before its greeting', 'other')

  // Stays until the end of a failed call: a socket that is being destroyed may still have an error to tell.
  readonly #onError = (error: Error): void => {
    if (this.#over) return
    const word = errorWord(error)
    this.#fail(word, this.#connected ? 'other' : localErrors.has(word) ? 'local' : 'refused')
  }
}
