// Encodes a DNS question and reads the answer: what counts as an answer, and what it says.

import { encode, RECURSION_DESIRED } from 'dns-packet'
import type { DnsblError } from '../core/vocabulary.ts'
import {
  address6In,
  addressIn,
  checkSoa,
  classIN,
  type DnsRecord,
  exchangeIn,
  lowerCase,
  MalformedMessage,
  nameIn,
  nameKey,
  readSections,
  recordType,
  type Sections,
  textIn,
} from './dns-records.ts'

/**
 * What a message says about the question: it is not an answer to it (`foreign`), it was truncated, it cannot be read or
 * contradicts itself (`malformed`), this server cannot answer (`failure`), or the answer.
 */
export type Reading =
  | { readonly is: 'foreign' }
  | { readonly is: 'truncated' }
  | { readonly is: 'malformed'; readonly error: DnsblError }
  | { readonly is: 'failure'; readonly error: DnsblError }
  | ({ readonly is: 'answer' } & DnsAnswer)

/** What can be asked for. */
export type QueryType = 'A' | 'AAAA' | 'MX' | 'TXT'

/** What the records of the name say. */
export interface DnsAnswer {
  /** Of A and AAAA records. Of A records, none: not listed. */
  readonly addresses: readonly string[]
  /** Of TXT records: the strings of each joined, one character a byte. Of MX records: the hosts. */
  readonly texts?: readonly string[]
  /** In seconds, -1 when unknown. */
  readonly ttl: number
}

const headerBytes = 12
const rcodeNames = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED']
const noError = 0
const serverFailure = 2
const nxDomain = 3
const refused = 5
const mostHops = 10 // as in dns_lookup.c

const foreign: Reading = { is: 'foreign' }
const truncated: Reading = { is: 'truncated' }

/**
 * A query for the records of `name` (ASCII, no empty labels, no dot at its end) with recursion desired, id 0 (see
 * setId).
 *
 * No EDNS0: the answers of DNS lists are a few addresses or one SOA record, far below the 512 bytes of RFC 1035. A
 * larger answer is truncated and the question is repeated over TCP. Without EDNS0 no answer comes in IP fragments,
 * which are easy to forge, and old list servers that answer FORMERR to EDNS need no second question.
 *
 * No random capitals in the name (draft-vixie-dnsext-dns0x20): the part of the name that stands for the client is
 * digits, so the gain is small. A cache or list that answers in lower case would fail every lookup, and listed clients
 * would pass. The id and the source port are random, and sockets are connected.
 */
export function encodeQuery(name: string, type: QueryType = 'A'): Buffer {
  // A buffer from Node's pool: the codec would allocate one for each question, which costs more than encoding it.
  const query = Buffer.allocUnsafe(headerBytes + name.length + 2 + 4)
  return encode({ type: 'query', id: 0, flags: RECURSION_DESIRED, questions: [{ type, class: 'IN', name }] }, query)
}

export function setId(message: Buffer, id: number): void {
  message.writeUInt16BE(id, 0)
}

/** The id of any message, undefined when it is too short to be one. */
export function idOf(message: Buffer): number | undefined {
  return message.length < headerBytes ? undefined : message.readUInt16BE(0)
}

/** For a message that is not a valid answer. */
export function malformed(why: string): Reading {
  return { is: 'malformed', error: { kind: 'malformed', text: `malformed answer: ${why}` } }
}

/**
 * Reads `message`, whose id has been checked, as an answer to `query` (made by encodeQuery). Never throws, whatever the
 * bytes. Every record of the message must be complete, and every record of the type that was asked for must belong to
 * the name in the question: a listing is only ever read from the RDATA of a well-formed A record. The TTL is the lowest
 * of these records. Without one it is the lowest of the SOA records in the authority section (the record's own TTL, as
 * in dnsblog, not its MINIMUM field).
 */
export function readAnswer(message: Buffer, query: Buffer): Reading {
  if (message.length < headerBytes || (message.readUInt8(2) & 0xf8) !== 0x80) return foreign // not a response to a plain query
  const rcode = message.readUInt8(3) & 0x0f
  const failed = rcode !== noError && rcode !== nxDomain
  if (!repeatsQuestion(message, query)) {
    // A server that could not read the question or refuses it may leave it out.
    return failed && message.readUInt16BE(4) === 0 ? failure(rcode) : foreign
  }
  if (failed) return failure(rcode)
  if ((message.readUInt8(2) & 0x02) !== 0) return truncated
  try {
    return readValid(message, query, rcode)
  } catch (error) {
    if (error instanceof MalformedMessage) return malformed(error.message)
    throw error
  }
}

function failure(rcode: number): Reading {
  const kind = rcode === serverFailure ? 'servfail' : rcode === refused ? 'refused' : 'rcode'
  return { is: 'failure', error: { kind, text: rcodeNames[rcode] ?? `RCODE ${rcode}` } }
}

