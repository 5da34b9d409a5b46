// One connected UDP socket to one DNS server, with the questions that are open on it by their ids.

import { randomFillSync } from 'node:crypto'
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { type AddressInfo, isIPv6 } from 'node:net'
import type { DnsblError } from '../core/vocabulary.ts'
import { idOf, setId } from './dns-message.ts'
import { formatEndpoint, type Endpoint } from '../../crds/values/endpoint.ts'

/** What a channel tells its owner; `T` is what the owner hands in with a question. */
export interface ChannelEvents<T> {
  ready(): void
  /** A message with the id of an open question, from the right server. Nothing else has been checked; the question stays open. */
  message(question: T, bytes: Buffer, channel: DnsChannel<T>): void
  /** A message that answers no open question: a wrong or used id, or too short. */
  stray(): void
  /** None of `questions` will be answered: refused (ICMP; the channel goes on), or no route or no socket (`channel.isClosed`). */
  failed(channel: DnsChannel<T>, questions: readonly T[], error: DnsblError): void
}

const receiveBufferBytes = 1 << 20
/**
 * What one waiting answer costs of the receive buffer: the kernel counts the memory that a datagram takes (sk_buff and page
 * fragment, 768 bytes on loopback and up to 2,304 with usual network drivers), not its length.
 */
const bytesPerAnswer = 2304
const fewestQuestions = 32
const mostQuestions = 512

/**
 * The socket is connected, so the kernel drops datagrams from any other address or port, and tells of ICMP errors. It never
 * keeps the process alive. No more questions are taken than the receive buffer can hold answers: none is lost when the event
 * loop is busy. Linux cuts the buffer to net.core.rmem_max without a word, so it is read back.
 */
export class DnsChannel<T> {
  readonly openedAt: number
  /** How many questions were sent from this port. */
  uses = 0
  lastHeardAt = Number.NEGATIVE_INFINITY
  /** For the owner: the number of the newest question that was answered. */
  newestAnswered = 0
  readonly #server: Endpoint
  readonly #events: ChannelEvents<T>
  readonly #socket: Socket
  readonly #open = new Map<number, T>()
  #peer: AddressInfo | undefined
  #capacity = 0
  #closed = false

  constructor(server: Endpoint, now: number, events: ChannelEvents<T>) {
    this.#server = server
    this.#events = events
    this.openedAt = now
    this.#socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4')
    this.#socket.unref()
    this.#socket.on('error', this.#onError)
    this.#socket.on('connect', this.#onConnect)
    this.#socket.on('message', this.#onMessage)
    try {
      this.#socket.connect(server.port, server.address)
    } catch (error) {
      // A port that is none. Told later like any other failure: the owner does not know this channel yet.
      const cause = error instanceof Error ? error : new Error(String(error))
      process.nextTick(() => this.#onError(cause))
    }
  }

  /** Can take one more question now. */
  get hasRoom(): boolean {
    return this.#open.size < this.#capacity
  }

  get isConnecting(): boolean {
    return this.#peer === undefined && !this.#closed
  }

  get isClosed(): boolean {
    return this.#closed
  }

  get openQuestions(): number {
    return this.#open.size
  }

  /** Sends `query` under a fresh random id, which is written into it, and returns the id. Needs `hasRoom`. */
  send(query: Buffer, question: T): number {
    let id = randomId()
    while (this.#open.has(id)) id = randomId()
    this.#open.set(id, question)
    setId(query, id)
    this.uses++
    this.#socket.send(query, this.#onSent)
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

  readonly #onConnect = (): void => {
    if (this.#closed) return
    this.#peer = this.#socket.remoteAddress()
    this.#socket.setRecvBufferSize(receiveBufferBytes)
    const fitting = Math.floor(this.#socket.getRecvBufferSize() / bytesPerAnswer)
    this.#capacity = Math.min(Math.max(fitting, fewestQuestions), mostQuestions)
    this.#events.ready()
  }

  readonly #onMessage = (bytes: Buffer, from: RemoteInfo): void => {
    if (this.#closed) return
    // The kernel compares the source too, but not for what came between bind and connect.
    const isPeer = from.port === this.#peer?.port && from.address === this.#peer.address
    const id = isPeer ? idOf(bytes) : undefined
    const question = id === undefined ? undefined : this.#open.get(id)
    if (question === undefined) this.#events.stray()
    else this.#events.message(question, bytes, this)
  }

  readonly #onSent = (error: Error | null): void => {
    if (error !== null) this.#onError(error)
  }

  readonly #onError = (error: NodeJS.ErrnoException): void => {
    if (this.#closed) return
    const questions = [...this.#open.values()]
    // An ICMP error is about what was sent, not about the socket. Others (no route, no file descriptor) may last.
    if (error.code === 'ECONNREFUSED') this.#open.clear()
    else this.close()
    this.#events.failed(this, questions, linkError(error, `${error.code ?? error.message} (${formatEndpoint(this.#server)})`))
  }
}

/** What this machine runs out of; it says nothing about the server. */
const ownLimits: ReadonlySet<string | undefined> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL'])

/** Why a socket towards a DNS server could not be used. */
export function linkError({ code }: NodeJS.ErrnoException, text: string): DnsblError {
  return { kind: ownLimits.has(code) ? 'local' : 'unreachable', text }
}

const randoms = new Uint16Array(2048)
let nextRandom = randoms.length

/** 16 random bits that nobody can foretell (RFC 5452 9.2), drawn in bulk: one call for each costs a microsecond. */
export function randomId(): number {
  if (nextRandom === randoms.length) {
    randomFillSync(randoms)
    nextRandom = 0
  }
  return randoms[nextRandom++] ?? 0
}
