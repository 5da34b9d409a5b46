// Visits of health checks: their sockets are answered apart from the clients', and nothing of them is counted among those, remembered or logged.
import {
  answerHealthCheck,
  newHealthCheck,
  type HealthCheck,
  type HealthCheckMisuse,
  type HealthCheckReason,
} from '../core/health-check.ts'
import { reply, wire } from '../core/replies.ts'
import type { Rules } from '../core/rules.ts'
import { type Endpoint, formatLogged as at } from '../../crds/values/endpoint.ts'
import type { SocketReader, TcpSocket } from '../sockets/tcp-socket.ts'
import { closeWith } from './linger.ts'
import type { Log } from '../observability/log.ts'

/** Visits at a time, in all and from one address. Health checks are few and short, so more of them are connections that were left open. */
export const visitsAtMost = 256
export const visitsOfOneAtMost = 16
/** How long a visit may take, in milliseconds. */
const visitMs = 10_000
/** How long a probe has to take the last reply and leave. */
const lastReplyMs = 2000
/** One warning in so many milliseconds: probes come every few seconds. */
const warningEveryMs = 60_000

export type ProbeStanding = 'ready' | 'unready'

/** Who visits. */
export interface Visitor {
  readonly client: Endpoint
  readonly reason: HealthCheckReason
  readonly sessionId: string
}

export interface ProbesParts {
  readonly rules: () => Rules
  /** The same as /readyz. */
  readonly isReady: () => boolean
  readonly log: Pick<Log, 'debug' | 'sessionWarning'>
  readonly counted: (answer: ProbeStanding) => void
  /** How long a visit may take, in milliseconds; 10,000 where left out. */
  readonly visitMs?: number
  /** A clock in milliseconds that only goes forward; the process's own where left out. */
  readonly now?: () => number
}

/** All probes that are being answered. */
export class Probes {
  readonly #parts: ProbesParts
  readonly #visits = new Set<Visit>()
  #warnedAt = Number.NEGATIVE_INFINITY

  constructor(parts: ProbesParts) {
    this.#parts = parts
  }

  /** Visits that have not ended. */
  get size(): number {
    return this.#visits.size
  }

  /** Answers a probe; its socket is paused. A new one is always answered: where there are too many, the oldest one gives way. */
  answer(socket: TcpSocket, visitor: Visitor): void {
    const { isReady, rules, counted, visitMs: timeLimit = visitMs } = this.#parts
    this.#makeRoom(visitor.client.address)
    const standing = isReady() ? 'ready' : 'unready'
    counted(standing)
    this.#debug(visitor, standing)
    const visit = new Visit(socket, visitor, newHealthCheck(rules(), visitor.reason), {
      misused: (how) => this.#warn(visitor, how),
      failed: (error) => this.#parts.log.sessionWarning(visitor.sessionId, `internal error: ${String(error)}`),
      gone: () => this.#visits.delete(visit),
    })
    this.#visits.add(visit)
    visit.begin(standing === 'ready', timeLimit)
  }

  /** The oldest one of this address gives way where it has too many, else the oldest one of all. */
  #makeRoom(address: string): void {
    const own = [...this.#visits].filter(({ visitor }) => visitor.client.address === address)
    const [oldest] = own.length >= visitsOfOneAtMost ? own : this.#visits.size >= visitsAtMost ? this.#visits : []
    if (oldest === undefined) return
    this.#visits.delete(oldest)
    this.#debug(oldest.visitor, 'closed: there are too many')
    oldest.giveWay()
  }

  /** Closes the socket of a probe without a word. */
  dismiss(socket: TcpSocket, visitor: Visitor, why: string): void {
    this.#debug(visitor, `closed: ${why}`)
    socket.destroy()
  }

  /** Ends all of them now. */
  close(): void {
    for (const visit of this.#visits) visit.cut()
  }

  #debug({ client, reason, sessionId }: Visitor, what: string): void {
    this.#parts.log.debug(`probe from ${at(client)}: ${what}`, { session: sessionId, event: 'PROBE', client, reason, answer: what })
  }

  #warn({ client, reason, sessionId }: Visitor, how: HealthCheckMisuse): void {
    const now = (this.#parts.now ?? (() => performance.now()))()
    if (now - this.#warnedAt < warningEveryMs) return
    this.#warnedAt = now
    this.#parts.log.sessionWarning(sessionId, `${warning(reason, how)}: ${at(client)}`, { client })
  }
}

/** What is wrong and what to do about it. */
function warning(reason: HealthCheckReason, how: HealthCheckMisuse): string {
  if (how === 'header') return 'a PROXY header came too late, or to where none is expected, from an address in spec.probes.networks'
  return reason === 'network'
    ? 'mail is put off with 450, for it comes from an address in spec.probes.networks: name only addresses there that no client has'
    : 'mail is put off with 450, for its PROXY header names no client (LOCAL, UNKNOWN or UNSPEC): the proxy must name the client'
}

/** What a visit tells of itself. */
interface VisitEvents {
  readonly misused: (how: HealthCheckMisuse) => void
  readonly failed: (error: unknown) => void
  readonly gone: () => void
}

/** One probe with its socket. */
class Visit implements SocketReader {
  readonly visitor: Visitor
  readonly #socket: TcpSocket
  readonly #probe: HealthCheck
  readonly #events: VisitEvents
  #timer: NodeJS.Timeout | undefined
  /** Whether the last reply was sent. */
  #over = false

  constructor(socket: TcpSocket, visitor: Visitor, probe: HealthCheck, events: VisitEvents) {
    this.#socket = socket
    this.visitor = visitor
    this.#probe = probe
    this.#events = events
  }

  begin(isReady: boolean, timeLimitMs: number): void {
    const { host } = this.#probe.rules
    this.#timer = setTimeout(() => this.#end(wire(host.timeLimit)), timeLimitMs)
    this.#socket.reader = this
    if (!isReady) return this.#end(wire(reply.unavailable))
    this.#socket.write(wire(host.greeting))
    this.#socket.resume()
  }

  /** Ends it without a last word. */
  cut(): void {
    this.#socket.destroy()
  }

  /** Ends it now, with a word to those who still listen. */
  giveWay(): void {
    this.#over = true
    closeWith(this.#socket, wire(this.#probe.rules.host.tryAgainLater))
  }

  onData(bytes: Buffer): boolean {
    if (this.#over) return false
    try {
      const { text, over, misuse } = answerHealthCheck(this.#probe, bytes)
      if (misuse !== undefined) this.#events.misused(misuse)
      if (over) this.#end(text)
      else if (text !== '') this.#socket.write(text)
    } catch (error) {
      this.#events.failed(error)
      this.cut()
    }
    return false
  }

  onEnd(): void {
    this.#end('')
  }

  /** A check that only tests whether the port is open leaves without a word, often by a reset. */
  onClose(): void {
    clearTimeout(this.#timer)
    this.#events.gone()
  }

  /** Says the last word, then reads what still comes and throws it away until the other side ends too, or its time is up. */
  #end(text: string): void {
    if (this.#over) return
    this.#over = true
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.cut(), lastReplyMs)
    // A socket closes once both directions have ended.
    this.#socket.end(text)
    this.#socket.resume()
  }
}
