// The fields of DNS blocklists and allowlists.
import { errorReasons } from '../dns-lists/list-facts.ts'
import { parseAddress } from '../values/address.ts'
import { readReplyFilter } from '../values/reply-filter.ts'
import { action, choice, count, documented, duration, group, list, map, parsed, record, text, whole } from './field.ts'
import { line } from './forms.ts'
import { secretRef } from './secret-ref.ts'
import { hostName, nameProblem } from './host-name.ts'
import { resolver } from './hosts.ts'

const domainName = 'a domain name such as bl.example.org'

const replies = () =>
  parsed(
    {
      min: 1,
      max: 1024,
      pattern: '^[0-9.;\\]\\[]+$',
      why: 'must be a reply filter such as 127.0.0.[2..11] or 127.0.[0..255].[1;3]',
    },
    (filter) => {
      const read = readReplyFilter(filter)
      return 'why' in read ? { why: `bad DNSBL filter syntax: ${read.why}` } : read
    },
  )

/** An address of a list's test point. IPv6 addresses may have IPv4 form inside: ::ffff:127.0.0.2. */
const testPoint = () =>
  parsed({ min: 1, max: 45, pattern: '^[0-9A-Fa-f.:]+$', why: 'must be an IP address such as 127.0.0.2 or ::ffff:127.0.0.2' }, (written) =>
    parseAddress(written) === undefined ? { why: 'must be an IP address such as 127.0.0.2 or ::ffff:127.0.0.2' } : { value: written },
  )

const testPoints = (doc: string) => documented(list(testPoint(), { max: 10 }).exactOptional(), { doc, tenancy: 'own' })

const catalogueEntry = () =>
  record({
    domain: documented(hostName({ what: domainName, max: 253, mayBeEmpty: false }), {
      doc: 'The domain of the list, as in sites.',
      tenancy: 'own',
    }),
    listings: documented(replies().exactOptional(), {
      doc: 'A filter for the replies that are listings. It is used for sites without replies.',
      tenancy: 'own',
    }),
    errors: documented(
      list(
        record({
          replies: documented(replies(), { doc: 'A filter for replies that are errors.', tenancy: 'own' }),
          reason: documented(choice(errorReasons), { doc: 'What they mean.' }),
        }),
        { max: 20 },
      ).exactOptional(),
      {
        doc: 'The replies with which this list reports an error. Replies in 127.255.255.0/24 and outside 127.0.0.0/8 are always errors.',
      },
    ),
    testPoints: documented(
      record({
        listed: testPoints('Addresses that the list always contains. Empty: it has no such address.'),
        notListed: testPoints('Addresses that the list never contains. Empty: it has no such address.'),
      }).exactOptional(),
      {
        doc: 'The addresses with which the list is tested (RFC 5782, section 5). With an IPv6 address, it is tested for IPv6 clients too.',
      },
    ),
  })

const keyFile = () => text({ min: 1, max: 1024, pattern: '^[^\\x00-\\x1f]+$', why: 'must be the path of a file' })

/** The defaults for the rule "minTTL is not longer than maxTTL" when one of the two is not set. */
export const dnsblTTL = { min: '60s', max: '1h' } as const

