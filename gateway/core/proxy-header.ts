// The PROXY protocol header, versions 1 and 2. It is read as Postfix reads it (haproxy_srvr.c), and written so that
// Postfix from 2.10 (V1) and 3.5 (V2) on can read it.
import { formatIPv4, formatIPv6, parseAddress, parseIPv6 } from '../../crds/values/address.ts'
import type { Endpoint } from '../../crds/values/endpoint.ts'

/** The two ends of the client's connection to the proxy. */
export interface ProxyAddresses {
  readonly client: Endpoint
  readonly server: Endpoint
}

export type ProxyHeaderFound = {
  readonly is: 'header'
  /** Bytes that the header takes; what follows is the client's. */
  readonly length: number
  readonly version: 1 | 2
  /**
   * Undefined for LOCAL, UNKNOWN and UNSPEC: the header names no client, so the connection is the proxy's own (a health
   * check).
   */
  readonly addresses: ProxyAddresses | undefined
}

export type ProxyHeaderBad = { readonly is: 'bad'; readonly why: string }

/** `more`: more bytes can complete the header. */
export type ProxyHeaderResult = { readonly is: 'more' } | ProxyHeaderFound | ProxyHeaderBad

/** The longest header in bytes, TLVs included (haproxy_srvr.h HAPROXY_HEADER_MAX_LEN). */
export const proxyHeaderLimit = 536

const textStart = Uint8Array.of(0x50, 0x52, 0x4f, 0x58, 0x59, 0x20)
const signature = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a)
/** Signature, version and command, family, length. */
const fixedLength = 16
const proxyCommand = 0x21
const localCommand = 0x20
const tcp4 = 0x11
const tcp6 = 0x21
/** The address family UNSPEC, with each of the transports that there are. */
const unspecified: ReadonlySet<number> = new Set([0x00, 0x01, 0x02])

const more = { is: 'more' } as const
const bad = (why: string): ProxyHeaderBad => ({ is: 'bad', why })

/** Whether the bytes begin with `start`, as far as they have arrived. */
function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  const known = Math.min(bytes.length, start.length)
  for (let i = 0; i < known; i++) if (bytes[i] !== start[i]) return false
  return true
}

/**
 * IPv4 as Postfix takes it: valid_ipv4_hostaddr refuses 0.x.y.z but not 0.0.0.0; getaddrinfo then reads a leading zero
 * as octal.
 */
function parseQuad(text: string): number | undefined {
  const fields = text.split('.')
  if (fields.length !== 4) return undefined
  let value = 0
  for (const field of fields) {
    if (!/^[0-9]+$/.test(field) || Number(field) > 255) return undefined
    const octal = field.length > 1 && field.startsWith('0')
    if (octal && /[89]/.test(field)) return undefined
    value = value * 256 + Number.parseInt(field, octal ? 8 : 10)
  }
  return Number(fields[0]) === 0 && /[^0.]/.test(text) ? undefined : value
}

/**
 * IPv6 as Postfix takes it: `::` stands for two groups or more (valid_ipv6_hostaddr), an IPv4 tail has no leading zeros
 * (inet_pton).
 */
function parseLongAddress(text: string): bigint | undefined {
  const words = text.split(':')
  if (words.length > 8) return undefined
  const tail = words.at(-1) ?? ''
  if (tail.includes('.') && (/(^|\.)0[0-9]/.test(tail) || parseQuad(tail) === undefined)) return undefined
  return parseIPv6(text)
}

/** 128 bits as text; an IPv4-mapped address is the IPv4 address (normalize_v4mapped_sockaddr). */
function formatLongAddress(value: bigint): string {
  return value >> 32n === 0xffffn ? formatIPv4(Number(value & 0xffffffffn)) : formatIPv6(value)
}

/**
 * The canonical text of a version 1 address; undefined when it is not of that family. Postfix accepts 45 characters.
 */
