// The catalogue: lists of clients that should be refused.
import { facts, type ListFacts, servesBoth, servesIPv4 } from './list-facts.ts'

const spamhausLimits = 'not commercial, at most 100,000 connections and 300,000 queries a day; no public DNS resolver'
const spamhausSources = [
  'https://docs.spamhaus.com (Available Zones)',
  'https://www.spamhaus.org/organization/dnsblusage/',
  'rspamd: conf/modules.d/rbl.conf',
]
const dqsSources = ['https://docs.spamhaus.com (Available Zones, DQS Requests)', 'spamhaus/rspamd-dqs: 3.x/rbl.conf']

const spamhaus = (zone: string, listings: string, more: Partial<ListFacts> = {}): ListFacts =>
  facts('block', { zone, operator: 'Spamhaus', listings, limits: spamhausLimits, sources: spamhausSources, ...more })

const dqs = (zone: string, listings: string): ListFacts =>
  facts('block', { zone, keyed: true, operator: 'Spamhaus', families: ['IPv4', 'IPv6'], listings, sources: dqsSources })

const spamhausLists: readonly ListFacts[] = [
  spamhaus('zen.spamhaus.org', '127.0.0.[2..7;9..11;30]', { listedPoints: servesIPv4 }),
  spamhaus('sbl.spamhaus.org', '127.0.0.[2;3;9;30]', { listedPoints: servesIPv4 }),
  spamhaus('xbl.spamhaus.org', '127.0.0.[4..7]'),
  spamhaus('pbl.spamhaus.org', '127.0.0.[10;11]'),
  spamhaus('sbl-xbl.spamhaus.org', '127.0.0.[2..7;9;30]'),
  dqs('zen.dq.spamhaus.net', '127.0.0.[2..7;9..11;30]'),
  dqs('sbl.dq.spamhaus.net', '127.0.0.[2;3;9;30]'),
  dqs('xbl.dq.spamhaus.net', '127.0.0.[4..7]'),
  dqs('pbl.dq.spamhaus.net', '127.0.0.[10;11]'),
  dqs('sbl-xbl.dq.spamhaus.net', '127.0.0.[2..7;9;30]'),
  dqs('authbl.dq.spamhaus.net', '127.0.0.20'),
]

const abusixPoints = ['127.0.0.2', '127.0.0.3', '::ffff:127.0.0.2', '::ffff:127.0.0.3']
const abusix = (list: string, listings: string): ListFacts =>
  facts('block', {
    zone: `${list}.mail.abusix.zone`,
    keyed: true,
    operator: 'Abusix',
    families: ['IPv4', 'IPv6'],
    listings,
    listedPoints: abusixPoints,
    limits: 'paid by query',
    sources: ['https://docs.abusix.com (Production Zones)'],
  })

const seenAtPoint = ['zones tested one by one on 2026-04-24: wraps-team/wraps#115']
const small = (zone: string, operator: string, more: Partial<ListFacts> = {}): ListFacts =>
  facts('block', { zone, operator, sources: ['check_rbl: check_rbl.ini'], ...more })

const semLimits = 'contact the operator before more than 100,000 queries a day or 5 in a second'
const semSources = ['https://spameatingmonkey.com (Frequently Asked Questions, List information)', 'rspamd: conf/modules.d/rbl.conf']
const spamEatingMonkey: readonly ListFacts[] = [
  ...['bl', 'backscatter'].map((list) =>
    facts('block', {
      zone: `${list}.spameatingmonkey.net`,
      operator: 'Spam Eating Monkey',
      families: ['IPv4'],
      listings: '127.0.0.2',
      listedPoints: servesIPv4,
      limits: semLimits,
      sources: semSources,
    }),
  ),
  facts('block', {
    zone: 'bl.ipv6.spameatingmonkey.net',
    operator: 'Spam Eating Monkey',
    families: ['IPv6'],
    listings: '127.0.0.2',
    limits: semLimits,
    sources: semSources,
  }),
]

const mailspikeLimits = 'at most 100,000 messages and 100,000 queries a day'
const mailspikeSources = ['https://mailspike.org (Usage)', 'SpamAssassin: rules/20_mailspike.cf']
const mailspike = (list: string, listings: string): ListFacts =>
  facts('block', {
    zone: `${list}.mailspike.net`,
    operator: 'Mailspike',
    listings,
    limits: mailspikeLimits,
    sources: mailspikeSources,
  })

