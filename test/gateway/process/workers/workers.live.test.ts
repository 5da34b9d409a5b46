// A gateway of two worker processes, as its owner sees it: one gateway, which loses only a part when one of them dies.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type GatewayProcess, manifest, startGatewayProcess } from '../../../peers/gateway.ts'
import { unless } from '../../../peers/require.ts'
import { type Client, runGateway, startBackend, startClient } from '../../../support/wire.ts'

const skip = unless('loopback')

interface Page {
  readonly ready: boolean
  readonly draining: boolean
  readonly policy: { readonly hash: string } | null
  readonly refusedPolicy: object | null
  readonly sessions: Readonly<Record<string, number>>
  readonly allowlist: { readonly kind: string; readonly entries: number }
  readonly workers: readonly {
    readonly number: number
    readonly pid: number | null
    readonly restarts: number
    readonly sessions?: Readonly<Record<string, number>>
  }[]
}

const page = async ({ admin }: GatewayProcess): Promise<Page> => (await (await fetch(`${admin}/status`)).json()) as Page

/** Waits until the status page is as it should be; the kernel, processes and disks take their time. */
async function until(gateway: GatewayProcess, holds: (page: Page) => boolean): Promise<Page> {
  const end = performance.now() + 60_000
  for (;;) {
    const now = await page(gateway)
    if (holds(now)) return now
    if (performance.now() > end) throw new Error(`not in time: ${JSON.stringify(now)}\n${gateway.output()}`)
    await sleep(20)
  }
}

async function goodSpec(t: TestContext): Promise<object> {
  const backend = await startBackend()
  t.after(() => backend.close())
  return {
    hostname: 'mx.example.test',
    greet: { action: 'Enforce', wait: '1s' },
    limits: { connectionsPerClient: 1000 },
    access: [{ action: 'Permit', cidrs: ['127.84.1.0/24'] }],
    backend: { addresses: [backend.address], proxyProtocol: 'None' },
  }
}

async function begin(t: TestContext, spec: object, flags: readonly string[], said = 'listening on '): Promise<GatewayProcess> {
  const data = mkdtempSync(join(tmpdir(), 'workers-'))
  t.after(() => rmSync(data, { recursive: true, force: true }))
  const all = ['--workers', '2', '--data-dir', data, ...flags]
  const gateway = await startGatewayProcess({ spec, logFormat: 'json', flags: all, until: said })
  t.after(() => gateway.stop())
  return gateway
}

async function start(t: TestContext, ...flags: readonly string[]): Promise<GatewayProcess> {
  const gateway = await begin(t, await goodSpec(t), flags)
  await until(gateway, ({ ready }) => ready)
  return gateway
}

type LogLine = Readonly<Record<string, unknown>>
const logOf = (gateway: GatewayProcess): readonly LogLine[] => {
  const lines = gateway.output().split('\n')
  assert.equal(lines.pop(), '', 'the last line is whole')
  return lines.map((line) => JSON.parse(line) as LogLine)
}

/** Connects, one after another, until both workers have had a client; the kernel chooses by the client's port. */
async function clientsOfBoth(gateway: GatewayProcess, from: string): Promise<readonly Client[]> {
  const clients: Client[] = []
  for (let count = 1; count <= 40; count++) {
    const client = await startClient(gateway.port, from)
    assert.equal(await client.line(), '220 backend')
    clients.push(client)
    if (count < 8) continue
    if ((await page(gateway)).workers.every(({ sessions }) => (sessions?.['relay'] ?? 0) > 0)) return clients
  }
  throw new Error('one worker had no client among forty')
}

