// How a gateway process ends: which clients it still accepts, which sessions continue, and what the others read.
// Runs first: it takes most of a minute.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { type GatewayProcess, startGatewayProcess } from '../../peers/gateway.ts'
import { unless } from '../../peers/require.ts'
import { untilHolds } from '../../support/until-holds.ts'
import { type Client, startBackend, startClient } from '../../support/wire.ts'

const skip = unless('loopback')
const folder = mkdtempSync(join(tmpdir(), 'drain-'))
after(() => rmSync(folder, { recursive: true }))

const unavailable = '421 4.3.2 Service currently unavailable'

/** Clients from 127.81.1.0/24 are refused in the dummy engine, those from 127.81.2.0/24 are handed off at once. */
const spec = {
  hostname: 'mx.example.test',
  greet: { action: 'Enforce', wait: '1s' },
  access: [
    { action: 'Reject', cidrs: ['127.81.1.0/24'] },
    { action: 'Permit', cidrs: ['127.81.2.0/24'] },
  ],
  denylist: { action: 'Enforce' },
}

async function start(t: TestContext, more: object, ...flags: readonly string[]): Promise<GatewayProcess> {
  const gateway = await startGatewayProcess({ spec: { ...spec, ...more }, flags })
  t.after(() => gateway.stop())
  return gateway
}

/** Every line until the connection ends. */
async function rest(client: Client): Promise<readonly string[]> {
  const lines: string[] = []
  try {
    for (;;) lines.push(await client.line())
  } catch (error) {
    assert.match(String(error), /the connection has ended: ""/, 'nothing is left of a line')
  }
  return lines
}

/**
 * Clients of the mail server, one after another, until one is not served or `ms` have passed. If the machine stood
 * still, no client came meanwhile, and the gateway may stop.
 * @returns for how long, in milliseconds, and the longest time in which no client came
 */
async function keepComing(
  gateway: GatewayProcess,
  from: string,
  ms: number,
): Promise<{ readonly servedMs: number; readonly gapMs: number }> {
  const began = performance.now()
  let [last, gapMs] = [began, 0]
  while (performance.now() - began < ms) {
    const now = performance.now()
    try {
      const client = await startClient(gateway.port, from)
      gapMs = Math.max(gapMs, performance.now() - last)
      last = now
      assert.equal(await client.line(), '220 backend')
      client.write('QUIT\r\n')
      assert.equal(await client.line(), '221 bye')
      client.end()
    } catch {
      return { servedMs: performance.now() - began, gapMs: Math.max(gapMs, performance.now() - last) }
    }
    await new Promise((done) => setTimeout(done, 100))
  }
  return { servedMs: performance.now() - began, gapMs }
}

