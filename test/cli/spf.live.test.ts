// `postscreen spf` asks a real DNS server, over UDP and TCP: every kind of record, and what it prints.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { DnsClient } from '../../gateway/dns/dns-client.ts'
import { type AskDns, resolveSpf } from '../../gateway/spf/resolve-spf.ts'
import { formatNetwork } from '../../crds/values/network.ts'
import { spfCases, testBounds } from '../gateway/spf/nasty-records.ts'
import { manifest } from '../peers/gateway.ts'
import { startZoneServer, type Zone } from '../gateway/spf/zone-server.ts'

const entry = fileURLToPath(new URL('../../cli/postscreen.js', import.meta.url))

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const postscreen = (...args: readonly string[]): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(process.execPath, [entry, ...args], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
    })
  })

async function serverOf(t: TestContext, zone: Zone) {
  const server = await startZoneServer(zone)
  t.after(() => server.close())
  return server
}

for (const { what, zone, domain, networks, failed } of spfCases) {
  test(`SPF from a DNS server: ${what}`, async (t) => {
    const server = await serverOf(t, zone)
    const times = { timeoutMs: 60_000, queryTimeoutMs: 30_000, attempts: 1, maxInFlight: 10 }
    const client = new DnsClient({ servers: [server.endpoint], ...times, now: () => performance.now() })
    t.after(() => client.close())
    const ask: AskDns = (name, type) => new Promise((resolve) => client.ask(name, 'spf', resolve, type))
    const found = await resolveSpf(domain, { ask, bounds: testBounds, now: () => performance.now() })
    assert.equal(found.failed?.reason, failed?.[0], String(found.failed?.why))
    if (networks === 'many') assert.ok(found.networks.length > 2500)
    else assert.equal(found.networks.map(formatNetwork).join(' '), networks)
  })
}

const asking = ({ address, port }: { readonly address: string; readonly port: number }): readonly string[] => [
  '--resolver',
  `${address}:${port}`,
]

const zone: Zone = {
  'big.example': ['TXT v=spf1 include:_spf.big.example exists:%{i}.big.example ip4:20.64.0.0/10 ~all'],
  '_spf.big.example': ['TXT v=spf1 ip4:9.9.9.0/24 ip6:2a00:1450::/48 -all'],
  'none.example': ['TXT hello'],
}

test('postscreen spf prints networks, and what it leaves out', async (t) => {
  const { endpoint } = await serverOf(t, zone)
  const { code, stdout } = await postscreen('spf', 'big.example', '--resolver', `${endpoint.address}:${endpoint.port}`)
  assert.equal(code, 0)
  assert.equal(
    stdout,
    `big.example: permits 2 networks with 256 IPv4 addresses (2 lookups, 2 questions to DNS, lowest TTL 7200 s)
  9.9.9.0/24
  2a00:1450::/48
refused:
  big.example  ip4:20.64.0.0/10  20.64.0.0/10: too wide: the shortest prefix length is 14 for IPv4
not expandable, because it depends on each message or client:
  big.example  exists:%{i}.big.example  depends on the message or the client
`,
  )
})

test('postscreen spf prints JSON', async (t) => {
  const { endpoint } = await serverOf(t, zone)
  const { code, stdout } = await postscreen(
    'spf',
    'BIG.example',
    'none.example',
    '-o',
    'json',
    '--resolver',
    `${endpoint.address}:${endpoint.port}`,
  )
  assert.equal(code, 1)
  const { domains } = JSON.parse(stdout)
  assert.deepEqual(domains[0].networks, ['9.9.9.0/24', '2a00:1450::/48'])
  assert.equal(domains[0].failed, null)
  assert.deepEqual(domains[1].networks, [])
  assert.equal(domains[1].failed.reason, 'NoRecord')
})

const many = <T>(count: number, of: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => of(index))

