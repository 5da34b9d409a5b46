// DNSBL scoring: what the sites' answers about one client add up to, which list is named, and how long the result holds.
import { matches, type ReplyFilter } from '../../crds/reply-filter.ts'
import type { DnsblKey } from './dnsbl-key.ts'
import type { DnsblAnswer, DnsblHit } from './vocabulary.ts'

/** Who is asked: a domain, and the key that stands before it in the question. Everywhere else the list is called by its domain alone. */
export interface DnsblList {
  readonly domain: string
  /** With a key; see DnsblAnswer. */
  readonly account?: number
  readonly key?: DnsblKey
}

/** One entry of the policy's list; the same domain may stand there several times. */
export interface DnsblSite {
  readonly domain: string
  readonly account?: number
  readonly filter: ReplyFilter | undefined
  readonly weight: number
}

/** The part of the policy that scores. TTLs in seconds. */
export interface DnsblRules {
  readonly sites: readonly DnsblSite[]
  /** Each domain once for each key, in the order in which they are asked. */
  readonly lists: readonly DnsblList[]
  readonly threshold: number
  readonly allowThreshold: number
  readonly minTTL: number
  readonly maxTTL: number
  readonly timeout: number
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

/**
 * Whether an answer means "listed" where the entry has no filter of its own.
 * postscreen incompatibility: it takes any answer for a listing. Answers outside 127/8, 127.0.0.1 and 127.255.255.0/24 (a list's error codes, RFC 5782 2.1) are none here.
 */
export function isListing(address: string): boolean {
  return address.startsWith('127.') && address !== '127.0.0.1' && !address.startsWith('127.255.255.')
}

/** A running minimum in which -1 is "none", as odd as in postscreen: a new -1 replaces a valid value, and any valid value replaces -1. */
function lower(current: number, ttl: number): number {
  return current < 0 || current > ttl ? ttl : current
}

/**
 * Adds one site's answer to the score.
 * @returns addresses that mean an error of the site: no listing by themselves and named by no filter of it
 */
export function addAnswer(score: DnsblScore, rules: DnsblRules, answer: DnsblAnswer): readonly string[] {
  const listed = answer.addresses.length > 0
  const unclaimed = new Set(answer.addresses.filter((address) => !isListing(address)))
  for (const site of rules.sites) {
    if (site.domain !== answer.domain || site.account !== answer.account) continue
    const address = answer.addresses.find((a) => (site.filter === undefined ? isListing(a) : matches(site.filter, a)))
    if (address !== undefined) {
      if (score.name === undefined || score.nameWeight < site.weight) {
        score.name = rules.replyMap.get(site.domain) ?? site.domain
        score.nameWeight = site.weight
      }
      score.total += site.weight
      score.hits.push({ domain: site.domain, address, weight: site.weight })
    }
    if (site.filter !== undefined) for (const a of unclaimed) if (matches(site.filter, a)) unclaimed.delete(a)
    if (listed === site.weight > 0) score.failTTL = lower(score.failTTL, answer.ttl)
    else score.passTTL = lower(score.passTTL, answer.ttl)
  }
  return [...unclaimed]
}

/** How long the collected result holds, in seconds (psc_dnsbl_retrieve: compares with 0, not with the threshold). */
export function effectiveTTL(score: DnsblScore, rules: DnsblRules): number {
  const ttl = score.total > 0 ? score.failTTL : score.passTTL
  return Math.min(Math.max(ttl, rules.minTTL), rules.maxTTL)
}
