// One relay: finds a backend that greets the client, then copies bytes in both directions until both sides have ended.
// After the greeting only the first reply is inspected (header-check.ts).
//
// The client's bytes wait here until a backend has greeted, so that trying another backend is always safe, even while
// the first may still greet: a backend that accepts the connection and sends nothing for a second keeps its connection,
// another one is asked in parallel, and the first greeting wins.
import { reply as replies, wire } from '../core/replies.ts'
import type { SocketReader, TcpSocket } from '../sockets/tcp-socket.ts'
import { errorWord } from './backend-call.ts'
import { BackendSearch } from './backend-search.ts'
import type { Backends } from './backends.ts'
import { HeaderCheck } from './header-check.ts'
import type { JoinedBackend, RelayEvents, RelayHandle, RelayRequest } from './relay-request.ts'
import { watchSides } from './relay-watch.ts'
import type { Target } from './target-record.ts'

/** Bytes of the client that are kept while no backend has greeted; more stay in the kernel. */
const heldLimit = 65_536
/**
 * How long a client may be silent after its backend has ended: the kernel's own limit for such connections
 * (tcp_fin_timeout).
 */
const lingerMs = 60_000

/** Relays a client to a backend. Throws when an address of the request is not valid. */
export function startRelay(request: RelayRequest, backends: Backends, events: RelayEvents): RelayHandle {
  const relay = new Relay(request, backends, events)
  relay.start()
  return relay
}

/** Relays a client to a backend that has answered it already. Neither `onFailed` nor `giveUp` is for this one. */
export function startJoinedRelay(request: RelayRequest, joined: JoinedBackend, events: RelayEvents): RelayHandle {
  const relay = new Relay(request, joined.backends, events)
  relay.startJoined(joined)
  return relay
}

