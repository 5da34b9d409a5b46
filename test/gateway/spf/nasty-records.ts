// SPF records of every kind, the nasty ones included, with what they must expand to. Documentation networks count as public here.
import { documentation, type SpfBounds, spfBounds } from '../../../gateway/core/spf/spf-bounds.ts'
import type { SpfFailure } from '../../../gateway/core/spf/expand-spf.ts'
import type { Zone } from './zone-server.ts'

export const testBounds: SpfBounds = {
  ...spfBounds,
  specialUse: spfBounds.specialUse.filter((network) => !documentation.includes(network)),
}

export interface SpfCase {
  readonly what: string
  readonly domain: string
  readonly zone: Zone
  /** Separated by blanks. */
  readonly networks: string
  /** Why there is no result, and what the text must contain. */
  readonly failed?: readonly [SpfFailure, RegExp?]
  readonly unread?: readonly RegExp[]
  readonly refused?: readonly RegExp[]
  readonly notExpandable?: number
  readonly warnings?: readonly RegExp[]
  readonly lookups?: number
  readonly voidLookups?: number
}

const many = <T>(count: number, of: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => of(index + 1))
const spf = (terms: string): readonly string[] => [`TXT v=spf1 ${terms}`]
const d = { 'd.test': spf('ip4:198.51.100.0/26 -all') }

/** A record whose only term besides ip4 is wrong: the whole record is an error. */
const wrong = (term: string, more = ''): SpfCase => ({
  what: `syntax error: ${term}`,
  domain: 'w.test',
  zone: { 'w.test': spf(`ip4:192.0.2.99 ${term}${more} -all`) },
  networks: '',
  failed: ['SyntaxError', /w\.test/],
})

