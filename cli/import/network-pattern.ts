// Networks as Postfix writes them in cidr tables and address lists, and as a policy writes them.
import { formatIPv4, formatIPv6, parseIPv4, parseIPv6 } from '../../crds/ip-address.ts'
import { everywhere, intersection, type Network } from '../../crds/network.ts'

export type NetworkResult = { readonly network: Network } | { readonly why: string }

/** Every address of one family. */
export const wholeFamily = (family: 4 | 6): readonly Network[] => everywhere.filter((network) => network.family === family)

/** inet_pton's IPv4: no leading zeros, other than core's parseIPv4. */
const strictIPv4 = (text: string): number | undefined => (/(^|\.)0[0-9]/.test(text) ? undefined : parseIPv4(text))

function spanOf(address: string, prefix: number | undefined): Network | undefined {
  if (address.includes(':')) {
    const first = parseIPv6(address)
    if (first === undefined) return undefined
    return { family: 6, first, last: first + (1n << BigInt(128 - (prefix ?? 128))) - 1n }
  }
  const first = strictIPv4(address)
  return first === undefined ? undefined : { family: 4, first, last: first + 2 ** (32 - (prefix ?? 32)) - 1 }
}

const aligned = (network: Network): boolean =>
  network.family === 4
    ? network.first % (network.last - network.first + 1) === 0
    : network.first % (network.last - network.first + 1n) === 0n

function cleared(network: Network): Network {
  if (network.family === 4) {
    const size = network.last - network.first + 1
    const first = network.first - (network.first % size)
    return { family: 4, first, last: first + size - 1 }
  }
  const size = network.last - network.first + 1n
  const first = network.first - (network.first % size)
  return { family: 6, first, last: first + size - 1n }
}

/** `ADDRESS`, `ADDRESS/BITS`, `[ADDRESS]`, `[ADDRESS]/BITS` or `[ADDRESS/BITS]`, with the errors of cidr_match_parse(3). */
export function parseNetworkPattern(pattern: string): NetworkResult {
  let address = pattern
  let behind = ''
  if (pattern.startsWith('[')) {
    const close = pattern.indexOf(']')
    if (close < 0) return { why: `missing ']' character after "[${pattern.slice(1)}"` }
    address = pattern.slice(1, close)
    behind = pattern.slice(close + 1)
    if (behind !== '' && !behind.startsWith('/')) return { why: `garbage after "[${address}]"` }
  }
  const slash = behind === '' ? address.indexOf('/') : -1
  const bits = behind !== '' ? behind.slice(1) : slash < 0 ? undefined : address.slice(slash + 1)
  if (slash >= 0) address = address.slice(0, slash)
  return bits === undefined ? parseOne(address) : parseMasked(address, bits)
}

function parseOne(address: string): NetworkResult {
  const network = spanOf(address, undefined)
  return network === undefined ? { why: `bad address pattern: "${address}"` } : { network }
}

function parseMasked(address: string, bits: string): NetworkResult {
  const size = address.includes(':') ? 128 : 32
  if (!/^[0-9]+$/.test(bits)) return { why: `bad mask value in "${address}/${bits}"` }
  if (Number(bits) > size) return { why: `bad mask length in "${address}/${bits}"` }
  const network = spanOf(address, Number(bits))
  if (network === undefined) return { why: `bad network value in "${address}/${bits}"` }
  if (aligned(network)) return { network }
  return { why: `non-null host address bits in "${address}/${bits}", perhaps you should use "${formatNetwork(cleared(network))}" instead` }
}

/** A network as a policy writes it: canonical address, no brackets, no prefix length for a single address. */
export function formatNetwork(network: Network): string {
  if (network.family === 4) {
    const bits = 32 - Math.log2(network.last - network.first + 1)
    return bits === 32 ? formatIPv4(network.first) : `${formatIPv4(network.first)}/${bits}`
  }
  const bits = 129 - (network.last - network.first + 1n).toString(2).length
  return bits === 128 ? formatIPv6(network.first) : `${formatIPv6(network.first)}/${bits}`
}

const mapped: readonly Network[] = [{ family: 6, first: 0xffff00000000n, last: 0xffffffffffffn }]

/** IPv4-mapped IPv6 networks (::ffff:0:0/96): clients are never seen under such an address, neither by postscreen nor by the gateway. */
export const isMapped = (network: Network): boolean =>
  intersection(mapped, [network]).some((one) => one.family === 6 && one.first === network.first && one.last === network.last)

/** The IPv4 network that a mapped one stands for. */
export function unmapped(network: Network): Network {
  if (network.family === 4) return network
  return { family: 4, first: Number(network.first & 0xffffffffn), last: Number(network.last & 0xffffffffn) }
}
