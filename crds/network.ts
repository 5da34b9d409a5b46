// One network in CIDR form, such as 192.0.2.0/24 or a single address.
import { type AddressValue, parseAddress } from './ip-address.ts'

/** First and last address of a network; both of one family. */
export type Network =
  | { readonly family: 4; readonly first: number; readonly last: number }
  | { readonly family: 6; readonly first: bigint; readonly last: bigint }

function span(address: AddressValue, prefix: number): Network | undefined {
  if (address.family === 4) {
    if (prefix > 32) return undefined
    const size = 2 ** (32 - prefix)
    return address.value % size === 0 ? { family: 4, first: address.value, last: address.value + size - 1 } : undefined
  }
  if (prefix > 128) return undefined
  const size = 1n << BigInt(128 - prefix)
  return address.value % size === 0n ? { family: 6, first: address.value, last: address.value + size - 1n } : undefined
}

/**
 * `ADDRESS` or `ADDRESS/PREFIX`, IPv6 optionally in brackets, to a network.
 * Undefined when malformed, also when bits are set behind the prefix: Postfix refuses those too (cidr_match: non-null host address bits).
 */
export function parseNetwork(text: string): Network | undefined {
  const match = /^(?:\[([^\]]+)\]|([^/[\]]+))(?:\/([0-9]{1,3}))?$/.exec(text)
  if (match === null) return undefined
  const address = parseAddress(match[1] ?? match[2] ?? '')
  if (address === undefined) return undefined
  const whole = address.family === 4 ? 32 : 128
  return span(address, match[3] === undefined ? whole : Number(match[3]))
}

/** Every IPv4 and every IPv6 address. */
export const everywhere: readonly Network[] = [
  { family: 4, first: 0, last: 2 ** 32 - 1 },
  { family: 6, first: 0n, last: (1n << 128n) - 1n },
]

function contains(outer: Network, inner: Network): boolean {
  return outer.family === inner.family && outer.first <= inner.first && inner.last <= outer.last
}

/** The two halves of a network; both are networks. */
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

/** What is left of some networks without another one: at most 32 (IPv4) or 128 (IPv6) pieces more. */
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

/** Every address that is in none of the networks. */
export function complement(networks: readonly Network[]): Network[] {
  return networks.reduce<Network[]>((left, network) => without(left, network), [...everywhere])
}

/** Addresses in both; networks are nested or apart, so each pair gives the inner one or nothing. */
export function intersection(a: readonly Network[], b: readonly Network[]): Network[] {
  return a.flatMap((x) => b.flatMap((y) => (contains(x, y) ? [y] : contains(y, x) ? [x] : [])))
}