test('both take clients, and know those that the other has passed', { skip }, async (t) => {
  const gateway = await start(t)
  const stranger = await startClient(gateway.port, '127.84.2.1')
  assert.match(await stranger.line(), /^220-/)
  assert.equal(await stranger.line(), '220 backend')
  stranger.end()
  await until(gateway, ({ allowlist }) => allowlist.entries === 1)
  const clients = await clientsOfBoth(gateway, '127.84.2.1')
  for (const client of clients) client.end()
  await until(gateway, ({ sessions }) => sessions['relay'] === 0)
  await gateway.said(new RegExp(`(?:"event":"PASS OLD"[^]*){${clients.length}}\n$`))
  const events = (name: string): readonly unknown[] =>
    logOf(gateway)
      .filter(({ event }) => event === name)
      .map(({ worker }) => worker)
  assert.equal(events('PASS NEW').length, 1)
  assert.deepEqual(
    [...new Set(events('PASS OLD'))].toSorted((a, b) => Number(a) - Number(b)),
    [1, 2],
  )
  const metrics = await (await fetch(`${gateway.admin}/metrics`)).text()
  for (const line of [
    `postscreen_connections_total ${clients.length + 1}`,
    'postscreen_passes_total{type="new"} 1',
    `postscreen_passes_total{type="old"} ${clients.length}`,
    'postscreen_allowlist_entries 1',
    'postscreen_backends{state="working"} 1',
    'postscreen_workers 2',
  ]) {
    assert.ok(metrics.split('\n').includes(line), `${line}\nis not in\n${metrics}`)
  }
})

test('an explanation has the sessions of both', { skip }, async (t) => {
  const gateway = await start(t)
  for (const client of await clientsOfBoth(gateway, '127.84.1.1')) client.end()
  await until(gateway, ({ sessions }) => sessions['relay'] === 0)
  const { address, recent } = (await (await fetch(`${gateway.admin}/explain?address=127.84.1.1`)).json()) as {
    readonly address: { readonly verdict: { readonly outcome: string } }
    readonly recent: { readonly kept: number; readonly sessions: readonly { readonly worker: number }[] }
  }
  assert.equal(address.verdict.outcome, 'handedOff')
  assert.equal(recent.kept, 1000)
  assert.deepEqual(
    [...new Set(recent.sessions.map(({ worker }) => worker))].toSorted((a, b) => a - b),
    [1, 2],
  )
})

test(
  'when one is killed the other continues with its clients, counts do not fall, and the killed one is restarted',
  { skip },
  async (t) => {
    const gateway = await start(t)
    const clients = await clientsOfBoth(gateway, '127.84.1.1')
    const connections = async (): Promise<number> =>
      Number(/^postscreen_connections_total (\d+)$/m.exec(await (await fetch(`${gateway.admin}/metrics`)).text())?.[1])
    assert.equal(await connections(), clients.length)
    const { workers } = await page(gateway)
    const victim = workers[1]?.pid ?? 0
    process.kill(victim, 'SIGKILL')
    const answers = await Promise.all(
      clients.map(async (client) => {
        client.write('NOOP\r\n')
        return client.line().catch(() => 'lost')
      }),
    )
    assert.deepEqual([...new Set(answers)].toSorted(), ['250 you said NOOP', 'lost'])
    // Until then, the kernel may still give a connection to the sockets of the killed one.
    await gateway.said(/worker 2 has ended \(SIGKILL\)/)
    for (let count = 0; count < 8; count++) {
      const client = await startClient(gateway.port, '127.84.1.2')
      assert.equal(await client.line(), '220 backend')
      client.end()
    }
    assert.equal(await connections(), clients.length + 8)
    const after = await until(gateway, ({ ready, workers: now }) => ready && now[1]?.pid !== undefined && now[1].restarts === 1)
    assert.equal(after.workers[0]?.restarts, 0)
    assert.notEqual(after.workers[1]?.pid, victim)
    for (const client of [...clients, ...(await clientsOfBoth(gateway, '127.84.1.3'))]) client.end()
  },
)

test('SIGTERM drains all of them: they are not ready, accept no new clients, and continue their sessions', { skip }, async (t) => {
  const gateway = await start(t, '--drain-timeout', '20s')
  const clients = await clientsOfBoth(gateway, '127.84.1.4')
  gateway.signal('SIGTERM')
  await gateway.said('draining')
  const { ready, draining } = await page(gateway)
  assert.deepEqual([ready, draining], [false, true])
  assert.equal(await (await fetch(`${gateway.admin}/readyz`)).text(), 'not ready: draining\n')
  await assert.rejects(startClient(gateway.port, '127.84.1.5'), /ECONNREFUSED/)
  for (const client of clients) {
    client.write('QUIT\r\n')
    assert.equal(await client.line(), '221 bye')
    client.end()
  }
  assert.equal(await gateway.exit, 0)
  assert.deepEqual(logOf(gateway).at(-1)?.['msg'], 'stopped')
})