export const dnsbl = group(
  {
    action: action('Ignore', {
      doc: 'The action for a client whose score reaches the threshold.',
      postfix: { own: 'postscreen_dnsbl_action' },
      zimbra: ['zimbraMtaPostscreenDnsblAction'],
    }),
    threshold: count(
      1,
      { min: 1, max: 1_000_000 },
      {
        doc: 'The score at which a client fails the test. The score of a client is the sum of the weights of the sites that list it.',
        postfix: { own: 'postscreen_dnsbl_threshold' },
        zimbra: ['zimbraMtaPostscreenDnsblThreshold'],
      },
    ),
    allowThreshold: count(
      0,
      { min: -1_000_000, max: 0 },
      {
        doc: 'The score at or below which a client skips all other tests. Only clients that allowlists list can have a negative score. 0: no client skips the tests because of its score.',
        postfix: { own: 'postscreen_dnsbl_allowlist_threshold', old: ['postscreen_dnsbl_whitelist_threshold'] },
        zimbra: ['zimbraMtaPostscreenDnsblWhitelistThreshold'],
      },
    ),
    timeout: duration(
      '10s',
      { max: '5m' },
      {
        doc: 'The time limit for the reply of one site.',
        postfix: { own: 'postscreen_dnsbl_timeout' },
        zimbra: ['zimbraMtaPostscreenDnsblTimeout'],
      },
    ),
    minTTL: duration(
      dnsblTTL.min,
      { max: '366d' },
      {
        doc: 'The minimum time for which a client that passed this test does not have to repeat it. The TTL of the DNS replies determines the time, within minTTL and maxTTL.',
        postfix: { own: 'postscreen_dnsbl_min_ttl' },
        zimbra: ['zimbraMtaPostscreenDnsblMinTTL'],
      },
    ),
    maxTTL: duration(
      dnsblTTL.max,
      { max: '366d' },
      {
        doc: 'The maximum time for which a client that passed this test does not have to repeat it.',
        postfix: { own: 'postscreen_dnsbl_max_ttl', old: ['postscreen_dnsbl_ttl'] },
        zimbra: ['zimbraMtaPostscreenDnsblMaxTTL', 'zimbraMtaPostscreenDnsblTTL'],
      },
    ),
    sites: documented(
      list(
        record({
          domain: documented(hostName({ what: domainName, max: 253, mayBeEmpty: false }), {
            doc: 'The domain of the DNS blocklist or allowlist.',
            tenancy: 'own',
          }),
          replies: documented(replies().exactOptional(), {
            doc: 'A filter for the replies that count as a listing: four numbers from 0 to 255 with dots between them. Each number may be a list in brackets, such as [2..11] or [4;6..8]. If not set: every reply that can be a listing counts.',
            differs:
              'Without a filter, Postfix counts every reply. Here, replies outside 127.0.0.0/8, the reply 127.0.0.1, and replies in 127.255.255.0/24 (error codes) count only if the filter contains them. Of a list in the catalogue, only its listings count.',
            tenancy: 'own',
          }),
          keySecret: secretRef({
            doc: 'A reference to a Secret key that contains your key for this list. The DNS query goes to KEY.domain; logs, metrics, status and SMTP replies contain only domain. Set only one of keySecret and keyFile.',
          }),
          keyFile: documented(keyFile().exactOptional(), {
            doc: 'The path of a file that contains your key for this list, for a gateway outside Kubernetes. The path is relative to the policy file. Set only one of keySecret and keyFile.',
            tenancy: 'own',
          }),
          weight: documented(whole({ min: -1_000_000, max: 1_000_000 }).default(1), {
            doc: 'The number that a listing adds to the score. Use a negative weight for an allowlist.',
          }),
        }),
        { max: 100 },
      ).prefault([]),
      {
        doc: 'The DNS blocklists and allowlists. A domain may appear several times with different replies and weights; one DNS query is sent for each domain and key. Empty: the test is disabled.',
        postfix: { own: 'postscreen_dnsbl_sites' },
        zimbra: ['zimbraMtaPostscreenDnsblSites'],
        convert: { as: 'dnsblSites' },
      },
    ),
    selfTest: duration(
      '3h',
      { min: '0s', max: '1d' },
      {
        doc: 'How often each list is tested while it is healthy. Doubts of clients cause further tests, and a list with a fault is tested more often. 0s: lists are not tested, and never suspended.',
      },
    ),
    whenUnhealthy: documented(choice(['Suspend', 'Keep']).default('Suspend'), {
      doc: 'What happens to a list that a test has found to be faulty. Suspend: it is not asked, and counts as answered without a result until it is healthy again; the negative weights of a list count only after its first test. Keep: it is used as before, and the fault is only reported.',
    }),
    suspiciousShare: group(
      {
        percent: count(
          95,
          { min: 0, max: 100 },
          { doc: 'The share in percent that is suspicious, among the clients that all other lists pass. 0: no share is.' },
        ),
        usualPercent: count(
          60,
          { min: 1, max: 100 },
          { doc: 'A list that listed at least this share in percent during the last day is not suspicious, because that is usual for it.' },
        ),
        clients: count(50, { min: 20, max: 5000 }, { doc: 'The number of distinct clients from which on a share counts.' }),
        window: duration('10m', { max: '1d' }, { doc: 'The time in which the clients are counted.' }),
      },
      {
        doc: 'When a list that suddenly lists a suspicious share of clients counts as faulty. An IPv6 client is a /64 network. A single list is only tested then, because no other list passes its clients.',
      },
    ),
    catalogue: documented(list(catalogueEntry(), { max: 100 }).prefault([]), {
      doc: 'What is known about lists, if the built-in catalogue does not contain them or is wrong. A field that is set replaces what the catalogue contains. A list that is in neither has the test points of RFC 5782: 127.0.0.2 is listed, 127.0.0.1 is not.',
    }),
    replyMap: documented(map(line(200, 1), 100, 'must be a map of DOMAIN: TEXT', nameProblem(domainName)).default({}), {
      doc: 'A map from the domain of a site to the text that refused clients see instead. Use it to hide keys that are part of a domain (keySecret is the better way).',
      postfix: { own: 'postscreen_dnsbl_reply_map' },
      zimbra: ['zimbraMtaPostscreenDnsblReplyMap'],
      tenancy: 'own',
      convert: { as: 'replyMap' },
    }),
    resolvers: documented(list(resolver(), { max: 10 }).prefault([]), {
      doc: 'The addresses of the DNS servers that receive the queries, each with or without a port. Empty: the DNS servers of the machine or pod.',
      tenancy: 'listedHosts',
    }),
  },
  { doc: 'The DNSBL test: DNS blocklists and allowlists with weights.' },
)
