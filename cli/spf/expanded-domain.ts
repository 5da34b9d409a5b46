// What `postscreen spf` prints of one domain.
import { formatNetwork } from '../../crds/values/network.ts'
import type { SpfExpansion, SpfNote } from '../../gateway/core/spf/expand-spf.ts'
import { sizeOf } from '../../gateway/core/spf/network-set.ts'
import { inColumns } from '../columns.ts'

/** Plain data, as JSON. */
export interface ExpandedDomain extends Omit<SpfExpansion, 'networks' | 'failed' | 'ttl'> {
  readonly domain: string
  readonly networks: readonly string[]
  readonly ipv4Addresses: number
  /** Of all records that were read, the lowest; in seconds. */
  readonly ttl: number | null
  /** Why there is no result. */
  readonly failed: NonNullable<SpfExpansion['failed']> | null
  /** Why the policy does not permit the networks: all its senders together have too many. */
  readonly leftOut: string | null
}

export function expandedDomain(domain: string, expansion: SpfExpansion, leftOut?: string): ExpandedDomain {
  const { networks, failed, ttl, ...rest } = expansion
  return {
    domain,
    networks: networks.map(formatNetwork),
    ipv4Addresses: sizeOf(networks).ipv4,
    ...rest,
    ttl: ttl ?? null,
    failed: failed ?? null,
    leftOut: leftOut ?? null,
  }
}

/** Everything was read, and something is permitted. */
export const isComplete = ({ networks, unread, leftOut }: ExpandedDomain): boolean =>
  networks.length > 0 && unread.length === 0 && leftOut === null

const countOf = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`

/** As lines. */
export function textOf(expanded: ExpandedDomain): readonly string[] {
  const { domain, networks, ipv4Addresses, failed, leftOut, lookups, queries, ttl } = expanded
  if (failed !== null) return [`${domain}: no result (${failed.reason}): ${failed.why}`]
  if (leftOut !== null) return [`${domain}: left out of the policy: ${leftOut}`]
  const asked = `${countOf(lookups, 'lookup')}, ${countOf(queries, 'question')} to DNS${ttl === null ? '' : `, lowest TTL ${ttl} s`}`
  return [
    `${domain}: permits ${countOf(networks.length, 'network')} with ${countOf(ipv4Addresses, 'IPv4 address', 'IPv4 addresses')} (${asked})`,
    ...networks.map((network) => `  ${network}`),
    ...section('not read, so that networks may be missing', expanded.unread),
    ...section('refused', expanded.refused),
    ...section('not expandable, because it depends on each message or client', expanded.notExpandable),
    ...section('warnings', expanded.warnings),
  ]
}

function section(title: string, notes: readonly SpfNote[]): readonly string[] {
  if (notes.length === 0) return []
  const ofTerms = notes.filter(({ term }) => term !== '').map(({ domain, term, why }) => ['', domain, term, why])
  const ofAll = notes.filter(({ term }) => term === '').map(({ why }) => `  ${why}`)
  return [`${title}:`, ...inColumns(ofTerms), ...ofAll]
}
