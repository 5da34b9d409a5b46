// The catalogue: lists that have shut down. Their domains answer nothing, or list every client, but postscreen's
// documentation and old configurations still name them.
import { type ErrorAnswer, facts, type ListFacts } from './list-facts.ts'

const remove = 'remove it from the policy'

interface Closed {
  readonly zones: readonly string[]
  readonly operator: string
  readonly what: string
  readonly sources: readonly string[]
  readonly errors?: readonly ErrorAnswer[]
}

const old = ['lists of defunct blocklists (dnsbl.com, dnsbl.info, reviewmyemails.com)']
const validity: readonly ErrorAnswer[] = [{ replies: '127.255.255.255', reason: 'NotRegistered' }]

const closed: readonly Closed[] = [
  {
    zones: ['sorbs.net'],
    operator: 'SORBS',
    what: `SORBS shut down in June 2024; ${remove}`,
    sources: ['https://www.heise.de/-9752522', 'haraka-plugin-dns-list: Changes'],
  },
  {
    zones: ['dnsbl.manitu.net'],
    operator: 'NiX Spam',
    what: `NiX Spam shut down in January 2025; ${remove}`,
    sources: ['rspamd/rspamd#5299', 'firehol/blocklist-ipsets#330'],
  },
  {
    zones: ['cbl.abuseat.org'],
    operator: 'CBL',
    what: 'the CBL is part of Spamhaus XBL; use zen.spamhaus.org, which contains its data',
    sources: ['SpamAssassin: rules/20_dnsbl_tests.cf'],
  },
  {
    zones: ['swl.spamhaus.org'],
    operator: 'Spamhaus',
    what: `the Spamhaus whitelist is not active; ${remove}`,
    sources: ['debops/debops: ansible/roles/postscreen/defaults/main.yml'],
  },
  { zones: ['njabl.org'], operator: 'NJABL', what: `NJABL shut down in 2013; ${remove}`, sources: old },
  {
    zones: ['dsbl.org'],
    operator: 'DSBL',
    what: `DSBL shut down in 2008, and its domain listed every address from 2012 on; ${remove}`,
    sources: ['vamsoft.com (DSBL Shutdown)', ...old],
  },
  {
    zones: ['ahbl.org'],
    operator: 'AHBL',
    what: `AHBL shut down in 2015 and then listed every address; ${remove}`,
    sources: ['sovereign/sovereign#338', 'jjmartres/Zabbix#78'],
  },
  {
    zones: ['spamcannibal.org'],
    operator: 'SpamCannibal',
    what: `SpamCannibal shut down in 2017 and then listed every address; ${remove}`,
    sources: ['check_rbl: Changes'],
  },
  {
    zones: ['ordb.org'],
    operator: 'ORDB',
    what: `ORDB shut down in 2006 and then listed every address; ${remove}`,
    sources: ['securityandthe.net (2009-03-10)', ...old],
  },
  {
    zones: ['inps.de'],
    operator: 'inps.de',
    what: `this list has shut down; ${remove}`,
    sources: ['dmippolitov/pydnsbl#11 (2020-05-25)'],
  },
  {
    zones: ['dul.ru', 'megarbl.net', 'emailbasura.org', 'msrbl.net', 'burnt-tech.com'],
    operator: 'several',
    what: `this list has shut down, and its domain expired and then listed every address; ${remove}`,
    sources: ['https://www.dnsbl.com'],
  },
  { zones: ['spam.abuse.ch'], operator: 'abuse.ch', what: `this list has shut down; ${remove}`, sources: ['rspamd/rspamd#2744'] },
  { zones: ['unsubscore.com'], operator: 'Lashback', what: `this list has shut down; ${remove}`, sources: ['https://www.dnsbl.com'] },
  {
    zones: ['nszones.com'],
    operator: 'nszones.com',
    what: `this list was a copy of the data of others and has shut down; ${remove}`,
    sources: ['rspamd/rspamd#111'],
  },
  {
    zones: ['spamdown.org', 'anomalies.de'],
    operator: 'several',
    what: `this list has shut down; ${remove}`,
    sources: ['check_rbl: Changes (2024-11-13, 2026-03-30)'],
  },
  {
    zones: ['five-ten-sg.com'],
    operator: 'Five-Ten',
    what: `the Five-Ten list shut down; ${remove}`,
    sources: old,
  },
  { zones: ['rfc-ignorant.org'], operator: 'RFC-Ignorant.Org', what: `RFC-Ignorant.Org shut down in 2012; ${remove}`, sources: old },
  { zones: ['blitzed.org'], operator: 'Blitzed', what: `the Blitzed open proxy monitor shut down in 2006; ${remove}`, sources: old },
  {
    zones: ['osirusoft.com'],
    operator: 'Osirusoft',
    what: `the Osirusoft list shut down in 2003 and then listed every address; ${remove}`,
    sources: old,
  },
  {
    zones: ['mail-abuse.org'],
    operator: 'MAPS',
    what: `MAPS became a commercial service of Trend Micro (r.mail-abuse.com, with a key); ${remove}`,
    sources: old,
  },
  {
    zones: ['csma.biz', 'rbl.jp', 'dnsrbl.net', 'deadbeef.com', 'sectoor.de', 'psky.me', 'tiopan.com', 'moensted.dk', 'dorkslayers.com'],
    operator: 'several',
    what: `this list has shut down; ${remove}`,
    sources: old,
  },
  {
    zones: ['orbz.org', 'orbs.org', 'wirehub.net', 'visi.com', 'blars.org', 'selwerd.cx', 'hilli.dk', 'technovision.dk'],
    operator: 'several',
    what: `this list has shut down; ${remove}`,
    sources: old,
  },
  { zones: ['support-intelligence.net'], operator: 'Support Intelligence', what: `this list has shut down; ${remove}`, sources: old },
  {
    zones: ['bondedsender.org', 'habeas.com'],
    operator: 'Validity',
    what: `this list has shut down; ${remove}`,
    sources: ['check_rbl: Changes (2024-08-04)'],
    errors: validity,
  },
  {
    zones: ['dialups.vix.com', 'blackholes.vix.com', 'relays.vix.com', 'maps.vix.com'],
    operator: 'MAPS',
    what: `MAPS no longer uses this domain; ${remove}`,
    sources: old,
  },
]

export const closedLists: readonly ListFacts[] = closed.flatMap(({ zones, operator, what, sources, errors = [] }) =>
  zones.map((zone) => facts('block', { zone, operator, below: true, closed: what, errors, sources })),
)
