// The catalogue: lists of good clients, and lists with good and bad clients.
import { facts, type ListFacts } from './list-facts.ts'

const validity = 'needs an account, and the address of the DNS resolver must be registered'
const spamassassin = ['SpamAssassin: rules/20_dnsbl_tests.cf']

export const allowLists: readonly ListFacts[] = [
  facts('allow', {
    zone: 'list.dnswl.org',
    operator: 'dnswl.org',
    families: ['IPv4', 'IPv6'],
    // 127.0.CATEGORY.TRUST
    listings: '127.0.[2..15;20].[0..3]',
    errors: [{ replies: '127.0.[0..255].255', reason: 'Blocked' }],
    overLimit: '127.0.[0..255].3',
    listedPoints: ['127.0.0.2'],
    limits: '100,000 queries in 24 hours for one organisation',
    sources: [
      'https://www.dnswl.org (Am I Blocked?)',
      'SpamAssassin: rules/25_dnswl.cf',
      'spamassassin-users, msg107955: how the operator answers users over the limit',
      'rspamd/rspamd#4627',
    ],
  }),
  facts('allow', {
    zone: 'wl.mailspike.net',
    operator: 'Mailspike',
    listings: '127.0.0.[17..20]',
    limits: 'at most 100,000 messages and 100,000 queries a day; not meant as the only reason to skip tests',
    sources: ['https://mailspike.org (Usage)', 'SpamAssassin: rules/20_mailspike.cf'],
  }),
  facts('mixed', {
    zone: 'rep.mailspike.net',
    operator: 'Mailspike',
    limits: 'at most 100,000 messages and 100,000 queries a day',
    sources: ['https://mailspike.org (Usage)', 'rspamd: conf/modules.d/rbl.conf'],
  }),
  facts('mixed', {
    zone: 'hostkarma.junkemailfilter.com',
    operator: 'Junk Email Filter',
    // 127.0.0.1 is the code for good senders, and the address 127.0.0.1 has it.
    loopbackIsListing: true,
    notListedPoints: [],
    sources: ['rspamd/rspamd#1662', 'haraka-plugin-dns-list: config/dns-list.ini'],
  }),
  facts('mixed', {
    zone: 'score.senderscore.com',
    below: true,
    operator: 'Validity',
    errors: [{ replies: '127.255.255.255', reason: 'NotRegistered' }],
    limits: validity,
    sources: ['rspamd/rspamd#5907'],
  }),
  facts('mixed', {
    zone: 'senderscore.com',
    below: true,
    operator: 'Validity',
    errors: [{ replies: '127.255.255.255', reason: 'NotRegistered' }],
    limits: validity,
    sources: spamassassin,
  }),
  facts('allow', {
    zone: 'iadb.isipp.com',
    operator: 'ISIPP',
    // 127.0.1.255 means "vouched", which is an error code of other lists.
    loopbackIsListing: true,
    sources: [...spamassassin, 'SpamAssassin: rulesrc/sandbox/felicity/70_iadb.cf'],
  }),
  facts('allow', {
    zone: 'white.mail.abusix.zone',
    keyed: true,
    operator: 'Abusix',
    families: ['IPv4', 'IPv6'],
    listings: '127.0.2.[1..5]',
    limits: 'paid by query',
    sources: ['https://docs.abusix.com (Production Zones)'],
  }),
  facts('allow', {
    zone: 'dnswl.spfbl.net',
    operator: 'SPFBL',
    listings: '127.0.0.[2..5]',
    limits: 'one query in 100 ms for a block of addresses',
    sources: ['https://spfbl.net/en/dnswl/'],
  }),
  facts('allow', { zone: 'ips.whitelisted.org', operator: 'UCEPROTECT', sources: ['check_rbl: check_rbl.ini'] }),
]
