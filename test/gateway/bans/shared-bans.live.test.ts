// Bans of real gateways: shared through a Valkey and among workers, changed with `postscreen bans`, and what an outage does to them.
// Runs first: it takes up to a minute.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type GatewayProcess, manifest, startGatewayProcess } from '../../peers/gateway.ts'
import { unless } from '../../peers/require.ts'
import { startValkey } from '../../peers/valkey.ts'
import { untilHolds } from '../../support/until-holds.ts'
import { startClient } from '../../support/wire.ts'

const skip = unless('valkey', 'loopback')
const skipAlone = unless('loopback')
const entry = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url))

const spec = (more: object = {}): object => ({
  hostname: 'mx.example.test',
  // Long enough for a client that talks at once, also when the machine stands still. A client that has failed is dropped at once.
  greet: { action: 'Drop', wait: '1m', stressWait: '1m' },
  bans: { after: 2 },
  ...more,
})
const shared = (address: string): object =>
  spec({ allowlist: { store: 'Valkey', valkey: { addresses: [address], timeoutMilliseconds: 1000 } } })

async function start(t: TestContext, of: object, flags: readonly string[] = []): Promise<GatewayProcess> {
  const gateway = await startGatewayProcess({ spec: of, flags })
  t.after(() => gateway.stop())
  return gateway
}

/** What a bot reads that talks at once, until it is dropped: `tested` or `banned`. Its failure is counted before it reads the last line. */
async function visit(gateway: GatewayProcess, from: string): Promise<'tested' | 'banned'> {
  const client = await startClient(gateway.port, from)
  client.write('EHLO bot\r\n')
  let line = await client.line()
  if (line.startsWith('220-')) line = await client.line()
  client.end()
  if (line === `521 5.7.1 Service unavailable; client [${from}] is banned after repeated failures`) return 'banned'
  assert.match(line, /^521 5\.5\.1/)
  return 'tested'
}

async function isBanned({ admin }: GatewayProcess, network: string): Promise<boolean> {
  const page = (await (await fetch(`${admin}/bans`)).json()) as { readonly bans: readonly { readonly network: string }[] }
  return page.bans.some((ban) => ban.network === network)
}

interface Run {
  readonly code: number
  readonly out: string
}

const bans = (...args: readonly string[]): Promise<Run> =>
  new Promise((resolve) => {
    execFile(process.execPath, [entry, 'bans', ...args], (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out: out + err }),
    )
  })

test('a network that failed at one gateway is refused at the other, and at one that starts later', { skip }, async (t) => {
  const valkey = await startValkey()
  t.after(() => valkey.stop())
  const [a, b] = await Promise.all([start(t, shared(valkey.address)), start(t, shared(valkey.address))])
  for (const _ of [1, 2]) assert.equal(await visit(a, '127.84.0.1'), 'tested')
  assert.equal(await visit(a, '127.84.0.1'), 'banned')
  await untilHolds('b knows the ban', () => isBanned(b, '127.84.0.1'))
  assert.equal(await visit(b, '127.84.0.1'), 'banned')
  assert.equal(await visit(b, '127.84.0.2'), 'tested', 'its neighbour is not banned')
  const c = await start(t, shared(valkey.address))
  await untilHolds('a gateway that starts learns it', () => isBanned(c, '127.84.0.1'))
  assert.ok(Number(await valkey.cli('ttl', 'postscreen:bans')) > 86_400, 'the list expires by itself')

  const removed = await bans('remove', '--policy', a.policyFile, '127.84.0.1')
  assert.deepEqual(removed, { code: 0, out: '127.84.0.1 is no longer banned\n' })
  for (const gateway of [a, b, c]) await untilHolds('the ban has ended everywhere', async () => !(await isBanned(gateway, '127.84.0.1')))
  assert.equal(await visit(b, '127.84.0.1'), 'tested')

  const added = await bans('add', '--policy', a.policyFile, '127.84.0.9', '--for', '2h')
  assert.equal(added.code, 0, added.out)
  await untilHolds('a learns a ban of the command', () => isBanned(a, '127.84.0.9'))
  assert.match((await bans('list', '--policy', a.policyFile)).out, /^127\.84\.0\.9 .* administrator /m)
})

test('nothing that another program writes bans a wider network, or for longer, than the policy says', { skip }, async (t) => {
  const valkey = await startValkey()
  t.after(() => valkey.stop())
  const now = Date.now()
  const texts = [
    `ban 0.0.0.0/0 ${now} ${now + 3_600_000} 1 gateway`,
    `ban 127.84.0.0/16 ${now} ${now + 3_600_000} 1 gateway`,
    'nonsense',
    '',
  ]
  for (const text of [...texts, `ban 127.84.1.9 ${now} ${now + 1e12} 1 gateway`])
    await valkey.cli('xadd', 'postscreen:bans', '*', 'text', text)
  const gateway = await start(t, shared(valkey.address))
  await untilHolds('the list is read', () => isBanned(gateway, '127.84.1.9'))
  const page = (await (await fetch(`${gateway.admin}/bans`)).json()) as { readonly bans: readonly { readonly until: string }[] }
  assert.equal(page.bans.length, 1)
  assert.ok(Date.parse(page.bans[0]?.until ?? '') <= Date.now() + 86_400_000)
  assert.equal(await visit(gateway, '127.84.1.1'), 'tested')
})

