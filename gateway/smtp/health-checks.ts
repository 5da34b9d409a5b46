// Health checks of load balancers and proxies: answered separately from clients, and not counted, remembered or logged
// as clients.
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

/**
 * Health checks at a time, in total and from one address. They are few and short, so more of them are connections that
 * were left open.
 */
export const checksAtMost = 256
export const checksOfOneAtMost = 16
/** How long a check may take, in milliseconds. */
const usualTimeLimitMs = 10_000
/** The time to take the last reply and close. */
const lastReplyMs = 2000
/** The shortest time between two warnings: health checks come every few seconds. */
const warningEveryMs = 60_000

export type HealthCheckAnswer = 'ready' | 'unready'

/** Where a health check comes from, and why it counts as one. */
export interface CheckOrigin {
  readonly client: Endpoint
  readonly reason: HealthCheckReason
  readonly sessionId: string
}

export interface HealthChecksParts {
  readonly rules: () => Rules
  /** The same as /readyz. */
  readonly isReady: () => boolean
  readonly log: Pick<Log, 'debug' | 'sessionWarning'>
  readonly counted: (answer: HealthCheckAnswer) => void
  /** How long a check may take, in milliseconds. Default: 10,000. */
  readonly timeLimitMs?: number
  /** Monotonic milliseconds. Default: the clock of the machine. */
  readonly now?: () => number
}

/** All health checks that are being answered. */
export class HealthChecks {
  readonly #parts: HealthChecksParts
  readonly #checks = new Set<CheckConnection>()
  #warnedAt = Number.NEGATIVE_INFINITY

  constructor(parts: HealthChecksParts) {
    this.#parts = parts
  }

  /** Health checks that have not ended. */
  get size(): number {
    return this.#checks.size
  }

  /**
   * Answers a health check; its socket is paused. A new one is always answered: if there are too many, the oldest one
   * is closed.
   */
  answer(socket: TcpSocket, origin: CheckOrigin): void {
    const { isReady, rules, counted, timeLimitMs = usualTimeLimitMs } = this.#parts
    this.#makeRoom(origin.client.address)
    const standing = isReady() ? 'ready' : 'unready'
    counted(standing)
    this.#debug(origin, standing)
    const check = new CheckConnection(socket, origin, newHealthCheck(rules(), origin.reason), {
      misused: (how) => this.#warn(origin, how),
      failed: (error) => this.#parts.log.sessionWarning(origin.sessionId, `internal error: ${String(error)}`),
      gone: () => this.#checks.delete(check),
    })
    this.#checks.add(check)
    check.begin(standing === 'ready', timeLimitMs)
  }

  /** Closes the oldest one of this address if it has too many, else the oldest one of all if there are too many. */
  #makeRoom(address: string): void {
    const own = [...this.#checks].filter(({ origin }) => origin.client.address === address)
    const [oldest] = own.length >= checksOfOneAtMost ? own : this.#checks.size >= checksAtMost ? this.#checks : []
    if (oldest === undefined) return
    this.#checks.delete(oldest)
    this.#debug(oldest.origin, 'closed: there are too many')
    oldest.replace()
  }

  /** Closes the socket of a health check without a reply. */
  dismiss(socket: TcpSocket, origin: CheckOrigin, why: string): void {
    this.#debug(origin, `closed: ${why}`)
    socket.destroy()
  }

  /** Ends all of them now. */
  close(): void {
    for (const check of this.#checks) check.cut()
  }

  #debug({ client, reason, sessionId }: CheckOrigin, what: string): void {
    this.#parts.log.debug(`probe from ${at(client)}: ${what}`, { session: sessionId, event: 'PROBE', client, reason, answer: what })
  }

  #warn({ client, reason, sessionId }: CheckOrigin, how: HealthCheckMisuse): void {
    const now = (this.#parts.now ?? (() => performance.now()))()
    if (now - this.#warnedAt < warningEveryMs) return
    this.#warnedAt = now
    this.#parts.log.sessionWarning(sessionId, `${warning(reason, how)}: ${at(client)}`, { client })
  }
}

/** The problem and its fix. */
function warning(reason: HealthCheckReason, how: HealthCheckMisuse): string {
  if (how === 'header') return 'a PROXY header came too late, or to where none is expected, from an address in spec.probes.networks'
  return reason === 'network'
    ? 'mail is put off with 450, for it comes from an address in spec.probes.networks: name only addresses there that no client has'
    : 'mail is put off with 450, for its PROXY header names no client (LOCAL, UNKNOWN or UNSPEC): the proxy must name the client'
}

/** What happens to one health check. */
interface CheckEvents {
  readonly misused: (how: HealthCheckMisuse) => void
  readonly failed: (error: unknown) => void
  readonly gone: () => void
}

/** One health check with its socket. */
class CheckConnection implements SocketReader {
  readonly origin: CheckOrigin
  readonly #socket: TcpSocket
  readonly #check: HealthCheck
  readonly #events: CheckEvents
  #timer: NodeJS.Timeout | undefined
  /** Whether the last reply was sent. */
  #over = false

  constructor(socket: TcpSocket, origin: CheckOrigin, check: HealthCheck, events: CheckEvents) {
    this.#socket = socket
    this.origin = origin
    this.#check = check
    this.#events = events
  }

  begin(isReady: boolean, timeLimitMs: number): void {
    const { host } = this.#check.rules
    this.#timer = setTimeout(() => this.#end(wire(host.timeLimit)), timeLimitMs)
    this.#socket.reader = this
    if (!isReady) return this.#end(wire(reply.unavailable))
    this.#socket.write(wire(host.greeting))
    this.#socket.resume()
  }

  /** Closes it without a last reply. */
  cut(): void {
    this.#socket.destroy()
  }

  /** Closes it now, with a last reply. */
  replace(): void {
    this.#over = true
    closeWith(this.#socket, wire(this.#check.rules.host.tryAgainLater))
  }

  onData(bytes: Buffer): boolean {
    if (this.#over) return false
    try {
      const { text, over, misuse } = answerHealthCheck(this.#check, bytes)
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

  /** A check that only tests whether the port is open closes without a command, often with a reset. */
  onClose(): void {
    clearTimeout(this.#timer)
    this.#events.gone()
  }

  /** Sends the last reply, then drops what still arrives until the other side ends too or the time is over. */
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
