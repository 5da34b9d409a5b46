// One DNS server: sends it questions no faster than it reads them, reads its answers, and counts.

import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { DnsblError } from '../core/vocabulary.ts'
import type { OpenDatagramSocket } from '../sockets/datagram-socket.ts'
import type { ChannelEvents, DnsChannel } from './dns-channel.ts'
import { type DnsAnswer, malformed, type Reading, readAnswer } from './dns-message.ts'
import { DnsSendWindow } from './dns-send-window.ts'
import { DnsPool } from './dns-pool.ts'
import type { OpenQuestion, Attempt } from './dns-question.ts'
import { DnsTcp } from './dns-tcp.ts'
import { Fifo } from './fifo.ts'

/**
 * `unable`: it answers, but cannot or will not resolve the name, and would say the same again. `unreachable`: this may
 * change at any time. `malformed`: its answer is not valid. The bytes may be damaged or come from an attacker, so it is
 * asked again in the next round.
 */
export type Failure = 'unable' | 'unreachable' | 'malformed'

export interface ServerEvents<Q> {
  /** The question was sent. */
  sent(question: Q): void
  answered(question: Q, answer: DnsAnswer): void
  failed(question: Q, failure: Failure, error: DnsblError): void
  /** The server is now down (`status.down`): others are asked first. */
  down(): void
}

export interface ServerStatus {
  readonly address: string
  readonly port: number
  /** Datagrams and TCP questions sent; answers used. */
  sent: number
  answered: number
  /** SERVFAIL, REFUSED and the like, referrals. */
  unable: number
  /** Answers to our questions that are not valid: lengths, counts, owner names or classes that do not fit. */
  malformed: number
  /** Refused by ICMP, no route, a TCP connection that failed. */
  unreachable: number
  /** Not answered within the query timeout (the answer may have come later). */
  timeouts: number
  /** Messages that answer no open question: wrong id, wrong question, duplicates, too late. */
  ignored: number
  /** Truncated answers; the question was repeated over TCP. */
  truncated: number
  /** Other servers are asked first, because this one does not answer. */
  down: boolean
}

/** After this many questions in a row without any answer the server is down. */
const downAfter = 8
const probeEveryMs = 1000

/**
 * Reports the outcome of each question at most once for each `ask`. Time limits are the caller's task: without an
 * answer nothing is reported.
 */
export class DnsServer<Q extends OpenQuestion> {
  readonly endpoint: Endpoint
  readonly status: ServerStatus
  readonly #now: () => number
  readonly #events: ServerEvents<Q>
  readonly #pool: DnsPool<UdpAttempt<Q>>
  readonly #tcp: DnsTcp<Q>
  readonly #window = new DnsSendWindow()
  readonly #new = new Fifo<Q>()
  /**
   * Questions that this server or another one did not answer. Many of them concern a list that is down, so they come
   * last.
   */
  readonly #again = new Fifo<Q>()
  #unheard = 0
  #heardAt = Number.NEGATIVE_INFINITY
  #lastProbeAt = 0
  #closed = false

