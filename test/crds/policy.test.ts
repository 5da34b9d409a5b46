// Reading a policy: what comes out of a good one, and every problem of a bad one with its path and what is allowed there.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { parsePolicy, readPolicyText } from '../../crds/policy.ts'
import { everywhere } from '../../crds/values/network.ts'

const manifest = (spec: unknown) => ({ apiVersion: 'postscreen.dev/v1alpha1', kind: 'PostscreenPolicy', metadata: { name: 'mx' }, spec })
const backend = { addresses: ['postfix.example.com:10025'] }

/** The problems of a spec, one line each. */
function problems(spec: Readonly<Record<string, unknown>>): readonly string[] {
  const result = parsePolicy(manifest({ backend, ...spec }))
  return 'problems' in result ? result.problems.map(({ path, why }) => `${path}: ${why}`) : []
}

test('the smallest policy has the defaults of postscreen, times in seconds', () => {
  const result = parsePolicy(manifest({ backend }))
  assert.ok('policy' in result)
  assert.deepEqual(result.policy.spec, {
    mode: 'Enforce',
    hostname: '',
    banner: [{ macro: 'hostname' }, ' ESMTP Postfix'],
    listen: {
      addresses: [
        { address: '0.0.0.0', port: 2525 },
        { address: '::', port: 2525 },
      ],
      proxyProtocol: { mode: 'None', trustedNetworks: [], timeout: 5 },
    },
    probes: { networks: [] },
    backend: {
      addresses: [{ address: 'postfix.example.com', port: 10_025 }],
      proxyProtocol: 'V2',
      connectTimeout: 1,
      greetingTimeout: 100,
      holdTime: 8,
      connectRate: 500,
      probeInterval: 30,
      slowStart: 10,
    },
    greet: { action: 'Ignore', wait: 6, stressWait: 2, ttl: 86_400, banner: [{ macro: 'banner' }] },
    dnsbl: {
      action: 'Ignore',
      threshold: 1,
      allowThreshold: 0,
      timeout: 10,
      minTTL: 60,
      maxTTL: 3600,
      sites: [],
      selfTest: 10800,
      whenUnhealthy: 'Suspend',
      suspiciousShare: { percent: 95, usualPercent: 60, clients: 50, window: 600 },
      catalogue: [],
      replyMap: {},
      resolvers: [],
    },
    deepTests: {
      handoff: 'SameSession',
      tls: 'PassThrough',
      pipelining: { enabled: false, action: 'Enforce', ttl: 2_592_000 },
      nonSMTPCommand: { enabled: false, action: 'Drop', ttl: 2_592_000, forbiddenCommands: ['CONNECT', 'GET', 'POST', 'NonAlphabetic'] },
      bareNewline: { enabled: false, action: 'Ignore', ttl: 2_592_000 },
    },
    smtp: {
      heloRequired: false,
      disableVRFY: false,
      announceVRFY: true,
      discardEHLOKeywords: [],
      discardEHLOKeywordsFor: [],
      commandCountLimit: 20,
      commandTimeLimit: 300,
      stressCommandTimeLimit: 10,
      lineLengthLimit: 2048,
      messageSizeLimit: 10_240_000,
      smtpUTF8: true,
      softBounce: false,
      rejectFooter: { continuesReply: false, lines: [] },
      rejectFooterFor: [],
      commandFilter: [],
    },
    access: [],
    denylist: { action: 'Ignore' },
    allowlist: {
      store: 'Local',
      prefix: { ipv4: 32, ipv6: 64 },
      valkey: {
        mode: 'Single',
        addresses: [],
        urlFile: '',
        masterName: '',
        database: 0,
        username: '',
        passwordFile: '',
        tls: { enabled: false, secretName: '', caFile: '', serverName: '' },
        keyPrefix: 'postscreen:',
        timeoutMilliseconds: 50,
      },
      interfaces: [{ networks: everywhere, isAllowed: true }],
      retention: 604_800,
      cleanupInterval: 43_200,
    },
    limits: { connections: 0, connectionsPerClient: 50, preQueue: 10_000, postQueue: 1000 },
    tls: {
      level: 'None',
      certFile: '',
      keyFile: '',
      secretName: '',
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.3',
      ciphers: 'Medium',
      excludeCiphers: [],
      handshakeTimeout: 300,
      stressHandshakeTimeout: 10,
    },
    clientAddress: { guard: 'Warn', internal: [] },
    explain: { recentSessions: 1000 },
    admin: { showEnvelopes: true },
  })
})

