// A client that no backend takes is held for some seconds: until one works, until its time is over, or until it leaves.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { connectNodeSocket } from '../../../gateway/sockets/node-connect.ts'
import type { Lookup } from '../../../gateway/backend/backend-names.ts'
import type { BackendOptions } from '../../../gateway/backend/backend-options.ts'
import { Backends } from '../../../gateway/backend/backends.ts'
import type { RelayStats, RelayHandle } from '../../../gateway/backend/relay-request.ts'
import { startRelay } from '../../../gateway/backend/relay.ts'
import { endpoints, headerLength, pausedClient } from '../smtp/paused-client.ts'
import { type End, listen, refusingPort } from '../../support/tcp-ends.ts'
import { longTimeouts } from './long-timeouts.ts'
import { until } from '../../support/until.ts'
import { endpointsOf } from '../../support/endpoints.ts'
import type { Endpoint } from '../../../crds/values/endpoint.ts'

type Outcome = { is: 'failed'; reason: string; arrived: string } | { is: 'ended'; stats: RelayStats }

interface Held {
  readonly client: End
  readonly outcome: Promise<Outcome>
  readonly relay: RelayHandle
  readonly handedOff: string[]
}

async function arrive(t: TestContext, backends: Backends, unread: string, teaserSent = true): Promise<Held> {
  const { client, accepted } = await pausedClient(t)
  const outcome = Promise.withResolvers<Outcome>()
  const handedOff: string[] = []
  const relay = startRelay({ client: accepted, ...endpoints, unread: Buffer.from(unread), teaserSent }, backends, {
    onStarted: (label) => void handedOff.push(label),
    onFailed: (_how, reason, arrived) => {
      outcome.resolve({ is: 'failed', reason, arrived: Buffer.from(arrived).toString() })
    },
    onEnd: (stats) => outcome.resolve({ is: 'ended', stats }),
  })
  return { client, outcome: outcome.promise, relay, handedOff }
}

interface Tries {
  readonly backends: Backends
  readonly count: () => number
}

function table(t: TestContext, options: Partial<BackendOptions> & { addresses: readonly Endpoint[] }): Tries {
  let tries = 0
  const connect: BackendOptions['connect'] = (to, reader) => {
    tries++
    return connectNodeSocket(to, reader)
  }
  const backends = new Backends({ ...longTimeouts, probeAfterMs: 0, holdMs: 60_000, connect, ...options })
  t.after(() => backends.close())
  return { backends, count: () => tries }
}

/** A Postfix that comes up on a port, and everything that it was told on each connection. */
async function startPostfix(t: TestContext, port: number, greeting = '220 mx\r\n'): Promise<{ server: Server; heard: string[] }> {
  const heard: string[] = []
  const server = createServer((socket) => {
    const at = heard.push('') - 1
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      heard[at] += bytes.toString('latin1')
      if (heard[at]?.endsWith('QUIT\r\n') === true) socket.end('221 bye\r\n')
    })
    socket.write(greeting)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return { server, heard }
}

test('it is handed off as soon as the backend is there, with everything that it has sent', async (t) => {
  const port = await refusingPort(t)
  const { backends, count } = table(t, { addresses: endpointsOf(`127.0.0.1:${port}`) })
  const { client, outcome, handedOff } = await arrive(t, backends, 'EHLO x\r\n')
  client.socket.write('QUIT\r\n')
  await until(() => count() >= 2)
  assert.equal(client.text(), '', 'it has heard nothing')
  const { heard } = await startPostfix(t, port)
  assert.equal(await client.until((text) => text.endsWith('bye\r\n')), '220 mx\r\n221 bye\r\n')
  client.socket.end()
  const result = await outcome
  assert.ok(result.is === 'ended')
  assert.deepEqual(handedOff, [`127.0.0.1:${port}`])
  assert.deepEqual(
    heard.map((text) => text.slice(headerLength)),
    ['EHLO x\r\nQUIT\r\n'],
  )
})

test('it is handed off as soon as a name has another address', async (t) => {
  const [gone, port] = [await refusingPort(t), await refusingPort(t)]
  const { heard } = await startPostfix(t, port)
  let answer = ['127.0.0.1']
  // The name has an address where no server listens; then one where Postfix does.
  const lookup: Lookup = (_, done) => setImmediate(done, undefined, answer)
  const connect: BackendOptions['connect'] = ({ address }, reader) =>
    connectNodeSocket({ address: '127.0.0.1', port: address === '127.0.0.1' ? gone : port }, reader)
  const { backends } = table(t, { addresses: endpointsOf('postfix.mail.svc:25'), lookup, connect })
  backends.refresh()
  const { client } = await arrive(t, backends, 'QUIT\r\n')
  await until(() => backends.status()[0]?.addresses[0]?.state === 'failing')
  answer = ['127.0.0.2']
  assert.equal(await client.until((text) => text.endsWith('bye\r\n')), '220 mx\r\n221 bye\r\n')
  assert.equal(heard.length, 1)
})

