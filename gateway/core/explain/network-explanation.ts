// What the access list says about a whole network, part by part.
import type { PolicySpec } from '../../../crds/schema/policy.schema.ts'
import { formatAddress, parseAddress } from '../../../crds/values/address.ts'
import { formatNetwork, type Network } from '../../../crds/values/network.ts'
import { type AllowlistExplanation, explainStamps } from './explanation.ts'
import type { Screening } from '../clients.ts'
import type { Rules } from '../rules.ts'
import { type AccessPlace, accessPlace } from './access-place.ts'

/** Neighbouring addresses about which the same rule decides. */
export interface NetworkPart {
  readonly first: string
  readonly last: string
  readonly access: AccessPlace
}

export interface NetworkExplanation {
  readonly network: string
  readonly parts: readonly NetworkPart[]
  /** There are more parts than those. */
  readonly hasMoreParts: boolean
  /** The records of clients in the network. */
  readonly allowlist: readonly AllowlistExplanation[]
  /** The network has more clients than are looked up one by one. */
  readonly isTooLarge: boolean
}

const partsAtMost = 50
/** A network with more clients is not looked up in the allowlist. */
export const clientsAtMost = 256

/** The keys of the clients in a network; undefined if there are too many. */
export function keysIn(network: Network, { allowlistKey }: Rules): readonly string[] | undefined {
  const keys = new Set<string>()
  const size = BigInt(network.last) - BigInt(network.first) + 1n
  if (size > 65_536n) {
    // Its ends have the same key only if one client is larger than the network.
    const [first, last] = [allowlistKey(textOf(network, network.first)), allowlistKey(textOf(network, network.last))]
    return first === last ? [first] : undefined
  }
  for (let offset = 0n; offset < size && keys.size <= clientsAtMost; offset++) {
    const value = network.family === 4 ? network.first + Number(offset) : network.first + offset
    keys.add(allowlistKey(textOf(network, value)))
  }
  return keys.size > clientsAtMost ? undefined : [...keys]
}

const textOf = ({ family }: Network, value: number | bigint): string =>
  formatAddress(family === 4 ? { family, value: Number(value) } : { family, value: BigInt(value) })

export interface NetworkInput {
  readonly network: Network
  readonly spec: PolicySpec
  readonly rules: Rules
  readonly screening: Screening
  /** By the keys of `keysIn`; undefined when there were too many. */
  readonly records: ReadonlyMap<string, string> | undefined
  /** Epoch milliseconds. */
  readonly now: number
}

/** Explains a network. DNS lists answer about addresses only, so they are not asked. */
export function explainNetwork({ network, spec, rules, screening, records, now }: NetworkInput): NetworkExplanation {
  const starts = rules.access.startsWithin(network, partsAtMost + 1)
  const parts = starts.slice(0, partsAtMost).map((first, index) => {
    const next = parseAddress(starts[index + 1] ?? '')
    const last = next === undefined ? textOf(network, network.last) : textOf(network, before(next.value))
    return { first, last, access: accessPlace(spec.access, rules.access.find(first), first) }
  })
  const allowlist = [...(records ?? [])].map(([key, record]) => explainStamps({ key, record, rules, screening, now }))
  return {
    network: formatNetwork(network),
    parts: joined(parts),
    hasMoreParts: starts.length > partsAtMost,
    allowlist,
    isTooLarge: records === undefined,
  }
}

const before = (value: number | bigint): number | bigint => (typeof value === 'number' ? value - 1 : value - 1n)

/** Several rules may say the same, and a boundary may mean nothing for the search. */
function joined(parts: readonly NetworkPart[]): readonly NetworkPart[] {
  const result: NetworkPart[] = []
  for (const part of parts) {
    const previous = result.at(-1)
    if (previous !== undefined && JSON.stringify(previous.access) === JSON.stringify(part.access))
      result[result.length - 1] = { ...previous, last: part.last }
    else result.push(part)
  }
  return result
}