/** Domains that a policy may name. Most of their records must not be permitted as they are. */
const nasty: Zone = {
  'good.test': ['TXT v=spf1 ip4:9.9.9.0/24 -all'],
  'loop.test': ['TXT v=spf1 ip4:9.9.10.0/24 include:loop.test -all'],
  'round.test': ['TXT v=spf1 redirect=round.test'],
  'wide.test': [`TXT v=spf1 ${many(500, (i) => `include:e${i}.wide.test`).join(' ')} -all`],
  ...Object.fromEntries(many(500, (i) => [`e${i}.wide.test`, [`TXT v=spf1 ip4:9.10.${i % 256}.0/28`]])),
  'all.test': ['TXT v=spf1 ip4:9.9.11.0/24 +all'],
  'two.test': ['TXT v=spf1 ip4:9.9.12.0/24 -all', 'TXT v=spf1 ip4:9.9.13.0/24 -all'],
  'void.test': ['TXT v=spf1 a:n1.void.test a:n2.void.test a:n3.void.test ip4:9.9.14.0/24 -all'],
  'cloud.test': ['TXT v=spf1 ip4:20.64.0.0/10 ip4:0.0.0.0/0 -all'],
  'macro.test': ['TXT v=spf1 exists:%{i}.macro.test -all'],
  'typo.test': ['TXT v=spf1 ip4:9.9.15.0/33 -all'],
  'half.test': ['TXT v=spf1 ip4:9.9.16.0/24 include:bad.test -all'],
  'bad.test': ['SERVFAIL'],
}
const nastyDomains = Object.keys(nasty).filter((domain) => /^\w+\.test$/.test(domain))