function readAddress(family: 4 | 6, text: string | undefined): string | undefined {
  if (text === undefined || text.length > 45) return undefined
  if (family === 4) {
    const value = parseQuad(text)
    return value === undefined ? undefined : formatIPv4(value)
  }
  const value = parseLongAddress(text)
  return value === undefined ? undefined : formatLongAddress(value)
}

/** valid_hostport: digits, at most 65535, no leading zero. */
function readPort(text: string | undefined): number | undefined {
  if (text === undefined || !/^(0|[1-9][0-9]{0,4})$/.test(text)) return undefined
  const port = Number(text)
  return port <= 65535 ? port : undefined
}

/** Version 1: `PROXY TCP4 CLIENT SERVER CLIENT-PORT SERVER-PORT`, CR optional, further fields ignored. */
function parseText(bytes: Uint8Array): ProxyHeaderResult {
  const seen = bytes.subarray(0, proxyHeaderLimit)
  const end = seen.indexOf(0x0a)
  const nul = seen.indexOf(0)
  // A C string ends at a NUL byte: the newline behind it does not count.
  if (nul >= 0 && (end < 0 || nul < end)) return bad('missing protocol header terminator')
  if (end < 0) return bytes.length < proxyHeaderLimit ? more : bad('missing protocol header terminator')
  const line = String.fromCharCode(...seen.subarray(textStart.length, end))
  const [protocol, clientText, serverText, clientPortText, serverPortText] = line.split(/[ \r]+/).filter((word) => word !== '')
  // postscreen incompatibility: a bad protocol to Postfix. Load balancers send it with their own connections (Google's
  // health checks). What follows it up to the end of the line is ignored, as the protocol says.
  if (/^unknown$/i.test(protocol ?? '')) return { is: 'header', length: end + 1, version: 1, addresses: undefined }
  const family = /^tcp4$/i.test(protocol ?? '') ? 4 : /^tcp6$/i.test(protocol ?? '') ? 6 : undefined
  if (family === undefined) return bad('bad or missing protocol type')
  const client = readAddress(family, clientText)
  if (client === undefined) return bad('bad or missing client address')
  const server = readAddress(family, serverText)
  if (server === undefined) return bad('bad or missing server address')
  const clientPort = readPort(clientPortText)
  if (clientPort === undefined) return bad('bad or missing client port')
  const serverPort = readPort(serverPortText)
  if (serverPort === undefined) return bad('bad or missing server port')
  const addresses = { client: { address: client, port: clientPort }, server: { address: server, port: serverPort } }
  return { is: 'header', length: end + 1, version: 1, addresses }
}

function shortAddress(view: DataView, offset: number): string {
  return formatIPv4(view.getUint32(offset))
}

function longAddress(view: DataView, offset: number): string {
  return formatLongAddress((view.getBigUint64(offset) << 64n) | view.getBigUint64(offset + 8))
}

/** The address block of version 2's PROXY command; TLVs behind it are skipped. */
function readBlock(view: DataView, family: number, available: number): ProxyAddresses | ProxyHeaderBad {
  if (family !== tcp4 && family !== tcp6) return bad('unsupported network protocol')
  const size = family === tcp4 ? 4 : 16
  if (available < 2 * size + 4) return bad('short address field')
  const address = family === tcp4 ? shortAddress : longAddress
  const ports = fixedLength + 2 * size
  return {
    client: { address: address(view, fixedLength), port: view.getUint16(ports) },
    server: { address: address(view, fixedLength + size), port: view.getUint16(ports + 2) },
  }
}

/** Version 2, the binary one. */
function parseBinary(bytes: Uint8Array): ProxyHeaderResult {
  if (!startsWith(bytes, signature)) return bad(bytes.length < fixedLength ? 'short protocol header' : 'unrecognized protocol header')
  if (bytes.length < fixedLength) return more
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const command = view.getUint8(12)
  if (command >> 4 !== 2) return bad('unrecognized protocol version')
  const available = view.getUint16(14)
  const length = fixedLength + available
  if (length > proxyHeaderLimit) return bad('short version 2 protocol header')
  if (bytes.length < length) return more
  if (command === localCommand) return { is: 'header', length, version: 2, addresses: undefined }
  if (command !== proxyCommand) return bad('bad command in proxy header')
  const family = view.getUint8(13)
  // postscreen incompatibility: an unsupported protocol to Postfix.
  if (unspecified.has(family)) return { is: 'header', length, version: 2, addresses: undefined }
  const block = readBlock(view, family, available)
  return 'why' in block ? block : { is: 'header', length, version: 2, addresses: block }
}

