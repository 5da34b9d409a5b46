// Gateway processes that share a Valkey: one allowlist for all, during rollouts, faults of the server and changes of
// the policy. No client is refused.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { type GatewayProcess, manifest, startGatewayProcess } from '../../peers/gateway.ts'
import { unless } from '../../peers/require.ts'
import { startValkey, type Valkey } from '../../peers/valkey.ts'
import { untilHolds } from '../../support/until-holds.ts'
import { startBackend, startClient } from '../../support/wire.ts'

const skip = unless('valkey', 'loopback')

interface Site {
  readonly valkey: Valkey
  /** The spec, with what is given put over `spec.allowlist`. */
  readonly spec: (allowlist?: object) => object
  start(allowlist?: object, flags?: readonly string[]): Promise<GatewayProcess>
}

async function site(t: TestContext): Promise<Site> {
  const valkey = await startValkey()
  const backend = await startBackend()
  t.after(async () => {
    backend.close()
    await valkey.stop()
  })
  const spec = (allowlist: object = {}): object => ({
    hostname: 'mx.example.test',
    greet: { action: 'Drop', wait: '1s' },
    backend: { addresses: [backend.address], proxyProtocol: 'None' },
    allowlist: { store: 'Valkey', valkey: { addresses: [valkey.address], timeoutMilliseconds: 1000 }, ...allowlist },
  })
  const start = async (allowlist: object = {}, flags: readonly string[] = []): Promise<GatewayProcess> => {
    const gateway = await startGatewayProcess({ spec: spec(allowlist), flags })
    t.after(() => gateway.stop())
    return gateway
  }
  return { valkey, spec, start }
}

/** What a good client is: `new` waits behind a teaser, `old` reads the backend's greeting at once. Both reach the backend. */
async function come(gateway: GatewayProcess, from: string): Promise<'new' | 'old'> {
  const client = await startClient(gateway.port, from)
  const first = await client.line()
  if (first.startsWith('220-')) assert.equal(await client.line(), '220 backend')
  else assert.equal(first, '220 backend')
  client.write('QUIT\r\n')
  assert.equal(await client.line(), '221 bye')
  client.end()
  return first.startsWith('220-') ? 'new' : 'old'
}