/** Whether there is exactly one question with our name (in any case, RFC 4343), type and class. */
function repeatsQuestion(message: Buffer, query: Buffer): boolean {
  const end = query.length
  if (message.length < end || message.readUInt16BE(4) !== 1) return false
  if (message.compare(query, headerBytes, end, headerBytes, end) === 0) return true
  const nameEnd = end - 4
  if (message.compare(query, nameEnd, end, nameEnd, end) !== 0) return false
  for (let i = headerBytes; i < nameEnd; i++) if (lowerCase(message[i] ?? 0) !== lowerCase(query[i] ?? 0)) return false
  return true
}

function readValid(message: Buffer, query: Buffer, rcode: number): Reading {
  const sections = readSections(message, query.length)
  const name = endOfChain(message, sections.answers, nameKey(query.subarray(headerBytes, -4)))
  const asked = typeIn(query)
  const found = sections.answers.filter(({ type }) => type === recordType[asked])
  for (const record of found) {
    if (record.class !== classIN) throw new MalformedMessage(`${withArticle(asked)} record of another class`)
    if (record.owner !== name) throw new MalformedMessage(`${withArticle(asked)} record of another name`)
  }
  if (found.length > 0) {
    if (rcode === nxDomain) throw new MalformedMessage(asked === 'A' ? 'NXDOMAIN with an address' : 'NXDOMAIN with a record')
    return { is: 'answer', ...contentsOf(message, asked, found), ttl: lowestTtl(found) }
  }
  if (!sections.answers.every(({ type }) => besideNoAddress.has(type))) throw new MalformedMessage('records of another type')
  if (rcode === noError && isReferral(message, sections)) return { is: 'failure', error: { kind: 'referral', text: 'referral' } }
  const soas = sections.authorities.filter((record) => record.type === recordType.SOA && record.class === classIN)
  for (const record of soas) checkSoa(message, record)
  return { is: 'answer', ...contentsOf(message, asked, []), ttl: lowestTtl(soas) }
}

const queryTypes: readonly QueryType[] = ['A', 'AAAA', 'MX', 'TXT']

/** The type in a query of encodeQuery: the last number but one. */
function typeIn(query: Buffer): QueryType {
  const written = query.readUInt16BE(query.length - 4)
  return queryTypes.find((type) => recordType[type] === written) ?? 'A'
}

const withArticle = (type: QueryType): string => (type === 'TXT' ? 'a TXT' : `an ${type}`)

function contentsOf(message: Buffer, asked: QueryType, records: readonly DnsRecord[]): Pick<DnsAnswer, 'addresses' | 'texts'> {
  switch (asked) {
    case 'A':
      return { addresses: records.map(addressIn) }
    case 'AAAA':
      return { addresses: records.map(address6In) }
    case 'MX':
      return { addresses: [], texts: records.map((record) => exchangeIn(message, record)) }
    case 'TXT':
      return { addresses: [], texts: records.map(textIn) }
  }
}

/**
 * What the answer section may hold without an address: an alias, and the records that belong to it (RFC 6672 3.1, RFC
 * 4035 3.1).
 */
const besideNoAddress: ReadonlySet<number> = new Set([recordType.CNAME, recordType.DNAME, recordType.RRSIG])

/** Follows the CNAME records from `name`. All of them must be part of one chain. */
function endOfChain(message: Buffer, answers: readonly DnsRecord[], name: string): string {
  const aliases = new Map<string, string>()
  for (const record of answers) {
    if (record.type !== recordType.CNAME) continue
    if (record.class !== classIN) throw new MalformedMessage('a CNAME record of another class')
    if (aliases.has(record.owner)) throw new MalformedMessage('two CNAME records of one name')
    aliases.set(record.owner, nameIn(message, record))
  }
  let owner = name
  let hops = 0
  for (let alias = aliases.get(owner); alias !== undefined; alias = aliases.get(owner)) {
    if (++hops > mostHops) throw new MalformedMessage('CNAME chain too long')
    owner = alias
  }
  if (hops < aliases.size) throw new MalformedMessage('a CNAME record of another name')
  return owner
}

/**
 * Name servers instead of an answer: the server does not know and does not recurse. As "not listed" it would let every
 * client in.
 */
function isReferral(message: Buffer, { authorities }: Sections): boolean {
  const isAuthoritative = (message.readUInt8(2) & 0x04) !== 0
  return (
    !isAuthoritative && authorities.some(({ type }) => type === recordType.NS) && !authorities.some(({ type }) => type === recordType.SOA)
  )
}

/** RFC 2181 8: a TTL with the top bit set means zero. */
function lowestTtl(records: readonly DnsRecord[]): number {
  return records.length === 0 ? -1 : Math.min(...records.map(({ ttl }) => (ttl > 0x7fffffff ? 0 : ttl)))
}
