// Sets of networks: the order of permitted and other networks, sizes, and what has changed.
import { formatNetwork, type Network } from '../../../crds/values/network.ts'
import { compileIntervals } from '../address-table.ts'

/** Networks, and whether a client in them passes. */
export interface NetworkRule {
  readonly networks: readonly Network[]
  readonly passes: boolean
}

/** How many addresses a set has: of IPv4 single ones, of IPv6 networks with a prefix length of 64, rounded up. */
export interface SetSize {
  readonly networks: number
  readonly ipv4: number
  readonly ipv6: number
}

const compare = (a: Network, b: Network): number =>
  a.family - b.family || Number(a.first > b.first) - Number(a.first < b.first) || Number(b.last > a.last) - Number(b.last < a.last)

/** The networks in order, without those that are inside another one. */
export function normalized(networks: readonly Network[]): readonly Network[] {
  const kept: Network[] = []
  for (const network of networks.toSorted(compare)) {
    const before = kept.at(-1)
    if (before === undefined || before.family !== network.family || network.first > before.last) kept.push(network)
  }
  return kept
}

/**
 * The networks of which the first rule that contains them passes. They stay as they are where no other rule cuts them.
 */
export function passing(rules: readonly NetworkRule[]): readonly Network[] {
  const first = rules.findIndex(({ passes }) => !passes)
  if (first < 0 || !rules.slice(first).some(({ passes }) => passes))
    return rules.flatMap(({ networks, passes }) => (passes ? networks : []))
  const { starts4, rules4, starts6, rules6 } = compileIntervals(rules)
  const found: Network[] = []
  const passes = (rule: number | undefined): boolean => rule !== undefined && rules[rule]?.passes === true
  for (const [at, start] of starts4.entries())
    if (passes(rules4[at])) found.push(...networksOfRange4(start, (starts4[at + 1] ?? 2 ** 32) - 1))
  for (const [at, start] of starts6.entries())
    if (passes(rules6[at])) found.push(...networksOfRange6(start, (starts6[at + 1] ?? 1n << 128n) - 1n))
  return found
}

function networksOfRange4(from: number, to: number): Network[] {
  const found: Network[] = []
  for (let first = from; first <= to;) {
    let size = 1
    while (first % (size * 2) === 0 && first + size * 2 - 1 <= to) size *= 2
    found.push({ family: 4, first, last: first + size - 1 })
    first += size
  }
  return found
}

function networksOfRange6(from: bigint, to: bigint): Network[] {
  const found: Network[] = []
  for (let first = from; first <= to;) {
    let size = 1n
    while (first % (size * 2n) === 0n && first + size * 2n - 1n <= to && size < 1n << 127n) size *= 2n
    found.push({ family: 6, first, last: first + size - 1n })
    first += size
  }
  return found
}

const slash64 = 1n << 64n

/** @param networks none of which is inside another one */
export function sizeOf(networks: readonly Network[]): SetSize {
  let ipv4 = 0
  let ipv6 = 0
  for (const network of networks) {
    if (network.family === 4) ipv4 += network.last - network.first + 1
    else ipv6 += Number((network.last - network.first + slash64) / slash64)
  }
  return { networks: networks.length, ipv4, ipv6 }
}

/** How many networks another set has more, and how many less. */
export function changeBetween(before: readonly Network[], after: readonly Network[]): { readonly added: number; readonly removed: number } {
  const old = new Set(before.map(formatNetwork))
  const now = new Set(after.map(formatNetwork))
  const countIn = (some: ReadonlySet<string>, missingIn: ReadonlySet<string>): number =>
    [...some].filter((one) => !missingIn.has(one)).length
  return { added: countIn(now, old), removed: countIn(old, now) }
}
