// postscreen_dnsbl_sites and postscreen_dnsbl_reply_map as fields of a policy, with postscreen's own words for mistakes.
import { hostNameProblem } from '../../crds/values/host.ts'
import { parseReplyFilter } from '../../crds/reply-filter.ts'
import type { LookupTable } from './lookup-table.ts'
import type { Source } from './source.ts'
import { parseInteger } from './values.ts'

export interface Site {
  readonly domain: string
  readonly replies?: string
  readonly weight?: number
}

/** One `domain[=filter][*weight]` (psc_dnsbl_add_site). */
export function parseSite(entry: string): { readonly site: Site } | { readonly why: string } {
  const star = entry.indexOf('*')
  const weightText = star < 0 ? undefined : entry.slice(star + 1)
  const head = star < 0 ? entry : entry.slice(0, star)
  const equals = head.indexOf('=')
  const domain = equals < 0 ? head : head.slice(0, equals)
  const filterText = equals < 0 ? undefined : head.slice(equals + 1)
  const weight = weightText === undefined ? { value: 1 } : parseInteger(weightText)
  if ('why' in weight) return { why: `bad DNSBL weight factor "${weightText}" in "${entry}"` }
  const filter = filterText === undefined ? undefined : parseReplyFilter(filterText)
  if (filter !== undefined && 'why' in filter) return { why: `bad DNSBL filter syntax: ${filter.why}` }
  if (hostNameProblem(domain) !== undefined) return { why: `bad DNSBL domain name "${domain}" in "${entry}"` }
  return {
    site: {
      domain,
      ...(filterText === undefined ? {} : { replies: filterText }),
      ...(weightText === undefined ? {} : { weight: weight.value }),
    },
  }
}

/** The entries of a list of sites; mistakes are errors, as they are for postscreen. */
export function readSites(text: string, parameter: string, source: Source): readonly Site[] {
  const sites: Site[] = []
  for (const entry of text.split(/[, \t\r\n]+/).filter((word) => word !== '')) {
    const parsed = parseSite(entry)
    if ('why' in parsed) source.findings.error(`${source.nameFor(parameter)}: ${parsed.why}`)
    else sites.push(parsed.site)
  }
  return sites
}

/** Domains with the customer's key in them: whoever may read the policy learns it. */
const withKey = /\.(dq\.spamhaus\.net|mail\.abusix\.zone)$/i

/** Names for replies instead of domains. Only those of the sites are ever looked up, at the start of postscreen. */
export function readReplyMap(text: string, sites: readonly Site[], parameter: string, source: Source): Readonly<Record<string, string>> {
  const name = source.nameFor(parameter)
  const domains = [...new Set(sites.map(({ domain }) => domain))]
  const table = text === '' ? undefined : source.tables.open(text, name)
  if (table?.is === 'networks') source.tables.unreadable(name, text, 'a cidr: table has no names')
  const found = domains.flatMap((domain): [string, string][] => {
    const answer = table === undefined ? undefined : answerFor(table, domain)
    return answer === undefined ? [] : [[domain, answer]]
  })
  const named = new Map(found)
  for (const domain of domains) {
    if (!withKey.test(domain)) continue
    const shown = named.has(domain) ? '' : ', and refused clients are told it'
    source.findings.note(
      `${source.nameFor('postscreen_dnsbl_sites')}: the domain ${domain.replace(/^[^.]*/, '<key>')} holds a key: it is in the policy for all who may read that${shown}`,
    )
  }
  return Object.fromEntries(named)
}

function answerFor(table: LookupTable, domain: string): string | undefined {
  if (table.is === 'always') return table.value
  if (table.is === 'patterns') return table.find(domain)
  return table.is === 'keys' ? table.entries.find(({ key }) => key === domain)?.value : undefined
}