/** It reads the client; `#backendReader` reads the backend. */
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
  #backend: TcpSocket | undefined
  #stopWatching: (() => void) | undefined
  /** Until it is certain that the backend has read the PROXY header. */
  #check: HeaderCheck | undefined
  #clientSpeaksFirst = false
  #over = false
  #toBackend = 0
  #toClient = 0
  #endedBy: 'client' | 'backend' | undefined
  #error: string | undefined
  readonly #backendReader: SocketReader = {
    onData: (bytes) => this.#fromBackend(bytes),
    onEnd: () => this.#backendEnded(),
    onClose: (backend, error) => this.#backendClosed(backend, error),
    onDrain: () => this.#backendDrained(),
  }

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

  startJoined({ target, socket, reply, clientSpeaksFirst }: JoinedBackend): void {
    const client = this.#client
    client.reader = this
    this.#clientSpeaksFirst = clientSpeaksFirst
    this.#target = target
    this.#backend = socket
    socket.reader = this.#backendReader
    process.nextTick(() => {
      if (this.#over) return
      if (client.isDestroyed) return this.onClose(client, undefined)
      this.#copy(client, socket, reply)
      if (socket.inputEnded) this.#backendEnded()
    })
  }

  giveUp(reason: string): void {
    if (this.#over || this.#backend !== undefined) return
    this.#search.giveUp()
    this.#fail(this.#search.how, reason)
  }

  /** @param from the backends that gave the target: those of a newer policy, if there is one */
  #join(target: Target, from: Backends, backend: TcpSocket, greeting: Buffer): void {
    this.#backends = from
    this.#target = target
    this.#backend = backend
    backend.reader = this.#backendReader
    if (from.checksHeaders) this.#check = new HeaderCheck(() => void backend.write('NOOP\r\n'))
    this.#copy(this.#client, backend, greeting)
  }

  /** @param first what the client reads first */
  #copy(client: TcpSocket, backend: TcpSocket, first: Uint8Array): void {
    client.shareReads()
    this.#stopWatching = watchSides(client, backend, this.#backends.options)
    this.#events.onStarted(this.#target?.label ?? '')
    backend.resume()
    this.#toClientSide(first)
    client.resume()
    const { unread } = this.#request
    const arrived = this.#held.splice(0)
    if (unread.length > 0) this.#pass(unread, backend)
    for (const bytes of arrived) this.onData(bytes)
    if (client.inputEnded) this.onEnd()
  }

  /** Passes on what the client has sent while the backend was checked. */
  #release(backend: TcpSocket): void {
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

  /** Both connections are closed, or there was never a backend. */
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

  /** The client has left before any backend received a byte of it. */
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

  #pass(bytes: Uint8Array, backend: TcpSocket): boolean {
    if (this.#check?.fromClient(bytes) === true) {
      this.#held.push(bytes)
      this.#client.pause()
      return true
    }
    this.#toBackend += bytes.length
    if (!backend.write(bytes)) this.#client.pause()
    return backend.unsentBytes > 0
  }

  #fromBackend(bytes: Uint8Array): boolean {
    if (this.#clientSpeaksFirst && this.#toBackend === 0) {
      this.#refuseInjection()
      return false
    }
    const check = this.#check
    if (check === undefined) {
      this.#toClientSide(bytes)
      return this.#client.unsentBytes > 0
    }
    const passed = check.fromBackend(bytes)
    if (passed === 'unread') this.#headerUnread(check)
    else {
      if (passed.length > 0) this.#toClientSide(passed)
      if (check.over && this.#backend !== undefined) this.#release(this.#backend)
    }
    return true
  }

  /** Plaintext in front of the TLS handshake would reach the client as if it were part of the encrypted session. */
  #refuseInjection(): void {
    this.#endedBy ??= 'backend'
    this.#error ??= 'the backend has sent bytes before the TLS handshake'
    this.#backend?.reset()
    this.#client.destroy()
  }

  /** The client gets 421, which it may get at any time, and tries again later. */
  #headerUnread({ isAboutClient }: HeaderCheck): void {
    if (this.#target !== undefined) {
      if (isAboutClient) this.#backends.health.suspect(this.#target)
      else this.#backends.health.doubted(this.#target)
    }
    this.#backend?.reset()
    this.#endedBy = 'backend'
    this.#error ??= 'the backend has not read the PROXY header'
    this.#client.end(wire(replies.unavailable))
    this.#linger()
  }

  #toClientSide(bytes: Uint8Array): void {
    this.#toClient += bytes.length
    if (!this.#client.write(bytes)) this.#backend?.pause()
  }

  #backendDrained(): void {
    if (this.#check?.holds !== true) this.#client.resume()
  }

  /** The client has received everything. */
  onDrain(): void {
    this.#backend?.resume()
  }

  /** The client has ended its stream. */
  onEnd(): void {
    this.#endedBy ??= 'client'
    if (this.#backend !== undefined) {
      // Its last bytes still wait; the end follows them.
      if (this.#held.length > 0) return
      this.#events.onClientEnd?.()
      this.#backend.end()
    }
    // With bytes to pass on, a half-closed connection is still a client: it may have sent all its commands at once.
    else if (this.#request.unread.length === 0 && this.#heldBytes === 0) this.#leaveEarly()
  }

  #backendEnded(): void {
    this.#endedBy ??= 'backend'
    this.#client.end()
    this.#linger()
  }

  // A client that did not end in order is a lost connection for the backend too: an orderly end could mean that the
  // client has finished.
  onClose(client: TcpSocket, error: Error | undefined): void {
    this.#endedBy ??= 'client'
    if (error !== undefined) this.#error ??= errorWord(error)
    if (this.#backend === undefined) return this.#leaveEarly()
    if (this.#backend.isClosed) return this.#finish()
    if (!client.endedInOrder) this.#backend.reset()
  }

  /** What the backend has sent still goes to the client. */
  #backendClosed(backend: TcpSocket, error: Error | undefined): void {
    this.#endedBy ??= 'backend'
    if (error !== undefined) this.#error ??= errorWord(error)
    if (this.#client.isClosed) return this.#finish()
    if (backend.endedInOrder) return
    this.#client.endAndClose()
    this.#linger()
  }

  // The kernel sets no limit for this connection, because the process still holds the socket.
  #linger(): void {
    this.#client.whenIdle(this.#backends.options.lingerMs ?? lingerMs, () => {
      this.#client.destroy()
      this.#backend?.reset()
    })
  }
}
