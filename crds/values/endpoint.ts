// Addresses and ports as people write them: `192.0.2.1:25`, `[2001:db8::1]:25`, `mx.example.com:25`. Only this file
// parses and formats them.
import { formatAddress, parseExactAddress } from './address.ts'
import { hostNameProblem } from './host.ts'
import type { Read } from './read.ts'

/** A TCP or UDP port at an IP address (without brackets or zone) or, where this is allowed, at a host name. */
export interface Endpoint {
  readonly address: string
  readonly port: number
}

/** `192.0.2.1:25` or `[2001:db8::1]:25`. */
export function formatEndpoint({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** `[192.0.2.1]:25`: brackets around IPv4 addresses too, as in the log of postscreen. */
export const formatLogged = ({ address, port }: Endpoint): string => `[${address}]:${port}`

const form = /^(?:\[([^\]]*:[^\]]*)\]|([^:[\]]+))(?::(0|[1-9][0-9]{0,4}))?$/

/**
 * The parts of `HOST:PORT` or `[IPv6]:PORT`. Undefined if the text has another form or the port is above 65535. The
 * host is not checked.
 * @param defaultPort used if the text has only a host; then an IPv6 address may have no brackets
 */
export function parseEndpoint(text: string, defaultPort?: number): Endpoint | undefined {
  if (defaultPort !== undefined && parseExactAddress(text)?.family === 6) return { address: text, port: defaultPort }
  const [, bracketed, plain, digits] = form.exec(text) ?? []
  const address = bracketed ?? plain
  const port = digits === undefined ? defaultPort : Number(digits)
  return address === undefined || port === undefined || port > 65_535 ? undefined : { address, port }
}

export const listenWhy = 'must be ADDR:PORT, such as 192.0.2.1:25 or [2001:db8::1]:25'

export const addressPortWhy = 'must be ADDRESS:PORT such as 0.0.0.0:2525 or [::]:2525, with a port from 1 to 65535'

export const hostPortWhy = (example: string): string =>
  `must be HOST:PORT such as ${example}, 192.0.2.1:25 or [2001:db8::1]:25, with a port from 1 to 65535`

export const resolverWhy =
  'must be an address such as 192.0.2.53 or 2001:db8::53, or an address and port such as 192.0.2.53:5353 or [2001:db8::53]:5353'

const dnsPort = 53

/**
 * Where a server listens: `ADDRESS:PORT`. Port 0 stands for a free port, `*` for all addresses, and a name of this
 * machine for its address.
 */
export function readListenEndpoint(text: string): Read<Endpoint> {
  const value = parseEndpoint(text)
  return value === undefined ? { why: listenWhy } : { value }
}

/** `ADDRESS:PORT`. */
export function readAddressPort(text: string): Read<Endpoint> {
  const endpoint = parseEndpoint(text)
  if (endpoint === undefined || endpoint.port === 0 || !hasAddress(endpoint)) return { why: addressPortWhy }
  return { value: endpoint }
}

/** `HOST:PORT`, with an address or a host name. */
export function readHostPort(text: string, example = 'postfix.example.com:10025'): Read<Endpoint> {
  const why = hostPortWhy(example)
  const endpoint = parseEndpoint(text)
  if (endpoint === undefined || endpoint.port === 0) return { why }
  const problem = hasAddress(endpoint) ? undefined : hostNameProblem(endpoint.address)
  return problem === undefined ? { value: endpoint } : { why: `${why}: ${problem}` }
}

/** A DNS server: an address, or `ADDRESS:PORT`. */
export function readResolver(text: string): Read<Endpoint> {
  if (parseExactAddress(text) !== undefined) return { value: { address: text, port: dnsPort } }
  const read = readAddressPort(text)
  return 'why' in read ? { why: resolverWhy } : read
}

/** Whether the host is an IP address. */
const hasAddress = ({ address }: Endpoint): boolean => parseExactAddress(address) !== undefined

/** The same text for all notations of an endpoint. */
export function canonicalEndpoint({ address, port }: Endpoint): string {
  const parsed = parseExactAddress(address)
  return formatEndpoint({ address: parsed === undefined ? address : formatAddress(parsed), port })
}

/** Several DNS servers. The reason names the first one that cannot be read. */
export function readResolvers(written: readonly string[]): Read<readonly Endpoint[]> {
  const value: Endpoint[] = []
  for (const one of written) {
    const read = readResolver(one)
    if ('why' in read) return { why: `${JSON.stringify(one)}: ${read.why}` }
    value.push(read.value)
  }
  return { value }
}
