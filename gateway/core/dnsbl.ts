// DNSBL scoring: the sum of the sites' answers about one client, the list that its reply names, and how long the result
// holds.
import type { Seconds } from '../../crds/values/duration.ts'
import { type KnownList, knownList } from '../../crds/dns-lists/known-list.ts'
import { matches, type ReplyFilter } from '../../crds/values/reply-filter.ts'
import { errorCode, isOwnError } from './dnsbl-codes.ts'
import type { DnsblKey } from './dnsbl-key.ts'
import type { DnsblAnswer, DnsblError, DnsblHit } from './vocabulary.ts'

/**
 * A list to ask: its domain, and the key before it in the question. Everywhere else the list is named by its domain
 * alone.
 */
export interface DnsblList {
  readonly domain: string
  /** With a key; see DnsblAnswer. */
  readonly account?: number
  readonly key?: DnsblKey
}

/** One entry of the policy; several entries may have the same domain. */
export interface DnsblSite {
  readonly domain: string
  readonly account?: number
  readonly filter: ReplyFilter | undefined
  readonly weight: number
}

/** The part of the policy that scoring needs. */
export interface DnsblRules {
  readonly sites: readonly DnsblSite[]
  /** The lists to ask, in this order: each domain once for each key. */
  readonly lists: readonly DnsblList[]
  /** What the answers of each domain mean. */
  readonly known: ReadonlyMap<string, KnownList>
  readonly threshold: number
  readonly allowThreshold: number
  readonly minTTL: Seconds
  readonly maxTTL: Seconds
  readonly timeout: Seconds
  /** Domain to the words that a client reads instead of it. */
  readonly replyMap: ReadonlyMap<string, string>
}

/** A score under way; `passTTL` and `failTTL` in seconds, -1 for none (postscreen: PSC_DNSBL_SCORE). */
export interface DnsblScore {
  total: number
  name: string | undefined
  nameWeight: number
  passTTL: number
  failTTL: number
  readonly hits: DnsblHit[]
}

export function newScore(): DnsblScore {
  return { total: 0, name: undefined, nameWeight: 0, passTTL: -1, failTTL: -1, hits: [] }
}

/** The meaning of one list's answer about one client. Score, metrics, status and log all use it. */
export type DnsblVerdict =
  /** At least one entry of the policy counts; `hits` are those. */
  | { readonly is: 'listed'; readonly hits: readonly DnsblHit[] }
  /** A listing that no entry of the policy counts: every filter (`replies`) leaves it out. */
  | { readonly is: 'unweighted' }
  | { readonly is: 'clean' }
  /** `codes` are the addresses that say so; none where the answer itself is missing or not valid. */
  | { readonly is: 'error'; readonly error: DnsblError; readonly codes: readonly string[] }
  | { readonly is: 'timeout'; readonly error: DnsblError }
  /** The list cannot be trusted now. */
  | { readonly is: 'suspended' }

/**
 * Judges an answer under the policy's rules.
 * postscreen incompatibility: it takes any answer for a listing. Here error codes of lists (127.255.255.0/24 and
 * others), 127.0.0.1 and addresses outside 127.0.0.0/8 are listings only if a filter of the site includes them. The
 * error codes of one list are never listings of it, because filters in old configurations include them by mistake. An
 * answer with an error code is an error as a whole.
 */
export function judge(rules: DnsblRules, answer: DnsblAnswer): DnsblVerdict {
  const { error, addresses, standing } = answer
  if (standing === 'suspended') return { is: 'suspended' }
  if (error?.kind === 'timeout' || error?.kind === 'overdue') return { is: 'timeout', error }
  if (error !== undefined) return { is: 'error', error, codes: [] }
  if (addresses.length === 0) return { is: 'clean' }
  const sites = sitesOf(rules, answer)
  const list = rules.known.get(answer.domain) ?? knownList(answer.domain)
  const codes = addresses.filter(
    (address) => isOwnError(list, address) || (errorCode(list, address) !== undefined && !isIncluded(sites, address)),
  )
  const worst = codes.find((code) => code !== loopback) ?? (codes.length === addresses.length ? codes[0] : undefined)
  const code = worst === undefined ? undefined : errorCode(list, worst)
  if (code !== undefined) return { is: 'error', error: { kind: code.kind, text: `${worst}: ${code.means}` }, codes }
  const hits = sites.flatMap(({ domain, filter, weight }) => {
    if (standing === 'unproven' && weight < 0) return []
    const address = addresses.find((one) => (filter === undefined ? isListing(list, one) : matches(filter, one)))
    return address === undefined ? [] : [{ domain, address, weight }]
  })
  return hits.length > 0 ? { is: 'listed', hits } : { is: 'unweighted' }
}

/** Beside other addresses it has no meaning: some lists add it to listings. */
const loopback = '127.0.0.1'

function sitesOf({ sites }: DnsblRules, { domain, account }: DnsblAnswer): readonly DnsblSite[] {
  return sites.filter((site) => site.domain === domain && site.account === account)
}

function isIncluded(sites: readonly DnsblSite[], address: string): boolean {
  return sites.some(({ filter }) => filter !== undefined && matches(filter, address))
}

/** Whether an address means "listed" to an entry without a filter of its own. */
function isListing(list: KnownList, address: string): boolean {
  if (address === loopback || errorCode(list, address) !== undefined) return false
  return list.listings === undefined || matches(list.listings, address)
}

/**
 * A running minimum in which -1 means none. Sic: as in postscreen, a new -1 replaces a valid value, and any valid value
 * replaces -1.
 */
function lower(current: number, ttl: number): number {
  return current < 0 || current > ttl ? ttl : current
}

/** Adds one list's answer to the score. @returns its verdict */
export function addAnswer(score: DnsblScore, rules: DnsblRules, answer: DnsblAnswer): DnsblVerdict {
  const verdict = judge(rules, answer)
  for (const hit of verdict.is === 'listed' ? verdict.hits : []) {
    if (score.name === undefined || score.nameWeight < hit.weight) {
      score.name = rules.replyMap.get(hit.domain) ?? hit.domain
      score.nameWeight = hit.weight
    }
    score.total += hit.weight
    score.hits.push(hit)
  }
  // Like postscreen, this depends on whether the domain answered, not on the filter. An error says nothing about the
  // client, and a suspended list was not asked.
  const listed = verdict.is === 'listed' || verdict.is === 'unweighted'
  const ttl = verdict.is === 'error' || verdict.is === 'timeout' || verdict.is === 'suspended' ? -1 : answer.ttl
  for (const { weight } of sitesOf(rules, answer)) {
    if (listed === weight > 0) score.failTTL = lower(score.failTTL, ttl)
    else score.passTTL = lower(score.passTTL, ttl)
  }
  return verdict
}

/** How long the collected result holds, in seconds (psc_dnsbl_retrieve: compares with 0, not with the threshold). */
export function effectiveTTL(score: DnsblScore, rules: DnsblRules): number {
  const ttl = score.total > 0 ? score.failTTL : score.passTTL
  return Math.min(Math.max(ttl, rules.minTTL), rules.maxTTL)
}

/**
 * What a score means for the client: `listed`, it fails the test; `vouched`, it passes every other test too; `neither`,
 * it passes this test (psc_allowlist_non_dnsbl).
 */
export type Standing = 'listed' | 'vouched' | 'neither'

/** The meaning of a total under the two thresholds. */
export function standingOf(total: number, { threshold, allowThreshold }: DnsblRules): Standing {
  if (total >= threshold) return 'listed'
  return allowThreshold < 0 && total <= allowThreshold ? 'vouched' : 'neither'
}