/**
 * Looks for a header at the start of what a connection has sent so far; nothing behind the header is looked at.
 * Reasons are Postfix's own for the same bytes.
 * postscreen incompatibility: postscreen looks once, and a header that came in several segments is an error; here
 * `more` is an answer.
 */
export function parseProxyHeader(bytes: Uint8Array): ProxyHeaderResult {
  if (!startsWith(bytes, textStart)) return parseBinary(bytes)
  return bytes.length < textStart.length ? more : parseText(bytes)
}

/**
 * The same when no more bytes will come, because the peer has closed or its time is over: what is incomplete gets
 * Postfix's reason.
 */
export function finishProxyHeader(bytes: Uint8Array): ProxyHeaderFound | ProxyHeaderBad {
  const result = parseProxyHeader(bytes)
  if (result.is !== 'more') return result
  if (bytes.length >= textStart.length && startsWith(bytes, textStart)) return bad('missing protocol header terminator')
  return bad(bytes.length < fixedLength ? 'short protocol header' : 'short version 2 protocol header')
}

function writeText(client: Endpoint, server: Endpoint, family: 4 | 6): Uint8Array {
  const mapped = (address: string): string => (family === 6 && !address.includes(':') ? `::ffff:${address}` : address)
  const line = `PROXY TCP${family} ${mapped(client.address)} ${mapped(server.address)} ${client.port} ${server.port}\r\n`
  return new TextEncoder().encode(line)
}

function writeFixed(length: number, command: number, family: number): { header: Uint8Array; view: DataView } {
  const header = new Uint8Array(length)
  header.set(signature)
  const view = new DataView(header.buffer)
  view.setUint8(12, command)
  view.setUint8(13, family)
  view.setUint16(14, length - fixedLength)
  return { header, view }
}

/**
 * The header that tells a backend of `client` and `server` (canonical addresses).
 * When the two are of different families the IPv4 one is written IPv4-mapped in a TCP6 header: Postfix turns it back
 * into IPv4, while it refuses the mapped form under TCP4 and refuses UNKNOWN altogether.
 * Throws when a text is not an address: addresses have been parsed long before.
 */
export function writeProxyHeader(version: 'V1' | 'V2', client: Endpoint, server: Endpoint): Uint8Array {
  const from = parseAddress(client.address)
  const to = parseAddress(server.address)
  if (from === undefined || to === undefined) throw new TypeError(`not an IP address: ${client.address} or ${server.address}`)
  const short = from.family === 4 && to.family === 4
  if (version === 'V1') return writeText(client, server, short ? 4 : 6)
  const size = short ? 4 : 16
  const { header, view } = writeFixed(fixedLength + 2 * size + 4, proxyCommand, short ? tcp4 : tcp6)
  for (const [i, end] of [from, to].entries()) {
    const offset = fixedLength + i * size
    if (end.family === 6) {
      view.setBigUint64(offset, end.value >> 64n)
      view.setBigUint64(offset + 8, end.value & 0xffffffffffffffffn)
    } else {
      if (!short) view.setUint16(offset + 10, 0xffff)
      view.setUint32(offset + size - 4, end.value)
    }
  }
  view.setUint16(fixedLength + 2 * size, client.port)
  view.setUint16(fixedLength + 2 * size + 2, server.port)
  return header
}

/** Version 2's command LOCAL: this connection is the proxy's own and names no client. */
export function writeLocalProxyHeader(): Uint8Array {
  return writeFixed(fixedLength, localCommand, 0).header
}
