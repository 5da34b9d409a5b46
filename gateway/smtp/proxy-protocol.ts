// Who is at the other end of a fresh connection: its own addresses, or those of the PROXY header that a proxy in front sends first.
import type { Socket } from 'node:net'
import { compileAddressTable } from '../core/address-table.ts'
import { checkedNetwork } from '../../crds/values/network.ts'
import { escapeC } from '../core/printable.ts'
import { finishProxyHeader, parseProxyHeader, type ProxyHeaderResult, proxyHeaderLimit } from '../core/proxy-header.ts'
import type { Endpoint } from '../../crds/values/endpoint.ts'

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
  /** The header names no client (LOCAL, UNKNOWN or UNSPEC): the proxy checks the gateway. */
  | { readonly is: 'unnamed'; readonly unread: Uint8Array }
  /** Not a single byte came before the peer closed or the time was over. */
  | { readonly is: 'nothing'; readonly reason: 'haproxy read: EOF' | 'haproxy read: time limit exceeded' }
  /** `reason` is the text of postscreen's warning, such as `haproxy read: short protocol header`. */
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
  return addressesIn(rule.trustedNetworks)
}

/** Compiles CIDR texts that the policy has checked into a question about an address. Throws for a network that is none. */
export function addressesIn(texts: readonly string[]): (address: string) => boolean {
  // Asked of every connection: an empty list shall cost nothing.
  if (texts.length === 0) return () => false
  const table = compileAddressTable([{ networks: texts.map(checkedNetwork) }])
  return (address) => table.lookup(address) >= 0
}

function refusal(received: Buffer, why: string): HeaderReading {
  return { is: 'bad', reason: `haproxy read: ${why}: ${escapeC(received.subarray(0, proxyHeaderLimit).toString('latin1'))}` }
}

/** Listens for `error` so that it is not thrown; `close` follows. */
const onlyClose = (): void => undefined

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
 * Reads the header from a fresh socket before anybody else does and calls `done` once; the socket is then paused and has no listeners of ours,
 * so `done` must see to its `error` event. Takes `timeoutMs` at most (postscreen_upstream_proxy_timeout) and keeps one read at most behind the header's limit.
 * After `bad` and `nothing` the caller logs the reason as a warning, sends `421 4.3.2 No system resources` and closes (psc_endpt_lookup_done), unless it is a probe.
 */
export function readProxyHeader(socket: Socket, timeoutMs: number, done: (reading: HeaderReading) => void): void {
  let received: Buffer = Buffer.alloc(0)
  const settle = (reading: HeaderReading): void => {
    clearTimeout(timer)
    socket.pause()
    socket.off('data', onData).off('end', onEnd).off('close', onEnd).off('error', onlyClose)
    done(reading)
  }
  const finish = (withoutBytes: 'EOF' | 'time limit exceeded'): void => {
    const reason = `haproxy read: ${withoutBytes}` as const
    const result = finishProxyHeader(received)
    if (received.length === 0) settle({ is: 'nothing', reason })
    else settle(result.is === 'bad' ? refusal(received, result.why) : { is: 'bad', reason })
  }
  const onData = (chunk: Buffer): void => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    const reading = judge(received, parseProxyHeader(received))
    if (reading !== undefined) settle(reading)
  }
  const onEnd = (): void => finish('EOF')
  const timer = setTimeout(() => finish('time limit exceeded'), timeoutMs)
  socket.on('error', onlyClose).on('close', onEnd).on('end', onEnd).on('data', onData).resume()
}
