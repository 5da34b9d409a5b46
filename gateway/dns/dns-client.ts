// Asks DNS servers for the records of names: many questions at once, each with one time limit over all servers.
//
// Why this is not a library. node:dns (c-ares) serves a few lookups well, but not these (checked with Node 24, c-ares
// 1.34):
// - NXDOMAIN ("not listed") is an error without the TTL of the SOA record, and a referral looks like "not listed"
//   (ENODATA). The first needs its TTL here. The second is a failure of the server: as "not listed" it would let every
//   client in.
// - All questions to a server leave from one source port. Here they leave from several random ports that are replaced
//   (RFC 5452 9.2).
// - `cancel` ends all questions of a resolver, not one. There is a time limit for each attempt, but none for the whole
//   question.
// - Questions are sent at once, however many there are. A burst overflows the receive buffer of a small list server and
//   is lost. Here questions wait for a send window (dns-send-window.ts) and share the places fairly
//   (dns-fair-queue.ts), so that a list that is down does not delay the others.
// - The reason of a failure must be known as data (refused, SERVFAIL, malformed, no route), and counted for each
//   server.
// getaddrinfo (`dns.lookup`) has no TTLs either and blocks a thread for each question. dns-packet is a codec, not a
// client: it encodes the questions here. Answers have their own strict reader (dns-message.ts), because the codec takes
// the first four bytes of an A record's data for the address, whatever length the record has.

import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { DnsblError } from '../core/vocabulary.ts'
import type { OpenDatagramSocket } from '../sockets/datagram-socket.ts'
import { openNodeDatagramSocket } from '../sockets/node-datagram-socket.ts'
import { DnsFairQueue } from './dns-fair-queue.ts'
import { type DnsAnswer, encodeQuery, type QueryType } from './dns-message.ts'
import type { OpenQuestion, Attempt } from './dns-question.ts'
import { DnsServer, type Failure, type ServerEvents, type ServerStatus } from './dns-server.ts'

/** With `error` there are no records, and it is unknown whether there should be. */
export interface DnsResult extends DnsAnswer {
  readonly error: DnsblError | undefined
}

export interface DnsTimes {
  /** From the question to its result, waiting included; then the result is the error `timeout`. */
  readonly timeoutMs: number
  /** From one datagram to the next, which goes to the next server. */
  readonly queryTimeoutMs: number
  /** Rounds over the servers, from 1. */
  readonly attempts: number
}

export interface DnsClientSettings extends DnsTimes {
  readonly servers: readonly Endpoint[]
  /** Questions that are being asked at once; others wait. */
  readonly maxInFlight: number
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number
  /** Default: Node's dgram. */
  readonly openSocket?: OpenDatagramSocket
}

/** Resolution of every time limit here; see also DnsServer.tick. */
const tickMs = 20
/** Limits memory to about 50 MB. Further questions fail at once. */
const mostWaiting = 100_000

const timedOut = failing({ kind: 'timeout', text: 'timeout' })
const noServer: DnsblError = { kind: 'local', text: 'no DNS server' }
const tooMany: DnsblError = { kind: 'local', text: 'too many questions' }

/** A question as the caller of `ask` sees it. */
export interface DnsQuestion {
  /** The result is no longer wanted and will not be reported. */
  cancel(): void
}

/**
 * Servers are asked in order; servers that do not answer at all come last. The next server is asked at once when one
 * answers with an error, and after `queryTimeoutMs` without an answer; a late answer of the first server still counts.
 * After the last round the question waits for late answers until its time limit. One timer serves all time limits. It
 * runs, and keeps the process alive, only while questions are open.
 */
export class DnsClient {
  readonly #now: () => number
  readonly #openSocket: OpenDatagramSocket
  readonly #queue: DnsFairQueue<Question>
  #times: DnsTimes
  #servers: readonly DnsServer<Question>[] = []
  /** Servers of earlier settings, closed when no open question can use them. */
  #former: { readonly server: DnsServer<Question>; readonly closeAt: number }[] = []
  /** Both are in the order of their deadlines, because all questions have the same time limits. */
  readonly #unfinished = new Set<Question>()
  readonly #unanswered = new Set<Question>()
  #timer: NodeJS.Timeout | undefined
  #ticking = false
  #closed = false