export const spfCases: readonly SpfCase[] = [
  {
    what: 'host bits are masked',
    domain: 's1.test',
    zone: { 's1.test': spf('ip4:192.0.2.77/24 ip6:2001:db8:1:2::5/48 -all') },
    networks: '192.0.2.0/24 2001:db8:1::/48',
    warnings: [/192\.0\.2\.0\/24/, /2001:db8:1::\/48/],
  },
  {
    what: 'redirect and include',
    domain: 's2.test',
    zone: {
      's2.test': spf('redirect=b.test'),
      'b.test': spf('include:c.test include:d.test ~all'),
      'c.test': spf('ip4:192.0.2.0/25'),
      ...d,
    },
    networks: '192.0.2.0/25 198.51.100.0/26',
    lookups: 3,
  },
  {
    what: 'a redirect beside all is ignored, wherever it is',
    domain: 's3.test',
    zone: { 's3.test': spf('redirect=d.test ip4:192.0.2.1 ?all'), ...d },
    networks: '192.0.2.1',
    lookups: 0,
  },
  {
    what: 'strings are joined without a blank, and other TXT records do not matter',
    domain: 's4.test',
    zone: {
      's4.test': [
        'TXT "v=spf1 ip4:192.0.2." "0/24 ip4:198.51.100.0/24 -all"',
        'TXT "x=1\n"',
        'TXT v=spf10 ip4:203.0.113.1',
        'TXT v=spf1.0 ip4:203.0.113.1',
        'TXT \xff\x00\xfe',
      ],
    },
    networks: '192.0.2.0/24 198.51.100.0/24',
  },
  {
    what: 'strings that miss a blank are a syntax error',
    domain: 's5.test',
    zone: { 's5.test': ['TXT "v=spf1 ip4:192.0.2.1" "ip4:192.0.2.2 -all"'] },
    networks: '',
    failed: ['SyntaxError', /ip4:192\.0\.2\.1ip4:192\.0\.2\.2/],
  },
  {
    what: 'two records',
    domain: 's6.test',
    zone: { 's6.test': [...spf('ip4:203.0.113.1 -all'), ...spf('ip4:203.0.113.2 -all')] },
    networks: '',
    failed: ['SeveralRecords', /2 SPF records/],
  },
  {
    what: 'an alias, and an answer that needs TCP',
    domain: 's7.test',
    zone: {
      's7.test': ['CNAME r7.test'],
      'r7.test': [...many(60, (i) => `TXT site-verification-${i}=${'x'.repeat(60)}`), ...spf('ip4:203.0.113.0/24 -all')],
    },
    networks: '203.0.113.0/24',
  },
  {
    what: 'a record of 3,000 networks over TCP',
    domain: 'huge.test',
    zone: { 'huge.test': spf(`${many(3000, (i) => `ip4:100.${i % 60}.${Math.floor(i / 60)}.${(i * 2) % 256}`).join(' ')} -all`) },
    networks: 'many',
  },
  {
    what: 'terms that depend on the message are not expandable',
    domain: 's8.test',
    zone: { 's8.test': spf('exists:%{i}._spf.x.test include:%{ir}.%{v}.%{d}.has.y.test ptr:z.test ip4:192.0.2.9 ~all') },
    networks: '192.0.2.9',
    notExpandable: 3,
  },
  {
    what: 'nothing that is expandable',
    domain: 's8b.test',
    zone: { 's8b.test': spf('exists:%{i}._spf.x.test -all') },
    networks: '',
    notExpandable: 1,
  },
  {
    what: 'the domain itself as a macro',
    domain: 'mail.m.test',
    zone: {
      'mail.m.test': spf('include:_spf.%{d} a:%{d1r}.x.test include:%{d2}.y.test -all'),
      '_spf.mail.m.test': spf('ip4:192.0.2.1 a:%{d}'),
      '_spf.mail.m.test.x.test': [],
      'mail.x.test': ['A 192.0.2.2'],
      'm.test.y.test': spf('ip4:192.0.2.4'),
    },
    networks: '192.0.2.1 192.0.2.2 192.0.2.4',
    voidLookups: 1,
  },
  {
    what: 'prefix lengths of a and mx, for each family',
    domain: 's9.test',
    zone: {
      's9.test': [...spf('a:h.test/28//64 a:h2.test/28 mx -all'), 'MX 10 m1.test', 'MX 20 m2.test'],
      'h.test': ['A 192.0.2.21', 'AAAA 2001:db8:5::1234'],
      'h2.test': ['A 192.0.2.65', 'AAAA 2001:db8:7::7'],
      'm1.test': ['A 198.51.100.5'],
      'm2.test': ['A 198.51.100.6', 'AAAA 2001:db8:6::6'],
    },
    networks: '192.0.2.16/28 192.0.2.64/28 198.51.100.5 198.51.100.6 2001:db8:5::/64 2001:db8:6::6 2001:db8:7::7',
    lookups: 3,
  },
  {
    what: 'networks that are too wide or not public are refused',
    domain: 's10.test',
    zone: { 's10.test': spf('ip4:0.0.0.0/0 ip4:20.64.0.0/10 ip6:2000::/3 ip4:10.1.2.3 ip6:::ffff:192.0.2.5 ip4:203.0.113.0/25 -all') },
    networks: '203.0.113.0/25',
    refused: [/wide/, /wide/, /wide/, /public/, /ip4/],
  },
  {
    what: 'very wide networks are permitted with a warning',
    domain: 'wide.test',
    zone: { 'wide.test': spf('ip4:40.92.0.0/15 ip6:2a01:111:f400::/35') },
    networks: '40.92.0.0/15 2a01:111:e000::/35',
    warnings: [/wide/, /beyond/, /wide/],
  },
  {
    what: 'a record that permits everything',
    domain: 's10b.test',
    zone: { 's10b.test': spf('ip4:192.0.2.1 +all') },
    networks: '',
    failed: ['PermitsAll', /every address/],
  },
  {
    what: 'an included record that permits everything',
    domain: 'all.test',
    zone: { 'all.test': spf('ip4:192.0.2.1 include:everything.test -all'), 'everything.test': spf('all') },
    networks: '192.0.2.1',
    refused: [/every address/],
  },
  {
    what: 'a term behind all is not a term, and must be valid all the same',
    domain: 'behind.test',
    zone: { 'behind.test': spf('ip4:192.0.2.1 -all +all') },
    networks: '192.0.2.1',
  },
  wrong('ip4:192.0.2.1/33'),
  wrong('ip4:192.0.2/24'),
  wrong('ip4:192.0.2.1/024'),
  wrong('ip4:192.0.2.1:25'),
  wrong('ip4:192.0.2.01'),
  wrong('ip6:2001:db8::1::2'),
  wrong('ip6:2001:db8::1/129'),
  wrong('ip4:192.0.2.1//24'),
  wrong('ip4:'),
  wrong('ip4'),
  wrong('ip4:::1'),
  wrong('all:x.test'),
  wrong('include'),
  wrong('include:'),
  wrong('include:c.test/24'),
  wrong('a:c.test:25'),
  wrong('a/33'),
  wrong('a//129'),
  wrong('a:localhost'),
  wrong('mx:c.123'),
  wrong('mx/08'),
  wrong('ptr/24'),
  wrong('exists'),
  wrong('exists:%{x}.test'),
  wrong('exists:%{i.test'),
  wrong('exists:100%.test'),
  wrong('a:%{d0}.test'),
  wrong('redirect=c.test', ' redirect=d.test'),
  wrong('exp=c.test', ' exp=d.test'),
  wrong('redirect='),
  wrong('+redirect=c.test'),
  wrong('ipv4:192.0.2.1'),
  wrong('ip4=192.0.2.1 -ip4'),
  wrong('\tip4:192.0.2.1'),
  wrong('moo'),
  wrong('-'),
  wrong('foo=b\xe4r'),
  { ...wrong('ip4:192.0.2.1 -all'), what: 'syntax error behind all', zone: { 'w.test': spf('ip4:192.0.2.1 -all ip4:x') } },
  {
    what: 'unknown modifiers are ignored',
    domain: 's11g.test',
    zone: { 's11g.test': spf('foo=bar foo=bar exp=why.test ip4:192.0.2.8 -all') },
    networks: '192.0.2.8',
  },
  {
    what: 'capitals, two blanks, qualifiers and the order of terms',
    domain: 's12.test',
    zone: {
      's12.test': [
        'TXT V=SPF1 -ip4:192.0.2.128/25 IP4:192.0.2.0/24  ~ip4:198.51.100.0/24 +ip4:203.0.113.7 -include:D.test -ALL ip4:203.0.113.99 ',
      ],
      ...d,
    },
    networks: '192.0.2.0/25 203.0.113.7',
  },
  {
    what: 'what an earlier term excludes is not permitted, also through include and a',
    domain: 'order.test',
    zone: {
      'order.test': spf('-include:d.test ?a:h.test ip4:198.51.100.0/24 ip6:2001:db8::/126 -all'),
      'h.test': ['A 198.51.100.255', 'AAAA 2001:db8::2'],
      ...d,
    },
    networks:
      '198.51.100.64/26 198.51.100.128/26 198.51.100.192/27 198.51.100.224/28 198.51.100.240/29 198.51.100.248/30 198.51.100.252/31 198.51.100.254 2001:db8::/127 2001:db8::3',
  },
  {
    what: 'a failing term inside an include only ends the include',
    domain: 'in.test',
    zone: { 'in.test': spf('include:c.test ip4:192.0.2.0/24 -all'), 'c.test': spf('-ip4:192.0.2.0/25 ip4:192.0.2.200') },
    networks: '192.0.2.0/24',
  },
  {
    what: 'records that include each other',
    domain: 'l1.test',
    zone: { 'l1.test': spf('ip4:192.0.2.1 include:l2.test -all'), 'l2.test': spf('ip4:192.0.2.2 include:l1.test -all') },
    networks: '192.0.2.1 192.0.2.2',
    warnings: [/includes itself/],
  },
  {
    what: 'a record that redirects to itself',
    domain: 'l3.test',
    zone: { 'l3.test': spf('ip4:192.0.2.3 redirect=l3.test') },
    networks: '192.0.2.3',
    warnings: [/redirects to itself/],
  },
  {
    what: 'twelve includes',
    domain: 's14.test',
    zone: {
      's14.test': spf(`${many(12, (i) => `include:i${i}.test`).join(' ')} -all`),
      ...Object.fromEntries(many(12, (i) => [`i${i}.test`, spf(`ip4:198.51.100.${i} -all`)])),
    },
    networks: many(12, (i) => `198.51.100.${i}`).join(' '),
    lookups: 12,
    warnings: [/12 lookups/],
  },
  {
    what: 'a record that is included by many is read once',
    domain: 'twice.test',
    zone: {
      'twice.test': spf(`${many(70, () => 'include:d.test').join(' ')} -all`),
      ...d,
    },
    networks: '198.51.100.0/26',
    lookups: 70,
    warnings: [/70 lookups/],
  },
  {
    what: 'a chain of 70 includes',
    domain: 'n1.test',
    zone: Object.fromEntries(many(71, (i) => [`n${i}.test`, spf(`ip4:198.51.100.${i} include:n${i + 1}.test -all`)])),
    networks: '',
    failed: ['LimitReached', /10 records inside each other/],
  },
  {
    what: '500 includes',
    domain: 'e.test',
    zone: {
      'e.test': spf(`${many(500, (i) => `include:e${i}.test`).join(' ')} -all`),
      ...Object.fromEntries(many(500, (i) => [`e${i}.test`, spf(`ip4:198.51.100.${i % 256}`)])),
    },
    networks: '',
    failed: ['LimitReached', /64 questions/],
  },
  {
    what: 'records that include each other a hundredfold',
    domain: 'x1.test',
    zone: Object.fromEntries(many(8, (i) => [`x${i}.test`, spf(many(8, (j) => `include:x${j}.test`).join(' '))])),
    networks: '',
  },
  {
    what: 'lookups without a result',
    domain: 's15e.test',
    zone: { 's15e.test': spf('a:v1.test a:v2.test mx:v3.test ip4:203.0.113.0/24 -all') },
    networks: '203.0.113.0/24',
    voidLookups: 3,
    warnings: [/3 lookups without a result/],
  },
  {
    what: 'an include of a domain without SPF',
    domain: 'none.test',
    zone: { 'none.test': spf('include:no.test include:nx.test ip4:203.0.113.1'), 'no.test': ['TXT hello'] },
    networks: '203.0.113.1',
    unread: [/no\.test has no SPF record/, /nx\.test has no SPF record/],
  },
  {
    what: 'an include that DNS does not answer',
    domain: 'fail.test',
    zone: { 'fail.test': spf('include:bad.test a:bad.test mx:bad.test include:d.test'), 'bad.test': ['SERVFAIL'], ...d },
    networks: '198.51.100.0/26',
    unread: [/bad\.test/, /bad\.test/, /bad\.test/, /bad\.test/],
  },
  {
    what: 'a redirect to a domain without SPF',
    domain: 're.test',
    zone: { 're.test': spf('ip4:192.0.2.1 redirect=nx.test') },
    networks: '',
    failed: ['NoRecord', /nx\.test/],
  },
  { what: 'a domain without SPF', domain: 'no.test', zone: { 'no.test': ['TXT hello'] }, networks: '', failed: ['NoRecord', /no\.test/] },
  { what: 'a domain that does not exist', domain: 'nx.test', zone: {}, networks: '', failed: ['NoRecord', /nx\.test/] },
  { what: 'DNS fails', domain: 'bad.test', zone: { 'bad.test': ['SERVFAIL'] }, networks: '', failed: ['DNSError', /bad\.test/] },
  {
    what: 'many mail hosts, and a null MX',
    domain: 'mx.test',
    zone: {
      'mx.test': [...spf('mx mx:null.test'), ...many(12, (i) => `MX 10 m${String(i).padStart(2, '0')}.test`)],
      'null.test': ['MX 0 .'],
      ...Object.fromEntries(many(12, (i) => [`m${String(i).padStart(2, '0')}.test`, [`A 192.0.2.${i}`]])),
    },
    networks: many(10, (i) => `192.0.2.${i}`).join(' '),
    warnings: [/12 mail hosts/],
  },
  {
    what: 'names that DNS cannot have',
    domain: 'odd.test',
    zone: { 'odd.test': spf(`a:x..test a:${'x'.repeat(64)}.test ip4:192.0.2.1`) },
    networks: '192.0.2.1',
    unread: [/no names/, /no names/],
  },
  {
    what: 'no all, and no terms',
    domain: 'empty.test',
    zone: { 'empty.test': ['TXT v=spf1'] },
    networks: '',
  },
  {
    what: 'many wide networks are too much for one sender',
    domain: 'cloud.test',
    zone: { 'cloud.test': spf(`${many(9, (i) => `ip4:20.${i * 4}.0.0/14`).join(' ')} -all`) },
    networks: '',
    failed: ['TooLarge', /IPv4 addresses/],
  },
]
