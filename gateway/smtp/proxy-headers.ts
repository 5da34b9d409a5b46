// The client's address when a proxy stands in front: reads the PROXY header that the proxy sends first, and passes on
// the client that it names.
import type { Endpoint } from '../../crds/values/endpoint.ts'
import { escapeC } from '../core/printable.ts'
import { finishProxyHeader, parseProxyHeader, type ProxyHeaderResult, proxyHeaderLimit } from '../core/proxy-header.ts'
import { reply, wire } from '../core/replies.ts'
import type { Log } from '../observability/log.ts'
import type { Endpoints, TcpSocket } from '../sockets/tcp-socket.ts'
import type { Connections } from './connections.ts'
import type { HealthChecks } from './health-checks.ts'
import type { Linger } from './linger.ts'

export type HeaderReading =
  /**
   * `unread` are the client's own bytes that arrived with the header; later ones are still in the socket, which is
   * paused.
   */
  | { readonly is: 'client'; readonly client: Endpoint; readonly server: Endpoint; readonly unread: Uint8Array }
  /** The header names no client (LOCAL, UNKNOWN or UNSPEC): the proxy checks the gateway. */
  | { readonly is: 'unnamed'; readonly unread: Uint8Array }
  /** No byte arrived before the peer closed or the time limit. */
  | { readonly is: 'nothing'; readonly reason: 'haproxy read: EOF' | 'haproxy read: time limit exceeded' }
  /** `reason` is the text of postscreen's warning, such as `haproxy read: short protocol header`. */
  | { readonly is: 'bad'; readonly reason: string }

const nothing = new Uint8Array(0)

export interface ProxyHeadersParts {
  readonly connections: Connections
  /** Whether only health checks come from this address. */
  readonly isHealthCheck: (address: string) => boolean
  readonly healthChecks: HealthChecks
  readonly linger: Linger
  readonly log: Pick<Log, 'sessionWarning'>
}

/** All sockets whose PROXY header has not arrived yet. */
export class ProxyHeaders {
  readonly #parts: ProxyHeadersParts
  readonly #waiting = new Set<TcpSocket>()

  constructor(parts: ProxyHeadersParts) {
    this.#parts = parts
  }

  /** Sockets whose PROXY header has not arrived yet. */
  get size(): number {
    return this.#waiting.size
  }

  /**
   * Reads the header of a new connection, which then goes on as that of the client in the header.
   * @param peer the ends of the socket itself
   */
  read(socket: TcpSocket, peer: Endpoints, id: string, timeoutMs: number): void {
    this.#waiting.add(socket)
    readProxyHeader(socket, timeoutMs, (reading) => {
      this.#waiting.delete(socket)
      this.#passOn(socket, peer.client, id, reading)
    })
  }

  /** Closes all of them now. */
  close(): void {
    for (const socket of this.#waiting) socket.destroy()
  }

  #passOn(socket: TcpSocket, peer: Endpoint, id: string, reading: HeaderReading): void {
    const { connections, healthChecks, isHealthCheck, linger, log } = this.#parts
    switch (reading.is) {
      case 'client':
        socket.unread(reading.unread)
        connections.begin(socket, reading, id)
        return
      // postscreen incompatibility: it screens LOCAL by the socket's own addresses, so that each check of a proxy
      // counts as a client.
      case 'unnamed':
        socket.unread(reading.unread)
        healthChecks.answer(socket, { client: peer, reason: 'unnamed', sessionId: id })
        return
      // Many load balancers check the port without the header that they send for clients.
      case 'nothing': {
        if (!isHealthCheck(peer.address)) break
        const origin = { client: peer, reason: 'network', sessionId: id } as const
        if (socket.inputEnded || socket.isDestroyed) healthChecks.dismiss(socket, origin, 'it has left')
        else healthChecks.answer(socket, origin)
        return
      }
      case 'bad':
    }
    log.sessionWarning(id, reading.reason)
    linger.end(socket, wire(reply.noSystemResources))
  }
}

function refusal(received: Buffer, why: string): HeaderReading {
  return { is: 'bad', reason: `haproxy read: ${why}: ${escapeC(received.subarray(0, proxyHeaderLimit).toString('latin1'))}` }
}

/** What the header means; undefined when more bytes are needed. */
function judge(received: Buffer, result: ProxyHeaderResult): HeaderReading | undefined {
  if (result.is === 'more') return undefined
  if (result.is === 'bad') return refusal(received, result.why)
  const unread = received.length > result.length ? received.subarray(result.length) : nothing
  if (result.addresses === undefined) return { is: 'unnamed', unread }
  const { client, server } = result.addresses
  return { is: 'client', client, server, unread }
}

/**
 * Reads the header from a new socket before anything else does, and calls `done` once; the socket is then paused and
 * has no reader. Takes `timeoutMs` at most (postscreen_upstream_proxy_timeout) and keeps one read at most behind the
 * header's limit. After `bad` and `nothing` the caller logs the reason as a warning, sends `421 4.3.2 No system
 * resources` and closes (psc_endpt_lookup_done), unless it is a health check.
 */
export function readProxyHeader(socket: TcpSocket, timeoutMs: number, done: (reading: HeaderReading) => void): void {
  let received: Buffer = Buffer.alloc(0)
  const settle = (reading: HeaderReading): void => {
    clearTimeout(timer)
    socket.pause()
    socket.reader = undefined
    done(reading)
  }
  const finish = (withoutBytes: 'EOF' | 'time limit exceeded'): void => {
    const reason = `haproxy read: ${withoutBytes}` as const
    const result = finishProxyHeader(received)
    if (received.length === 0) settle({ is: 'nothing', reason })
    else settle(result.is === 'bad' ? refusal(received, result.why) : { is: 'bad', reason })
  }
  const onData = (chunk: Buffer): boolean => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    const reading = judge(received, parseProxyHeader(received))
    if (reading !== undefined) settle(reading)
    return false
  }
  const onEnd = (): void => finish('EOF')
  const timer = setTimeout(() => finish('time limit exceeded'), timeoutMs)
  socket.reader = { onData, onEnd, onClose: onEnd }
  socket.resume()
}
