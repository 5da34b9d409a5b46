// Hand-off: has a backend found that greets the client, then copies bytes both ways until both have ended. Behind the greeting, only the first reply is
// looked at (header-check.ts).
//
// The client's bytes wait here until a backend has greeted, so that trying another backend is always safe, also while the first may yet greet:
// one that takes the connection and says nothing for a second is not hung up on, but another one is asked beside it, and the first greeting counts.
import type { Socket } from 'node:net'
import { reply as replies, wire } from '../core/replies.ts'
import { errorWord } from './backend-call.ts'
import type { Backends } from './backends.ts'
import type { Target } from './target-record.ts'
import type { RelayRequest, RelayEvents, RelayHandle } from './relay-request.ts'
import { HeaderCheck } from './header-check.ts'
import { watchSides } from './relay-watch.ts'
import { BackendSearch } from './backend-search.ts'
import type { SocketReader, TcpSocket } from '../sockets/tcp-socket.ts'

/** Bytes of the client that are kept while no backend has greeted; more stay in the kernel. */
const heldLimit = 65_536
/** How long a client may stay silent when its backend has ended: the kernel's own limit for such connections (tcp_fin_timeout). */
const lingerMs = 60_000

/** Hands a client on to a backend. Throws when an endpoint's address is none. */
export function startRelay(request: RelayRequest, backends: Backends, events: RelayEvents): RelayHandle {
  const relay = new Relay(request, backends, events)
  relay.start()
  return relay
}

class Relay implements RelayHandle, SocketReader {
  readonly #client: TcpSocket
  readonly #request: RelayRequest
  #backends: Backends
  readonly #events: RelayEvents
  readonly #search: BackendSearch
  #held: Uint8Array[] = []
  #heldBytes = 0
  /** The address that has greeted. */
  #target: Target | undefined
  #backend: Socket | undefined
  #stopWatching: (() => void) | undefined
  /** Until it is certain that the backend has read the PROXY header. */
  #check: HeaderCheck | undefined
  #over = false
  #toBackend = 0
  #toClient = 0
  #endedBy: 'client' | 'backend' | undefined
  #error: string | undefined