test('while the Valkey is away, a gateway bans by itself at once, and tells the others afterwards', { skip }, async (t) => {
  const valkey = await startValkey()
  t.after(() => valkey.stop())
  const [a, b] = await Promise.all([start(t, shared(valkey.address)), start(t, shared(valkey.address))])
  await valkey.kill()
  await a.said('the shared allowlist is away')
  for (const _ of [1, 2]) assert.equal(await visit(a, '127.84.2.1'), 'tested')
  assert.equal(await visit(a, '127.84.2.1'), 'banned')
  await valkey.restart()
  await untilHolds('b learns the ban', () => isBanned(b, '127.84.2.1'))
})

test('a user without the permissions for bans is reported once, and the allowlist still works', { skip }, async (t) => {
  const valkey = await startValkey()
  t.after(() => valkey.stop())
  await valkey.cli('acl', 'setuser', 'default', '-xadd', '-xread')
  const gateway = await start(t, shared(valkey.address))
  await gateway.said(/warning: bans are not shared \(auth: NOPERM/)
  for (const _ of [1, 2]) assert.equal(await visit(gateway, '127.84.3.1'), 'tested')
  assert.equal(await visit(gateway, '127.84.3.1'), 'banned')
  await valkey.cli('acl', 'setuser', 'default', '+xadd', '+xread')
  await gateway.said('bans are shared again')
  assert.equal(gateway.output().split('bans are not shared').length, 2)
})

test('workers count failures together, and have the same bans', { skip: skipAlone }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bans-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const gateway = await start(t, spec({ bans: { after: 12 } }), ['--workers', '2', '--data-dir', folder])
  await untilHolds('the twelfth failure, at whatever worker, is a ban', async () => (await visit(gateway, '127.84.4.1')) === 'banned')
  const failures = gateway.output().split('PREGREET').length - 1
  // Some come before a worker knows of the ban.
  assert.ok(failures >= 12 && failures < 20, `${failures} failures`)
  await untilHolds('no worker tests it any more', async () => {
    const seen = await Promise.all(Array.from({ length: 12 }, () => visit(gateway, '127.84.4.1')))
    return seen.every((one) => one === 'banned')
  })
  const list = await bans('list', '--gateway', gateway.admin)
  assert.match(list.out, /^NETWORK +UNTIL +LEFT +MADE BY +REFUSED HERE\n127\.84\.4\.1 +\S+ \S+ +5\dm \S*.* ban 1 +\d\d\n$/)
  assert.deepEqual(await bans('remove', '--gateway', gateway.admin, '127.84.4.1'), { code: 0, out: '127.84.4.1 is no longer banned\n' })
  await untilHolds('no worker bans it any more', async () => {
    const seen = await Promise.all(Array.from({ length: 3 }, () => visit(gateway, '127.84.4.1')))
    return seen.every((one) => one === 'tested')
  })
})

test('a gateway is asked and changed with postscreen bans', { skip: skipAlone }, async (t) => {
  const gateway = await start(t, spec({ bans: { prefix: { ipv4: 24 } } }))
  const at = ['--gateway', gateway.admin] as const
  const added = await bans('add', ...at, '127.84.5.77', '--for', '30m')
  assert.match(added.out, /^127\.84\.5\.0\/24 is banned until /)
  assert.equal(await visit(gateway, '127.84.5.1'), 'banned')
  await gateway.said('NOQUEUE: reject: CONNECT from [127.84.5.1]')
  const listed = JSON.parse((await bans('list', ...at, '-o', 'json')).out) as {
    readonly bans: readonly Readonly<Record<string, unknown>>[]
  }
  const [{ since: _since, until: _until, ...known } = {}] = listed.bans
  assert.deepEqual(known, { network: '127.84.5.0/24', nth: 1, by: 'administrator', refused: 1 })
  const status = (await (await fetch(`${gateway.admin}/status`)).json()) as { readonly bans: unknown }
  assert.deepEqual(status.bans, { active: 1, failing: 0, dropped: 0, waiting: 0 })
  assert.match(await (await fetch(`${gateway.admin}/metrics`)).text(), /^postscreen_banned_networks 1$/m)

  const wrong: readonly (readonly [args: readonly string[], code: number, says: RegExp])[] = [
    [['add', ...at, '127.84.0.0/16'], 2, /127\.84\.0\.0\/16 cannot be banned: the policy bans networks with a prefix length of 24/],
    [['add', ...at, 'example.com'], 2, /"example\.com" is not an address/],
    [['add', ...at, '127.84.5.1', '--for', '2d'], 2, /at most \(bans\.max\)/],
    [['remove', ...at, '127.84.6.1'], 1, /^127\.84\.6\.0\/24 is not banned\n$/],
    [['list', ...at, 'x'], 2, /unexpected argument x/],
    [['list', '--gateway', 'http://127.0.0.1:1'], 1, /cannot be asked/],
    [['list', '--policy', gateway.policyFile], 1, /each gateway of this policy has its own bans/],
    [['add', ...at], 2, /expected an address/],
    [['drop', ...at], 2, /expected one of list, add, remove/],
    [['add', ...at, '127.84.5.1', '--for', 'soon'], 2, /--for must be a time/],
  ]
  for (const [args, code, says] of wrong) {
    const run = await bans(...args)
    assert.match(run.out, says)
    assert.equal(run.code, code, run.out)
  }
  const foreign = await fetch(`${gateway.admin}/bans?remove=127.84.5.1`, { method: 'POST', headers: { origin: 'https://evil.example' } })
  assert.equal(foreign.status, 403, 'no page in a browser changes a ban')

  writeFileSync(gateway.policyFile, manifest(spec({ bans: undefined })))
  await gateway.said(/in force[^]*in force/)
  assert.equal(await visit(gateway, '127.84.5.1'), 'tested', 'without bans in the policy, all bans end')
  assert.match((await bans('list', ...at)).out, /the policy in force has no bans/)
})
