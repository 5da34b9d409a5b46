// Converts postscreen_dnsbl_sites and postscreen_dnsbl_reply_map to fields of a policy, with the error messages of
// postscreen.
import { closedList, factsOf } from '../../crds/dns-lists/catalogue.ts'
import { hostNameProblem } from '../../crds/values/host.ts'
import { readReplyFilter } from '../../crds/values/reply-filter.ts'
import { innerKey, splitKey } from './dnsbl-keys.ts'
import { answerOf } from './lookup-table.ts'
import { shellQuote } from './shell-words.ts'
import type { Source } from './source.ts'
import { parseInteger } from './values.ts'

export interface Site {
  readonly domain: string
  readonly replies?: string
  readonly weight?: number
}

/** One `domain[=filter][*weight]` (psc_dnsbl_add_site). */
function parseSite(entry: string): { readonly site: Site } | { readonly why: string } {
  const star = entry.indexOf('*')
  const weightText = star < 0 ? undefined : entry.slice(star + 1)
  const head = star < 0 ? entry : entry.slice(0, star)
  const equals = head.indexOf('=')
  const domain = equals < 0 ? head : head.slice(0, equals)
  const filterText = equals < 0 ? undefined : head.slice(equals + 1)
  const weight = weightText === undefined ? { value: 1 } : parseInteger(weightText)
  if ('why' in weight) return { why: `bad DNSBL weight factor "${weightText}" in "${entry}"` }
  const filter = filterText === undefined ? undefined : readReplyFilter(filterText)
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

/** An entry with the domain as Postfix has it, and the key in the domain, if there is one. */
interface KeyedSite {
  readonly site: Site
  /** The domain that Postfix queries, including the key. */
  readonly asked: string
  readonly key: string | undefined
}

function keyedSites(text: string): readonly (KeyedSite | { readonly why: string })[] {
  const words = text.split(/[, \t\r\n]+/).filter((word) => word !== '')
  return words.map((word) => {
    const parsed = parseSite(word)
    if ('why' in parsed) return parsed
    const { domain } = parsed.site
    const inner = innerKey(domain)
    const split = inner === undefined ? splitKey(domain) : undefined
    if (split !== undefined) return { site: { ...parsed.site, domain: split.domain }, asked: domain, key: split.key }
    if (inner === undefined) return { site: parsed.site, asked: domain, key: undefined }
    const ways = 'ask the provider for a domain that begins with the key, or remove the entry and import again'
    return { why: `${domain}: the label that looks like a key is not the first label, where keySecret and keyFile would put it: ${ways}` }
  })
}

const namesOnly =
  'this list contains domain names, and answers questions about clients with an error, which Postfix may take for a listing; it is left out'

/**
 * The entries of a list of sites. Mistakes are errors, as in postscreen. Keys in the domains become separate fields.
 */
export function readSites(text: string, parameter: string, source: Source): readonly Record<string, unknown>[] {
  const sites: Record<string, unknown>[] = []
  const name = source.nameFor(parameter)
  for (const read of keyedSites(text)) {
    if ('why' in read) source.findings.error(`${name}: ${read.why}`)
    else if (factsOf(read.site.domain)?.kind === 'names') source.findings.note(`${name}: ${read.site.domain}: ${namesOnly}`)
    else {
      const key = read.key === undefined ? {} : source.beside.key(read.key, read.site.domain, name)
      sites.push({ ...read.site, ...key })
      const closed = closedList(read.site.domain)
      if (closed !== undefined) source.findings.note(`${name}: ${read.site.domain}: ${closed}`)
    }
  }
  return sites
}

/**
 * How to get the replies for the sites from Postfix, for tables that cannot be read here. The output is a texthash:
 * table.
 */
const askPostmap = (table: string): string =>
  `postconf -hx postscreen_dnsbl_sites | tr -s ', \\t' '\\n' | sed 's/[=*].*//' | postmap -q - ${shellQuote(table)} > dnsbl_reply`

/** Names that replace domains in replies. Only those of the sites are looked up, when postscreen starts. */
export function readReplyMap(text: string, sitesText: string, parameter: string, source: Source): Readonly<Record<string, string>> {
  const name = source.nameFor(parameter)
  if (text === '') return {}
  const table = source.tables.look(text, name)
  if (table.is === 'unreadable') {
    const then = `set ${name} = texthash:dnsbl_reply in the input, and import again`
    source.tables.unreadable(
      name,
      text,
      `${table.why}; postscreen looks up only the domains of the sites: run on the mail host: ${askPostmap(text)} ; then copy dnsbl_reply to the folder of the input, ${then}`,
    )
    return {}
  }
  if (table.is === 'networks')
    source.findings.note(`${name}: ${text}: a cidr: table does not contain domains, so it has no effect, as in Postfix`)
  const named = new Map<string, string>()
  for (const read of keyedSites(sitesText)) {
    const answer = 'why' in read ? undefined : answerOf(table, read.asked)
    if ('why' in read || answer === undefined) continue
    const shown = read.key === undefined ? answer : answer.replaceAll(`${read.key}.`, '').replaceAll(read.key, '')
    const { domain } = read.site
    const before = named.get(domain)
    if (before !== undefined && before !== shown)
      source.findings.note(`${name}: ${domain} has different names for different keys; the policy uses one: ${before}`)
    else if (shown !== '') named.set(domain, shown)
  }
  return Object.fromEntries(named)
}