test('it is held while a name has no address', async (t) => {
  const port = await refusingPort(t)
  await startPostfix(t, port)
  let answer: readonly string[] = []
  const lookup: Lookup = (_, done) => setImmediate(() => (answer.length === 0 ? done(new Error('ENOTFOUND'), []) : done(undefined, answer)))
  const { backends } = table(t, { addresses: endpointsOf(`postfix.mail.svc:${port}`), lookup })
  backends.refresh()
  await until(() => backends.status()[0]?.lookupError !== undefined)
  const { client } = await arrive(t, backends, '')
  answer = ['127.0.0.1']
  assert.equal(await client.until((text) => text.endsWith('\n')), '220 mx\r\n')
})

test('when its time is over the caller gets it back, with each reason once', async (t) => {
  const port = await refusingPort(t)
  const { backends } = table(t, { addresses: endpointsOf(`127.0.0.1:${port}`), holdMs: 1200 })
  const began = performance.now()
  const { client, outcome } = await arrive(t, backends, '')
  client.socket.write('EHLO x\r\n')
  assert.deepEqual(await outcome, { is: 'failed', reason: `127.0.0.1:${port}: ECONNREFUSED`, arrived: 'EHLO x\r\n' })
  assert.ok(performance.now() - began >= 1190)
})

test('a client that leaves meanwhile is released, and no backend is called for it', async (t) => {
  const port = await refusingPort(t)
  const { backends, count } = table(t, { addresses: endpointsOf(`127.0.0.1:${port}`) })
  const { client, outcome } = await arrive(t, backends, '')
  await until(() => count() === 1)
  client.socket.destroy()
  const result = await outcome
  assert.ok(result.is === 'ended' && result.stats.backend === undefined)
  const { heard } = await startPostfix(t, port)
  const next = await arrive(t, backends, 'QUIT\r\n')
  await next.client.until((text) => text.endsWith('bye\r\n'))
  assert.equal(heard.length, 1)
  assert.equal(backends.status()[0]?.addresses[0]?.sessions, 1)
})

test('it can be taken back', async (t) => {
  const port = await refusingPort(t)
  const { backends, count } = table(t, { addresses: endpointsOf(`127.0.0.1:${port}`) })
  const { relay, outcome } = await arrive(t, backends, '')
  await until(() => count() === 1 && backends.status()[0]?.addresses[0]?.state === 'failing')
  relay.giveUp('the gateway shuts down')
  relay.giveUp('twice')
  assert.deepEqual(await outcome, { is: 'failed', reason: 'the gateway shuts down', arrived: '' })
  assert.equal(backends.status()[0]?.addresses[0]?.sessions, 0)
})

test('a call to a backend can be cancelled, and a backend that has greeted stays', async (t) => {
  const mute = await listen(() => undefined)
  t.after(() => mute.close())
  const asked = table(t, { addresses: endpointsOf(`127.0.0.1:${mute.port}`) })
  const waiting = await arrive(t, asked.backends, '')
  await until(() => asked.count() === 1)
  waiting.relay.giveUp('enough')
  assert.deepEqual(await waiting.outcome, { is: 'failed', reason: 'enough', arrived: '' })
  assert.equal(asked.backends.status()[0]?.addresses[0]?.sessions, 0)
  const port = await refusingPort(t)
  await startPostfix(t, port)
  const { client, relay } = await arrive(t, table(t, { addresses: endpointsOf(`127.0.0.1:${port}`) }).backends, '')
  await client.until((text) => text === '220 mx\r\n')
  relay.giveUp('too late')
  client.socket.write('QUIT\r\n')
  assert.equal(await client.until((text) => text.endsWith('bye\r\n')), '220 mx\r\n221 bye\r\n')
})

test('a client does not wait after a permanent refusal', async (t) => {
  const port = await refusingPort(t)
  await startPostfix(t, port, '554 no\r\n')
  const began = performance.now()
  const { outcome } = await arrive(t, table(t, { addresses: endpointsOf(`127.0.0.1:${port}`) }).backends, '')
  assert.deepEqual(await outcome, { is: 'failed', reason: `127.0.0.1:${port}: said 554 no`, arrived: '' })
  assert.ok(performance.now() - began < 30_000)
})

