// struct sockaddr_in and struct sockaddr_in6 (ip(7), ipv6(7)): the same layout on x86-64 and arm64.
import { formatIPv4, formatIPv6Groups, parseExactAddress } from '../../crds/values/address.ts'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import { AF_INET, AF_INET6 } from './libc.ts'

/** Enough for either family. */
export const sockaddrLength = 28
const sockaddrInLength = 16

const groupsOf = (bytes: Buffer): number[] => Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(8 + 2 * i))
const isMapped = (groups: readonly number[]): boolean => groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)

/** The text of inet_ntop(3), an IPv4-mapped address as IPv4 (postscreen: psc_endpt_lookup). Without a zone. */
function ipv6Text(bytes: Buffer): string {
  const groups = groupsOf(bytes)
  if (isMapped(groups)) return formatIPv4(bytes.readUInt32BE(20))
  // inet_ntop prints the old IPv4-compatible addresses (RFC 4291 2.5.5.1) with a dotted quad.
  if (groups[6] !== 0 && groups.slice(0, 6).every((group) => group === 0)) return `::${formatIPv4(bytes.readUInt32BE(20))}`
  return formatIPv6Groups(groups)
}

/** The address and port that the kernel has written; undefined for a family that is not IP. */
export function readSocketAddress(bytes: Buffer): Endpoint | undefined {
  const family = bytes[0]
  const port = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)
  if (family === AF_INET) return { address: `${bytes[4]}.${bytes[5]}.${bytes[6]}.${bytes[7]}`, port }
  return family === AF_INET6 ? { address: ipv6Text(bytes), port } : undefined
}

/**
 * Writes the structure for an address without zone.
 * @param scope the number of the interface, for a link-local IPv6 address
 * @returns its length. Throws for a text that is not an address.
 */
export function writeSocketAddress(bytes: Buffer, { address, port }: Endpoint, scope = 0): number {
  const parsed = parseExactAddress(address)
  if (parsed === undefined) throw new TypeError(`${JSON.stringify(address)} is not an IP address`)
  bytes.fill(0, 0, sockaddrLength)
  bytes.writeUInt16LE(parsed.family === 4 ? AF_INET : AF_INET6, 0)
  bytes.writeUInt16BE(port, 2)
  if (parsed.family === 4) {
    bytes.writeUInt32BE(parsed.value, 4)
    return sockaddrInLength
  }
  bytes.writeBigUInt64BE(parsed.value >> 64n, 8)
  bytes.writeBigUInt64BE(parsed.value & 0xffff_ffff_ffff_ffffn, 16)
  bytes.writeUInt32LE(scope, 24)
  return sockaddrLength
}