  constructor(request: RelayRequest, backends: Backends, events: RelayEvents) {
    this.#request = request
    this.#client = request.client
    this.#backends = backends
    this.#events = events
    this.#search = new BackendSearch(request, backends, {
      found: (target, from, socket, greeting) => this.#join(target, from, socket, greeting),
      failed: (how, reason) => this.#fail(how, reason),
    })
  }

  start(): void {
    const client = this.#client
    client.reader = this
    process.nextTick(() => {
      if (this.#over) return
      if (client.isDestroyed) return this.onClose(client, undefined)
      if (client.inputEnded) this.onEnd()
      client.resume()
      if (!this.#over) this.#search.start()
    })
  }

  giveUp(reason: string): void {
    if (this.#over || this.#backend !== undefined) return
    this.#search.giveUp()
    this.#fail(this.#search.how, reason)
  }

  /** @param from the table that has given the target: that of a newer policy, if there is one */
  #join(target: Target, from: Backends, backend: Socket, greeting: Buffer): void {
    this.#backends = from
    this.#target = target
    this.#backend = backend
    backend.on('data', this.#fromBackend).on('drain', this.#backendDrained)
    backend
      .on('end', this.#backendEnded)
      .on('error', this.#backendFailed)
      .on('close', () => this.#backendClosed(backend))
    const client = this.#client
    client.shareReads()
    this.#stopWatching = watchSides(client, backend, this.#backends.options)
    this.#events.onStarted(target.label)
    if (from.checksHeaders) this.#check = new HeaderCheck(() => void backend.write('NOOP\r\n'))
    backend.resume()
    this.#toClientSide(greeting)
    client.resume()
    const { unread } = this.#request
    const arrived = this.#held.splice(0)
    if (unread.length > 0) this.#pass(unread, backend)
    for (const bytes of arrived) this.onData(bytes)
    if (client.inputEnded) this.onEnd()
  }

  /** What the client has sent while the backend was checked goes on. */
  #release(backend: Socket): void {
    this.#check = undefined
    this.#client.resume()
    for (const bytes of this.#held.splice(0)) this.#pass(bytes, backend)
    if (this.#client.inputEnded) this.onEnd()
  }

  #fail(how: 'connect' | 'send', reason: string): void {
    this.#over = true
    this.#client.pause()
    this.#client.reader = undefined
    this.#events.onFailed(how, reason, Buffer.concat(this.#held))
  }

  /** Both connections are gone, or there was never more than one. */
  #finish(): void {
    if (this.#over) return
    this.#over = true
    this.#stopWatching?.()
    if (this.#target !== undefined) this.#backends.release(this.#target)
    this.#events.onEnd({
      backend: this.#backend === undefined ? undefined : this.#target?.label,
      toBackend: this.#toBackend,
      toClient: this.#toClient,
      endedBy: this.#endedBy ?? 'client',
      error: this.#error,
    })
  }

  /** The client is gone and no backend has got a byte of it. */
  #leaveEarly(): void {
    this.#search.giveUp()
    this.#client.destroy()
    this.#finish()
  }

  /** Bytes of the client. */
  onData(bytes: Uint8Array): boolean {
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
    if (this.#check?.fromClient(bytes) === true) {
      this.#held.push(bytes)
      this.#client.pause()
      return true
    }
    this.#toBackend += bytes.length
    if (!backend.write(bytes)) this.#client.pause()
    return backend.writableLength > 0
  }

  readonly #fromBackend = (bytes: Uint8Array): void => {
    const check = this.#check
    if (check === undefined) return this.#toClientSide(bytes)
    const passed = check.fromBackend(bytes)
    if (passed === 'unread') return this.#headerUnread(check)
    if (passed.length > 0) this.#toClientSide(passed)
    if (check.over && this.#backend !== undefined) this.#release(this.#backend)
  }

  /** The client reads 421, which it may at any time, and comes back later. */
  #headerUnread({ isAboutClient }: HeaderCheck): void {
    if (this.#target !== undefined) {
      if (isAboutClient) this.#backends.health.suspect(this.#target)
      else this.#backends.health.doubted(this.#target)
    }
    if (this.#backend !== undefined) this.#reset(this.#backend)
    this.#endedBy = 'backend'
    this.#error ??= 'the backend has not read the PROXY header'
    this.#client.end(wire(replies.unavailable))
    this.#linger()
  }

  #toClientSide(bytes: Uint8Array): void {
    this.#toClient += bytes.length
    if (!this.#client.write(bytes)) this.#backend?.pause()
  }

  readonly #backendDrained = (): void => {
    if (this.#check?.holds !== true) this.#client.resume()
  }

  onDrain(): void {
    this.#backend?.resume()
  }

  /** The client has ended its stream. */
  onEnd(): void {
    this.#endedBy ??= 'client'
    if (this.#backend !== undefined) {
      // What it has sent last still waits; the end comes behind it.
      if (this.#held.length > 0) return
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

  readonly #backendFailed = (error: Error): void => {
    this.#endedBy ??= 'backend'
    this.#error ??= errorWord(error)
  }

  // A client that did not end in order is a lost connection for the backend too: an end in order might pass for a client that has done.
  onClose(client: TcpSocket, error: Error | undefined): void {
    this.#endedBy ??= 'client'
    if (error !== undefined) this.#error ??= errorWord(error)
    if (this.#backend === undefined) return this.#leaveEarly()
    if (this.#backend.closed) return this.#finish()
    if (!client.endedInOrder) this.#reset(this.#backend)
  }

  /** What the backend has said still goes out; then there is nobody to talk to. */
  #backendClosed({ readableEnded, writableFinished, errored }: Socket): void {
    this.#endedBy ??= 'backend'
    if (this.#client.isClosed) return this.#finish()
    if (errored === null && readableEnded && writableFinished) return
    this.#client.endAndClose()
    this.#linger()
  }

  #reset(backend: Socket): void {
    if (!backend.destroyed) backend.resetAndDestroy()
  }

  // Our sockets are not orphans to the kernel, so that no limit of its own would end this one.
  #linger(): void {
    this.#client.whenIdle(this.#backends.options.lingerMs ?? lingerMs, () => {
      this.#client.destroy()
      if (this.#backend !== undefined) this.#reset(this.#backend)
    })
  }
}
