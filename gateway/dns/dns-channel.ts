// One UDP socket to one DNS server, with the questions that are open on it by their ids.

import { randomFillSync } from 'node:crypto'
import { type Endpoint, formatEndpoint } from '../../crds/values/endpoint.ts'
import type { DnsblError } from '../core/vocabulary.ts'
import type { DatagramReader, DatagramSocket, OpenDatagramSocket } from '../sockets/datagram-socket.ts'
import { idOf, setId } from './dns-message.ts'

/** What a channel reports to its owner; `T` is what the owner passes in with a question. */
export interface ChannelEvents<T> {
  ready(): void
  /**
   * A message with the id of an open question, from the right server. Nothing else has been checked; the question stays
   * open.
   */
  message(question: T, bytes: Buffer, channel: DnsChannel<T>): void
  /** A message that answers no open question: a wrong or used id, or too short. */
  stray(): void
  /**
   * None of `questions` will be answered: refused (ICMP; the channel stays open), or no route or no socket
   * (`channel.isClosed`).
   */
  failed(channel: DnsChannel<T>, questions: readonly T[], error: DnsblError): void
}

const receiveBufferBytes = 1 << 20
/**
 * What one waiting answer takes of the receive buffer: the kernel counts the memory of a datagram (sk_buff and page
 * fragment: 768 bytes on loopback, up to 2,304 with usual network drivers), not its length.
 */
const bytesPerAnswer = 2304
const fewestQuestions = 32
const mostQuestions = 512

/**
 * The kernel drops datagrams from any other address or port, and reports ICMP errors. A channel takes no more questions
 * than its receive buffer can hold answers, so none is lost while the event loop is busy. Linux silently limits the
 * buffer to net.core.rmem_max, so the real size counts.
 */
export class DnsChannel<T> implements DatagramReader {
  readonly openedAt: number
  /** How many questions were sent from this port. */
  uses = 0
  lastHeardAt = Number.NEGATIVE_INFINITY
  /** For the owner: the number of the newest question that was answered. */
  newestAnswered = 0
  readonly #server: Endpoint
  readonly #events: ChannelEvents<T>
  readonly #socket: DatagramSocket
  readonly #open = new Map<number, T>()
  #isConnecting = true
  #capacity = 0
  #closed = false

  constructor(server: Endpoint, now: number, events: ChannelEvents<T>, openSocket: OpenDatagramSocket) {
    this.#server = server
    this.#events = events
    this.openedAt = now
    this.#socket = openSocket({ server, receiveBufferBytes }, this)
  }

  /** Can take one more question now. */
  get hasRoom(): boolean {
    return this.#open.size < this.#capacity
  }

  get isConnecting(): boolean {
    return this.#isConnecting && !this.#closed
  }

  get isClosed(): boolean {
    return this.#closed
  }

  get openQuestions(): number {
    return this.#open.size
  }

  /** Sends `query` under a new random id, which is written into it, and returns the id. Needs `hasRoom`. */
  send(query: Buffer, question: T): number {
    let id = randomId()
    while (this.#open.has(id)) id = randomId()
    this.#open.set(id, question)
    setId(query, id)
    this.uses++
    this.#socket.send(query)
    return id
  }

  /** The question is over; a message with its id will be a stray. */
  release(id: number): void {
    this.#open.delete(id)
  }

  /** Closes the socket. Nothing is reported afterwards. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#capacity = 0
    this.#open.clear()
    this.#socket.close()
  }

  onReady(actualBufferBytes: number): void {
    this.#isConnecting = false
    const fitting = Math.floor(actualBufferBytes / bytesPerAnswer)
    this.#capacity = Math.min(Math.max(fitting, fewestQuestions), mostQuestions)
    this.#events.ready()
  }

  onMessage(bytes: Buffer): void {
    const id = idOf(bytes)
    const question = id === undefined ? undefined : this.#open.get(id)
    if (question === undefined) this.#events.stray()
    else this.#events.message(question, bytes, this)
  }

  onStray(): void {
    this.#events.stray()
  }

  onError(error: NodeJS.ErrnoException): void {
    const questions = [...this.#open.values()]
    // An ICMP error concerns what was sent, not the socket. Other errors (no route, no file descriptor) may last.
    if (error.code === 'ECONNREFUSED') this.#open.clear()
    else this.close()
    this.#events.failed(this, questions, socketError(error, `${error.code ?? error.message} (${formatEndpoint(this.#server)})`))
  }
}

/** Resources that this machine can run out of; the error says nothing about the server. */
const ownLimits: ReadonlySet<string | undefined> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL'])

/** Why a socket to a DNS server could not be used. */
export function socketError({ code }: NodeJS.ErrnoException, text: string): DnsblError {
  return { kind: ownLimits.has(code) ? 'local' : 'unreachable', text }
}

const randoms = new Uint16Array(2048)
let nextRandom = randoms.length

/**
 * 16 random bits that an attacker cannot predict (RFC 5452 9.2), generated in bulk: a call for each id would take a
 * microsecond.
 */
export function randomId(): number {
  if (nextRandom === randoms.length) {
    randomFillSync(randoms)
    nextRandom = 0
  }
  return randoms[nextRandom++] ?? 0
}
