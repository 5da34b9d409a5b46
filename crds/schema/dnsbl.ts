// The policy's fields about DNS blocklists and allowlists.
import { hostNameProblem } from '../values/host.ts'
import { parseReplyFilter } from '../values/reply-filter.ts'
import { action, count, documented, duration, group, list, map, record, text, whole } from './field.ts'
import { entryOf, line } from './forms.ts'
import { resolver } from './hosts.ts'

const domainProblem = (domain: string): string | undefined => {
  const problem = hostNameProblem(domain)
  return problem === undefined ? undefined : `must be a domain name such as bl.example.org: ${problem}`
}

const domain = () =>
  text({ min: 1, max: 253, pattern: '^[A-Za-z0-9._-]+$', why: 'must be a domain name such as bl.example.org', problem: domainProblem })

const replies = () =>
  text({
    min: 1,
    max: 1024,
    pattern: '^[0-9.;\\]\\[]+$',
    why: 'must be a reply filter such as 127.0.0.[2..11] or 127.0.[0..255].[1;3]',
    problem: (filter) => {
      const parsed = parseReplyFilter(filter)
      return 'why' in parsed ? `bad DNSBL filter syntax: ${parsed.why}` : undefined
    },
  })

const keyFile = () => text({ min: 1, max: 1024, pattern: '^[^\\x00-\\x1f]+$', why: 'must be the path of a file' })

/** The defaults that the rule "minTTL is not longer than maxTTL" needs when one of the two is left out. */
export const dnsblTTL = { min: '60s', max: '1h' } as const

export const dnsbl = group(
  {
    action: action('Ignore', {
      doc: 'What to do with a client whose score reaches the threshold.',
      postfix: { own: 'postscreen_dnsbl_action' },
      zimbra: ['zimbraMtaPostscreenDnsblAction'],
    }),
    threshold: count(
      1,
      { min: 1, max: 1_000_000 },
      {
        doc: 'From which score on a client fails. The score is the sum of the weights of the sites that list it.',
        postfix: { own: 'postscreen_dnsbl_threshold' },
        zimbra: ['zimbraMtaPostscreenDnsblThreshold'],
      },
    ),
    allowThreshold: count(
      0,
      { min: -1_000_000, max: 0 },
      {
        doc: 'Down to which score a client need not take any other test. 0: no score is low enough.',
        postfix: { own: 'postscreen_dnsbl_allowlist_threshold', old: ['postscreen_dnsbl_whitelist_threshold'] },
        zimbra: ['zimbraMtaPostscreenDnsblWhitelistThreshold'],
      },
    ),
    timeout: duration(
      '10s',
      { max: '5m' },
      {
        doc: 'How long to wait for the answer of one site.',
        postfix: { own: 'postscreen_dnsbl_timeout' },
        zimbra: ['zimbraMtaPostscreenDnsblTimeout'],
      },
    ),
    minTTL: duration(
      dnsblTTL.min,
      { max: '366d' },
      {
        doc: 'How long a client that passed this test need not take it again, at least. Between minTTL and maxTTL the TTL of the answers decides.',
        postfix: { own: 'postscreen_dnsbl_min_ttl' },
        zimbra: ['zimbraMtaPostscreenDnsblMinTTL'],
      },
    ),
    maxTTL: duration(
      dnsblTTL.max,
      { max: '366d' },
      {
        doc: 'How long a client that passed this test need not take it again, at most.',
        postfix: { own: 'postscreen_dnsbl_max_ttl', old: ['postscreen_dnsbl_ttl'] },
        zimbra: ['zimbraMtaPostscreenDnsblMaxTTL', 'zimbraMtaPostscreenDnsblTTL'],
      },
    ),
    sites: documented(
      list(
        record({
          domain: documented(domain(), { doc: 'The domain of the DNS blocklist or allowlist.', tenancy: 'own' }),
          replies: documented(replies().exactOptional(), {
            doc: 'Which replies count: four numbers 0..255 with dots between them, each of which may be a list in brackets such as [2..11] or [4;6..8]. Left out: every reply that can be a listing.',
            differs:
              'Without a filter Postfix counts any reply. Here replies outside 127.0.0.0/8, 127.0.0.1 and 127.255.255.0/24 (error codes) count only if the filter names them.',
            tenancy: 'own',
          }),
          keySecret: documented(entryOf('Secret').exactOptional(), {
            doc: 'A Secret with your key for this list. The question goes to KEY.domain; logs, metrics, status and replies say domain. Only one of keySecret and keyFile.',
          }),
          keyFile: documented(keyFile().exactOptional(), {
            doc: 'The same from a file, for a gateway outside Kubernetes; the path is relative to the policy file. Only one of keySecret and keyFile.',
            tenancy: 'own',
          }),
          weight: documented(whole({ min: -1_000_000, max: 1_000_000 }).default(1), {
            doc: 'What a listing adds to the score. Negative for allowlists.',
          }),
        }),
        { max: 100 },
      ).default([]),
      {
        doc: 'DNS blocklists and allowlists. A domain may appear several times with different replies and weights; it is asked once for each key. No entries: the test is off.',
        postfix: { own: 'postscreen_dnsbl_sites' },
        zimbra: ['zimbraMtaPostscreenDnsblSites'],
        convert: { as: 'dnsblSites' },
      },
    ),
    replyMap: documented(map(line(200, 1), 100, 'must be a set of fields DOMAIN: TEXT', domainProblem).default({}), {
      doc: 'The name that refused clients are told instead of the domain of a site; hides keys that are part of a domain (better: keySecret).',
      postfix: { own: 'postscreen_dnsbl_reply_map' },
      zimbra: ['zimbraMtaPostscreenDnsblReplyMap'],
      tenancy: 'own',
      convert: { as: 'replyMap' },
    }),
    resolvers: documented(list(resolver(), { max: 10 }).default([]), {
      doc: 'The DNS servers that are asked, each an address, with or without a port. None: those of the machine or pod.',
      tenancy: 'listedHosts',
    }),
  },
  { doc: 'The DNSBL test: blocklists and allowlists in the DNS, with weights.' },
)
