// The name server of the demo: two invented DNS lists on a loopback port, so that the demo needs no network.
import { createSocket } from 'node:dgram'
import dnsPacket from 'dns-packet'
import type { Endpoint } from '../../crds/values/endpoint.ts'

/** The replies: list → client → address. 127.0.0.2 is the test point of every list (RFC 5782 5). */
const lists: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'bl.demo': { '127.0.0.2': '127.0.0.2', '127.0.0.66': '127.0.0.2' },
  'wl.demo': { '127.0.0.2': '127.0.0.3', '127.0.0.77': '127.0.0.3' },
}

/** The TTL of replies, in seconds. It is short, so that a changed policy has a visible effect soon. */
const ttl = 60

export interface ListServer {
  readonly endpoint: Endpoint
  close(): void
}

/** Starts the name server on a free port of 127.0.0.1. Rejects if the socket cannot be bound. */
export async function serveLists(): Promise<ListServer> {
  const socket = createSocket('udp4')
  socket.on('message', (query, from) => {
    const reply = answer(query)
    if (reply !== undefined) socket.send(reply, from.port, from.address)
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(0, '127.0.0.1', resolve)
  })
  return { endpoint: socket.address(), close: () => void socket.close() }
}

/**
 * The reply to one query packet; `undefined` if it is not a query. An unlisted name gets NXDOMAIN with an SOA record
 * (RFC 2308).
 */
export function answer(query: Uint8Array): Uint8Array | undefined {
  const packet = decode(query)
  const question = packet?.questions?.[0]
  if (packet === undefined || packet.type !== 'query' || question === undefined) return undefined
  const found = question.type === 'A' ? lookUp(question.name) : undefined
  const zone = Object.keys(lists).find((list) => question.name.toLowerCase().endsWith(list)) ?? 'demo'
  return dnsPacket.encode({
    id: packet.id ?? 0,
    type: 'response',
    flags: dnsPacket.AUTHORITATIVE_ANSWER | (found === undefined ? nameDoesNotExist : 0),
    questions: [question],
    answers: found === undefined ? [] : [{ type: 'A', name: question.name, ttl, data: found }],
    authorities: found === undefined ? [{ type: 'SOA', name: zone, ttl, data: startOfAuthority(zone) }] : [],
  })
}

/** RCODE 3, in the low bits of the flags of a reply. */
const nameDoesNotExist = 3

function decode(query: Uint8Array): dnsPacket.Packet | undefined {
  try {
    return dnsPacket.decode(Buffer.from(query))
  } catch {
    return undefined
  }
}

/** `66.0.0.127.bl.demo` → the reply of bl.demo for 127.0.0.66. */
function lookUp(name: string): string | undefined {
  const labels = name.toLowerCase().split('.')
  const client = labels.slice(0, 4).toReversed().join('.')
  return lists[labels.slice(4).join('.')]?.[client]
}

function startOfAuthority(zone: string): dnsPacket.SoaData {
  return { mname: `ns.${zone}`, rname: `postmaster.${zone}`, serial: 1, refresh: 3600, retry: 600, expire: 86400, minimum: ttl }
}
