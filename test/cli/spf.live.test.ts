// `postscreen spf` asks a real DNS server, over UDP and TCP: every kind of record, and what it prints.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { DnsClient } from '../../gateway/dns/dns-client.ts'
import { type AskDns, resolveSpf } from '../../gateway/spf/resolve-spf.ts'
import { formatNetwork } from '../../crds/values/network.ts'
import { spfCases, testBounds } from '../gateway/spf/nasty-records.ts'
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