test('keys of Secrets and ConfigMaps may begin with a dot and have several, but are never a way out of their folder', () => {
  for (const key of ['key', '.key', 'a..b', 'tls.crt', '-_.', 'K'.repeat(253)]) {
    assert.deepEqual(problems({ dnsbl: { sites: [{ domain: 'a.b', keySecret: { name: 'my.lists', key } }] } }), [], key)
  }
})

test('a policy name may have 52 characters', () => {
  assert.ok('policy' in parsePolicy({ ...manifest({ backend }), metadata: { name: `m${'-'.repeat(50)}x` } }))
})

test('a site without a weight counts one', () => {
  const result = parsePolicy(manifest({ backend, dnsbl: { sites: [{ domain: 'bl.example.org' }] } }))
  assert.ok('policy' in result)
  assert.deepEqual(result.policy.spec.dnsbl.sites, [{ domain: 'bl.example.org', weight: 1 }])
})

test('a wait shorter than the stress wait shortens that too', () => {
  const result = parsePolicy(manifest({ backend, greet: { wait: '1s' }, smtp: { commandTimeLimit: '3s' } }))
  assert.ok('policy' in result)
  assert.equal(result.policy.spec.greet.stressWait, 1)
  assert.equal(result.policy.spec.smtp.stressCommandTimeLimit, 3)
})

test('fields without a value count as not set', () => {
  const result = parsePolicy(manifest({ backend: { ...backend, service: null }, greet: null, dnsbl: { sites: undefined } }))
  assert.ok('policy' in result)
  assert.equal(result.policy.spec.greet.wait, 6)
  assert.deepEqual(result.policy.spec.dnsbl.sites, [])
})

const time = 'must be a time such as 6s, 5m, 12h or 30d, from 1s to'
const network =
  'must be an address or a network such as 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32, without brackets; the prefix length is at most 32 for IPv4 and 128 for IPv6'
