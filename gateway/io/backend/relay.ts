// Hand-off: finds a backend that greets the client, then copies bytes both ways until both have ended. No byte is looked at behind the greeting.
//
//   waiting for names -> calling a backend -> (next one ...) -> greeted: copying -> both ends closed
//                               ▲                  └─ nobody left: held ─┐
//                               └─────────────────────────────────┘
//
// The client's bytes wait here until a backend has greeted, so that trying another backend is always safe, also while the first may yet greet:
// one that takes the connection and says nothing for a second is not hung up on, but another one is asked beside it, and the first greeting counts.
import type { Socket } from 'node:net'
import { writeProxyHeader } from '../../core/proxy-header.ts'
import { BackendCall, type CallResult, connectPlainly, errorWord, judgeGreeting, quoteGreeting } from './backend-call.ts'
import type { Backends, Target } from './backends.ts'
import type { HandOff, HandOffEvents, RelayHandle } from './hand-off.ts'
import { readShared } from './shared-reading.ts'

/** Bytes of the client that are kept while no backend has greeted; more stay in the kernel. */
const heldLimit = 65_536
/** The calls made before giving up may take this many connect timeouts and one greeting timeout. */
const connectsInTime = 5
/** How long a backend may take a connection and say nothing before another one is asked beside it: Postfix greets within milliseconds, if it greets. */
const usualPatienceMs = 1000
/** Backends that one client asks at the same time. */
const callsAtOnce = 3
/** Failures that are named when all have failed. */
const reasonLimit = 5
/** How long a client may stay silent when its backend has ended: the kernel's own limit for such connections (tcp_fin_timeout). */
const lingerMs = 60_000

/** Hands a client on to a backend. Throws when an endpoint's address is none. */
export function handOff(request: HandOff, backends: Backends, events: HandOffEvents): RelayHandle {
  const relay = new Relay(request, backends, events)
  relay.start()
  return relay
}

class Relay implements RelayHandle {
  #client: Socket
  readonly #request: HandOff
  readonly #backends: Backends
  readonly #events: HandOffEvents
  readonly #header: Uint8Array | undefined
  readonly #holdDeadline: number
  readonly #connectDeadline: number
  readonly #deadline: number
  readonly #tried = new Set<Target>()
  readonly #reasons: string[] = []
  #how: 'connect' | 'send' = 'connect'
  #unanswered = false
  /** Whether some failure since the last time that all were asked may pass; a backend that says 5xx means it. */
  #mayPass = false
  #cancelHold: (() => void) | undefined
  #held: Uint8Array[] = []
  #heldBytes = 0
  /** Whom we are asking, the first one first; each has a session booked. */
  readonly #calls = new Map<Target, BackendCall>()
  /** Who has greeted. */
  #target: Target | undefined
  #backend: Socket | undefined
  #over = false
  #toBackend = 0
  #toClient = 0
  #endedBy: 'client' | 'backend' | undefined
  #error: string | undefined

  constructor(request: HandOff, backends: Backends, events: HandOffEvents) {
    const { proxyProtocol, connectTimeoutMs, greetingTimeoutMs } = backends.options
    this.#request = request
    this.#client = request.client
    this.#backends = backends
    this.#events = events
    this.#header = proxyProtocol === 'None' ? undefined : writeProxyHeader(proxyProtocol, request.clientEndpoint, request.serverEndpoint)
    const now = performance.now()
    this.#holdDeadline = now + (backends.options.holdMs ?? 0)
    this.#connectDeadline = now + connectsInTime * connectTimeoutMs
    this.#deadline = this.#connectDeadline + greetingTimeoutMs
  }

