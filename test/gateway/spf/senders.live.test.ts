// Gateways that permit the networks of SPF records: from a real DNS server, kept on disk, shared by workers and through a Valkey.
// Runs first: it takes up to a minute.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { type GatewayProcess, startGatewayProcess } from '../../peers/gateway.ts'
import { unless } from '../../peers/require.ts'
import { startValkey } from '../../peers/valkey.ts'
import { untilHolds } from '../../support/until-holds.ts'
import { startClient } from '../../support/wire.ts'
import type { StubServer } from '../dns/dns-server-stub.ts'
import { startZoneServer, type Zone } from './zone-server.ts'

const skip = unless('loopback')
const skipShared = unless('valkey', 'loopback')

const zone: Zone = {
  'big.example': ['TXT v=spf1 include:_spf.big.example ip4:20.64.0.0/10 exists:%{i}.big.example ~all'],
  '_spf.big.example': ['TXT v=spf1 ip4:9.9.9.0/24 ip6:2a00:1450::/48 -all'],
}

const spec = (more: object = {}): object => ({
  hostname: 'mx.example.test',
  greet: { wait: '1s', stressWait: '1s' },
  dnsbl: { timeout: '1m' },
  listen: { proxyProtocol: { mode: 'Required' } },
  access: [
    { action: 'Reject', cidrs: ['9.9.9.99'] },
    { action: 'Permit', spf: ['BIG.example', 'none.example'] },
  ],
  denylist: { action: 'Drop' },
  ...more,
})

async function dns(t: TestContext, of: Zone): Promise<StubServer> {
  const server = await startZoneServer(of)
  t.after(() => server.close())
  return server
}

const flagsFor = ({ endpoint }: StubServer): string[] => ['--resolver', `${endpoint.address}:${endpoint.port}`]

async function start(t: TestContext, of: object, flags: readonly string[]): Promise<GatewayProcess> {
  const gateway = await startGatewayProcess({ spec: of, flags, logFormat: 'json' })
  t.after(() => gateway.stop())
  return gateway
}

interface ShownSender {
  readonly domain: string
  readonly state: string
  readonly networks: number
  readonly fault: string | null
  readonly problem: { readonly reason: string } | null
  readonly refused: readonly { readonly term: string }[]
  readonly notExpandable: readonly unknown[]
}

async function senders({ admin }: GatewayProcess): Promise<readonly ShownSender[]> {
  const page = (await (await fetch(`${admin}/status`)).json()) as { readonly spf: readonly ShownSender[] }
  return page.spf
}

const isPermitting = async (gateway: GatewayProcess): Promise<boolean> => (await senders(gateway))[0]?.networks === 2

/** The verdict of /explain about an address. */
async function access({ admin }: GatewayProcess, address: string): Promise<string> {
  const answer = await fetch(`${admin}/explain?address=${address}`)
  const page = (await answer.json()) as { readonly address: { readonly access: { readonly decision: string; readonly sender?: string } } }
  return `${page.address.access.decision} ${page.address.access.sender ?? ''}`.trimEnd()
}

test('a gateway permits what an SPF record permits, without a new policy and with sessions that stay', { skip }, async (t) => {
  const server = await dns(t, zone)
  const gateway = await start(t, spec(), flagsFor(server))
  await untilHolds('the record was read', () => isPermitting(gateway))
  const client = await startClient(gateway.port, '127.0.0.1')
  client.write('PROXY TCP4 9.9.9.9 192.0.2.1 25 25\r\n')
  await gateway.said('"event":"ALLOWLISTED"')
  const line =
    gateway
      .output()
      .split('\n')
      .find((text) => text.includes('"event":"ALLOWLISTED"')) ?? ''
  const { rule, sender } = JSON.parse(line) as Record<string, unknown>
  assert.deepEqual([rule, sender], ['spec.access[1].spf[0]', 'big.example'], 'the log names the sender')
  client.end()
  assert.equal(await access(gateway, '9.9.9.1'), 'Permit big.example')
  assert.equal(await access(gateway, '2a00:1450::5'), 'Permit big.example')
  assert.equal(await access(gateway, '9.9.9.99'), 'Reject', 'an entry before it decides')
  assert.equal(await access(gateway, '20.64.0.1'), 'Dunno', 'too wide')
  const [big, none] = await senders(gateway)
  assert.deepEqual([big?.domain, big?.state, big?.problem], ['big.example', 'Current', null])
  assert.deepEqual([big?.refused.length, big?.notExpandable.length], [1, 1])
  await untilHolds('the other one was read', async () => (await senders(gateway))[1]?.problem?.reason === 'NoRecord')
  assert.equal(none?.domain, 'none.example')
  assert.deepEqual(
    [big?.fault, (await senders(gateway))[1]?.fault],
    [null, 'NoRecord: none.example has no SPF record; nothing is permitted'],
  )
  const metrics = await (await fetch(`${gateway.admin}/metrics`)).text()
  assert.match(metrics, /^postscreen_spf_networks\{domain="big\.example"\} 2$/m)
  assert.match(metrics, /^postscreen_spf_problem\{domain="none\.example",reason="NoRecord"\} 1$/m)
  assert.match(metrics, /^postscreen_spf_refreshes_total\{domain="big\.example",result="Complete"\} 1$/m)
  assert.match(gateway.output(), /SPF CHANGED/)
})