const cases: readonly { readonly what: string; readonly spec: Readonly<Record<string, unknown>>; readonly want: readonly string[] }[] = [
  {
    what: 'a word of a choice in small letters',
    spec: { greet: { action: 'enforce' } },
    want: ['spec.greet.action: must be one of Ignore, Enforce, Drop'],
  },
  { what: 'a time without a unit', spec: { greet: { wait: 6 } }, want: [`spec.greet.wait: ${time} 5m`] },
  { what: 'a time of zero', spec: { greet: { ttl: '0s' } }, want: [`spec.greet.ttl: ${time} 366d`] },
  { what: 'a time that is too long', spec: { greet: { wait: '301s' } }, want: [`spec.greet.wait: ${time} 5m`] },
  {
    what: 'a time with a second unit',
    spec: { allowlist: { cleanupInterval: '1h30m' } },
    want: ['spec.allowlist.cleanupInterval: must be a time such as 0s, 6s, 5m, 12h or 30d, from 0s to 366d'],
  },
  { what: 'a misspelt field', spec: { greet: { wiat: '6s' } }, want: ['spec.greet.wiat: unknown field; did you mean `wait`?'] },
  {
    what: 'a field in other capitals',
    spec: { deepTests: { nonSmtpCommand: {} } },
    want: ['spec.deepTests.nonSmtpCommand: unknown field; did you mean `nonSMTPCommand`?'],
  },
  {
    what: 'a misspelt field in a list',
    spec: { dnsbl: { sites: [{ domain: 'a.b', reply: '127.0.0.2' }] } },
    want: ['spec.dnsbl.sites[0].reply: unknown field; did you mean `replies`?'],
  },
  {
    what: 'an unknown field that is like no other',
    spec: { postscreen_dnsbl_sites: 'x' },
    want: ['spec.postscreen_dnsbl_sites: unknown field'],
  },
  { what: 'an unknown field with an odd name', spec: { 'a b': 1 }, want: ['spec["a b"]: unknown field'] },
  { what: 'no list', spec: { access: { action: 'Permit' } }, want: ['spec.access: must be a list'] },
  {
    what: 'an empty list where something must be',
    spec: { listen: { addresses: [] } },
    want: ['spec.listen.addresses: must be a list with at least one entry'],
  },
  { what: 'no set of fields', spec: { greet: 'Enforce' }, want: ['spec.greet: must be an object with fields'] },
  { what: 'a word for a switch', spec: { smtp: { softBounce: 'yes' } }, want: ['spec.smtp.softBounce: must be true or false'] },
  {
    what: 'a threshold below 1',
    spec: { dnsbl: { threshold: 0 } },
    want: ['spec.dnsbl.threshold: must be a whole number from 1 to 1000000'],
  },
  {
    what: 'a positive allow threshold',
    spec: { dnsbl: { allowThreshold: 1 } },
    want: ['spec.dnsbl.allowThreshold: must be a whole number from -1000000 to 0'],
  },
  { what: 'a fraction', spec: { dnsbl: { threshold: 1.5 } }, want: ['spec.dnsbl.threshold: must be a whole number from 1 to 1000000'] },
  {
    what: 'a weight out of range',
    spec: { dnsbl: { sites: [{ domain: 'a.b', weight: 2_000_000 }] } },
    want: ['spec.dnsbl.sites[0].weight: must be a whole number from -1000000 to 1000000'],
  },
  {
    what: 'a site without a domain',
    spec: { dnsbl: { sites: [{ weight: 2 }] } },
    want: ['spec.dnsbl.sites[0].domain: is required: must be a domain name such as bl.example.org'],
  },
  {
    what: 'a site with a bad domain',
    spec: { dnsbl: { sites: [{ domain: '-x.example' }] } },
    want: ['spec.dnsbl.sites[0].domain: must be a domain name such as bl.example.org: misplaced hyphen'],
  },
  {
    what: 'a bad reply filter',
    spec: { dnsbl: { sites: [{ domain: 'a.b', replies: '127.0.0.[2..1]' }] } },
    want: ['spec.dnsbl.sites[0].replies: bad DNSBL filter syntax: numeric range error at "127.0.0.[2..>1<]"'],
  },
  {
    what: 'a reply map with a bad domain',
    spec: { dnsbl: { replyMap: { 'a b': 'x' } } },
    want: ['spec.dnsbl.replyMap["a b"]: the name before the colon must be a domain name such as bl.example.org: invalid character " "'],
  },
  {
    what: 'a reply map without a text',
    spec: { dnsbl: { replyMap: { 'a.b': '' } } },
    want: ['spec.dnsbl.replyMap["a.b"]: must be one line of printable ASCII text and must not be empty'],
  },
  {
    what: 'a DNS server by name',
    spec: { dnsbl: { resolvers: ['dns.example'] } },
    want: [
      'spec.dnsbl.resolvers[0]: must be an address such as 192.0.2.53 or 2001:db8::53, or an address and port such as 192.0.2.53:5353 or [2001:db8::53]:5353',
    ],
  },
  {
    what: 'probes from a text that is not a network',
    spec: { probes: { networks: ['10.0.0.0/24', '10.0.0.1/24', 'lb.example.com', '::/129'] } },
    want: [
      'spec.probes.networks[1]: has address bits set beyond the prefix length; did you mean 10.0.0.0/24?',
      `spec.probes.networks[2]: ${network}`,
      `spec.probes.networks[3]: ${network}`,
    ],
  },
  {
    what: 'probes as a list',
    spec: { probes: ['10.0.0.0/24'] },
    want: ['spec.probes: must be an object with fields'],
  },
  {
    what: 'bits beyond a prefix length',
    spec: { access: [{ action: 'Permit', cidrs: ['10.0.0.1/8'] }] },
    want: ['spec.access[0].cidrs[0]: has address bits set beyond the prefix length; did you mean 10.0.0.0/8?'],
  },
  {
    what: 'a host name for a network',
    spec: { access: [{ action: 'Permit', cidrs: ['example.com'] }] },
    want: [`spec.access[0].cidrs[0]: ${network}`],
  },
  {
    what: 'an action that is not a word of the access list',
    spec: { access: [{ action: 'OK', cidrs: ['::1'] }] },
    want: ['spec.access[0].action: must be one of Permit, Reject, Dunno'],
  },
  {
    what: 'a place to listen twice',
    spec: { listen: { addresses: ['[::]:25', '[0::0]:25'] } },
    want: ['spec.listen.addresses[1]: is already in the list'],
  },
  {
    what: 'a port alone',
    spec: { listen: { addresses: [':25'] } },
    want: ['spec.listen.addresses[0]: must be ADDRESS:PORT such as 0.0.0.0:2525 or [::]:2525, with a port from 1 to 65535'],
  },
  {
    what: 'an interface that is not an address',
    spec: { allowlist: { interfaces: ['!eth0'] } },
    want: [
      'spec.allowlist.interfaces[0]: must be all, an address or a network such as 192.0.2.1 or 192.0.2.0/24, or one of these after !; the prefix length is at most 32 for IPv4 and 128 for IPv6',
    ],
  },
  {
    what: 'an interface in brackets, as Postfix wants',
    spec: { allowlist: { interfaces: ['[::1]'] } },
    want: [
      'spec.allowlist.interfaces[0]: must be all, an address or a network such as 192.0.2.1 or 192.0.2.0/24, or one of these after !; the prefix length is at most 32 for IPv4 and 128 for IPv6',
    ],
  },
  {
    what: 'an unknown EHLO keyword',
    spec: { smtp: { discardEHLOKeywords: ['CHUNK'] } },
    want: [
      'spec.smtp.discardEHLOKeywords[0]: must be one of 8BITMIME, AUTH, CHUNKING, DSN, ENHANCEDSTATUSCODES, ETRN, PIPELINING, REQUIRETLS, SIZE, SMTPUTF8, STARTTLS, VERP, VRFY, XCLIENT, XFORWARD, silent-discard',
    ],
  },
  {
    what: 'an unknown macro in a footer',
    spec: { smtp: { rejectFooter: 'see $helo' } },
    want: [
      'spec.smtp.rejectFooter: has $helo, which is not a known macro; use $client_address, $client_port, $localtime, $server_name, or $$ for a dollar sign',
    ],
  },
  { what: 'a banner of two lines', spec: { banner: 'a\nb' }, want: ['spec.banner: must be one line of printable ASCII text'] },
  {
    what: 'a Postfix macro in the banner',
    spec: { banner: '$myhostname' },
    want: ['spec.banner: has $myhostname, which is not a known macro; use $hostname, or $$ for a dollar sign'],
  },
  {
    what: 'a host name that is not valid',
    spec: { hostname: 'mx_.-' },
    want: ['spec.hostname: must be a host name such as mx.example.com: misplaced hyphen'],
  },
  {
    what: 'a command with blanks',
    spec: { deepTests: { nonSMTPCommand: { forbiddenCommands: ['GET /'] } } },
    want: ['spec.deepTests.nonSMTPCommand.forbiddenCommands[0]: must be one command such as CONNECT, without blanks, or NonAlphabetic'],
  },
  {
    what: 'a footer for a reply that is not a refusal',
    spec: { smtp: { rejectFooterFor: [{ reply: '250 Ok', footer: 'x' }] } },
    want: ['spec.smtp.rejectFooterFor[0].reply: must be a complete reply such as 550 5.5.1 Protocol error'],
  },
  {
    what: 'a mail server without a port',
    spec: { backend: { addresses: ['postfix'] } },
    want: [
      'spec.backend.addresses[0]: must be HOST:PORT such as postfix.example.com:10025, 192.0.2.1:25 or [2001:db8::1]:25, with a port from 1 to 65535',
    ],
  },
  {
    what: 'a Service without a port',
    spec: { backend: { service: { name: 'postfix' } } },
    want: ['spec.backend.service.port: is required: must be a whole number from 1 to 65535'],
  },
  {
    what: 'an unknown field without a value',
    spec: { greet: { wiat: null } },
    want: ['spec.greet.wiat: unknown field; did you mean `wait`?'],
  },
  {
    what: 'a Secret that is not an object name',
    spec: { tls: { secretName: '../etc' } },
    want: ['spec.tls.secretName: must be the name of a Secret'],
  },
  ...['..', '..data', '.', 'a/b', '', 'a b', 'k'.repeat(254)].map((key) => ({
    what: `the key ${JSON.stringify(key.slice(0, 10))} of a Secret`,
    spec: { dnsbl: { sites: [{ domain: 'a.b', keySecret: { name: 'lists', key } }] } },
    want: [
      key.length > 253
        ? 'spec.dnsbl.sites[0].keySecret.key: must have at most 253 characters'
        : 'spec.dnsbl.sites[0].keySecret.key: must be a key: letters, digits, hyphens, underscores and dots',
    ],
  })),
  {
    what: 'a ConfigMap without a key',
    spec: { access: [{ table: { configMap: { name: '..' } } }] },
    want: [
      'spec.access[0].table.configMap.name: must be the name of a ConfigMap',
      'spec.access[0].table.configMap.key: is required: must be a key: letters, digits, hyphens, underscores and dots',
    ],
  },
  { what: 'nothing in a list', spec: { access: [null] }, want: ['spec.access[0]: must be an object with fields'] },
  {
    what: 'too many sites',
    spec: { dnsbl: { sites: Array.from({ length: 101 }, () => ({ domain: 'a.b' })) } },
    want: ['spec.dnsbl.sites: must have at most 100 entries'],
  },
  { what: 'too long a text', spec: { banner: 'x'.repeat(501) }, want: ['spec.banner: must have at most 500 characters'] },
]
for (const { what, spec, want } of cases) {
  test(`${what} is refused with what is allowed there`, () => assert.deepEqual(problems(spec), want))
}