/** A policy that permits these senders, and asks only this DNS server. */
function policyOf(t: TestContext, domains: readonly string[], endpoint: { readonly address: string; readonly port: number }): string {
  const folder = mkdtempSync(join(tmpdir(), 'spf-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const access = domains.length === 0 ? [] : [{ action: 'Permit', spf: domains }]
  const spec = { access, greet: { action: 'Enforce' }, dnsbl: { resolvers: [`${endpoint.address}:${endpoint.port}`] } }
  const file = join(folder, 'policy.yaml')
  writeFileSync(file, manifest(spec))
  return file
}

test('postscreen spf --policy reads every domain of the policy, and says of each what is wrong with it', async (t) => {
  const { endpoint } = await serverOf(t, nasty)
  const { code, stdout, stderr } = await postscreen('spf', '--policy', policyOf(t, nastyDomains, endpoint))
  assert.deepEqual([code, stderr], [1, ''])
  for (const says of [
    /^good\.test: permits 1 network with 256 IPv4 addresses \(0 lookups, 1 question to DNS, lowest TTL 7200 s\)\n {2}9\.9\.9\.0\/24\n/m,
    /^loop\.test: permits 1 network .*\n {2}9\.9\.10\.0\/24\nwarnings:\n {2}loop\.test {2}include:loop\.test /m,
    /^round\.test: permits 0 networks .*\nwarnings:\n {2}round\.test {2}redirect=round\.test /m,
    /^wide\.test: no result \(LimitReached\): .*64 questions/m,
    /^all\.test: no result \(PermitsAll\): .*every address/m,
    /^two\.test: no result \(SeveralRecords\): .*2 SPF records/m,
    /^void\.test: permits 1 network .*\n {2}9\.9\.14\.0\/24\nwarnings:\n {2}3 lookups without a result: /m,
    /^cloud\.test: permits 0 networks .*\nrefused:\n {2}cloud\.test {2}ip4:20\.64\.0\.0\/10 .*too wide.*\n {2}cloud\.test {2}ip4:0\.0\.0\.0\/0 .*too wide/m,
    /^macro\.test: permits 0 networks .*\nnot expandable, because it depends on each message or client:\n {2}macro\.test {2}exists:/m,
    /^typo\.test: no result \(SyntaxError\): .*ip4:9\.9\.15\.0\/33/m,
    /^half\.test: permits 1 network .*\n {2}9\.9\.16\.0\/24\nnot read, so that networks may be missing:\n {2}half\.test {2}include:bad\.test /m,
    /^bad\.test: no result \(DNSError\): /m,
  ])
    assert.match(stdout, says)
  assert.ok(!/0\.0\.0\.0\/0$|20\.64\.0\.0\/10$/m.test(stdout), 'what is refused is not among the networks')
})

test('postscreen spf exits with 0 only if everything was read and something is permitted', async (t) => {
  const { endpoint } = await serverOf(t, nasty)
  const fine = new Set(['good.test', 'loop.test', 'void.test'])
  const codes = await Promise.all(nastyDomains.map(async (domain) => (await postscreen('spf', domain, ...asking(endpoint))).code))
  assert.deepEqual(Object.fromEntries(nastyDomains.map((domain, at) => [domain, codes[at]])), {
    ...Object.fromEntries(nastyDomains.map((domain) => [domain, fine.has(domain) ? 0 : 1])),
  })
})

test('postscreen spf --policy says which domains are too many together, as the gateway leaves them out', async (t) => {
  const domains = many(8, (i) => `h${i}.test`)
  const record = (i: number): string => many(2900, (j) => `ip4:${11 + i}.0.${j >> 7}.${(j & 127) * 2}`).join(' ')
  const { endpoint } = await serverOf(t, Object.fromEntries(domains.map((domain, i) => [domain, [`TXT v=spf1 ${record(i)} -all`]])))
  const file = policyOf(t, domains, endpoint)
  const { code, stdout } = await postscreen('spf', '--policy', file)
  assert.equal(code, 1)
  assert.equal(stdout.match(/^h\d\.test: permits 2900 networks/gm)?.length, 6)
  assert.match(stdout, /^h7\.test: left out of the policy: all senders of the policy together have 20300 networks; the limit is 20000\n$/m)
  const explained = await postscreen('explain', '18.0.0.0', '--policy', file)
  assert.match(explained.stderr, /SPF of h7\.test: left out of the policy: all senders of the policy together have 20300 networks/)
  assert.match(explained.stdout, /\naccess list {3}no /)
})

test('postscreen spf --policy of a policy without senders says so, and is not an error', async (t) => {
  const { endpoint } = await serverOf(t, {})
  const file = policyOf(t, [], endpoint)
  assert.deepEqual(await postscreen('spf', '--policy', file), { code: 0, stdout: '', stderr: `${file}: spec.access has no spf entry\n` })
  const { code, stdout } = await postscreen('spf', '--policy', file, '-o', 'json')
  assert.deepEqual([code, JSON.parse(stdout)], [0, { domains: [] }])
})

test('postscreen spf --policy names the field of a policy that cannot be used', async (t) => {
  const { endpoint } = await serverOf(t, {})
  const { code, stderr } = await postscreen('spf', '--policy', policyOf(t, ['9.9.9.9'], endpoint))
  assert.equal(code, 1)
  assert.match(stderr, /policy\.yaml: spec\.access\[0\]\.spf\[0\]: /)
  const absent = await postscreen('spf', '--policy', '/nowhere/policy.yaml')
  assert.equal(absent.code, 1)
  assert.match(absent.stderr, /^\/nowhere\/policy\.yaml: .*ENOENT/)
})

test('postscreen explain --policy says which sender permits a client, and whose records it could not use', async (t) => {
  const { endpoint } = await serverOf(t, nasty)
  const file = policyOf(t, nastyDomains, endpoint)
  const permitted = await postscreen('explain', '9.9.14.7', '--policy', file)
  assert.equal(permitted.code, 0)
  assert.match(permitted.stdout, /^9\.9\.14\.7 is handed off .*the SPF record of void\.test\) permits it/)
  for (const says of [
    /SPF of wide\.test: LimitReached: /,
    /SPF of all\.test: PermitsAll: /,
    /SPF of two\.test: SeveralRecords: /,
    /SPF of typo\.test: SyntaxError: /,
    /SPF of bad\.test: DNSError: /,
    /SPF of half\.test: networks may be missing: include:bad\.test: /,
  ])
    assert.match(permitted.stderr, says)
  // In a record that was refused as a whole, or in a network that is too wide.
  for (const address of ['9.9.11.1', '9.9.12.1', '9.10.1.1', '20.64.0.1']) {
    const { stdout } = await postscreen('explain', address, '--policy', file)
    assert.match(stdout, /\naccess list {3}no /, address)
  }
})

for (const [what, args, why] of [
  ['without a domain', ['spf'], /expected a domain/],
  ['with an address', ['spf', '192.0.2.1'], /expected a domain/],
  ['with another form', ['spf', 'big.example', '-o', 'yaml'], /expected text or json/],
  ['with a wrong server', ['spf', 'big.example', '--resolver', 'dns'], /--resolver/],
] as const)
  test(`postscreen spf ${what}`, async () => {
    const { code, stderr } = await postscreen(...args)
    assert.equal(code, 2)
    assert.match(stderr, why)
  })