/** A listener that takes connections and says nothing. */
async function silentBackend(t: TestContext): Promise<string> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => void sockets.add(socket.on('error', () => undefined)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`
}

test('for the time of --drain-delay it is not ready and says so, but takes clients', { skip }, async (t) => {
  const backend = await startBackend()
  t.after(() => backend.close())
  const gateway = await start(t, { backend: { addresses: [backend.address], proxyProtocol: 'None' } }, '--drain-delay', '5s')
  await untilHolds('it is ready', async () => (await fetch(`${gateway.admin}/readyz`)).ok)
  const began = performance.now()
  gateway.signal('SIGTERM')
  await gateway.said('draining')
  const ready = await fetch(`${gateway.admin}/readyz`)
  assert.deepEqual([ready.status, await ready.text()], [503, 'not ready: draining\n'])
  const late = await startClient(gateway.port, '127.81.2.1')
  assert.equal(await late.line(), '220 backend')
  late.write('QUIT\r\n')
  assert.equal(await late.line(), '221 bye')
  late.end()
  assert.equal(await gateway.exit, 0)
  assert.ok(performance.now() - began > 4900, 'it waits for the load balancers, not for the clients')
  await assert.rejects(startClient(gateway.port, '127.81.2.2'), /ECONNREFUSED/)
})

test('after the drain delay it accepts clients as long as new ones come, and stops a second after the last', { skip }, async (t) => {
  const backend = await startBackend()
  t.after(() => backend.close())
  const gateway = await start(t, { backend: { addresses: [backend.address], proxyProtocol: 'None' } }, '--drain-delay', '1s')
  gateway.signal('SIGTERM')
  await gateway.said('draining')
  const { servedMs, gapMs } = await keepComing(gateway, '127.81.2.3', 3200)
  assert.ok(servedMs >= 3200 || gapMs > 990, `no client was served after ${servedMs} ms, and ${gapMs} ms had passed since the last client`)
  const last = performance.now()
  assert.equal(await gateway.exit, 0)
  assert.ok(performance.now() - last < 20_000, 'not the 30 s for which it would wait for late clients')
})

test('it does not accept clients after its drain timeout', { skip }, async (t) => {
  const backend = await startBackend()
  t.after(() => backend.close())
  const policy = { backend: { addresses: [backend.address], proxyProtocol: 'None' } }
  const gateway = await start(t, policy, '--drain-delay', '1s', '--drain-timeout', '2s')
  const began = performance.now()
  gateway.signal('SIGTERM')
  const { servedMs, gapMs } = await keepComing(gateway, '127.81.2.4', 25_000)
  assert.ok(servedMs < 25_000, 'it never stops accepting clients')
  assert.equal(await gateway.exit, 0)
  assert.ok(performance.now() - began > 2900 || gapMs > 990, `it ended after ${performance.now() - began} ms`)
})

test('/status goes on while it drains', { skip }, async (t) => {
  const gateway = await start(t, {}, '--drain-timeout', '20s')
  const client = await startClient(gateway.port, '127.81.1.1')
  await client.line()
  const before = (await (await fetch(`${gateway.admin}/status`)).json()) as { draining: boolean }
  assert.equal(before.draining, false)
  gateway.signal('SIGTERM')
  await gateway.said('draining')
  const status = (await (await fetch(`${gateway.admin}/status`)).json()) as { draining: boolean; ready: boolean; listening: string[] }
  assert.deepEqual([status.draining, status.ready, status.listening], [true, false, []])
  client.end()
  assert.equal(await gateway.exit, 0)
})

test('a client in the greet wait completes its tests and is handed off', { skip }, async (t) => {
  const backend = await startBackend()
  t.after(() => backend.close())
  const gateway = await start(t, { backend: { addresses: [backend.address], proxyProtocol: 'None' } }, '--drain-timeout', '20s')
  const client = await startClient(gateway.port, '127.81.3.1')
  assert.match(await client.line(), /^220-/)
  gateway.signal('SIGTERM')
  await gateway.said('draining')
  assert.equal(await client.line(), '220 backend')
  client.write('QUIT\r\n')
  assert.deepEqual(await rest(client), ['221 bye'])
  client.end()
  assert.equal(await gateway.exit, 0)
})

interface Cut {
  readonly what: string
  readonly from: string
  readonly more?: object
  /** Brings the client to where it is when the time is over. */
  readonly before: (client: Client) => Promise<void>
  /** What it reads then. */
  readonly want: readonly string[]
}

const cuts: readonly Cut[] = [
  {
    what: 'waits for its turn to speak',
    from: '127.81.3.2',
    more: { greet: { action: 'Enforce', wait: '60s' } },
    before: async (client) => void (await client.line()),
    want: ['220 mx.example.test ESMTP Postfix', unavailable],
  },
  {
    what: 'is in the dummy engine, in the middle of a command',
    from: '127.81.1.2',
    before: async (client) => {
      await client.line()
      await client.line()
      client.write('NOOP\r\nNOO')
      await client.line()
    },
    want: [unavailable],
  },
  {
    what: 'waits for a backend, and has read nothing',
    from: '127.81.2.3',
    before: async () => undefined,
    want: ['421 4.3.2 All server ports are busy'],
  },
  {
    what: 'waits for a backend behind a teaser',
    from: '127.81.3.4',
    before: async (client) => void (await client.line()),
    want: ['220 mx.example.test ESMTP Postfix', unavailable],
  },
]

for (const { what, from, more = {}, before, want } of cuts) {
  test(`a client that ${what} when the drain time is over reads 421, never half a line`, { skip }, async (t) => {
    const backend = { addresses: [await silentBackend(t)], proxyProtocol: 'None' }
    const gateway = await start(t, { backend, ...more }, '--drain-timeout', '3s')
    const client = await startClient(gateway.port, from)
    await before(client)
    // Not in the queue of the listening socket any more, which is reset when that closes.
    await gateway.said(`CONNECT from [${from}]`)
    gateway.signal('SIGTERM')
    await gateway.said('draining')
    assert.deepEqual(await rest(client), want)
    client.end()
    assert.equal(await gateway.exit, 0)
  })
}

test('a client that has negotiated TLS reads its 421 there', { skip: skip || unless('openssl') }, async (t) => {
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30', '-subj', '/CN=mx']
  execFileSync('openssl', [...args, '-keyout', join(folder, 'key'), '-out', join(folder, 'cert')], { stdio: 'ignore' })
  const tls = { level: 'May', certFile: join(folder, 'cert'), keyFile: join(folder, 'key') }
  const gateway = await start(t, { tls }, '--drain-timeout', '2s')
  const client = await startClient(gateway.port, '127.81.1.3')
  for (const command of ['', 'STARTTLS\r\n']) {
    client.write(command)
    for (let line = await client.line(); line.startsWith('220-');) line = await client.line()
  }
  await client.startTls()
  gateway.signal('SIGTERM')
  assert.deepEqual(await rest(client), [unavailable])
  client.end()
  assert.equal(await gateway.exit, 0)
})

test('a relay that outlasts the drain time is cut', { skip }, async (t) => {
  const backend = await startBackend()
  t.after(() => backend.close())
  const gateway = await start(t, { backend: { addresses: [backend.address], proxyProtocol: 'None' } }, '--drain-timeout', '1s')
  const client = await startClient(gateway.port, '127.81.2.5')
  assert.equal(await client.line(), '220 backend')
  gateway.signal('SIGTERM')
  assert.deepEqual(await rest(client), [])
  assert.equal(await gateway.exit, 0)
})

for (const [when, flags] of [
  ['waits for load balancers', ['--drain-delay', '1h']],
  ['waits for sessions', ['--drain-timeout', '1h']],
] as const) {
  test(`a second SIGTERM ends it at once while it ${when}`, { skip }, async (t) => {
    const gateway = await start(t, {}, ...flags)
    const client = await startClient(gateway.port, '127.81.1.4')
    await client.line()
    gateway.signal('SIGTERM')
    await gateway.said('draining')
    const began = performance.now()
    gateway.signal('SIGTERM')
    assert.equal(
      await gateway.exit,
      143,
      'by itself: the first process of a container is not ended by a signal that it leaves to the kernel',
    )
    assert.ok(performance.now() - began < 60_000)
    client.end()
  })
}