test('all problems are reported at once, those of rules across fields too', () => {
  assert.deepEqual(
    problems({
      greetWiat: '6s',
      greet: { wait: '6', stressWait: '9m' },
      listen: { addresses: ['[::]:25', 'x', '[::]:25'], proxyProtocol: { mode: 'TrustedNetworks' } },
      dnsbl: { threshold: 0, minTTL: '2h', sites: [{ domain: 'a b' }, 5] },
      tls: { level: 'May', certFile: 7 },
      deepTests: { handoff: 'Reconnect' },
    }),
    [
      'spec.listen.addresses[1]: must be ADDRESS:PORT such as 0.0.0.0:2525 or [::]:2525, with a port from 1 to 65535',
      'spec.listen.addresses[2]: is already in the list',
      `spec.greet.wait: ${time} 5m`,
      `spec.greet.stressWait: ${time} 5m`,
      'spec.dnsbl.threshold: must be a whole number from 1 to 1000000',
      'spec.dnsbl.sites[0].domain: must be a domain name such as bl.example.org',
      'spec.dnsbl.sites[1]: must be an object with fields',
      'spec.tls.certFile: must be the path of a PEM file',
      'spec.greetWiat: unknown field',
      'spec.listen.proxyProtocol.trustedNetworks: must have at least one network when mode is TrustedNetworks, and must be empty otherwise',
      'spec.dnsbl.minTTL: must not be longer than maxTTL; the defaults are 60s and 1h',
      'spec.tls: must have both certFile and keyFile, or secretName, when level is May or Encrypt, unless deepTests.handoff is SameSession and deepTests.tls is PassThrough',
    ],
  )
})