  constructor(settings: DnsClientSettings) {
    this.#now = settings.now
    this.#openSocket = settings.openSocket ?? openNodeDatagramSocket
    this.#times = settings
    this.#queue = new DnsFairQueue(settings.maxInFlight)
    this.updateServers(settings.servers)
  }

  /**
   * Asks for the records of `name`, a fully qualified domain name. `flow` is the list that it belongs to (see
   * DnsFairQueue). `done` is called once, never before `ask` returns, and not after `cancel` or `close`. It must not
   * throw.
   */
  ask(name: string, flow: string, done: (result: DnsResult) => void, type: QueryType = 'A'): DnsQuestion {
    const question = new Question(this, encodeQuery(name, type), flow, this.#now() + this.#times.timeoutMs, done)
    if (this.#closed) question.done = undefined
    else if (this.#servers.length === 0) this.#failSoon(question, noServer)
    else if (this.#queue.waiting >= mostWaiting) this.#failSoon(question, tooMany)
    else {
      this.#unfinished.add(question)
      this.#queue.add(flow, question)
      this.#admit()
      this.#keepTicking()
      this.#timer?.ref()
    }
    return question
  }

  /** Questions in flight, and questions that wait for a place. */
  counts(): { readonly inFlight: number; readonly waiting: number } {
    return { inFlight: this.#queue.admitted, waiting: this.#queue.waiting }
  }

  serverStatus(): readonly ServerStatus[] {
    return this.#servers.map((server) => ({ ...server.status }))
  }

  /** Open questions keep their servers. A server that was used before keeps its counts. */
  updateServers(endpoints: readonly Endpoint[]): void {
    const before = this.#servers
    this.#servers = endpoints.map(
      (endpoint) =>
        before.find((server) => server.endpoint.address === endpoint.address && server.endpoint.port === endpoint.port) ??
        this.#newServer(endpoint),
    )
    const closeAt = this.#now() + this.#times.timeoutMs + tickMs
    for (const server of before) if (!this.#servers.includes(server)) this.#former.push({ server, closeAt })
    if (this.#former.length > 0) this.#keepTicking()
  }

  /** For new questions. */
  updateTimes(times: DnsTimes): void {
    this.#times = times
  }

  /** Drops all questions and closes all sockets. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    for (const question of this.#unfinished) this.#end(question)
    for (const server of this.#servers) server.close()
    for (const { server } of this.#former) server.close()
    this.#former = []
  }

  /** For its questions. */
  cancel(question: Question): void {
    this.#end(question)
    this.#admit()
  }

  #newServer(endpoint: Endpoint): DnsServer<Question> {
    const events: ServerEvents<Question> = {
      sent: (question) => this.#waitForRetry(question),
      answered: (question, answer) => this.#finish(question, { ...answer, error: undefined }),
      failed: (question, failure, error) => this.#onFailed(question, server, failure, error),
      down: () => this.#onDown(server),
    }
    const server = new DnsServer<Question>(endpoint, this.#now, events, this.#openSocket)
    return server
  }

  #failSoon(question: Question, error: DnsblError): void {
    queueMicrotask(() => {
      const { done } = question
      question.done = undefined
      done?.(failing(error))
    })
  }

  #admit(): void {
    for (let question = this.#queue.admit(); question !== undefined; question = this.#queue.admit()) {
      question.isAdmitted = true
      question.order = this.#orderOfServers()
      if (question.isOver) this.#queue.leave(question.flow)
      else this.#askNext(question, 'now')
    }
  }

  #orderOfServers(): readonly DnsServer<Question>[] {
    const servers = this.#servers
    if (servers.length < 2 || !servers.some((server) => server.status.down)) return servers
    const spared = servers.filter((server) => server.shouldBeSpared())
    return [...servers.filter((server) => !spared.includes(server)), ...spared]
  }

  /**
   * Gives the question to the next server that may know the answer. A new round does not begin `now` (after an error)
   * but `later`, when the query timeout is over, so that servers that refuse connections are not flooded.
   */
  #askNext(question: Question, when: 'now' | 'later'): void {
    const { order, excluded } = question
    const last = this.#times.attempts * order.length
    while (question.turn < last) {
      const startsRound = question.turn > 0 && question.turn % order.length === 0
      const server = order[question.turn % order.length]
      if (server === undefined || excluded?.has(server)) question.turn++
      else if (startsRound && when === 'now') return this.#waitForRetry(question)
      else {
        question.turn++
        question.pending++
        this.#unanswered.delete(question)
        server.ask(question)
        return
      }
    }
    if (question.pending === 0) this.#finish(question, failing(question.error))
  }

  #waitForRetry(question: Question): void {
    if (this.#unanswered.has(question)) return
    question.retryAt = this.#now() + this.#times.queryTimeoutMs
    this.#unanswered.add(question)
  }

  #onFailed(question: Question, server: DnsServer<Question>, failure: Failure, error: DnsblError): void {
    if (question.isOver) return
    question.error = error
    question.pending--
    if (failure === 'unable') question.excluded = (question.excluded ?? new Set()).add(server)
    this.#askNext(question, 'now')
  }

  /** Questions that wait for a server that does not answer go to another one, if there is any. */
  #onDown(down: DnsServer<Question>): void {
    if (this.#servers.every((server) => server.status.down)) return
    for (const question of down.takeWaiting()) {
      question.pending--
      this.#askNext(question, 'now')
    }
  }

  #finish(question: Question, result: DnsResult): void {
    const { done } = question
    if (done === undefined) return
    this.#end(question)
    done(result)
    this.#admit()
  }

