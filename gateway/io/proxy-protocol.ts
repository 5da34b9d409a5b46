// Who is at the other end of a fresh connection: its own addresses, or those of the PROXY header that a proxy in front sends first.
import type { Socket } from 'node:net'
import { compileAddressTable } from '../core/address-table.ts'
import { parseNetwork } from '../../crds/network.ts'
import { escapeC } from '../core/printable.ts'
import { finishProxyHeader, parseProxyHeader, type ProxyHeaderResult, proxyHeaderLimit } from '../core/proxy-header.ts'
import type { Endpoint } from '../core/vocabulary.ts'

/** `TrustedNetworks`: these peers must send a header; all others are clients themselves, and what they send is never taken for one. */
export interface ProxyProtocolRule {
  readonly mode: 'None' | 'Required' | 'TrustedNetworks'
  /** CIDR texts that the policy has checked. */
  readonly trustedNetworks: readonly string[]
}

export interface Endpoints {
  readonly client: Endpoint
  readonly server: Endpoint
}

export type HeaderReading =
  /** `unread` are the client's own bytes that came with the header; the rest is still in the socket, which is paused. */
  | { readonly is: 'client'; readonly client: Endpoint; readonly server: Endpoint; readonly unread: Uint8Array }
  /** `reason` is the text of postscreen's warning, such as `haproxy read: EOF`. */
  | { readonly is: 'bad'; readonly reason: string }

const nothing = new Uint8Array(0)

/** The text of a socket address as libuv prints it, without zone, an IPv4-mapped one as IPv4 (psc_endpt_lookup). */
function plainAddress(text: string): string {
  if (text.startsWith('::ffff:') && text.includes('.')) return text.slice('::ffff:'.length)
  const zone = text.indexOf('%')
  return zone < 0 ? text : text.slice(0, zone)
}

/** Both ends of a connection by the kernel's word; undefined when the peer has already gone. */
export function socketEndpoints(socket: Socket): Endpoints | undefined {
  const { remoteAddress, remotePort, localAddress, localPort } = socket
  if (remoteAddress === undefined || remotePort === undefined || localAddress === undefined || localPort === undefined) return undefined
  return {
    client: { address: plainAddress(remoteAddress), port: remotePort },
    server: { address: plainAddress(localAddress), port: localPort },
  }
}

/** Compiles the rule into the question that is asked of every connection: must this peer send a header? Throws for a network that is none. */
export function headerRequirement(rule: ProxyProtocolRule): (peerAddress: string) => boolean {
  if (rule.mode !== 'TrustedNetworks') return () => rule.mode === 'Required'
  const networks = rule.trustedNetworks.map((text) => {
    const network = parseNetwork(text)
    if (network === undefined) throw new TypeError(`no network: ${text}`)
    return network
  })
  const trusted = compileAddressTable([{ networks }])
  return (peerAddress) => trusted.lookup(peerAddress) >= 0
}

function refusal(received: Buffer, why: string): HeaderReading {
  return { is: 'bad', reason: `haproxy read: ${why}: ${escapeC(received.subarray(0, proxyHeaderLimit).toString('latin1'))}` }
}

/** Listens for `error` so that it is not thrown; `close` follows. */
const onlyClose = (): void => undefined

/** What the header means for this socket; undefined when more bytes are needed. */
function judge(socket: Socket, received: Buffer, result: ProxyHeaderResult): HeaderReading | undefined {
  if (result.is === 'more') return undefined
  if (result.is === 'bad') return refusal(received, result.why)
  const ends = result.addresses ?? socketEndpoints(socket)
  // LOCAL from a peer that has left again: getpeername fails.
  if (ends === undefined) return { is: 'bad', reason: 'haproxy read: EOF' }
  return {
    is: 'client',
    client: ends.client,
    server: ends.server,
    unread: received.length > result.length ? received.subarray(result.length) : nothing,
  }
}

/**
 * Reads the header from a fresh socket before anybody else does and calls `done` once; the socket is then paused and has no listeners of ours,
 * so `done` must see to its `error` event. Takes `timeoutMs` at most (postscreen_upstream_proxy_timeout) and keeps one read at most behind the header's limit.
 * After `bad` the caller logs the reason as a warning, sends `421 4.3.2 No system resources` and closes (psc_endpt_lookup_done).
 */
export function readProxyHeader(socket: Socket, timeoutMs: number, done: (reading: HeaderReading) => void): void {
  let received: Buffer = Buffer.alloc(0)
  const settle = (reading: HeaderReading): void => {
    clearTimeout(timer)
    socket.pause()
    socket.off('data', onData).off('end', onEnd).off('close', onEnd).off('error', onlyClose)
    done(reading)
  }
  const finish = (withoutBytes: string): void => {
    const result = finishProxyHeader(received)
    settle(
      received.length === 0 || result.is !== 'bad' ? { is: 'bad', reason: `haproxy read: ${withoutBytes}` } : refusal(received, result.why),
    )
  }
  const onData = (chunk: Buffer): void => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    const reading = judge(socket, received, parseProxyHeader(received))
    if (reading !== undefined) settle(reading)
  }
  const onEnd = (): void => finish('EOF')
  const timer = setTimeout(() => finish('time limit exceeded'), timeoutMs)
  socket.on('error', onlyClose).on('close', onEnd).on('end', onEnd).on('data', onData).resume()
}
