// The search for a backend that greets one client: which addresses are called, when the next one is tried, and how long
// the client is held.
//
//   waiting for names -> calling a backend -> (next one ...) -> found
//                               ▲                  └─ none left: held ────┐
//                               └─────────────────────────────────┘
import { connectNodeSocket } from '../sockets/node-connect.ts'
import type { TcpSocket } from '../sockets/tcp-socket.ts'
import { BackOff } from '../../runtime/back-off.ts'
import { judgeGreeting, quoteReply } from '../core/backend-reply.ts'
import { writeProxyHeader } from '../core/proxy-header.ts'
import { BackendCall, type CallResult } from './backend-call.ts'
import type { Backends } from './backends.ts'
import type { Target } from './target-record.ts'
import type { RelayRequest } from './relay-request.ts'

/** All calls together may take this many connect timeouts and one greeting timeout. */
const connectsInTime = 5
/**
 * How long a backend may send nothing before another one is asked in parallel: Postfix greets within milliseconds, if
 * it greets.
 */
const usualPatienceMs = 1000
/** Backends that one client asks at the same time. */
const callsAtOnce = 3
/**
 * The delay before a refused client tries again. It doubles each time, and is longer by a random part so that clients
 * that came together do not return together.
 */
const refusalDelays = { firstMs: 1000, longestMs: Infinity, jitter: { least: 1, most: 1.5 } }
/** How many failures the log line names when all have failed. */
const reasonLimit = 5

/** Exactly one is called, unless the search is given up. */
export interface BackendSearchEvents {
  /**
   * The socket is paused and has no reader; `greeting` is everything received. A session is booked on the target:
   * release it in `backends`.
   */
  found(target: Target, backends: Backends, socket: TcpSocket, greeting: Buffer): void
  failed(how: 'connect' | 'send', reason: string): void
}

/** For a search that goes on where another one has ended. */
export interface SearchAgain {
  /** Addresses that are not called. */
  readonly avoid: ReadonlySet<Target>
  /** Whether the client may be held, if there is no other address now, and until when (monotonic, in milliseconds). */
  readonly mayWait: boolean
  readonly holdDeadline: number | undefined
}

const firstSearch: SearchAgain = { avoid: new Set(), mayWait: false, holdDeadline: undefined }

/** The client that is to be greeted. */
export type SearchRequest = Pick<RelayRequest, 'clientEndpoint' | 'serverEndpoint' | 'headerClient' | 'teaserSent'>

export class BackendSearch {
  readonly #request: SearchRequest
  readonly #events: BackendSearchEvents
  #backends: Backends
  /** Until when the client may be held, in monotonic milliseconds. */
  readonly holdDeadline: number
  readonly #avoid: ReadonlySet<Target>
  readonly #connectDeadline: number
  readonly #deadline: number
  readonly #tried: Set<Target>
  readonly #reasons: string[] = []
  #how: 'connect' | 'send' = 'connect'
  #unanswered = false
  /** Whether a failure since all were last asked may be temporary. A 5xx reply is not. */
  #mayPass = false
  /**
   * Whether a failure since then may concern this client only. Then it tries again after a delay that grows each time.
   */
  #refused = false
  readonly #backOff = new BackOff(refusalDelays)
  #cancelHold: (() => void) | undefined
  /** The backends that are being asked, in order; each has a session booked. */
  readonly #calls = new Map<Target, Pick<BackendCall, 'giveUp'>>()
  #over = false

  constructor(request: SearchRequest, backends: Backends, events: BackendSearchEvents, again = firstSearch) {
    const { connectTimeoutMs, greetingTimeoutMs } = backends.options
    this.#request = request
    this.#backends = backends
    this.#events = events
    const now = performance.now()
    this.#avoid = again.avoid
    this.#tried = new Set(again.avoid)
    this.#mayPass = again.mayWait
    this.holdDeadline = again.holdDeadline ?? now + (backends.options.holdMs ?? 0)
    this.#connectDeadline = now + connectsInTime * connectTimeoutMs
    this.#deadline = this.#connectDeadline + greetingTimeoutMs
  }