test('a gateway that starts while DNS fails permits what it had', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'senders-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const server = await dns(t, zone)
  const first = await start(t, spec(), [...flagsFor(server), '--data-dir', folder])
  await untilHolds('the record was read', () => isPermitting(first))
  await untilHolds('it is on disk', () => existsSync(join(folder, 'spf-senders')))
  await first.stop()
  const failing = await dns(t, { 'big.example': ['SERVFAIL'] })
  const second = await start(t, spec(), [...flagsFor(failing), '--data-dir', folder])
  assert.equal(await access(second, '9.9.9.1'), 'Permit big.example', 'before the first client')
})

test('workers learn from the one that reads', { skip }, async (t) => {
  const server = await dns(t, zone)
  const folder = mkdtempSync(join(tmpdir(), 'senders-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const gateway = await start(t, spec(), [...flagsFor(server), '--workers', '2', '--data-dir', folder])
  await untilHolds('the record was read', () => isPermitting(gateway))
  // The answer comes from any worker.
  for (let visit = 1; visit <= 8; visit++) {
    // oxlint-disable-next-line no-await-in-loop -- one client after the other
    const client = await startClient(gateway.port, '127.0.0.1')
    client.write(`PROXY TCP4 9.9.9.${visit} 192.0.2.1 25 25\r\n`)
    // oxlint-disable-next-line no-await-in-loop
    await gateway.said(new RegExp(`"event":"ALLOWLISTED"[^\\n]*9\\.9\\.9\\.${visit}"`))
    client.end()
  }
  assert.equal(gateway.output().split('SPF CHANGED').length, 2, 'one worker reads')
})

test('gateways that share a Valkey learn from each other, also one whose DNS fails', { skip: skipShared }, async (t) => {
  const valkey = await startValkey()
  t.after(() => valkey.stop())
  const server = await dns(t, zone)
  const shared = spec({ allowlist: { store: 'Valkey', valkey: { addresses: [valkey.address], timeoutMilliseconds: 1000 } } })
  const both = await Promise.all([start(t, shared, flagsFor(server)), start(t, shared, flagsFor(server))])
  for (const gateway of both) await untilHolds('both permit', () => isPermitting(gateway))
  const third = await start(t, shared, flagsFor(await dns(t, { 'big.example': ['SERVFAIL'] })))
  await untilHolds('it has learned', () => isPermitting(third))
  assert.equal(await access(third, '9.9.9.1'), 'Permit big.example')
})

test('what another program writes into the Valkey permits nothing that a record could not', { skip: skipShared }, async (t) => {
  const valkey = await startValkey()
  t.after(() => valkey.stop())
  const forged = { version: 1, domain: 'big.example', networks: ['0.0.0.0/0'], goodAt: 1, triedAt: Date.now(), dueAt: Date.now() + 1e12 }
  await valkey.cli('set', 'postscreen:spf:big.example', JSON.stringify(forged))
  await valkey.cli('rpush', 'postscreen:spf:none.example', 'not a text')
  const shared = spec({ allowlist: { store: 'Valkey', valkey: { addresses: [valkey.address], timeoutMilliseconds: 1000 } } })
  const gateway = await start(t, shared, flagsFor(await dns(t, zone)))
  await untilHolds('the record was read', () => isPermitting(gateway))
  assert.equal(await access(gateway, '8.8.8.8'), 'Dunno')
})
