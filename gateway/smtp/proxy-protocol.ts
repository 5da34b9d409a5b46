// The client's address when a proxy stands in front: reads the PROXY header that the proxy sends first.
import { compileAddressTable } from '../core/address-table.ts'
import type { Network } from '../../crds/values/network.ts'
import { escapeC } from '../core/printable.ts'
import { finishProxyHeader, parseProxyHeader, type ProxyHeaderResult, proxyHeaderLimit } from '../core/proxy-header.ts'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { TcpSocket } from '../sockets/tcp-socket.ts'

/**
 * `TrustedNetworks`: these peers must send a header; all others are clients themselves, and what they send is never
 * read as a header.
 */
export interface ProxyProtocolRule {
  readonly mode: 'None' | 'Required' | 'TrustedNetworks'
  readonly trustedNetworks: readonly Network[]
}

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

/** Compiles the rule into a function that is called for every connection: whether this peer must send a header. */
export function headerRequirement(rule: ProxyProtocolRule): (peerAddress: string) => boolean {
  if (rule.mode !== 'TrustedNetworks') return () => rule.mode === 'Required'
  return addressesIn(rule.trustedNetworks)
}

/** Compiles networks into a function that tells whether they contain an address. */
export function addressesIn(networks: readonly Network[]): (address: string) => boolean {
  // Called for every connection: an empty list should cost nothing.
  if (networks.length === 0) return () => false
  const table = compileAddressTable([{ networks }])
  return (address) => table.lookup(address) >= 0
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