  #end(question: Question): void {
    if (question.done === undefined) return
    question.done = undefined
    this.#unfinished.delete(question)
    this.#unanswered.delete(question)
    for (const attempt of question.attempts) attempt.release()
    if (question.isAdmitted) this.#queue.leave(question.flow)
  }

  #keepTicking(): void {
    if (this.#ticking || this.#closed) return
    this.#ticking = true
    if (this.#timer === undefined) this.#timer = setTimeout(this.#tick, tickMs)
    else this.#timer.refresh()
    if (this.#unfinished.size === 0) this.#timer.unref()
  }

  readonly #tick = (): void => {
    this.#ticking = false
    const now = this.#now()
    for (const question of this.#unfinished) {
      if (question.deadline > now) break
      if (this.#unanswered.has(question)) question.timedOut()
      this.#finish(question, timedOut)
    }
    for (const question of this.#unanswered) {
      if (question.retryAt > now) break
      this.#unanswered.delete(question)
      question.timedOut()
      this.#askNext(question, 'later')
    }
    this.#queue.discard(isOver)
    for (const server of this.#servers) server.tick()
    this.#closeFormer(now)
    if (this.#unfinished.size > 0 || this.#former.length > 0) this.#keepTicking()
  }

  #closeFormer(now: number): void {
    for (const { server, closeAt } of this.#former) {
      if (closeAt <= now) server.close()
      else server.tick()
    }
    this.#former = this.#former.filter(({ closeAt }) => closeAt > now)
  }
}

/** The progress of a question. Owned by DnsClient; servers see it as OpenQuestion. */
class Question implements OpenQuestion, DnsQuestion {
  readonly #client: DnsClient
  readonly flow: string
  readonly query: Buffer
  readonly deadline: number
  /** Undefined when the question is over. */
  done: ((result: DnsResult) => void) | undefined
  isAdmitted = false
  order: readonly DnsServer<Question>[] = []
  /** Index of the next server in rounds over `order`. */
  turn = 0
  /** How many servers may still answer. */
  pending = 0
  retryAt = 0
  /** Servers that cannot answer this question: they are not asked again. */
  excluded: Set<DnsServer<Question>> | undefined = undefined
  error = noServer
  readonly attempts: Attempt[] = []

  constructor(client: DnsClient, query: Buffer, flow: string, deadline: number, done: (result: DnsResult) => void) {
    this.#client = client
    this.flow = flow
    this.query = query
    this.deadline = deadline
    this.done = done
  }

  get isOver(): boolean {
    return this.done === undefined
  }

  timedOut(): void {
    if (this.pending > 0) this.attempts.at(-1)?.timedOut()
  }

  cancel(): void {
    this.#client.cancel(this)
  }
}

function failing(error: DnsblError): DnsResult {
  return { addresses: [], ttl: -1, error }
}

function isOver(question: Question): boolean {
  return question.isOver
}