const haraka = ['haraka-plugin-dns-list: config/dns-list.ini']

export const blockLists: readonly ListFacts[] = [
  ...spamhausLists,
  abusix('combined', '127.0.0.[2..4;11;12;200]'),
  abusix('black', '127.0.0.[2;3;200]'),
  ...spamEatingMonkey,
  mailspike('bl', '127.0.0.[2;10..13]'),
  mailspike('z', '127.0.0.2'),
  facts('block', {
    zone: 'b.barracudacentral.org',
    operator: 'Barracuda',
    families: ['IPv4'],
    listings: '127.0.0.2',
    listedPoints: servesIPv4,
    limits: 'the address of the DNS resolver must be registered; others get SERVFAIL',
    sources: ['https://www.barracudacentral.org/rbl', ...haraka, 'iredmail/iRedMail#232'],
  }),
  facts('block', {
    zone: 'bl.spamcop.net',
    operator: 'Cisco',
    listings: '127.0.0.2',
    listedPoints: servesIPv4,
    sources: ['https://www.spamcop.net/fom-serve/cache/291.html', ...haraka],
  }),
  facts('block', {
    zone: 'psbl.surriel.com',
    operator: 'PSBL',
    listings: '127.0.0.2',
    limits: 'free for all',
    sources: ['https://psbl.org (How to use PSBL)', ...haraka],
  }),
  facts('block', { zone: 'bl.blocklist.de', operator: 'blocklist.de', sources: ['rspamd: conf/modules.d/rbl.conf'] }),
  facts('block', {
    zone: 'bip.virusfree.cz',
    operator: 'virusfree.cz',
    listings: '127.0.0.2',
    sources: ['rspamd: conf/modules.d/rbl.conf'],
  }),
  facts('block', {
    zone: 'bl.score.senderscore.com',
    operator: 'Validity',
    loopbackIsListing: true,
    errors: [{ replies: '127.255.255.255', reason: 'NotRegistered' }],
    limits: 'needs an account, and the address of the DNS resolver must be registered',
    sources: ['rspamd/rspamd#5907', 'SpamAssassin: rules/20_dnsbl_tests.cf'],
  }),
  facts('block', {
    zone: 'truncate.gbudb.net',
    operator: 'GBUdb',
    families: ['IPv4'],
    listings: '127.0.0.2',
    sources: haraka,
  }),
  ...['dnsbl-1', 'dnsbl-2', 'dnsbl-3'].map((list) => small(`${list}.uceprotect.net`, 'UCEPROTECT')),
  small('ips.backscatterer.org', 'UCEPROTECT'),
  small('dnsbl.justspam.org', 'JustSpam'),
  facts('block', {
    zone: 'dnsbl.dronebl.org',
    operator: 'DroneBL',
    listings: '127.0.0.[2..254]',
    limits: 'free, for commercial use too',
    sources: ['https://dronebl.org (Using DroneBL)'],
  }),
  small('all.spamrats.com', 'SpamRATS', { listings: '127.0.0.[36..43]' }),
  ...['dyna', 'noptr', 'spam', 'auth'].map((list) => small(`${list}.spamrats.com`, 'SpamRATS', { listings: '127.0.0.[36..43]' })),
  small('all.s5h.net', 's5h.net', { listings: '127.0.0.2' }),
  ...['bl', 'gl'].map((list) =>
    small(`${list}.suomispam.net`, 'Suomispam', { ...(list === 'bl' && { listedPoints: servesIPv4 }), sources: seenAtPoint }),
  ),
  facts('block', {
    zone: 'bl.nordspam.com',
    operator: 'NordSpam',
    families: ['IPv4', 'IPv6'],
    listings: '127.0.0.2',
    listedPoints: servesBoth,
    limits: 'contact the operator before more than 10,000 queries a day',
    sources: ['https://nordspam.com (Usage)'],
  }),
  ...['bl.0spam.org', 'rbl.0spam.org', 'dnsbl.zapbl.net', 'bl.scientificspam.net', 'dnsrbl.swinog.ch', 'dnsbl.kempt.net'].map((zone) =>
    small(zone, zone.split('.').slice(-2).join('.'), { listings: '127.0.0.2', listedPoints: servesIPv4, sources: seenAtPoint }),
  ),
]