test('a client that has read nothing is held too, while the last remaining backend says 421', async (t) => {
  const port = await refusingPort(t)
  const { server } = await startPostfix(t, port, '421 4.3.2 Service shutting down\r\n')
  const { backends, count } = table(t, { addresses: endpointsOf(`127.0.0.1:${port}`) })
  const { client, handedOff } = await arrive(t, backends, 'QUIT\r\n', false)
  await until(() => count() >= 2)
  assert.equal(client.text(), '', 'it has heard nothing')
  server.close()
  await until(() => backends.status()[0]?.addresses[0]?.lastError === 'ECONNREFUSED')
  await startPostfix(t, port)
  assert.equal(await client.until((text) => text.endsWith('bye\r\n')), '220 mx\r\n221 bye\r\n')
  assert.deepEqual(handedOff, [`127.0.0.1:${port}`])
})

test('when its time is over it reads the 421 of the backend', async (t) => {
  const port = await refusingPort(t)
  await startPostfix(t, port, '421 4.3.2 Service shutting down\r\n')
  const began = performance.now()
  const { client } = await arrive(t, table(t, { addresses: endpointsOf(`127.0.0.1:${port}`), holdMs: 1200 }).backends, '', false)
  assert.equal(await client.until((text) => text.endsWith('\n')), '421 4.3.2 Service shutting down\r\n')
  assert.ok(performance.now() - began >= 1190)
})

test('a 421 in the last moment of its time is not lost between holding it and giving up', async (t) => {
  const next: number[] = []
  let then = 0
  t.mock.method(performance, 'now', () => next.shift() ?? then)
  const calls: Socket[] = []
  const busy = await listen((socket) => {
    if (calls.push(socket) > 1) socket.write('421 again\r\n')
  })
  t.after(() => busy.close())
  const { backends } = table(t, { addresses: endpointsOf(`127.0.0.1:${busy.port}`), holdMs: 1000, now: () => 0 })
  const { client } = await arrive(t, backends, '', false)
  await until(() => calls.length === 1)
  next.push(999)
  then = 1000
  calls[0]?.write('421 early\r\n')
  assert.equal(await client.until((text) => text.endsWith('\n')), '421 again\r\n')
})

test('many held clients do not overload a backend that is down, and each is handed off once when it is up', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const port = await refusingPort(t)
  const { backends, count } = table(t, { addresses: endpointsOf(`127.0.0.1:${port}`) })
  const crowd = await Promise.all(Array.from({ length: 30 }, (_, i) => arrive(t, backends, `EHLO client-${i}\r\nQUIT\r\n`)))
  const allWait = async (): Promise<void> => until(() => backends.status()[0]?.addresses[0]?.sessions === 0)
  await until(() => count() === 30)
  for (const tries of [31, 32, 33]) {
    await allWait()
    t.mock.timers.tick(499)
    assert.equal(count(), tries - 1)
    t.mock.timers.tick(1)
    assert.equal(count(), tries, 'only one of them tries, twice a second')
  }
  await allWait()
  const { heard } = await startPostfix(t, port)
  t.mock.timers.tick(500)
  for (const { client } of crowd) assert.equal(await client.until((text) => text.endsWith('bye\r\n')), '220 mx\r\n221 bye\r\n')
  for (const { client } of crowd) client.socket.end()
  for (const { outcome, handedOff } of crowd) assert.deepEqual([(await outcome).is, handedOff.length], ['ended', 1])
  const said = heard.map((text) => text.slice(headerLength)).filter((text) => text !== '')
  assert.deepEqual(said.toSorted(), crowd.map((_, i) => `EHLO client-${i}\r\nQUIT\r\n`).toSorted(), 'each exactly once')
})

test('an address that fails makes the gateway look up its name, but not for each of many clients', (t) => {
  let asked = 0
  let now = 0
  const lookup: Lookup = (_, done) => {
    asked++
    done(undefined, ['127.0.0.1', '127.0.0.2'])
  }
  const { backends } = table(t, { addresses: endpointsOf('postfix.mail.svc:25'), lookup, refreshMs: 1_000_000, now: () => now })
  assert.equal(asked, 1)
  const target = backends.take(new Set())
  assert.ok(target !== undefined)
  now += 250
  for (let i = 0; i < 50; i++) backends.health.failed(target, 'ECONNREFUSED')
  assert.equal(asked, 2)
  now += 250
  backends.health.failed(target, 'ECONNREFUSED')
  assert.equal(asked, 3)
})

test('a held client is handed off although a new policy has replaced its table', async (t) => {
  const port = await refusingPort(t)
  const { backends } = table(t, { addresses: endpointsOf(`127.0.0.1:${port}`) })
  const { client } = await arrive(t, backends, 'QUIT\r\n')
  await until(() => backends.status()[0]?.addresses[0]?.state === 'failing')
  const next = new Backends(backends.options, backends)
  t.after(() => next.close())
  backends.close()
  await startPostfix(t, port)
  assert.equal(await client.until((text) => text.endsWith('bye\r\n')), '220 mx\r\n221 bye\r\n')
})
