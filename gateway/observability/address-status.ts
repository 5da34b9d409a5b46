// What the status page shows about the addresses of clients: whether they are lost, since when, why, and
// what to do.
import { likelyCause } from '../../crds/client-address-cause.ts'
import type { PolicySpec } from '../../crds/schema/policy.schema.ts'
import type { AddressReport, LossReason } from '../core/client-address/address-watch.ts'

/** The part of the status page. */
export interface AddressStatus {
  readonly guard: 'Warn' | 'Defer'
  /** Null while there were too few connections. */
  readonly preserved: boolean | null
  readonly reason: LossReason | null
  readonly since: string | null
  /** The network that has almost all connections. */
  readonly network: string | null
  /** Of how many connections this was concluded, or how many there are so far. */
  readonly connections: number
  readonly privateConnections: number
  readonly enough: number
  readonly addresses: AddressReport['addresses']
  /** What is probably the cause, and what to do about it, while they are lost. */
  readonly cause: string | null
  readonly advice: string | null
}

/** Describes the addresses of one process. */
export function addressStatus(report: AddressReport, spec: PolicySpec): AddressStatus {
  const { loss, arePreserved, connections, privateConnections, enough, addresses } = report
  const cause =
    loss &&
    likelyCause(
      spec,
      addresses.map(({ address }) => address),
    )
  return {
    guard: spec.clientAddress.guard,
    preserved: arePreserved ?? null,
    reason: loss?.reason ?? null,
    since: loss === undefined ? null : new Date(loss.since).toISOString(),
    network: loss?.network ?? null,
    ...{ connections, privateConnections, enough, addresses },
    cause: cause?.reason ?? null,
    advice: cause?.advice ?? null,
  }
}

const addressesShown = 5

/** Of several workers: lost if one says so, unknown if none can say, with all their connections. */
export function addressesOfWorkers(all: readonly AddressStatus[]): AddressStatus | null {
  const main = all.find(({ preserved }) => preserved === false) ?? all.find(({ preserved }) => preserved === true) ?? all[0]
  if (main === undefined) return null
  const total = (of: (one: AddressStatus) => number): number => all.reduce((sum, one) => sum + of(one), 0)
  const counts = new Map<string, number>()
  for (const { address, connections } of all.flatMap(({ addresses }) => addresses))
    counts.set(address, (counts.get(address) ?? 0) + connections)
  const addresses = [...counts].map(([address, connections]) => ({ address, connections }))
  return {
    ...main,
    connections: total((one) => one.connections),
    privateConnections: total((one) => one.privateConnections),
    enough: total((one) => one.enough),
    addresses: addresses.toSorted((one, other) => other.connections - one.connections).slice(0, addressesShown),
  }
}
