// DNS lists that have shut down. Their domains answer nothing, or list every client, but postscreen's documentation and
// old configurations still name them.

interface ClosedList {
  readonly domains: RegExp
  readonly what: string
}

const remove = 'remove it from the policy'
const zen = 'use zen.spamhaus.org, which contains its data'

const closed: readonly ClosedList[] = [
  { domains: /(^|\.)sorbs\.net$/, what: `SORBS shut down in June 2024; ${remove}` },
  { domains: /(^|\.)dnsbl\.manitu\.net$/, what: `NiX Spam shut down in January 2025; ${remove}` },
  { domains: /^cbl\.abuseat\.org$/, what: `the CBL is part of Spamhaus XBL; ${zen}` },
  { domains: /(^|\.)njabl\.org$/, what: `NJABL shut down in 2013; ${remove}` },
  { domains: /(^|\.)dsbl\.org$/, what: `DSBL shut down in 2008; ${remove}` },
  { domains: /(^|\.)ahbl\.org$/, what: `AHBL shut down in 2015 and then listed every address; ${remove}` },
  { domains: /(^|\.)spamcannibal\.org$/, what: `SpamCannibal shut down in 2017 and then listed every address; ${remove}` },
  { domains: /(^|\.)ordb\.org$/, what: `ORDB shut down in 2006 and then listed every address; ${remove}` },
  { domains: /(^|\.)five-ten-sg\.com$/, what: `the Five-Ten list shut down; ${remove}` },
  { domains: /(^|\.)rfc-ignorant\.org$/, what: `RFC-Ignorant.Org shut down in 2012; ${remove}` },
  { domains: /(^|\.)blitzed\.org$/, what: `the Blitzed open proxy monitor shut down in 2006; ${remove}` },
  { domains: /(^|\.)osirusoft\.com$/, what: `the Osirusoft list shut down in 2003 and then listed every address; ${remove}` },
  { domains: /(^|\.)mail-abuse\.org$/, what: `MAPS became a commercial service of Trend Micro (r.mail-abuse.com, with a key); ${remove}` },
  {
    domains: /(^|\.)(inps\.de|csma\.biz|msrbl\.net|rbl\.jp|dnsrbl\.net|emailbasura\.org|deadbeef\.com)$/,
    what: `this list has shut down; ${remove}`,
  },
  {
    domains: /(^|\.)(sectoor\.de|psky\.me|tiopan\.com|moensted\.dk|dorkslayers\.com|orbz\.org|orbs\.org)$/,
    what: `this list has shut down; ${remove}`,
  },
  {
    domains: /(^|\.)(wirehub\.net|visi\.com|blars\.org|selwerd\.cx|hilli\.dk|technovision\.dk)$/,
    what: `this list has shut down; ${remove}`,
  },
  { domains: /(^|\.)(support-intelligence\.net|bondedsender\.org|habeas\.com)$/, what: `this list has shut down; ${remove}` },
  {
    domains: /^(dialups|blackholes|relays)\.(vix|maps\.vix)\.com$|^rbl\.maps\.vix\.com$/,
    what: `MAPS no longer uses this domain; ${remove}`,
  },
]

/** What happened to a list, and what to do; undefined for a list that is not known to have shut down. */
export function closedList(domain: string): string | undefined {
  const name = domain.toLowerCase().replace(/\.$/, '')
  return closed.find(({ domains }) => domains.test(name))?.what
}