const policyName =
  'must have at most 52 lower-case letters, digits and hyphens, begin with a letter and not end with a hyphen, such as mx; the names of objects are derived from it'
const manifests = [
  { what: 'nothing', value: undefined, want: ['manifest: is required: must be an object with fields'] },
  { what: 'a list', value: [], want: ['manifest: must be an object with fields'] },
  {
    what: 'an empty set',
    value: {},
    want: [
      'apiVersion: is required: must be postscreen.dev/v1alpha1',
      'kind: is required: must be PostscreenPolicy',
      'metadata: is required: must have at least a name',
      'spec: is required: must be an object with fields',
    ],
  },
  {
    what: 'another kind of object',
    value: { ...manifest({ backend }), apiVersion: 'v1', kind: 'ConfigMap', data: {} },
    want: ['apiVersion: must be postscreen.dev/v1alpha1', 'kind: must be PostscreenPolicy', 'data: unknown field'],
  },
  {
    what: 'no backend and no name',
    value: { ...manifest({}), metadata: { generateName: 'mx-' } },
    want: [`metadata.name: is required: ${policyName}`, 'spec.backend: is required: must be an object with fields'],
  },
  {
    what: 'a name that Kubernetes would not take',
    value: { ...manifest({ backend }), metadata: { name: 'MX' } },
    want: [`metadata.name: ${policyName}`],
  },
  ...['mx.example', '1mx', '-mx', 'mx-', 'm_x', '', 'm'.repeat(53)].map((name) => ({
    what: `named ${JSON.stringify(name)}, after which no Service could be named`,
    value: { ...manifest({ backend }), metadata: { name } },
    want: [`metadata.name: ${policyName}`],
  })),
  {
    what: 'in a namespace with a dot',
    value: { ...manifest({ backend }), metadata: { name: 'mx', namespace: 'a.b' } },
    want: ['metadata.namespace: must be a name of lower-case letters, digits and hyphens'],
  },
  { what: 'a misspelt spec', value: { ...manifest({ backend }), sepc: {} }, want: ['sepc: unknown field; did you mean `spec`?'] },
]
for (const { what, value, want } of manifests) {
  test(`a manifest that is ${what} is refused`, () => {
    const result = parsePolicy(value)
    assert.deepEqual('problems' in result ? result.problems.map(({ path, why }) => `${path}: ${why}`) : [], want)
  })
}

