// Addresses with which DNS lists report an error instead of a listing. Collected from the lists' own pages in November
// 2026.

interface ListCodes {
  /** The list's domain; a key may stand in front of it. */
  readonly zone: RegExp
  readonly address: RegExp
  readonly means: string
}

const ownResolver = 'use a DNS resolver of your own (dnsbl.resolvers)'
const addressList = 'it lists names, not addresses of clients: remove it from dnsbl.sites'

/**
 * Codes that are an error at these lists only: elsewhere the same address may be a listing (127.0.1.255 at
 * iadb.isipp.com).
 */
const ownCodes: readonly ListCodes[] = [
  {
    zone: /(^|\.)list\.dnswl\.org$/,
    address: /^127\.0\.\d+\.255$/,
    means: `the list has blocked the DNS resolver because of too many queries: ${ownResolver}, or register with the list`,
  },
  { zone: /(^|\.)dbl\.(dq\.)?spamhaus\.(org|net)$/, address: /^127\.0\.1\.255$/, means: addressList },
  { zone: /(^|\.)zrd\.dq\.spamhaus\.net$/, address: /^127\.0\.2\.255$/, means: addressList },
  { zone: /(^|\.)(surbl\.org|uribl\.com)$/, address: /^127\.0\.0\.1$/, means: `the list refuses the DNS resolver: ${ownResolver}` },
  {
    zone: /(^|\.)(senderscore\.com|habeas\.com|bondedsender\.org)$/,
    address: /^127\.255\.255\.255$/,
    means: 'the DNS resolver is not registered with the list: register its address, or remove the list from dnsbl.sites',
  },
]

/** Lists at which 127.0.0.1 is a listing; it counts where a filter (`replies`) includes it. */
const loopbackIsListing = /(^|\.)(hostkarma\.junkemailfilter\.com|iadb\.isipp\.com|bl\.score\.senderscore\.com)$/

/**
 * RFC 5782 2.1 allows no listing in 127.255.255.0/24. The codes are those of Spamhaus, which other lists use as well.
 */
const commonCodes: Readonly<Record<string, string>> = {
  '127.255.255.250': 'the key is disabled: check keySecret or keyFile of the list',
  '127.255.255.251': 'the key is used in a way that its terms do not allow: check keySecret or keyFile of the list',
  '127.255.255.252': 'the domain of the list is not spelled correctly in dnsbl.sites',
  '127.255.255.254': `the list does not answer public DNS resolvers: ${ownResolver}, or a key of the list`,
  '127.255.255.255': `too many queries: ${ownResolver}, or a key of the list`,
}

/** The error that an address in the answer of this list stands for; undefined for a listing. */
export function errorCode(domain: string, address: string): { readonly kind: 'code' | 'notAList'; readonly means: string } | undefined {
  const own = ownCodes.find(({ zone, address: code }) => zone.test(domain) && code.test(address))
  if (own !== undefined) return { kind: 'code', means: own.means }
  if (address.startsWith('127.255.255.')) {
    return { kind: 'code', means: commonCodes[address] ?? 'an error code of the list: see its documentation' }
  }
  if (!address.startsWith('127.')) {
    const means = 'a DNS list answers with 127.x.x.x: its domain has a new owner, or the DNS resolver changes answers'
    return { kind: 'notAList', means }
  }
  if (address === '127.0.0.1' && !loopbackIsListing.test(domain)) {
    return { kind: 'code', means: 'not a listing by convention (RFC 5782 5): the list or the DNS resolver refuses the question' }
  }
  return undefined
}