  start(): void {
    this.#backends.whenKnown(() => this.#callNext())
  }

  /** How the last call failed, for a caller that gives up. */
  get how(): 'connect' | 'send' {
    return this.#how
  }

  /** Whether any address was called, or waited for, and did not greet. */
  get hasFailed(): boolean {
    return this.#reasons.length > 0
  }

  /** Ends all calls and waits; no event follows. */
  giveUp(): void {
    this.#over = true
    this.#hangUp()
  }

  #hangUp(): void {
    this.#cancelHold?.()
    this.#cancelHold = undefined
    for (const [target, call] of this.#calls) {
      call.giveUp()
      this.#backends.health.abandoned(target)
      this.#backends.release(target)
    }
    this.#calls.clear()
  }

  /**
   * A backend that did not answer at all is asked once more: a burst fills its listen queue, and the kernel drops
   * further connections (500 clients at once on an idle Postfix: 257 got no connection within one second, all did
   * within two).
   */
  #takeTarget(now: number): Target | undefined {
    const target = this.#backends.take(this.#tried)
    if (target !== undefined || !this.#unanswered || now >= this.#connectDeadline) return target
    this.#unanswered = false
    this.#forgetTried()
    return this.#backends.take(this.#tried)
  }

  #forgetTried(): void {
    this.#tried.clear()
    for (const target of this.#avoid) this.#tried.add(target)
  }

  #callNext(now = performance.now()): void {
    if (this.#over) return
    if (this.#calls.size === 0) this.#backends = this.#backends.latest
    const target = now < this.#deadline ? this.#takeTarget(now) : undefined
    if (target !== undefined) return this.#callTo(target)
    // A slow backend may still greet.
    if (this.#calls.size === 0) this.#noneLeft(now)
  }

  /** A client waits for its turn until its hold time is over, which began with the search. */
  #callTo(target: Target): void {
    this.#tried.add(target)
    let waits = true
    const begin = (): boolean => {
      waits = false
      this.#calls.get(target)?.giveUp()
      this.#calls.delete(target)
      return this.#begin(target)
    }
    const leave = this.#backends.queue(target, begin)
    if (!waits) return
    const giveUp = (): void => {
      clearTimeout(timer)
      leave?.()
    }
    const timer = setTimeout(() => {
      giveUp()
      this.#calls.delete(target)
      this.#passOver(target)
    }, this.holdDeadline - performance.now())
    this.#calls.set(target, { giveUp })
  }

  /** The client's turn has come. @returns whether it connects */
  #begin(target: Target): boolean {
    const connects = this.#backends.usable(target) && performance.now() < this.#deadline
    if (connects) this.#call(target)
    else this.#passOver(target)
    return connects
  }

  #passOver(target: Target): void {
    this.#backends.health.abandoned(target)
    this.#tryAnother(target, 'connect', 'too many clients wait for a connection')
  }

  #call(target: Target): void {
    const { connectTimeoutMs, greetingTimeoutMs, patienceMs = usualPatienceMs, connect } = this.#backends.options
    const left = Math.max(0, this.#deadline - performance.now())
    let silentMs = 0
    const call = {
      to: target,
      header: () => this.#header(),
      connectTimeoutMs: Math.min(connectTimeoutMs, left),
      greetingTimeoutMs: Math.min(greetingTimeoutMs, left),
      patienceMs,
      onSilent: () => {
        silentMs += patienceMs
        this.#askInParallel(target, silentMs)
      },
      connect: connect ?? connectNodeSocket,
    }
    this.#calls.set(target, new BackendCall(call, (result) => this.#called(target, result, silentMs)))
  }

  #header(): Uint8Array | undefined {
    const { proxyProtocol } = this.#backends.options
    const { clientEndpoint, headerClient = clientEndpoint, serverEndpoint } = this.#request
    return proxyProtocol === 'None' ? undefined : writeProxyHeader(proxyProtocol, headerClient, serverEndpoint)
  }

  /**
   * postscreen incompatibility: it has one smtpd and waits. Clients of a backend that hangs need another one, but must
   * not multiply the load: each asks a few backends at a time, and only good ones.
   */
  #askInParallel(slow: Target, silentMs: number): void {
    if (!this.#backends.health.silent(slow, silentMs) || this.#calls.size >= callsAtOnce) return
    const target = this.#backends.takeGood(this.#tried)
    if (target !== undefined) this.#callTo(target)
  }

  /**
   * postscreen incompatibility: it refuses at once. A backend that is being replaced is back within seconds, and
   * waiting costs the client nothing.
   */
  #noneLeft(now: number): void {
    const mayHold = (this.#mayPass || this.#tried.size === 0) && now < this.holdDeadline
    if (!mayHold) return this.#fail(this.#reasons.length === 0 ? this.#backends.whyNone() : this.#reasons.join('; '))
    const leftMs = Math.max(0, this.holdDeadline - now)
    const waitMs = this.#refused ? Math.min(leftMs, this.#backOff.next()) : leftMs
    this.#mayPass = false
    this.#refused = false
    const again = (): void => {
      clearTimeout(timer)
      this.#cancelHold?.()
      this.#cancelHold = undefined
      this.#forgetTried()
      this.#callNext()
    }
    const timer = setTimeout(again, waitMs)
    const cancel = this.#backends.hold(again)
    this.#cancelHold = () => {
      clearTimeout(timer)
      cancel()
    }
  }

  #called(target: Target, result: CallResult, silentMs: number): void {
    this.#calls.delete(target)
    if (result.is === 'failed') {
      this.#backends.health.callFailed(target, result)
      this.#unanswered ||= result.cause === 'unanswered'
      this.#mayPass = true
      this.#refused ||= result.cause !== 'refused' && result.cause !== 'malformed'
      return this.#tryAnother(target, result.how, result.reason)
    }
    // Read once: a client that is too early to get the refusal must not be too late to be held a moment later.
    const now = performance.now()
    const { reply, received } = result
    const verdict = judgeGreeting(reply)
    const early = verdict === 'welcome' && received.length > reply.length ? received.toString('latin1', reply.length) : undefined
    this.#mayPass ||= verdict !== 'never'
    if (verdict === undefined || early !== undefined) this.#backends.health.doubted(target)
    else if (verdict !== 'later') this.#backends.health.greeted(target, silentMs)
    else this.#backends.health.refused(target, this.#request.clientEndpoint.address, quoteReply(reply.line))
    this.#refused ||= verdict === 'later'
    // Another client may have shown by now that the backend does not do what was proven.
    if (verdict !== undefined && this.#backends.usable(target)) {
      if (verdict === 'welcome' || this.#mayForward(verdict, now)) return this.#found(target, result.socket, received)
    }
    result.socket.destroy()
    this.#tryAnother(target, 'send', early === undefined ? quoteReply(reply.line) : `${quoteReply(early)}, unasked`, now)
  }

  /**
   * Whether the client may get the backend's refusal as its greeting: nothing was sent before, no other backend is
   * left, and waiting will not help.
   */
  #mayForward(verdict: 'later' | 'never', now: number): boolean {
    if (this.#request.teaserSent || this.#calls.size > 0) return false
    if (now >= this.#deadline) return true
    return !this.#backends.hasOther(this.#tried) && (verdict === 'never' || now >= this.holdDeadline)
  }

  #tryAnother(target: Target, how: 'connect' | 'send', reason: string, now = performance.now()): void {
    this.#backends.release(target)
    this.#how = how
    const text = `${target.label}: ${reason}`
    if (this.#reasons.length < reasonLimit && !this.#reasons.includes(text)) this.#reasons.push(text)
    this.#callNext(now)
  }

  #found(target: Target, socket: TcpSocket, greeting: Buffer): void {
    this.#over = true
    this.#hangUp()
    this.#events.found(target, this.#backends, socket, greeting)
  }

  #fail(reason: string): void {
    this.#over = true
    this.#events.failed(this.#how, reason)
  }
}
