// What is known about one list of a policy: the entry of the catalogue, as far as the policy does not replace it.
import { type ReplyFilter, matches, readReplyFilter } from '../values/reply-filter.ts'
import { factsOf } from './catalogue.ts'
import { type ErrorReason, type ListFacts, rfcPoints } from './list-facts.ts'

/** An entry of `dnsbl.catalogue`: what it states replaces what the catalogue knows. */
export interface CatalogueOverride {
  readonly domain: string
  readonly listings?: ReplyFilter | undefined
  readonly errors?: readonly { readonly replies: ReplyFilter; readonly reason: ErrorReason }[] | undefined
  readonly testPoints?: { readonly listed?: readonly string[] | undefined; readonly notListed?: readonly string[] | undefined } | undefined
}

/** The test points of one family. */
export interface FamilyPoints {
  readonly listed: readonly string[]
  /** Whether the list has an entry at these points: if it has none there, it is empty. */
  readonly listedIsSure: boolean
  readonly notListed: readonly string[]
}

export interface KnownList {
  /** As in the policy. */
  readonly domain: string
  readonly facts: ListFacts | undefined
  /** The answers that are listings; undefined if that is not known. */
  readonly listings: ReplyFilter | undefined
  readonly loopbackIsListing: boolean
  readonly errors: readonly { readonly replies: ReplyFilter; readonly reason: ErrorReason }[]
  readonly overLimit: ReplyFilter | undefined
  readonly IPv4: FamilyPoints
  /** Undefined: it is not known whether the list contains IPv6 clients. */
  readonly IPv6: FamilyPoints | undefined
  /** Neither the catalogue nor the policy says what its test points are: they are those of the RFC, if it has any. */
  readonly pointsAreAssumed: boolean
}

/** The filters of the catalogue. A test reads all of them. */
function filterOf(text: string): ReplyFilter {
  const read = readReplyFilter(text)
  if ('why' in read) throw new Error(`the catalogue has a reply filter that is not valid: ${text}: ${read.why}`)
  return read.value
}

const isIPv6 = (address: string): boolean => address.includes(':')
const same = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase()

const noPoints: FamilyPoints = { listed: [], listedIsSure: false, notListed: [] }

/**
 * What is known about a list.
 * @param domain as in the policy: a key may be its first label
 * @param overrides `dnsbl.catalogue` of the policy
 */
export function knownList(domain: string, overrides: readonly CatalogueOverride[] = []): KnownList {
  const facts = factsOf(domain)
  const own = overrides.find((one) => same(one.domain, domain))
  const listings = own?.listings ?? (facts?.listings === undefined ? undefined : filterOf(facts.listings))
  return {
    domain,
    facts,
    listings,
    loopbackIsListing: facts?.loopbackIsListing === true || (own?.listings !== undefined && matches(own.listings, '127.0.0.1')),
    errors: own?.errors ?? (facts?.errors ?? []).map(({ replies, reason }) => ({ replies: filterOf(replies), reason })),
    overLimit: facts?.overLimit === undefined ? undefined : filterOf(facts.overLimit),
    ...pointsOf(facts, own),
    pointsAreAssumed: facts === undefined && own?.testPoints?.listed === undefined,
  }
}

/** A list that is not in the catalogue has the test points of RFC 5782 for IPv4. */
function pointsOf(facts: ListFacts | undefined, own: CatalogueOverride | undefined): Pick<KnownList, 'IPv4' | 'IPv6'> {
  const stated = own?.testPoints?.listed
  const listed = stated ?? facts?.listedPoints ?? [rfcPoints.listed.IPv4]
  const notListed = own?.testPoints?.notListed ?? facts?.notListedPoints
  const points = (family: 'IPv4' | 'IPv6'): FamilyPoints => {
    const ofFamily = (address: string): boolean => isIPv6(address) === (family === 'IPv6')
    return {
      listed: listed === 'unknown' ? [rfcPoints.listed[family]] : listed.filter(ofFamily),
      listedIsSure: listed !== 'unknown',
      notListed: (notListed ?? [rfcPoints.notListed[family]]).filter(ofFamily),
    }
  }
  const hasIPv6 = facts?.families.includes('IPv6') === true || [...(stated ?? []), ...(own?.testPoints?.notListed ?? [])].some(isIPv6)
  const onlyIPv6 = facts?.families.length === 1 && facts.families[0] === 'IPv6'
  return { IPv4: onlyIPv6 ? noPoints : points('IPv4'), IPv6: hasIPv6 ? points('IPv6') : undefined }
}
