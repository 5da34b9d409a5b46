// Networks in CIDR notation, as in Postfix's tables and lists and in a policy, and operations on sets of networks.
import { type AddressValue, formatIPv4, formatIPv6, parseExactAddress } from './address.ts'
import type { Read } from './read.ts'

/** First and last address of a network, both of the same family. */
export type Network =
  | { readonly family: 4; readonly first: number; readonly last: number }
  | { readonly family: 6; readonly first: bigint; readonly last: bigint }

/**
 * The network around an address with a prefix length, and whether the address has bits set beyond the prefix length.
 */
export function networkAround(address: AddressValue, prefix: number): { readonly network: Network; readonly hostBits: boolean } {
  if (address.family === 4) {
    const size = 2 ** (32 - prefix)
    const first = address.value - (address.value % size)
    return { network: { family: 4, first, last: first + size - 1 }, hostBits: first !== address.value }
  }
  const size = 1n << BigInt(128 - prefix)
  const first = address.value - (address.value % size)
  return { network: { family: 6, first, last: first + size - 1n }, hostBits: first !== address.value }
}

/** Text from a file for an error message: short and printable. */
export const printed = (text: string): string => `"${text.length > 60 ? `${text.slice(0, 60)}...` : text}"`.replace(/[^ -~]/g, '?')

/**
 * `ADDRESS`, `ADDRESS/BITS`, `[ADDRESS]`, `[ADDRESS]/BITS` or `[ADDRESS/BITS]`, as in Postfix's tables, with the errors
 * of cidr_match_parse(3).
 * postscreen incompatibility: a prefix length that overflows a C integer is refused; atoi(3) reads 4294967296 as 0.
 */
export function parseNetworkPattern(pattern: string): Read<Network> {
  let address = pattern
  let behind = ''
  if (pattern.startsWith('[')) {
    const close = pattern.indexOf(']')
    if (close < 0) return { why: `missing ']' character after ${printed(pattern)}` }
    address = pattern.slice(1, close)
    behind = pattern.slice(close + 1)
    if (behind !== '' && !behind.startsWith('/')) return { why: `garbage after ${printed(`[${address}]`)}` }
  }
  const slash = behind === '' ? address.indexOf('/') : -1
  const bits = behind !== '' ? behind.slice(1) : slash < 0 ? undefined : address.slice(slash + 1)
  if (slash >= 0) address = address.slice(0, slash)
  return bits === undefined ? parseOne(address) : parseMasked(address, bits)
}

function parseOne(text: string): Read<Network> {
  const address = parseExactAddress(text)
  if (address === undefined) return { why: `bad address pattern: ${printed(text)}` }
  return { value: networkAround(address, address.family === 4 ? 32 : 128).network }
}

function parseMasked(text: string, bits: string): Read<Network> {
  if (!/^[0-9]+$/.test(bits)) return { why: `bad mask value in ${printed(`${text}/${bits}`)}` }
  if (Number(bits) > (text.includes(':') ? 128 : 32)) return { why: `bad mask length in ${printed(`${text}/${bits}`)}` }
  const address = parseExactAddress(text)
  if (address === undefined) return { why: `bad network value in ${printed(`${text}/${bits}`)}` }
  const { network, hostBits } = networkAround(address, Number(bits))
  return hostBits
    ? { why: `non-null host address bits in ${printed(`${text}/${bits}`)}, perhaps you should use "${maskedText(network)}" instead` }
    : { value: network }
}

export const networkWhy =
  'must be an address or a network such as 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32, without brackets; the prefix length is at most 32 for IPv4 and 128 for IPv6'
export const hostBitsWhy = 'has address bits set beyond the prefix length'

/**
 * A network in a field of the policy: `ADDRESS/BITS`, or one address. Bits set beyond the prefix length are refused, as
 * in Postfix's tables. They are usually a mistake, and the error message suggests a correction.
 */
