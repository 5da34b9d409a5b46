// The addresses for which certain rules of a list are the first that match, as networks.
import type { Network } from '../../crds/values/network.ts'
import { type AddressRule, compileIntervals } from '../../gateway/core/address-table.ts'

/** The addresses whose first matching rule has this property. The time grows with n log n of the networks. */
export function firstMatches<Rule extends AddressRule>(rules: readonly Rule[], isMeant: (rule: Rule) => boolean): Network[] {
  const { starts4, rules4, starts6, rules6 } = compileIntervals(rules)
  const meant = rules.map(isMeant)
  const inRange = (rule: number | undefined): boolean => rule !== undefined && meant[rule] === true
  const four = [...starts4].flatMap((start, at) => (inRange(rules4[at]) ? networks4(start, starts4[at + 1] ?? 2 ** 32) : []))
  const six = starts6.flatMap((start, at) => (inRange(rules6[at]) ? networks6(start, starts6[at + 1] ?? 1n << 128n) : []))
  return [...four, ...six]
}

const networks4 = (start: number, end: number): Network[] =>
  blocks(BigInt(start), BigInt(end)).map(([first, last]) => ({ family: 4, first: Number(first), last: Number(last) }))

const networks6 = (start: bigint, end: bigint): Network[] => blocks(start, end).map(([first, last]) => ({ family: 6, first, last }))

/** The largest networks that fill the addresses from `start` to before `end`, each with its first and last address. */
function blocks(start: bigint, end: bigint): [first: bigint, last: bigint][] {
  const filled: [bigint, bigint][] = []
  for (let first = start; first < end;) {
    let size = 1n
    while (first % (2n * size) === 0n && first + 2n * size <= end) size *= 2n
    filled.push([first, first + size - 1n])
    first += size
  }
  return filled
}
