// The name in a question to a DNS list about a client (RFC 5782 2.1 and 2.4; dnsblog.c, dnsblog_query).

import { parseAddress, parseIPv6 } from '../../crds/values/address.ts'

const domainName = /^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/i
const longestName = 253 // RFC 1035 2.3.4: 255 bytes in a message

/**
 * The query name: IPv4 octets or 32 IPv6 nibbles, in reverse order and lower case, then the domain as it is written.
 * An IPv4 address in IPv6 form (::ffff:192.0.2.1) becomes IPv4, which is what lists contain.
 * Undefined when `client` is not an IP address (or has a zone), and when the name is not a domain name or is too long
 * for a query.
 */
export function dnsblQueryName(client: string, domain: string): string | undefined {
  const address = parseAddress(client)
  if (address === undefined) return undefined
  return nameBelow(address.family === 4 ? reversedOctets(address.value) : reversedNibbles(address.value), domain)
}

/**
 * The query name of a test point. An IPv4 address in IPv6 form stays IPv6 here, because it is the form in which lists
 * of IPv6 clients have their test points (RFC 5782 5).
 */
export function testPointQueryName(point: string, domain: string): string | undefined {
  const value = point.includes(':') ? parseIPv6(point) : undefined
  return value === undefined ? dnsblQueryName(point, domain) : nameBelow(reversedNibbles(value), domain)
}

function nameBelow(reversed: string, domain: string): string | undefined {
  const site = domain.endsWith('.') ? domain.slice(0, -1) : domain
  const name = `${reversed}.${site}`
  return name.length <= longestName && domainName.test(site) ? name : undefined
}

function reversedOctets(value: number): string {
  return `${value & 255}.${(value >>> 8) & 255}.${(value >>> 16) & 255}.${value >>> 24}`
}

function reversedNibbles(value: bigint): string {
  const digits = value.toString(16).padStart(32, '0')
  let reversed = digits.charAt(31)
  for (let i = 30; i >= 0; i--) reversed += `.${digits.charAt(i)}`
  return reversed
}
