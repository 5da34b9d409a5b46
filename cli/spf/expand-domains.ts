// Expands the SPF records of domains once, for commands.
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { SpfExpansion } from '../../gateway/core/spf/expand-spf.ts'
import { spfBounds } from '../../gateway/core/spf/spf-bounds.ts'
import { DnsClient, type DnsTimes } from '../../gateway/dns/dns-client.ts'
import { type AskDns, resolveSpf } from '../../gateway/spf/resolve-spf.ts'
import { systemClock } from '../../runtime/clock.ts'

const mostInFlight = 100

export interface DnsSettings {
  readonly servers: readonly Endpoint[]
  readonly times: DnsTimes
}

/** One domain after the other, so that a list of them is not a burst of questions. @param domains in lower case */
export async function expandDomains(
  domains: readonly string[],
  { servers, times }: DnsSettings,
): Promise<ReadonlyMap<string, SpfExpansion>> {
  const client = new DnsClient({ servers, ...times, maxInFlight: mostInFlight, now: systemClock.now })
  const ask: AskDns = (domain, type) => new Promise((resolve) => client.ask(domain, 'spf', resolve, type))
  const expanded = new Map<string, SpfExpansion>()
  try {
    for (const domain of domains) {
      // oxlint-disable-next-line no-await-in-loop -- see above
      expanded.set(domain, await resolveSpf(domain, { ask, bounds: spfBounds, now: systemClock.now }))
    }
  } finally {
    client.close()
  }
  return expanded
}

/** What each domain permits, in this order. */
export const networksOf = (
  domains: readonly string[],
  found: ReadonlyMap<string, SpfExpansion>,
): readonly { readonly domain: string; readonly networks: SpfExpansion['networks'] }[] =>
  domains.map((domain) => ({ domain, networks: found.get(domain)?.networks ?? [] }))
