// One call to one backend address: connect, PROXY header, and its greeting. The relay makes them for clients, backends.ts for its probes.
import { connect as connectTcp, type Socket } from 'node:net'
import { printableText } from '../../core/printable.ts'

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
  /** From then on, until the greeting's first line is there. */
  readonly greetingTimeoutMs: number
  /** How long a backend that has taken the connection may say nothing before `onSilent` is called, and again each time. Left out: never. */
  readonly patienceMs?: number
  readonly onSilent?: () => void
  readonly connect: Connect
}

export type CallResult =
  /** The backend has said a whole line. The socket is paused and has no listeners: see to `error` at once. */
  | { readonly is: 'greeting'; readonly socket: Socket; readonly line: string; readonly received: Buffer }
  /** Nothing came of it; the socket is destroyed. `how`: no connection, or a connection that got no greeting. `unanswered`: not even a refusal came. */
  | { readonly is: 'failed'; readonly how: 'connect' | 'send'; readonly reason: string; readonly unanswered: boolean }

/** The longest first line that counts as a greeting, in bytes; RFC 5321 4.5.3.1.5 has 512. */
const greetingLimit = 4096
const keepAliveMs = { idle: 60_000, interval: 10_000 }
const keepAliveProbes = 6

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
    this.#timer = setTimeout(() => this.#fail(`no connection within ${call.connectTimeoutMs / 1000} s`, true), call.connectTimeoutMs)
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

  #fail(reason: string, unanswered = false): void {
    this.#leave()
    this.#socket.destroy()
    this.#done({ is: 'failed', how: this.#connected ? 'send' : 'connect', reason, unanswered })
  }

  /** One timer at a time, until the greeting's time is over. */
  #listenOn(): void {
    const { patienceMs, greetingTimeoutMs, onSilent } = this.#call
    const waitMs = Math.min(patienceMs ?? greetingTimeoutMs, this.#silenceLeftMs)
    this.#timer = setTimeout(() => {
      this.#silenceLeftMs -= waitMs
      if (this.#silenceLeftMs <= 0) return this.#fail(`no greeting within ${greetingTimeoutMs / 1000} s`)
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
    this.#received = received
    const end = received.indexOf(0x0a)
    if (end < 0) {
      if (received.length >= greetingLimit) this.#fail('its greeting is no line')
      return
    }
    this.#leave()
    const socket = this.#socket.pause().off('error', this.#onError)
    this.#done({ is: 'greeting', socket, line: received.toString('latin1', 0, end).trimEnd(), received })
  }

  readonly #onEnd = (): void => this.#fail('closed before its greeting')

  // Stays until the end of a failed call: a socket that is being destroyed may still have an error to tell.
  readonly #onError = (error: Error): void => {
    if (!this.#over) this.#fail(errorWord(error))
  }
}

/** What a first line means: take the client on, come back later, or go away. Anything that is no reply is a failure like `later`. */
export function judgeGreeting(line: string): 'welcome' | 'later' | 'never' {
  if (/^220([ -]|$)/.test(line)) return 'welcome'
  return /^5[0-9][0-9]([ -]|$)/.test(line) ? 'never' : 'later'
}

/** A greeting that is no welcome, for a log line. */
export function quoteGreeting(line: string): string {
  return `said ${printableText(line.slice(0, 100))}`
}