test('a second SIGTERM ends all of them at once', { skip }, async (t) => {
  const gateway = await start(t, '--drain-timeout', '1h')
  const clients = await clientsOfBoth(gateway, '127.84.1.6')
  gateway.signal('SIGTERM')
  await gateway.said('draining')
  gateway.signal('SIGTERM')
  assert.equal(await gateway.exit, 143)
  for (const client of clients) await assert.rejects(client.line(), /has ended/)
})

test('with --await-policy it says what it waits for, and all workers start once there is a policy', { skip }, async (t) => {
  const gateway = await begin(t, { nonsense: 1 }, ['--await-policy'], 'policy refused')
  assert.equal(await (await fetch(`${gateway.admin}/readyz`)).text(), 'not ready: no policy yet (worker 1)\n')
  writeFileSync(gateway.policyFile, manifest(await goodSpec(t)))
  await until(gateway, ({ ready, policy }) => ready && policy !== null)
  for (const client of await clientsOfBoth(gateway, '127.84.1.9')) client.end()
})

test('a worker that comes back while the policy file is bad serves the last good one, as the other does', { skip }, async (t) => {
  const gateway = await start(t)
  writeFileSync(gateway.policyFile, manifest({ nonsense: 1 }))
  await gateway.said(/"worker":2[^\n]*policy refused, the last good one stays/)
  process.kill((await page(gateway)).workers[1]?.pid ?? 0, 'SIGKILL')
  await gateway.said(/"worker":2[^\n]*policy refused, the last good one of [^\n]* is served from the data directory/)
  const client = await startClient(gateway.port, '127.84.1.10')
  assert.equal(await client.line(), '220 backend')
  client.end()
  await until(gateway, ({ ready, policy }) => ready && policy !== null)
  writeFileSync(gateway.policyFile, manifest(await goodSpec(t)))
  await until(gateway, ({ refusedPolicy }) => refusedPolicy === null)
  for (const late of await clientsOfBoth(gateway, '127.84.1.11')) late.end()
})

test('when the primary is killed the workers accept no new clients, and end with their last session', { skip }, async (t) => {
  const gateway = await start(t)
  const clients = await clientsOfBoth(gateway, '127.84.1.7')
  gateway.signal('SIGKILL')
  await gateway.exit
  const end = performance.now() + 60_000
  for (let isRefused = false; !isRefused;) {
    assert.ok(performance.now() < end, 'clients are still taken')
    const late = await startClient(gateway.port, '127.84.1.8').catch((error: unknown) => String(error))
    isRefused = typeof late === 'string' && late.includes('ECONNREFUSED')
    if (typeof late !== 'string') late.end()
    await sleep(20)
  }
  for (const client of clients) {
    client.write('QUIT\r\n')
    assert.equal(await client.line(), '221 bye')
    client.end()
  }
})

const refusals: readonly { readonly what: string; readonly flags: readonly string[]; readonly code: number; readonly says: RegExp }[] = [
  {
    what: 'more than one worker without a data directory',
    flags: ['--workers', '2'],
    code: 2,
    says: /--workers needs --data-dir DIR/,
  },
  { what: 'no worker', flags: ['--workers', '0'], code: 2, says: /--workers must be a number from 1 to 99, not "0"/ },
  {
    what: 'a policy that is not there, as a lone process does',
    flags: ['--workers', '2', '--data-dir', join(tmpdir(), `workers-unused-${process.pid}`)],
    code: 1,
    says: /^postscreen gateway: \/nonexistent: .*ENOENT/m,
  },
]

for (const { what, flags, code, says } of refusals) {
  test(`it refuses ${what}`, async (t) => {
    t.after(() => rmSync(join(tmpdir(), `workers-unused-${process.pid}`), { recursive: true, force: true }))
    const ended = await runGateway(['--policy', '/nonexistent', '--listen', '127.0.0.1:0', ...flags])
    assert.equal(ended.code, code)
    assert.match(ended.output, says)
  })
}