  start(): void {
    const client = this.#client
    client.allowHalfOpen = true
    client.setNoDelay(true)
    client.on('data', this.#fromClient)
    this.#listen(client)
    process.nextTick(() => {
      if (this.#over) return
      if (client.destroyed) return this.#clientClosed()
      if (client.readableEnded) this.#clientEnded()
      client.resume()
      if (!this.#over) this.#backends.whenKnown(() => this.#callNext())
    })
  }

  #listen(client: Socket): void {
    client.on('end', this.#clientEnded).on('error', this.#clientFailed).on('close', this.#clientClosed)
  }

  get client(): Socket {
    return this.#client
  }

  giveUp(reason: string): void {
    if (this.#over || this.#backend !== undefined) return
    this.#hangUp()
    this.#fail(reason)
  }

  /**
   * Whoever did not answer at all is asked once more: a burst fills a backend's listen queue, and the kernel then drops what comes on top
   * (500 clients at once on a cold Postfix: 257 got no connection within one second, all did within two).
   */
  #takeTarget(now: number): Target | undefined {
    const target = this.#backends.take(this.#tried)
    if (target !== undefined || !this.#unanswered || now >= this.#connectDeadline) return target
    this.#unanswered = false
    this.#tried.clear()
    return this.#backends.take(this.#tried)
  }

  #callNext(now = performance.now()): void {
    if (this.#over) return
    const target = now < this.#deadline ? this.#takeTarget(now) : undefined
    if (target !== undefined) return this.#callTo(target)
    // Somebody who is slow may yet greet.
    if (this.#calls.size === 0) this.#nobodyLeft(now)
  }

  #callTo(target: Target): void {
    this.#tried.add(target)
    const { connectTimeoutMs, greetingTimeoutMs, patienceMs = usualPatienceMs, connect } = this.#backends.options
    const left = Math.max(0, this.#deadline - performance.now())
    let silentMs = 0
    const call = {
      to: target,
      header: () => this.#header,
      connectTimeoutMs: Math.min(connectTimeoutMs, left),
      greetingTimeoutMs: Math.min(greetingTimeoutMs, left),
      patienceMs,
      onSilent: () => {
        silentMs += patienceMs
        this.#askBeside(target, silentMs)
      },
      connect: connect ?? connectPlainly,
    }
    this.#calls.set(target, new BackendCall(call, (result) => this.#called(target, result)))
  }

  /**
   * postscreen incompatibility: it has one smtpd and waits. A crowd that waits for a hanging backend must not wait for ever, nor double itself more than it has to: a few at a time, each to a good one.
   */
  #askBeside(slow: Target, silentMs: number): void {
    if (!this.#backends.silent(slow, silentMs) || this.#calls.size >= callsAtOnce) return
    const target = this.#backends.takeGood(this.#tried)
    if (target !== undefined) this.#callTo(target)
  }

  /** postscreen incompatibility: it refuses at once. A backend that is being replaced is back in seconds, and the client has lost nothing by waiting. */
  #nobodyLeft(now: number): void {
    const mayHold = (this.#mayPass || this.#tried.size === 0) && now < this.#holdDeadline
    if (!mayHold) return this.#fail(this.#reasons.length === 0 ? 'no backend address is known' : this.#reasons.join('; '))
    this.#mayPass = false
    const again = (): void => {
      clearTimeout(timer)
      this.#cancelHold?.()
      this.#cancelHold = undefined
      this.#tried.clear()
      this.#callNext()
    }
    const timer = setTimeout(again, Math.max(0, this.#holdDeadline - performance.now()))
    const cancel = this.#backends.hold(again)
    this.#cancelHold = () => {
      clearTimeout(timer)
      cancel()
    }
  }

  #called(target: Target, result: CallResult): void {
    this.#calls.delete(target)
    if (result.is === 'failed') {
      this.#backends.failed(target, result.reason)
      this.#unanswered ||= result.unanswered
      this.#mayPass = true
      return this.#tryAnother(target, result.how, result.reason)
    }
    // Read once: who is too early to pass a refusal on must not be too late a moment later to hold the client.
    const now = performance.now()
    const verdict = judgeGreeting(result.line)
    this.#mayPass ||= verdict === 'later'
    if (verdict === 'later') this.#backends.failed(target, quoteGreeting(result.line))
    else this.#backends.greeted(target)
    if (verdict === 'welcome' || this.#mayPassOn(verdict, now)) return this.#join(target, result.socket, result.received)
    result.socket.on('error', () => undefined).destroy()
    this.#tryAnother(target, 'send', quoteGreeting(result.line), now)
  }

  /** Whether a refusal may be the client's greeting: it is the client's first line, nobody else is left to ask, and nothing is to be hoped for. */
  #mayPassOn(verdict: 'later' | 'never', now: number): boolean {
    if (this.#request.teaserSent || this.#calls.size > 0) return false
    if (now >= this.#deadline) return true
    return !this.#backends.hasOther(this.#tried) && (verdict === 'never' || now >= this.#holdDeadline)
  }

  #tryAnother(target: Target, how: 'connect' | 'send', reason: string, now = performance.now()): void {
    this.#backends.release(target)
    this.#how = how
    const text = `${target.label}: ${reason}`
    if (this.#reasons.length < reasonLimit && !this.#reasons.includes(text)) this.#reasons.push(text)
    this.#callNext(now)
  }

  #join(target: Target, backend: Socket, greeting: Buffer): void {
    this.#hangUp()
    this.#target = target
    this.#backend = backend
    backend.on('data', this.#fromBackend).on('drain', this.#backendDrained)
    backend
      .on('end', this.#backendEnded)
      .on('error', this.#backendFailed)
      .on('close', () => this.#backendClosed(backend))
    const client = this.#readShared(this.#client)
    client.on('drain', this.#clientDrained)
    this.#events.onHandedOff(target.label)
    backend.resume()
    this.#fromBackend(greeting)
    client.resume()
    const { unread } = this.#request
    if (unread.length > 0) this.#pass(unread, backend)
    for (const bytes of this.#held.splice(0)) this.#fromClient(bytes)
    if (client.readableEnded) this.#clientEnded()
  }

  /** The client's socket, made anew where that can be done. */
  #readShared(client: Socket): Socket {
    const anew = readShared(client, this.#fromClient)
    if (anew === undefined) return client
    this.#listen(anew)
    this.#client = anew
    return anew
  }

  #fail(reason: string): void {
    this.#over = true
    const client = this.#client.pause()
    client.off('data', this.#fromClient).off('end', this.#clientEnded).off('error', this.#clientFailed).off('close', this.#clientClosed)
    this.#events.onFailed(this.#how, reason, Buffer.concat(this.#held))
  }

  /** Both connections are gone, or there was never more than one. */
  #finish(): void {
    if (this.#over) return
    this.#over = true
    if (this.#target !== undefined) this.#backends.release(this.#target)
    this.#events.onEnd({
      backend: this.#backend === undefined ? undefined : this.#target?.label,
      toBackend: this.#toBackend,
      toClient: this.#toClient,
      endedBy: this.#endedBy ?? 'client',
      error: this.#error,
    })
  }

  /** Ends the calls or the wait that are under way. */
  #hangUp(): void {
    this.#cancelHold?.()
    this.#cancelHold = undefined
    for (const [target, call] of this.#calls) {
      call.giveUp()
      this.#backends.abandoned(target)
      this.#backends.release(target)
    }
    this.#calls.clear()
  }

  /** The client is gone and no backend has got a byte of it. */
  #leaveEarly(): void {
    this.#hangUp()
    this.#client.destroy()
    this.#finish()
  }

  /** @returns whether the bytes are still needed then */
  readonly #fromClient = (bytes: Uint8Array): boolean => {
    if (this.#backend !== undefined) {
      this.#events.onClientData?.(bytes)
      return this.#pass(bytes, this.#backend)
    }
    this.#held.push(bytes)
    this.#heldBytes += bytes.length
    if (this.#heldBytes >= heldLimit) this.#client.pause()
    return true
  }

  #pass(bytes: Uint8Array, backend: Socket): boolean {
    this.#toBackend += bytes.length
    if (!backend.write(bytes)) this.#client.pause()
    return backend.writableLength > 0
  }

  readonly #fromBackend = (bytes: Uint8Array): void => {
    this.#toClient += bytes.length
    if (!this.#client.write(bytes)) this.#backend?.pause()
  }

  readonly #backendDrained = (): void => void this.#client.resume()
  readonly #clientDrained = (): void => void this.#backend?.resume()

  readonly #clientEnded = (): void => {
    this.#endedBy ??= 'client'
    if (this.#backend !== undefined) {
      this.#events.onClientEnd?.()
      this.#backend.end()
    }
    // With bytes to hand on, half a connection is still a client: it may have sent all its commands at once.
    else if (this.#request.unread.length === 0 && this.#heldBytes === 0) this.#leaveEarly()
  }

  readonly #backendEnded = (): void => {
    this.#endedBy ??= 'backend'
    this.#client.end()
    this.#linger()
  }

  readonly #clientFailed = (error: Error): void => {
    this.#endedBy ??= 'client'
    this.#error ??= errorWord(error)
  }

  readonly #backendFailed = (error: Error): void => {
    this.#endedBy ??= 'backend'
    this.#error ??= errorWord(error)
  }

  // A client that did not end in order is a lost connection for the backend too: an end in order might pass for a client that has done.
  readonly #clientClosed = (): void => {
    const { readableEnded, writableFinished, errored } = this.#client
    this.#endedBy ??= 'client'
    if (this.#backend === undefined) return this.#leaveEarly()
    if (this.#backend.closed) return this.#finish()
    if (errored !== null || !readableEnded || !writableFinished) this.#reset(this.#backend)
  }

  /** What the backend has said still goes out; then there is nobody to talk to. */
  #backendClosed({ readableEnded, writableFinished, errored }: Socket): void {
    this.#endedBy ??= 'backend'
    if (this.#client.closed) return this.#finish()
    if (errored === null && readableEnded && writableFinished) return
    this.#client.destroySoon()
    this.#linger()
  }

  #reset(backend: Socket): void {
    if (!backend.destroyed) backend.resetAndDestroy()
  }

  // Our sockets are not orphans to the kernel, so that no limit of its own would end this one.
  #linger(): void {
    this.#client.setTimeout(this.#backends.options.lingerMs ?? lingerMs, () => {
      this.#client.destroy()
      if (this.#backend !== undefined) this.#reset(this.#backend)
    })
  }
}
