// Asks one DNS server over TCP (RFC 7766), for answers that do not fit into a datagram.

import { connect, type Socket } from 'node:net'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { DnsblError } from '../core/vocabulary.ts'
import { socketError, randomId } from './dns-channel.ts'
import { idOf, setId } from './dns-message.ts'
import type { OpenQuestion, Attempt } from './dns-question.ts'
import { Fifo } from './fifo.ts'

const mostConnections = 32

export interface TcpEvents<Q> {
  /** A message of at most 65,535 bytes with the right id; the attempt is over. */
  message(question: Q, bytes: Buffer): void
  failed(question: Q, error: DnsblError): void
  timedOut(): void
}

/**
 * One connection for each question, 32 at a time; others wait. Truncated answers are rare. The time limit is that of
 * the question.
 */
export class DnsTcp<Q extends OpenQuestion> {
  readonly #server: Endpoint
  readonly #events: TcpEvents<Q>
  readonly #waiting = new Fifo<Q>()
  readonly #open = new Set<TcpAttempt<Q>>()

  constructor(server: Endpoint, events: TcpEvents<Q>) {
    this.#server = server
    this.#events = events
  }

  /** Reports nothing before it returns. */
  ask(question: Q): void {
    this.#waiting.push(question)
    this.#drain()
  }

  /** Closes all connections. Nothing is reported. */
  close(): void {
    while (this.#waiting.shift() !== undefined);
    for (const attempt of this.#open) attempt.release()
  }

  #drain(): void {
    while (this.#open.size < mostConnections) {
      const question = this.#waiting.shift()
      if (question === undefined) return
      if (question.isOver) continue
      const attempt = new TcpAttempt(question, this.#server, this.#events, this.#ended)
      this.#open.add(attempt)
      question.attempts.push(attempt)
    }
  }

  readonly #ended = (attempt: TcpAttempt<Q>): void => {
    if (this.#open.delete(attempt)) this.#drain()
  }
}

/** One connection. It does not keep the process alive. */
class TcpAttempt<Q extends OpenQuestion> implements Attempt {
  readonly #question: Q
  readonly #events: TcpEvents<Q>
  readonly #ended: (attempt: TcpAttempt<Q>) => void
  readonly #socket: Socket
  readonly #id = randomId()
  readonly #chunks: Buffer[] = []
  #received = 0
  #over = false

  constructor(question: Q, server: Endpoint, events: TcpEvents<Q>, ended: (attempt: TcpAttempt<Q>) => void) {
    this.#question = question
    this.#events = events
    this.#ended = ended
    this.#socket = connect({ host: server.address, port: server.port, noDelay: true })
    this.#socket.unref()
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#fail(socketError(error, `TCP: ${error.code ?? error.message}`)))
    this.#socket.on('close', () => this.#fail({ kind: 'unreachable', text: 'TCP: connection closed before the answer' }))
    this.#socket.on('data', this.#onData)
    const framed = Buffer.allocUnsafe(2 + question.query.length)
    framed.writeUInt16BE(question.query.length, 0)
    question.query.copy(framed, 2)
    setId(framed.subarray(2), this.#id)
    this.#socket.write(framed)
  }

  timedOut(): void {
    this.#events.timedOut()
  }

  release(): void {
    if (this.#over) return
    this.#over = true
    this.#socket.destroy()
    this.#ended(this)
  }

  #fail(error: DnsblError): void {
    if (this.#over) return
    this.release()
    this.#events.failed(this.#question, error)
  }

  readonly #onData = (bytes: Buffer): void => {
    if (this.#over) return
    this.#chunks.push(bytes)
    this.#received += bytes.length
    // Joined only when complete: a server that sends single bytes must not cause a copy for each. The announced length
    // limits the size.
    const length = announcedLength(this.#chunks)
    if (length === undefined || this.#received < 2 + length) return
    const message = Buffer.concat(this.#chunks).subarray(2, 2 + length)
    if (idOf(message) !== this.#id) return this.#fail({ kind: 'malformed', text: 'TCP: answer to another question' })
    this.release()
    this.#events.message(this.#question, message)
  }
}

function announcedLength(chunks: readonly Buffer[]): number | undefined {
  const high = chunks[0]?.[0]
  const low = chunks[0]?.[1] ?? chunks[1]?.[0]
  return high === undefined || low === undefined ? undefined : high * 256 + low
}
