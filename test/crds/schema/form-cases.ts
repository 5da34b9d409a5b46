// Texts of servers, places to listen and networks that are valid and that are not, for the run time here and for a real API server.

export interface FormCases {
  readonly path: string
  readonly good: readonly string[]
  readonly bad: readonly string[]
  /** The spec besides a backend, with such texts. */
  readonly spec: (texts: readonly string[]) => Readonly<Record<string, unknown>>
}

const addressPorts = {
  good: [
    '0.0.0.0:25',
    '[::]:2525',
    '192.0.2.1:65535',
    '[2001:DB8::1]:1',
    '[::ffff:192.0.2.1]:25',
    '[0:0:0:0:0:FFFF:c000:202]:25',
    '[::ffff:ffff:ffff]:25',
    '[1:2:3:4:5:6:7::]:25',
    '[64:ff9b::192.0.2.1]:25',
  ],
  bad: [
    '300.1.1.1:25',
    '192.0.2.01:25',
    '192.0.2:25',
    '192.0.2.1:0',
    '192.0.2.1:025',
    '192.0.2.1:65536',
    '192.0.2.1:99999',
    '192.0.2.1',
    '[192.0.2.1]:25',
    '[::ffff:300.1.1.1]:25',
    '[fe80::1%eth0]:25',
    '[2001:db8::1::]:25',
    '[2001:db8::12345]:25',
    '[]:25',
    '2001:db8::1:25',
    '[::1]25',
    ':25',
    '',
  ],
}

const hostPorts = {
  good: [...addressPorts.good, 'postfix.example.com:10025', 'a_b.1a:25', '1x:25', `${'a'.repeat(63)}.b:25`],
  bad: [
    ...addressPorts.bad,
    'postfix.example.com',
    'postfix.example.com:70000',
    'a..b:25',
    '.a:25',
    'a.:25',
    '-a.b:25',
    'a-.b:25',
    'a b:25',
    '1:25',
    `${'a'.repeat(64)}.b:25`,
    'bücher.example:25',
  ],
}

const networks = {
  good: ['192.0.2.1', '10.0.0.0/8', '0.0.0.0/0', '2001:db8::/32', '::1', '2001:DB8::1/128'],
  bad: [
    '300.1.1.1/33',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.1/8',
    '2001:db8::1/32',
    '2001:db8::/129',
    '[2001:db8::]/32',
    '::ffff:192.0.2.1',
    'x',
  ],
}

const names = {
  good: ['bl.example.org', '_key.dbl.example', 'a_b.example_', '9x.1', 'x', `${'a'.repeat(63)}.b`, 'A-b.EXAMPLE'],
  bad: [
    'a..b',
    '.a',
    'a.',
    '-a.b',
    'a-.b',
    'a.-b',
    'a.b-',
    'a b',
    '192.0.2.1',
    '1',
    `${'a'.repeat(64)}.b`,
    `${`${'a'.repeat(49)}.`.repeat(5)}${'a'.repeat(10)}`,
    'b\u00fccher.example',
  ],
}

const inverted = (texts: readonly string[]): readonly string[] => texts.map((text) => `!${text}`)

export const formCases: readonly FormCases[] = [
  { path: 'spec.backend.addresses', ...hostPorts, spec: (addresses) => ({ backend: { addresses } }) },
  { path: 'spec.listen.addresses', ...addressPorts, spec: (addresses) => ({ listen: { addresses } }) },
  {
    path: 'spec.allowlist.valkey.addresses',
    ...hostPorts,
    spec: (addresses) => ({ allowlist: { store: 'Valkey', valkey: { addresses } } }),
  },
  {
    path: 'spec.dnsbl.resolvers',
    good: ['192.0.2.53', '2001:db8::53', '::ffff:192.0.2.53', ...addressPorts.good.slice(0, 7)],
    bad: [
      '300.1.1.1',
      '[2001:db8::53]',
      '192.0.2.053',
      'dns.example.com',
      ...addressPorts.bad.filter((text) => text !== '192.0.2.1' && !text.startsWith('2001:')),
    ],
    spec: (resolvers) => ({ dnsbl: { resolvers } }),
  },
  {
    path: 'spec.allowlist.interfaces',
    good: ['all', '!all', ...networks.good, ...inverted(networks.good)],
    bad: ['', '!', '!!all', 'ALL', ...networks.bad, ...inverted(networks.bad)],
    spec: (interfaces) => ({ allowlist: { interfaces } }),
  },
  { path: 'spec.dnsbl.sites', ...names, spec: (domains) => ({ dnsbl: { sites: domains.map((domain) => ({ domain })) } }) },
]