const metric = async ({ admin }: GatewayProcess, name: string): Promise<number> => {
  const text = await (await fetch(`${admin}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}

test('a client that passed at one gateway is known to another at once, and after all of them were replaced', { skip }, async (t) => {
  const { start } = await site(t)
  const [a, b] = await Promise.all([start(), start()])
  assert.equal(await come(a, '127.81.0.1'), 'new')
  assert.equal(await come(b, '127.81.0.1'), 'old')
  await Promise.all([a.stop(), b.stop()])
  const c = await start()
  assert.equal(await come(c, '127.81.0.1'), 'old', 'its first client, right after its start')
})

test('with a prefix of 24 all addresses of a sender are known after the first one', { skip }, async (t) => {
  const { start, valkey } = await site(t)
  const [a, b] = await Promise.all([start({ prefix: { ipv4: 24 } }), start({ prefix: { ipv4: 24 } })])
  assert.equal(await come(a, '127.81.1.1'), 'new')
  assert.equal(await come(b, '127.81.1.200'), 'old')
  assert.equal(await come(b, '127.81.2.1'), 'new')
  assert.equal(await valkey.cli('exists', 'postscreen:127.81.1.0/24'), '1')
})

test('a local allowlist knows networks too', { skip }, async (t) => {
  const { start } = await site(t)
  const gateway = await start({ store: 'Local', prefix: { ipv4: 24 } })
  assert.equal(await come(gateway, '127.81.3.1'), 'new')
  assert.equal(await come(gateway, '127.81.3.2'), 'old')
})

const faults: readonly {
  readonly what: string
  readonly strike: (valkey: Valkey) => unknown
  readonly mend: (valkey: Valkey) => unknown
}[] = [
  { what: 'killed', strike: (valkey) => valkey.kill(), mend: (valkey) => valkey.restart() },
  { what: 'stopped with its connections open', strike: (valkey) => valkey.signal('SIGSTOP'), mend: (valkey) => valkey.signal('SIGCONT') },
  {
    what: 'out of memory',
    strike: (valkey) => valkey.cli('config', 'set', 'maxmemory', '1'),
    mend: (valkey) => valkey.cli('config', 'set', 'maxmemory', '0'),
  },
]

for (const { what, strike, mend } of faults) {
  test(
    `a Valkey that is ${what} costs a client a second test at most, and gets afterwards what was learnt meanwhile`,
    {
      skip,
    },
    async (t) => {
      const { start, valkey } = await site(t)
      const [a, b] = await Promise.all([start(), start()])
      await strike(valkey)
      assert.equal(await come(a, '127.81.4.1'), 'new')
      assert.equal(await come(a, '127.81.4.1'), 'old', 'the gateway itself remembers')
      await a.said(/warning: valkey:\S+: the shared allowlist (is away|takes no records)/)
      await mend(valkey)
      await a.said(/valkey:\S+: the shared allowlist (is back|takes records again)/)
      await untilHolds('nothing waits', async () => (await metric(a, 'postscreen_allowlist_pending_writes')) === 0)
      await untilHolds('b is well too', async () => (await metric(b, 'postscreen_allowlist_store_up')) === 1)
      assert.equal(await come(b, '127.81.4.1'), 'old')
      assert.ok(a.output().split('the shared allowlist').length - 1 <= 4, a.output())
    },
  )
}

test('the store changes with the policy, while a session goes on; what the gateway knew itself goes on counting', { skip }, async (t) => {
  const { start, spec, valkey } = await site(t)
  const folder = mkdtempSync(join(tmpdir(), 'shared-allowlist-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const gateway = await start({ store: 'Local' }, ['--data-dir', join(folder, 'data')])
  assert.equal(await come(gateway, '127.81.5.1'), 'new')
  const session = await startClient(gateway.port, '127.81.5.2')
  assert.match(await session.line(), /^220-/)

  writeFileSync(gateway.policyFile, manifest(spec()))
  await gateway.said(/in force[^]*in force/)
  assert.equal(await session.line(), '220 backend')
  session.end()
  await untilHolds('the Valkey is in use', async () => (await metric(gateway, 'postscreen_allowlist_store_up')) === 1)
  assert.equal(await come(gateway, '127.81.5.1'), 'old')
  assert.equal(await come(gateway, '127.81.5.2'), 'old')
  assert.equal(await come(gateway, '127.81.5.3'), 'new')
  await untilHolds('all three are shared', async () => (await valkey.cli('dbsize')) === '3')
  const status = (await (await fetch(`${gateway.admin}/status`)).json()) as { readonly allowlist: object }
  assert.deepEqual(
    { ...status.allowlist, entries: 0, nearCacheHits: 0 },
    {
      kind: 'valkey',
      name: `valkey:${valkey.address}`,
      entries: 0,
      up: true,
      pendingWrites: 0,
      droppedWrites: 0,
      nearCacheHits: 0,
    },
  )

  await valkey.kill()
  writeFileSync(gateway.policyFile, manifest(spec({ store: 'Local' })))
  await gateway.said(/in force[^]*in force[^]*in force/)
  assert.equal(await come(gateway, '127.81.5.1'), 'old')
  assert.equal(gateway.output().includes('internal error'), false)
})

test('a Secret that comes late or is wrong does not keep the gateway from starting', { skip }, async (t) => {
  const { start, valkey } = await site(t)
  await valkey.cli('config', 'set', 'requirepass', 'secret')
  const gateway = await start({ valkey: { addresses: [valkey.address], passwordSecret: { name: 'valkey', key: 'password' } } })
  await gateway.said('the shared allowlist is away (settings: cannot be read: ENOENT')
  assert.equal(await come(gateway, '127.81.6.1'), 'new')
  mkdirSync(join(gateway.folder, 'secrets', 'valkey'), { recursive: true })
  writeFileSync(join(gateway.folder, 'secrets', 'valkey', 'password'), 'secret')
  await gateway.said('the shared allowlist is back')
  assert.ok(!gateway.output().includes('secret\n'))
})
