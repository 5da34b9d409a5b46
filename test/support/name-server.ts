// A name server with the test blocklists, for tests that need no real one: it can also be slow, refuse, or say nothing.

import { createSocket } from 'node:dgram'
import type { RemoteInfo } from 'node:dgram'
import { once } from 'node:events'
import { AUTHORITATIVE_ANSWER, decode, encode } from 'dns-packet'
import type { Answer, Packet } from 'dns-packet'
import type { DnsblAnswer } from '../../gateway/core/vocabulary.ts'

interface Zone {
  /** Start of a client's address -> addresses that the list answers. */
  readonly listed: Readonly<Record<string, readonly string[]>>
  readonly does?: 'answers slowly' | 'refuses' | 'says nothing' | 'tells no SOA'
}

const positiveTTL = 2048
/** Of the SOA in negative answers: how long "not listed" is good. */
const negativeTTL = 300
const slowMs = 400
const quickMs = 1

/** The lists that scenarios may ask. The first four are those of the recordings (test/peers/files/rbl). */
const zones: Readonly<Record<string, Zone>> = {
  'bl1.test': { listed: { '127.40.': ['127.0.0.2'], '127.45.': ['127.255.255.254'] } },
  'bl2.test': { listed: { '127.40.': ['127.0.0.4'] } },
  'bl3.test': { listed: { '127.41.': ['127.0.0.10'] } },
  'wl.test': { listed: { '127.42.': ['127.0.0.3'] } },
  'many.test': { listed: { '127.46.': ['127.0.0.3', '127.0.0.10'] } },
  'six.test': { listed: { '2001:db8:0:40:': ['127.0.0.2'] } },
  'quick.test': { listed: { '127.47.': ['127.0.0.5'] } },
  'slow.test': { listed: { '127.47.': ['127.0.0.2'] }, does: 'answers slowly' },
  'bare.test': { listed: {}, does: 'tells no SOA' },
  'refused.test': { listed: {}, does: 'refuses' },
  'silent.test': { listed: {}, does: 'says nothing' },
}

export interface NameServer {
  readonly address: string
  readonly port: number
  stop(): void
}

/** Serves over UDP; port 0 takes a free one. */
export async function startNameServer(address = '127.0.0.1', port = 0): Promise<NameServer> {
  const socket = createSocket('udp4')
  let isStopped = false
  socket.on('message', (message, from) => {
    const query = decode(message)
    const [zone, listed] = lookUp(query)
    if (zone?.does === 'says nothing') return
    const send = (): void => {
      // A slow answer may be due when the server has stopped.
      if (!isStopped) reply(query, zone, listed, (bytes) => socket.send(bytes, from.port, from.address))
    }
    if (zone?.does === 'answers slowly') setTimeout(send, slowMs)
    else send()
  })
  socket.bind(port, address)
  await once(socket, 'listening')
  const stop = (): void => {
    isStopped = true
    socket.close()
  }
  return { address, port: (socket.address() as RemoteInfo).port, stop }
}

function lookUp(query: Packet): [zone: Zone | undefined, listed: readonly string[]] {
  const question = query.questions?.[0]
  const name = Object.keys(zones).find((one) => question?.name.endsWith(`.${one}`) === true)
  if (question === undefined || name === undefined) return [undefined, []]
  const listed = question.type === 'A' ? listedIn(name, clientOf(question.name.slice(0, -name.length - 1))) : []
  return [zones[name], listed]
}

function listedIn(domain: string, client: string): readonly string[] {
  const listed = Object.entries(zones[domain]?.listed ?? {}).find(([start]) => client.startsWith(start))
  return listed?.[1] ?? []
}

/** What a resolver would make of the list's answer about a client, and after how many milliseconds; undefined when none comes. */
export function resolved(domain: string, client: string): { readonly answer: DnsblAnswer; readonly afterMs: number } | undefined {
  const zone = zones[domain]
  if (zone?.does === 'says nothing') return undefined
  const afterMs = zone?.does === 'answers slowly' ? slowMs : quickMs
  if (zone === undefined || zone.does === 'refuses')
    return { answer: { domain, addresses: [], ttl: -1, error: { kind: 'refused', text: 'REFUSED' } }, afterMs }
  const addresses = listedIn(domain, client)
  const negative = zone.does === 'tells no SOA' ? -1 : negativeTTL
  return { answer: { domain, addresses, ttl: addresses.length > 0 ? positiveTTL : negative }, afterMs }
}

/** `1.0.40.127` is 127.40.0.1; 32 nibbles are an IPv6 address, here without its last groups, in which no zone is interested. */
function clientOf(reversed: string): string {
  const parts = reversed.split('.').toReversed()
  if (parts.length !== 32) return parts.join('.')
  const groups = Array.from({ length: 8 }, (_, index) => Number.parseInt(parts.slice(index * 4, index * 4 + 4).join(''), 16).toString(16))
  return groups.join(':')
}

function reply(query: Packet, zone: Zone | undefined, listed: readonly string[], send: (bytes: Buffer) => void): void {
  const name = query.questions?.[0]?.name ?? ''
  const refused = zone === undefined || zone.does === 'refuses'
  const answers: Answer[] = listed.map((data) => ({ type: 'A', name, ttl: positiveTTL, data }))
  const soa: Answer = { type: 'SOA', name: name.split('.').slice(-2).join('.'), ttl: negativeTTL, data: soaData }
  const rcode = refused ? 5 : answers.length > 0 ? 0 : 3
  send(
    encode({
      id: query.id ?? 0,
      type: 'response',
      flags: AUTHORITATIVE_ANSWER | rcode,
      questions: query.questions ?? [],
      answers,
      authorities: refused || answers.length > 0 || zone.does === 'tells no SOA' ? [] : [soa],
    }),
  )
}

const soaData = { mname: 'ns.test', rname: 'hostmaster.test', serial: 1, refresh: 600, retry: 300, expire: 86_400, minimum: negativeTTL }
