// One DNS question and the reading of what came back for it: what counts as an answer, and what it says.

import { isIPv4 } from 'node:net'
import { type Answer, decode, encode, type DecodedPacket, RECURSION_DESIRED } from 'dns-packet'

/** What a message says about the question: that it is no answer to it, that it was cut, that this server cannot tell, or the answer. */
export type Reading =
  | { readonly is: 'foreign' }
  | { readonly is: 'truncated' }
  | { readonly is: 'failure'; readonly error: string }
  /** `addresses` empty: not listed. `ttl` in seconds, -1 when unknown. */
  | { readonly is: 'answer'; readonly addresses: readonly string[]; readonly ttl: number }

const headerBytes = 12
const rcodeNames = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED']
const noError = 0
const nxDomain = 3
const mostHops = 10 // as dns_lookup.c, which gives up there; loops end here too
// Enough for any list; a cap because dns-packet follows chains of compression pointers without a limit of its own:
// a 64 KB message of 4,000 records that all point into one long chain took it 212 ms, with these caps 5 ms.
const mostAnswers = 100
const mostAuthorities = 16

const foreign: Reading = { is: 'foreign' }
const truncated: Reading = { is: 'truncated' }
const malformed = failure('malformed answer')

/**
 * A query for the A records of `name` (ASCII, no dot at its end) with recursion desired, id 0 (see setId).
 *
 * No EDNS0: these answers are a few addresses or one SOA, far below the 512 bytes of RFC 1035; what is larger is cut and asked
 * again over TCP. Without it no answer comes in fragments (the part of a datagram that is easiest to forge), and old list servers
 * that answer FORMERR to EDNS need no second question.
 *
 * No random capitals in the name (draft-vixie-dnsext-dns0x20): the half of the name that names the client is digits, so there is
 * little to gain, and a cache or list that answers in small letters would lose every lookup, which means listed clients let through.
 * The id and the source port are random, and sockets are connected.
 */
export function encodeQuery(name: string): Buffer {
  // A buffer from Node's pool: the codec would allocate each on its own, which costs more than to write it.
  const query = Buffer.allocUnsafe(headerBytes + name.length + 2 + 4)
  return encode({ type: 'query', id: 0, flags: RECURSION_DESIRED, questions: [{ type: 'A', class: 'IN', name }] }, query)
}

export function setId(message: Buffer, id: number): void {
  message.writeUInt16BE(id, 0)
}

/** The id of any message, undefined when it is too short to be one. */
export function idOf(message: Buffer): number | undefined {
  return message.length < headerBytes ? undefined : message.readUInt16BE(0)
}

/**
 * Reads `message`, whose id has been checked, as an answer to `query` (made by encodeQuery for `name`). Never throws, whatever the bytes.
 * TTL: the lowest of the A records; of the SOA records in the authority section when there is no address (the record's own TTL, as
 * dnsblog has it, not its MINIMUM field). Overwrites the counts in the header of `message`.
 */
export function readAnswer(message: Buffer, query: Buffer, name: string): Reading {
  if (message.length < headerBytes || (message.readUInt8(2) & 0xf8) !== 0x80) return foreign // no response to a plain query
  const rcode = message.readUInt8(3) & 0x0f
  const failed = rcode !== noError && rcode !== nxDomain
  if (!repeatsQuestion(message, query)) {
    // A server that could not read or does not want the question may leave it out.
    return failed && message.readUInt16BE(4) === 0 ? failure(rcodeName(rcode)) : foreign
  }
  if (failed) return failure(rcodeName(rcode))
  if ((message.readUInt8(2) & 0x02) !== 0) return truncated
  const packet = decodeUseful(message)
  if (packet === undefined) return malformed
  if (rcode === nxDomain) return { is: 'answer', addresses: [], ttl: lowestSoaTtl(packet) }
  return addressesOf(packet, name)
}

function failure(error: string): Reading {
  return { is: 'failure', error }
}

function rcodeName(rcode: number): string {
  return rcodeNames[rcode] ?? `RCODE ${rcode}`
}

/** Exactly one question, and it is ours: name without regard to case (RFC 4343), type and class. */
function repeatsQuestion(message: Buffer, query: Buffer): boolean {
  const end = query.length
  if (message.length < end || message.readUInt16BE(4) !== 1) return false
  if (message.compare(query, headerBytes, end, headerBytes, end) === 0) return true
  for (let i = headerBytes; i < end; i++) if (lowerCase(message[i]) !== lowerCase(query[i])) return false
  return true
}

function lowerCase(byte: number | undefined): number | undefined {
  return byte !== undefined && byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte
}

/** Decodes the answer and authority sections only: the additional section has nothing for us, and what is not read cannot do harm. */
function decodeUseful(message: Buffer): DecodedPacket | undefined {
  const answers = message.readUInt16BE(6)
  const authorities = message.readUInt16BE(8)
  message.writeUInt16BE(Math.min(answers, mostAnswers), 6)
  // Records of the authority section follow the last answer: they are out of reach when answers are left out.
  message.writeUInt16BE(answers > mostAnswers ? 0 : Math.min(authorities, mostAuthorities), 8)
  message.writeUInt16BE(0, 10)
  try {
    return decode(message)
  } catch {
    return undefined
  }
}

/** Follows CNAME records from `name` within the answer section. */
function addressesOf(packet: DecodedPacket, name: string): Reading {
  const answers = packet.answers ?? []
  let owner = name.toLowerCase()
  for (let hops = 0; hops <= mostHops; hops++) {
    const addresses: string[] = []
    let ttl = -1
    let alias: string | undefined
    for (const record of answers) {
      if (!isOwnedBy(record, owner)) continue
      if (record.type === 'A') {
        // dns-packet reads what is beyond the end of a cut record as "undefined". Neither a listing nor a proof of none.
        if (!isIPv4(record.data)) return malformed
        addresses.push(record.data)
        ttl = lower(ttl, record.ttl)
      } else if (record.type === 'CNAME') alias ??= record.data.toLowerCase()
    }
    if (addresses.length > 0) return { is: 'answer', addresses, ttl }
    if (alias === undefined) return isReferral(packet) ? failure('referral') : { is: 'answer', addresses: [], ttl: lowestSoaTtl(packet) }
    owner = alias
  }
  return failure('CNAME chain too long')
}

function isOwnedBy(record: Answer, owner: string): boolean {
  // `flush` is the top bit of the class, which has a meaning in multicast DNS only.
  return record.type !== 'OPT' && record.class === 'IN' && record.flush !== true && record.name.toLowerCase() === owner
}

/** A server that neither knows nor asks on: name servers instead of an answer. Taken for "not listed" it would let everybody in. */
function isReferral(packet: DecodedPacket): boolean {
  const authorities = packet.authorities ?? []
  return !packet.flag_aa && authorities.some((r) => r.type === 'NS') && !authorities.some((r) => r.type === 'SOA')
}

function lowestSoaTtl(packet: DecodedPacket): number {
  let ttl = -1
  for (const record of packet.authorities ?? []) if (record.type === 'SOA') ttl = lower(ttl, record.ttl)
  return ttl
}

function lower(current: number, ttl: number | undefined): number {
  const seconds = ttl === undefined || ttl > 0x7fffffff ? 0 : ttl // RFC 2181 8: the top bit set means zero
  return current < 0 ? seconds : Math.min(current, seconds)
}
