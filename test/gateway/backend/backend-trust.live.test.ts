// What makes a gateway lose its trust in a backend that was proven, and what does not.
import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { parseProxyHeader } from '../../../gateway/core/proxy-header.ts'
import { connectNodeSocket } from '../../../gateway/sockets/node-connect.ts'
import { NodeSocket } from '../../../gateway/sockets/node-socket.ts'
import type { BackendOptions } from '../../../gateway/backend/backend-options.ts'
import { Backends } from '../../../gateway/backend/backends.ts'
import type { TargetStatus } from '../../../gateway/backend/backend-status.ts'
import { startRelay } from '../../../gateway/backend/relay.ts'
import { endpoints, pausedClient } from '../smtp/paused-client.ts'
import { type End, listen, type Listener } from '../../support/tcp-ends.ts'
import { longTimeouts } from './long-timeouts.ts'
import { until } from '../../support/until.ts'

interface Server {
  readonly listener: Listener
  /** Clients' addresses that it was told of, probes included. */
  readonly named: string[]
  /** Command lines, all connections together. */
  readonly commands: string[]
  /** What it does from now on. */
  is: 'reading' | 'plain' | 'plain and slow' | 'refusing clients'
}

const isProbe = (address: string): boolean => !address.startsWith('198.18.')

/** A mail server that can be told to read the PROXY header no longer; as Postfix does, it then takes the header for commands, and replies to it in one packet with its greeting. */
async function mailServer(t: TestContext): Promise<Server> {
  const listener = await listen((socket) => {
    let received = Buffer.alloc(0)
    let greeted = false
    const say = (text: string): void => void socket.write(text)
    const { is } = server
    if (is === 'plain and slow') say('220 plain\r\n')
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes])
      if (is === 'reading' || is === 'refusing clients') {
        if (!greeted) {
          const header = parseProxyHeader(received)
          if (header.is !== 'header') return
          const client = header.addresses?.client.address ?? ''
          server.named.push(client)
          if (is === 'refusing clients' && !isProbe(client)) return void socket.end('421 too many\r\n')
          received = received.subarray(header.length)
          say('220 mx\r\n')
        }
      }
      let replies = is === 'plain' && !greeted ? '220 plain\r\n' : ''
      greeted = true
      for (let end = received.indexOf('\n'); end >= 0; end = received.indexOf('\n')) {
        const line = received.toString('latin1', 0, end)
        received = received.subarray(end + 1)
        server.commands.push(line.trimEnd())
        const reply = line.startsWith('QUIT') ? '221 bye\r\n' : /^(NOOP|EHLO)/.test(line) ? '250 ok\r\n' : '500 bad syntax\r\n'
        replies += reply
      }
      if (is === 'plain and slow') setTimeout(say, 30, replies)
      else if (replies !== '') say(replies)
    })
  })
  t.after(() => listener.close())
  const server: Server = { listener, named: [], commands: [], is: 'reading' }
  return server
}

async function table(t: TestContext, { listener }: Server, options: Partial<BackendOptions> = {}, previous?: Backends): Promise<Backends> {
  const addresses = [{ address: '127.0.0.1', port: listener.port }]
  const backends = new Backends({ addresses, ...longTimeouts, probeAfterMs: 30_000, holdMs: 10_000, ...options }, previous)
  t.after(() => backends.close())
  backends.refresh()
  await until(() => backends.reachable())
  return backends
}

const statusOf = (backends: Backends): TargetStatus | undefined => backends.status()[0]?.addresses[0]

/** A client of a network of its own. */
async function arrive(t: TestContext, backends: Backends, network: number, unread = ''): Promise<{ client: End; failed: Promise<string> }> {
  const { client, accepted } = await pausedClient(t)
  const failed = Promise.withResolvers<string>()
  const clientEndpoint = { address: `198.18.${network}.1`, port: 4711 }
  startRelay({ client: accepted, ...endpoints, clientEndpoint, unread: Buffer.from(unread), teaserSent: false }, backends, {
    onStarted: () => undefined,
    onFailed: (_how, reason) => failed.resolve(reason),
    onEnd: () => undefined,
  })
  return { client, failed: failed.promise }
}

test('when a server no longer reads the header, its next client is held, not bounced, and the server is misconfigured', async (t) => {
  const server = await mailServer(t)
  const backends = await table(t, server, { holdMs: 300 })
  server.is = 'plain'
  const { client, failed } = await arrive(t, backends, 1, 'EHLO x\r\n')
  assert.match(await failed, /said 500 bad syntax, unasked/)
  assert.equal(client.text(), '', 'it has read nothing')
  await until(() => statusOf(backends)?.state === 'misconfigured')
  assert.equal(backends.take(new Set()), undefined)
})

test('the same where its replies to the header come after the greeting: the client reads 421 behind the greeting', async (t) => {
  const server = await mailServer(t)
  const backends = await table(t, server)
  server.is = 'plain and slow'
  const { client } = await arrive(t, backends, 1)
  const { text } = await client.ended()
  assert.equal(text, '220 plain\r\n421 4.3.2 Service currently unavailable\r\n')
  await until(() => statusOf(backends)?.state === 'misconfigured')
})