  constructor(endpoint: Endpoint, now: () => number, events: ServerEvents<Q>, openSocket: OpenDatagramSocket) {
    this.endpoint = endpoint
    this.#now = now
    this.#events = events
    const { address, port } = endpoint
    const counts = { sent: 0, answered: 0, unable: 0, malformed: 0, unreachable: 0, timeouts: 0, ignored: 0, truncated: 0 }
    this.status = { address, port, ...counts, down: false }
    const channelEvents: ChannelEvents<UdpAttempt<Q>> = {
      ready: () => this.#drain(),
      message: (attempt, bytes, channel) => this.#onDatagram(attempt, bytes, channel),
      stray: () => void this.status.ignored++,
      failed: (channel, attempts, error) => this.#onChannelFailed(channel, attempts, error),
    }
    this.#pool = new DnsPool(endpoint, now, channelEvents, openSocket)
    this.#tcp = new DnsTcp(endpoint, {
      message: (question, bytes) => this.#onTcpMessage(question, bytes),
      failed: (question, error) => this.#unreachable(question, error),
      timedOut: () => this.#countTimeout(Number.NEGATIVE_INFINITY),
    })
  }

  /** Asks as soon as the send window allows. Reports nothing before it returns, except `sent`. */
  ask(question: Q): void {
    const queue = question.attempts.length === 0 ? this.#new : this.#again
    queue.push(question)
    this.#drain()
  }

  /** To be called every 20 ms or so while questions are open. */
  tick(): void {
    this.#window.tick(this.#now())
    this.#drain()
  }

  /**
   * Whether other servers should be asked first: true for a server that is down, except once a second, so that its
   * return is noticed.
   */
  shouldBeSpared(): boolean {
    if (!this.status.down) return false
    const now = this.#now()
    if (now - this.#lastProbeAt < probeEveryMs) return true
    this.#lastProbeAt = now
    return false
  }

  /** Removes and returns the questions that were not sent yet. */
  takeWaiting(): Q[] {
    const questions: Q[] = []
    for (const queue of [this.#new, this.#again])
      for (let q = queue.shift(); q !== undefined; q = queue.shift()) if (!q.isOver) questions.push(q)
    return questions
  }

  /** Closes its sockets. Nothing is reported. */
  close(): void {
    this.#closed = true
    this.#pool.close()
    this.#tcp.close()
  }

  /** For its attempts: the question is over or was answered. */
  released(attempt: UdpAttempt<Q>): void {
    attempt.channel.release(attempt.id)
    this.#pool.released(attempt.channel)
  }

  /** For its attempts: no answer within the query timeout. */
  unanswered(attempt: UdpAttempt<Q>): void {
    this.#pool.suspect(attempt.channel, attempt.sentAt)
    this.#countTimeout(attempt.sentAt)
  }

  #drain(): void {
    while (!this.#closed) {
      const question = this.#next()
      const channel = question === undefined ? undefined : this.#pool.pick()
      if (question === undefined || channel === undefined) return
      ;(question === this.#new.peek() ? this.#new : this.#again).shift()
      this.#send(question, channel)
    }
  }

  /** The next question that may be sent now. It stays in its queue. */
  #next(): Q | undefined {
    const fresh = headOf(this.#new)
    if (fresh !== undefined && this.#window.hasRoomFor('new')) return fresh
    const again = headOf(this.#again)
    return again !== undefined && this.#window.hasRoomFor('again') ? again : undefined
  }

  #send(question: Q, channel: DnsChannel<UdpAttempt<Q>>): void {
    const now = this.#now()
    const attempt = new UdpAttempt(this, question, channel, this.#window.sent(now), now)
    // A second datagram needs its own bytes: the first may not be sent yet, and has another id.
    attempt.id = channel.send(question.attempts.length === 0 ? question.query : Buffer.from(question.query), attempt)
    question.attempts.push(attempt)
    this.status.sent++
    this.#events.sent(question)
  }

  #onDatagram(attempt: UdpAttempt<Q>, bytes: Buffer, channel: DnsChannel<UdpAttempt<Q>>): void {
    const { question } = attempt
    const reading = readAnswer(bytes, question.query)
    if (reading.is === 'foreign') {
      this.status.ignored++
      return
    }
    const now = this.#now()
    channel.lastHeardAt = now
    this.#window.answered(attempt.order, channel.newestAnswered, attempt.sentAt, now)
    channel.newestAnswered = Math.max(channel.newestAnswered, attempt.order)
    this.#heard(now)
    attempt.release()
    if (reading.is === 'truncated') {
      this.status.truncated++
      this.status.sent++
      this.#tcp.ask(question)
    } else this.#told(question, reading)
    this.#drain()
  }

  #onTcpMessage(question: Q, bytes: Buffer): void {
    const reading = readAnswer(bytes, question.query)
    this.#heard(this.#now())
    // On a connection for this question alone no other answer can follow.
    const said = reading.is === 'foreign' || reading.is === 'truncated' ? malformed(`${reading.is} over TCP`) : reading
    this.#told(question, said)
  }

  #told(question: Q, reading: Reading): void {
    if (reading.is === 'answer') {
      this.status.answered++
      const { is: _, ...answer } = reading
      this.#events.answered(question, answer)
    } else if (reading.is === 'failure') {
      this.status.unable++
      this.#events.failed(question, 'unable', reading.error)
    } else if (reading.is === 'malformed') {
      this.status.malformed++
      this.#events.failed(question, 'malformed', reading.error)
    }
  }

  #unreachable(question: Q, error: DnsblError): void {
    if (question.isOver) return
    this.status.unreachable++
    this.#countUnheard()
    this.#events.failed(question, 'unreachable', error)
  }

  #onChannelFailed(channel: DnsChannel<UdpAttempt<Q>>, attempts: readonly UdpAttempt<Q>[], error: DnsblError): void {
    this.#pool.released(channel)
    const lost = attempts.map((attempt) => attempt.question)
    // No socket can be opened: questions that wait for one must go to another server.
    if (this.#pool.isEmpty) lost.push(...this.takeWaiting())
    for (const question of lost) this.#unreachable(question, error)
    this.#drain()
  }

  #countTimeout(sentAt: number): void {
    this.status.timeouts++
    if (this.#heardAt < sentAt) this.#countUnheard()
  }

  #countUnheard(): void {
    if (++this.#unheard < downAfter || this.status.down) return
    this.status.down = true
    this.#lastProbeAt = this.#now()
    this.#events.down()
  }

  #heard(now: number): void {
    this.#heardAt = now
    this.#unheard = 0
    this.status.down = false
  }
}

/** The first question that is not over; those before it are dropped. */
function headOf<Q extends OpenQuestion>(queue: Fifo<Q>): Q | undefined {
  while (queue.peek()?.isOver === true) queue.shift()
  return queue.peek()
}

class UdpAttempt<Q extends OpenQuestion> implements Attempt {
  id = -1
  readonly question: Q
  readonly channel: DnsChannel<UdpAttempt<Q>>
  /** The number of the datagram, counted for each server. */
  readonly order: number
  readonly sentAt: number
  readonly #server: DnsServer<Q>

  constructor(server: DnsServer<Q>, question: Q, channel: DnsChannel<UdpAttempt<Q>>, order: number, sentAt: number) {
    this.#server = server
    this.question = question
    this.channel = channel
    this.order = order
    this.sentAt = sentAt
  }

  timedOut(): void {
    this.#server.unanswered(this)
  }

  release(): void {
    this.#server.released(this)
  }
}