export function readNetwork(text: string): Read<Network> {
  const [written = '', bits, ...more] = text.split('/')
  const address = parseExactAddress(written)
  if (address === undefined || more.length > 0) return { why: networkWhy }
  const size = address.family === 4 ? 32 : 128
  if (bits !== undefined && (!/^(0|[1-9][0-9]{0,2})$/.test(bits) || Number(bits) > size)) {
    return { why: networkWhy }
  }
  const { network, hostBits } = networkAround(address, bits === undefined ? size : Number(bits))
  if (hostBits) return { why: `${hostBitsWhy}; did you mean ${maskedText(network)}?` }
  if (isMapped(network))
    return { why: `must be written as IPv4: ${bits === undefined ? formatNetwork(unmapped(network)) : maskedText(unmapped(network))}` }
  return { value: network }
}

/** The prefix length of a network. */
export function prefixOf(network: Network): number {
  if (network.family === 4) return 32 - Math.log2(network.last - network.first + 1)
  return 129 - (network.last - network.first + 1n).toString(2).length
}

/** With the prefix length of a single address too: `192.0.2.1/32`. */
export const maskedText = (network: Network): string =>
  `${network.family === 4 ? formatIPv4(network.first) : formatIPv6(network.first)}/${prefixOf(network)}`

/** A network in the notation of a policy: canonical address, no brackets, no prefix length for a single address. */
export const formatNetwork = (network: Network): string => maskedText(network).replace(network.family === 4 ? /\/32$/ : /\/128$/, '')

const mapped: Network = { family: 6, first: 0xffff00000000n, last: 0xffffffffffffn }

/**
 * Whether a network is IPv4-mapped (in ::ffff:0:0/96). Neither postscreen nor the gateway ever sees a client with such
 * an address.
 */
export const isMapped = (network: Network): boolean => contains(mapped, network)

/** The IPv4 network of an IPv4-mapped one. */
export function unmapped(network: Network): Network {
  if (network.family === 4) return network
  return { family: 4, first: Number(network.first & 0xffffffffn), last: Number(network.last & 0xffffffffn) }
}

/** Every IPv4 and every IPv6 address. */
export const everywhere: readonly Network[] = [
  { family: 4, first: 0, last: 2 ** 32 - 1 },
  { family: 6, first: 0n, last: (1n << 128n) - 1n },
]

/** Every address of one family. */
export const wholeFamily = (family: 4 | 6): readonly Network[] => everywhere.filter((network) => network.family === family)

/** Whether a network contains another one, or is the same. */
export function contains(outer: Network, inner: Network): boolean {
  return outer.family === inner.family && outer.first <= inner.first && inner.last <= outer.last
}

/** The two halves of a network. */
function halves(network: Network): [Network, Network] {
  if (network.family === 4) {
    const middle = network.first + (network.last - network.first + 1) / 2
    return [
      { family: 4, first: network.first, last: middle - 1 },
      { family: 4, first: middle, last: network.last },
    ]
  }
  const middle = network.first + (network.last - network.first + 1n) / 2n
  return [
    { family: 6, first: network.first, last: middle - 1n },
    { family: 6, first: middle, last: network.last },
  ]
}

/** Some networks without the addresses of another one: up to 32 (IPv4) or 128 (IPv6) more pieces. */
function without(networks: readonly Network[], removed: Network): Network[] {
  const left: Network[] = []
  for (const network of networks) {
    if (contains(removed, network)) continue
    let around: Network = network
    if (!contains(network, removed)) {
      left.push(network)
      continue
    }
    while (around.first !== removed.first || around.last !== removed.last) {
      const [low, high] = halves(around)
      left.push(contains(low, removed) ? high : low)
      around = contains(low, removed) ? low : high
    }
  }
  return left
}

/** All addresses of some networks that are in none of the others. */
export function difference(networks: readonly Network[], removed: readonly Network[]): Network[] {
  return removed.reduce<Network[]>((left, network) => without(left, network), [...networks])
}

/** All addresses that are in none of the networks. */
export const complement = (networks: readonly Network[]): Network[] => difference(everywhere, networks)

/**
 * The addresses that are in both sets. Two networks are nested or disjoint, so each pair yields the inner one or
 * nothing.
 */
export function intersection(a: readonly Network[], b: readonly Network[]): Network[] {
  return a.flatMap((x) => b.flatMap((y) => (contains(x, y) ? [y] : contains(y, x) ? [x] : [])))
}