const early: readonly { what: string; bytes: string; from: string }[] = [
  { what: 'EHLO', bytes: 'EHLO x\r\n', from: '220 plain\r\n' },
  { what: 'a whole message', bytes: 'EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n', from: '220 plain\r\n' },
  { what: 'half a line', bytes: 'EH', from: '220 plain\r\n' },
]
for (const { what, bytes, from } of early) {
  test(`a client that has sent ${what} by then reads 421 too, not the replies to the header, and none of its mail is taken for the gateway's`, async (t) => {
    const server = await mailServer(t)
    const backends = await table(t, server)
    server.is = 'plain and slow'
    server.commands.length = 0
    const { client } = await arrive(t, backends, 1, bytes)
    const { text } = await client.ended()
    assert.equal(text, `${from}421 4.3.2 Service currently unavailable\r\n`)
    await until(() => statusOf(backends)?.state === 'misconfigured')
    assert.deepEqual(
      server.commands.filter((line) => /MAIL|RCPT|DATA/.test(line)),
      [],
    )
  })
}

test('at a server that reads the header, only a client that does not wait for replies costs it a NOOP, and it reads its own replies', async (t) => {
  const server = await mailServer(t)
  const backends = await table(t, server)
  server.commands.length = 0
  const polite = await arrive(t, backends, 1, 'EHLO x\r\n')
  await polite.client.until((text) => text === '220 mx\r\n250 ok\r\n')
  polite.client.socket.write('EHLO y\r\nQUIT\r\n')
  await polite.client.until((text) => text === '220 mx\r\n250 ok\r\n250 ok\r\n221 bye\r\n')
  assert.deepEqual(server.commands.splice(0), ['EHLO x', 'EHLO y', 'QUIT'])
  const hasty = await arrive(t, backends, 2, 'EHLO x\r\nFOO\r\n')
  hasty.client.socket.end('QUIT\r\n')
  await hasty.client.until((text) => text === '220 mx\r\n250 ok\r\n500 bad syntax\r\n221 bye\r\n')
  assert.deepEqual(server.commands, ['NOOP', 'EHLO x', 'FOO', 'QUIT'])
})

test('three clients that notice it at the same time are one episode: the server is misconfigured once', async (t) => {
  const server = await mailServer(t)
  const states: string[] = []
  const backends = await table(t, server, { onChange: (_label, _from, to) => void states.push(to) })
  const target = backends.take(new Set())
  assert.ok(target !== undefined)
  server.is = 'plain'
  backends.health.doubted(target)
  await until(() => statusOf(backends)?.state === 'misconfigured')
  backends.health.doubted(target)
  assert.deepEqual(states, ['working', 'unknown', 'misconfigured'])
})

test('when it reads the header again, clients that are held go on', async (t) => {
  const server = await mailServer(t)
  const backends = await table(t, server)
  server.is = 'plain'
  const { client } = await arrive(t, backends, 1, 'EHLO x\r\n')
  await until(() => statusOf(backends)?.state === 'misconfigured')
  server.is = 'reading'
  const keepLooking = setInterval(() => backends.refresh(), 100)
  t.after(() => clearInterval(keepLooking))
  assert.equal(await client.until((text) => text.endsWith('250 ok\r\n')), '220 mx\r\n250 ok\r\n')
})

test('a policy with another PROXY version has it proven again, and clients wait for that', async (t) => {
  const server = await mailServer(t)
  const old = await table(t, server)
  const next = new Backends({ ...old.options, proxyProtocol: 'V1' }, old)
  old.close()
  t.after(() => next.close())
  assert.equal(next.take(new Set()), undefined)
  const { client } = await arrive(t, old, 1)
  next.refresh()
  assert.equal(await client.until((text) => text.endsWith('\n')), '220 mx\r\n')
  assert.equal(server.named.filter(isProbe).length, 2)
})

test('a policy with the same version keeps the proof', async (t) => {
  const server = await mailServer(t)
  const old = await table(t, server)
  const next = new Backends({ ...old.options, holdMs: 1 }, old)
  t.after(() => next.close())
  old.close()
  assert.ok(next.take(new Set()) !== undefined)
})

test('clients of many networks that it refuses make the gateway ask it, and its greeting to the probe keeps it in service', async (t) => {
  const server = await mailServer(t)
  const states: string[] = []
  const backends = await table(t, server, { holdMs: 0, onChange: (_label, _from, to) => void states.push(to) })
  server.is = 'refusing clients'
  const probes = (): number => server.named.filter(isProbe).length
  const read = async (network: number): Promise<string> => (await (await arrive(t, backends, network)).client.ended()).text
  for (let i = 0; i < 5; i++) assert.equal(await read(1), '421 too many\r\n')
  assert.equal(probes(), 1, 'one network alone is not a reason to ask')
  assert.equal(await read(2), '421 too many\r\n')
  await until(() => probes() === 2)
  assert.deepEqual([statusOf(backends)?.state, states], ['working', ['working']])
})

for (const code of ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL']) {
  test(`${code} of the gateway itself is not a failure of the backend, for a client nor for a probe`, async (t) => {
    const server = await mailServer(t)
    let fails = false
    const connect: BackendOptions['connect'] = (to, reader) => {
      if (!fails) return connectNodeSocket(to, reader)
      const socket = new Socket()
      const connection = new NodeSocket(socket)
      connection.reader = reader
      process.nextTick(() => socket.destroy(Object.assign(new Error(`connect ${code}`), { code })))
      return connection
    }
    let now = 0
    const backends = await table(t, server, { connect, holdMs: 2500, now: () => now })
    fails = true
    const { client } = await arrive(t, backends, 1)
    now = 30_000
    backends.refresh()
    await new Promise(setImmediate)
    assert.deepEqual([statusOf(backends)?.state, statusOf(backends)?.lastError], ['working', undefined])
    fails = false
    assert.equal(await client.until((text) => text.endsWith('\n')), '220 mx\r\n')
  })
}
