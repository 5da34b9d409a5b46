// Reads the records of a DNS message strictly (RFC 1035 4.1): a message that contradicts its own lengths and counts is
// malformed.
import { formatIPv6 } from '../../crds/values/address.ts'

/** The message cannot be read, or contradicts itself. The text says why, in a few words. */
export class MalformedMessage extends Error {}

/** One resource record. Names are keys (see `nameKey`); `data` is RDATA as in the message. */
export interface DnsRecord {
  readonly owner: string
  readonly type: number
  readonly class: number
  readonly ttl: number
  readonly data: Buffer
  /** Where `data` begins in the message. */
  readonly dataAt: number
}

export interface Sections {
  readonly answers: readonly DnsRecord[]
  readonly authorities: readonly DnsRecord[]
}

/** IANA "Resource Record (RR) TYPEs". */
export const recordType = { A: 1, NS: 2, CNAME: 5, SOA: 6, MX: 15, TXT: 16, AAAA: 28, DNAME: 39, RRSIG: 46 } as const
export const classIN = 1

const headerBytes = 12
/** A DNS list answers with a few addresses. This limits the cost of a message of 64 KB. */
const mostRecords = 256
/** RFC 1035 2.3.4. */
const longestName = 255
/** A name of 255 bytes has at most 127 labels, and a valid message has at most one pointer for each of them. */
const mostPointers = 127

/**
 * The name's bytes in the message, uncompressed, with A to Z in lower case (RFC 4343), one character each. Equal for
 * equal names only.
 */
export function nameKey(wire: Uint8Array): string {
  let key = ''
  for (const byte of wire) key += String.fromCharCode(lowerCase(byte))
  return key
}

/** Length bytes are below 64, so only letters change. */
export function lowerCase(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte
}

/**
 * Reads all sections after the question, which ends at `start`. The additional section says nothing about the question:
 * it is checked and left out.
 * @throws MalformedMessage
 */
export function readSections(message: Buffer, start: number): Sections {
  const counts = [message.readUInt16BE(6), message.readUInt16BE(8), message.readUInt16BE(10)] as const
  if (counts[0] + counts[1] + counts[2] > mostRecords) throw new MalformedMessage(`more than ${mostRecords} records`)
  let at = start
  const [answers = [], authorities = []] = counts.map((count) =>
    Array.from({ length: count }, () => {
      const record = readRecord(message, at)
      at = record.dataAt + record.data.length
      return record
    }),
  )
  if (at !== message.length) throw new MalformedMessage(`${message.length - at} bytes after the last record`)
  return { answers, authorities }
}

function readRecord(message: Buffer, start: number): DnsRecord {
  const { key, end } = readName(message, start)
  if (end + 10 > message.length) throw new MalformedMessage('a record is cut off')
  const dataAt = end + 10
  const length = message.readUInt16BE(end + 8)
  if (dataAt + length > message.length) throw new MalformedMessage('RDLENGTH goes beyond the message')
  return {
    owner: key,
    type: message.readUInt16BE(end),
    class: message.readUInt16BE(end + 2),
    ttl: message.readUInt32BE(end + 4),
    data: message.subarray(dataAt, dataAt + length),
    dataAt,
  }
}

/** The address in an A record, as a dotted quad. @throws MalformedMessage unless RDATA has four bytes */
export function addressIn({ data }: DnsRecord): string {
  if (data.length !== 4) throw new MalformedMessage(`an A record with RDLENGTH ${data.length}`)
  return data.join('.')
}

/**
 * The address in an AAAA record, in canonical form. @throws MalformedMessage unless RDATA has 16 bytes (RFC 3596 2.2)
 */
export function address6In({ data }: DnsRecord): string {
  if (data.length !== 16) throw new MalformedMessage(`an AAAA record with RDLENGTH ${data.length}`)
  return formatIPv6(BigInt(`0x${data.toString('hex')}`))
}

/**
 * The strings of a TXT record joined, one character a byte (RFC 1035 3.3.14, RFC 7208 3.3).
 * @throws MalformedMessage unless RDATA consists of strings
 */
export function textIn({ data }: DnsRecord): string {
  const strings: string[] = []
  let at = 0
  while (at < data.length) {
    const end = at + 1 + (data[at] ?? 0)
    if (end > data.length) throw new MalformedMessage('a string of a TXT record is cut off')
    strings.push(data.toString('latin1', at + 1, end))
    at = end
  }
  return strings.join('')
}

/**
 * The host of an MX record (RFC 1035 3.3.9), in lower case, without a dot at its end; empty for the root (RFC 7505).
 * @throws MalformedMessage unless RDATA is a number and a name
 */
export function exchangeIn(message: Buffer, { data, dataAt }: DnsRecord): string {
  if (data.length < 3) throw new MalformedMessage(`an MX record with RDLENGTH ${data.length}`)
  const { key, end } = readName(message, dataAt + 2)
  if (end !== dataAt + data.length) throw new MalformedMessage('RDLENGTH does not fit the name in RDATA')
  return textOfKey(key)
}

/** A dot inside a label looks like one between labels: such a name leads to another one, and not to a wrong record. */
function textOfKey(key: string): string {
  const labels: string[] = []
  let at = 0
  for (let length = key.charCodeAt(0); length > 0; length = key.charCodeAt(at)) {
    labels.push(key.slice(at + 1, at + 1 + length))
    at += 1 + length
  }
  return labels.join('.')
}

/** The one name that RDATA consists of, as in a CNAME record. @throws MalformedMessage where there is more or less */
export function nameIn(message: Buffer, { data, dataAt }: DnsRecord): string {
  const { key, end } = readName(message, dataAt)
  if (end !== dataAt + data.length) throw new MalformedMessage('RDLENGTH does not fit the name in RDATA')
  return key
}

/** @throws MalformedMessage unless RDATA is two names and five numbers (RFC 1035 3.3.13) */
export function checkSoa(message: Buffer, { data, dataAt }: DnsRecord): void {
  const { end } = readName(message, readName(message, dataAt).end)
  if (end + 20 !== dataAt + data.length) throw new MalformedMessage('an SOA record with a wrong RDLENGTH')
}

/**
 * Reads a name that may be compressed. Each pointer must point to a place before the part that contains it, so there
 * cannot be a loop (RFC 1035 4.1.4: "a prior occurrence").
 */
function readName(message: Buffer, start: number): { readonly key: string; readonly end: number } {
  let key = ''
  let at = start
  let partAt = start
  let end: number | undefined
  for (let pointers = 0; ;) {
    const length = byteAt(message, at)
    if (length >= 0xc0) {
      const target = (length & 0x3f) * 256 + byteAt(message, at + 1)
      if (target >= partAt || target < headerBytes) throw new MalformedMessage('a compression pointer that does not lead back')
      if (++pointers > mostPointers) throw new MalformedMessage('too many compression pointers')
      end ??= at + 2
      at = target
      partAt = target
      continue
    }
    if (length > 63) throw new MalformedMessage('a label of an unknown kind')
    const next = at + 1 + length
    if (next > message.length) throw new MalformedMessage('a name is cut off')
    key += nameKey(message.subarray(at, next))
    if (key.length > longestName) throw new MalformedMessage('a name of more than 255 bytes')
    if (length === 0) return { key, end: end ?? next }
    at = next
  }
}

function byteAt(message: Buffer, at: number): number {
  const byte = message[at]
  if (byte === undefined) throw new MalformedMessage('a name is cut off')
  return byte
}