test('an object from the API server is accepted with all of its metadata and its status', () => {
  const metadata = { name: 'mx', namespace: 'mail', generation: 3, uid: 'x', managedFields: [{ manager: 'kubectl' }], labels: { a: 'b' } }
  const result = parsePolicy({ ...manifest({ backend }), metadata, status: { conditions: [] } })
  assert.ok('policy' in result)
  assert.deepEqual(result.policy.metadata, metadata)
  assert.deepEqual(Object.keys(result.policy), ['apiVersion', 'kind', 'metadata', 'spec'])
})

const texts = [
  { what: 'no YAML', text: 'a: 1\nb: [1\nc: 2\n', want: /^line 3: is not valid YAML: / },
  { what: 'a field twice', text: 'spec:\n  mode: Audit\n  mode: Audit\n', want: /^line 3: is not valid YAML: duplicated mapping key/ },
  { what: 'two documents', text: '--- {}\n--- {}\n', want: /single document/ },
  { what: 'nothing', text: '', want: /the input is empty/ },
  { what: 'too long', text: '#'.repeat(5_000_000), want: /^manifest: must have at most 4194304 characters/ },
]
for (const { what, text, want } of texts) {
  test(`a text that is ${what} is one problem`, () => {
    const result = readPolicyText(text)
    assert.ok('problems' in result)
    assert.equal(result.problems.length, 1)
    assert.match(result.problems.map(({ path, why }) => `${path}: ${why}`).join(), want)
  })
}

test('aliases that make a loop are refused like anything else that does not belong there', () => {
  const result = readPolicyText(
    '&a {apiVersion: postscreen.dev/v1alpha1, kind: PostscreenPolicy, metadata: {name: x}, spec: {backend: *a, access: &b [*b]}}',
  )
  assert.ok('problems' in result)
})

test('reading never throws, whatever JSON value comes', () => {
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), fc.jsonValue().map(manifest), fc.anything().map(manifest)), (value) => {
      const result = parsePolicy(value)
      assert.ok('policy' in result || result.problems.length > 0)
    }),
  )
})

test('a value that nests very deeply is refused, not followed to its end', () => {
  let deep: unknown = 1
  for (let depth = 0; depth < 100_000; depth++) deep = [deep]
  assert.ok('problems' in parsePolicy(manifest({ backend, access: deep })))
})

test('of many problems the first are reported, and how many more there are', () => {
  const sites = Array.from({ length: 100 }, () => ({ domain: 'a..b', weight: 'x' }))
  const result = parsePolicy(manifest({ backend, dnsbl: { sites } }))
  const found = 'problems' in result ? result.problems : []
  assert.equal(found.length, 100)
  assert.deepEqual(found.at(-1), { path: 'manifest', why: 'has 101 more problems', standsFor: 101 })
})
