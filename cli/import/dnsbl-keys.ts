// Keys of DNS list customers that are part of a domain, as in KEY.zen.dq.spamhaus.net. They are put into a Secret or a
// file, and never into a message.

/** A key, and the list for which it is valid. */
export interface KeyedDomain {
  readonly key: string
  readonly domain: string
}

/** Zones in which the label before the list's name is the customer's key, whatever it looks like. */
const zonesWithKeys: readonly RegExp[] = [
  /^[^.]+\.dq\.spamhaus\.net$/,
  /^[^.]+\.mail\.abusix\.zone$/,
  // Trend Micro's Email Reputation Services.
  /^[rq]\.mail-abuse\.com$/,
  /^df\.uribl\.com$/,
]

/** Public lists. They have no zones below them, so a label before them can only be a customer's key. */
const publicLists: readonly RegExp[] = [
  /^(?:zen|sbl|xbl|pbl|sbl-xbl|css|dbl)\.spamhaus\.(?:org|net)$/,
  /^b\.barracudacentral\.org$/,
  /^bl\.spamcop\.net$/,
  /^(?:sip|sip24|uri)\.invaluement\.com$/,
  /^(?:multi|abuse|ph|mw|cr)\.surbl\.org$/,
  /^(?:multi|black|grey|red)\.uribl\.com$/,
  /^(?:rep|bl|z|wl|h1)\.mailspike\.(?:net|org)$/,
  /^(?:all|auth|dyna|noptr|spam)\.spamrats\.com$/,
  /^(?:bl|backscatter|netbl|uribl|fresh)\.spameatingmonkey\.(?:net|com)$/,
  /^(?:list|list\.wl)\.dnswl\.org$/,
  /^bl\.score\.senderscore\.com$/,
  /^(?:psbl)\.surriel\.com$/,
  /^dnsbl-[0-3]\.uceprotect\.net$/,
  /^hostkarma\.junkemailfilter\.com$/,
  /^bl\.blocklist\.de$/,
]

/**
 * Whether a label looks like random characters and not like a name: a long label without a hyphen, letters and digits
 * mixed, or the groups of a UUID.
 * Names of public lists have at most 15 characters and at most one group of digits.
 */
function looksDrawn(label: string): boolean {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(label)) return true
  if (!/^[A-Za-z0-9]+$/.test(label)) return false
  const switches = label.match(/[0-9](?=[A-Za-z])|[A-Za-z](?=[0-9])/g)?.length ?? 0
  return label.length >= 20 || (label.length >= 16 && /[0-9]/.test(label)) || (label.length >= 10 && switches >= 3)
}

/** The key in the first label of a domain, if there is one. */
export function splitKey(domain: string): KeyedDomain | undefined {
  const dot = domain.indexOf('.')
  const key = domain.slice(0, dot)
  const rest = domain.slice(dot + 1)
  if (dot <= 0 || !rest.includes('.') || !/^[A-Za-z0-9-]{1,63}$/.test(key)) return undefined
  const zone = rest.toLowerCase()
  const keyed = [...zonesWithKeys, ...publicLists].some((one) => one.test(zone)) || looksDrawn(key)
  return keyed ? { key, domain: rest } : undefined
}

/**
 * A label that looks like a key and is neither the first label nor part of the registered name. The policy does not
 * support a key in this position.
 */
export function innerKey(domain: string): string | undefined {
  return domain.split('.').slice(1, -2).find(looksDrawn)
}

const hidden = '<key>'
const domainLike = /[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+){2,}/g

/** The text without keys: those of the domains in it, and the given ones. */
export function withoutKeys(text: string, keys: Iterable<string>): string {
  let result = text
  for (const key of keys) result = result.replaceAll(key, hidden)
  return result.replaceAll(domainLike, (domain) => {
    const inner = innerKey(domain)
    if (inner !== undefined) return domain.replace(inner, hidden)
    const split = splitKey(domain)
    return split === undefined ? domain : `${hidden}.${split.domain}`
  })
}
