// How the relay calls backends and hands off the client: those that greet get it, those that refuse, say nothing or die do not.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { parseProxyHeader } from '../../../gateway/core/proxy-header.ts'
import { connectNodeSocket } from '../../../gateway/sockets/node-connect.ts'
import type { BackendOptions } from '../../../gateway/backend/backend-options.ts'
import { Backends } from '../../../gateway/backend/backends.ts'
import { startRelay } from '../../../gateway/backend/relay.ts'
import { backend, behindHeader, saying, untilBehindHeader } from './backend-stub.ts'
import { endpoints, headerLength, pausedClient } from '../smtp/paused-client.ts'
import { begin, limits } from './relay-session.ts'
import { deafPort, type End, endOf, refusingPort } from '../../support/tcp-ends.ts'
import { until } from '../../support/until.ts'
import { endpointsOf } from '../../support/endpoints.ts'

test('a backend that greets gets the client, its address, and its unread bytes before all others', async (t) => {
  const postfix = await backend(t, saying('220 mx ESMTP\r\n'))
  const { client, outcome } = await begin(t, { backends: [postfix.port], unread: 'EHLO one\r\n', teaserSent: true })
  client.socket.write('MAIL FROM:<>\r\n')
  assert.equal(await client.until((text) => text.endsWith('\n')), '220 mx ESMTP\r\n')
  const call = await postfix.next()
  await untilBehindHeader(call, 'EHLO one\r\nMAIL FROM:<>\r\n')
  const header = parseProxyHeader(call.bytes())
  assert.ok(header.is === 'header')
  assert.deepEqual(header.addresses, { client: endpoints.clientEndpoint, server: endpoints.serverEndpoint })
  client.socket.end('QUIT\r\n')
  assert.equal((await call.ended()).how, 'FIN')
  call.socket.end('221 Bye\r\n')
  assert.deepEqual(await client.ended(), { how: 'FIN', text: '220 mx ESMTP\r\n221 Bye\r\n' })
  assert.deepEqual(await outcome, {
    is: 'ended',
    handedOff: `127.0.0.1:${postfix.port}`,
    stats: { backend: `127.0.0.1:${postfix.port}`, toBackend: 30, toClient: 23, endedBy: 'client', error: undefined },
  })
})

const greetings: readonly { what: string; parts: readonly string[] }[] = [
  { what: 'in pieces', parts: ['2', '20', ' x\r', '\n'] },
  { what: 'of several lines', parts: ['220-a\r\n220 b\r\n'] },
  { what: 'of several lines in pieces', parts: ['220-a\r\n2', '20 b\r\n'] },
  { what: 'without text', parts: ['220\r\n'] },
]

for (const { what, parts } of greetings) {
  test(`a greeting ${what} reaches the client whole, and the client's bytes come after it`, async (t) => {
    const postfix = await backend(t, () => undefined)
    const { client } = await begin(t, { backends: [postfix.port], unread: 'EHLO x\r\n' })
    const call = await postfix.next()
    for (const part of parts) {
      assert.equal(behindHeader(call).length === 0 || call.text().includes('EHLO'), true)
      call.socket.write(part)
      await new Promise((done) => setTimeout(done, 5))
    }
    const greeting = parts.join('')
    assert.equal(await client.until((text) => text.length >= greeting.length), greeting)
    await untilBehindHeader(call, 'EHLO x\r\n')
  })
}

test('no header is written when the backend wants none, and version 1 when it wants that', async (t) => {
  const postfix = await backend(t, saying('220 mx\r\n'))
  const none = await begin(t, { backends: [postfix.port], unread: 'HELO x\r\n', options: { proxyProtocol: 'None' } })
  await none.client.until((text) => text !== '')
  assert.equal(await (await postfix.next()).until((text) => text.endsWith('\n')), 'HELO x\r\n')
  const one = await begin(t, { backends: [postfix.port], unread: 'HELO x\r\n', options: { proxyProtocol: 'V1' } })
  await one.client.until((text) => text !== '')
  const seen = await (await postfix.next()).until((text) => text.endsWith('HELO x\r\n'))
  assert.equal(seen, 'PROXY TCP4 192.0.2.7 198.51.100.25 4711 25\r\nHELO x\r\n')
})

interface BadBackend {
  readonly what: string
  readonly act: (end: End) => void
  readonly reason: string
  readonly state: 'failing' | 'working'
  /** What the clock is moved by when it has been called. */
  readonly passMs?: number
}

const badBackends: readonly BadBackend[] = [
  { what: 'closes before its greeting', act: ({ socket }) => void socket.end(), reason: 'closed before its greeting', state: 'failing' },
  {
    what: 'resets before its greeting',
    act: ({ socket }) => void socket.once('data', () => void socket.resetAndDestroy()),
    reason: 'ECONNRESET',
    state: 'failing',
  },
  {
    what: 'says nothing',
    act: () => undefined,
    reason: 'no greeting within 20 s',
    state: 'failing',
    passMs: 20_000,
  },
  {
    what: 'closes in the middle of it',
    act: ({ socket }) => void socket.end('220 m'),
    reason: 'closed before its greeting',
    state: 'failing',
  },
  { what: 'answers 421', act: saying('421 4.3.2 busy\r\n'), reason: 'said 421 4.3.2 busy', state: 'failing' },
  { what: 'answers 554', act: saying('554 5.7.1 go away\r\n'), reason: 'said 554 5.7.1 go away', state: 'working' },
  {
    what: 'speaks no SMTP',
    act: saying('SSH-2.0-OpenSSH\r\n'),
    reason: 'said SSH-2.0-OpenSSH, which is not an SMTP greeting',
    state: 'failing',
  },
  {
    what: 'knows no end of line',
    act: saying(`220 ${'2'.repeat(5000)}`),
    reason: `said 220 ${'2'.repeat(96)}, which is not an SMTP greeting`,
    state: 'failing',
  },
]

/** Lets the time pass for a backend that has the connection. */
async function pass(t: TestContext, call: End, ms: number): Promise<void> {
  await call.until((text) => text.length === headerLength)
  t.mock.timers.tick(ms)
}

for (const { what, act, reason, state, passMs } of badBackends) {
  test(`with a backend that ${what}, the next one gets the client`, async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const bad = await backend(t, act)
    const good = await backend(t, saying('220 good\r\n'))
    const { client, backends } = await begin(t, { backends: [bad.port, good.port], unread: 'EHLO x\r\n', teaserSent: true })
    const call = await bad.next()
    if (passMs !== undefined) await pass(t, call, passMs)
    assert.equal(await client.until((text) => text.endsWith('\n')), '220 good\r\n')
    await untilBehindHeader(await good.next(), 'EHLO x\r\n')
    assert.equal(behindHeader(call), '', 'the bad one gets nothing of the client')
    const [first, second] = backends.status()
    assert.deepEqual([first?.addresses[0]?.state, first?.addresses[0]?.sessions], [state, 0])
    assert.deepEqual([second?.addresses[0]?.state, second?.addresses[0]?.sessions], ['working', 1])
  })

  test(`when the only backend ${what}, a client that got the teaser is left without a greeting`, async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const bad = await backend(t, act)
    const { client, accepted, outcome } = await begin(t, { backends: [bad.port], unread: 'EHLO x\r\n', teaserSent: true })
    if (passMs !== undefined) await pass(t, await bad.next(), passMs)
    const result = await outcome
    assert.deepEqual(result, { is: 'failed', how: 'send', reason: `127.0.0.1:${bad.port}: ${reason}`, arrived: '' })
    assert.equal(client.text(), '')
    accepted.inner.end('220 still here\r\n')
    assert.equal((await client.ended()).text, '220 still here\r\n')
  })
}

test('a backend that refuses connections is a failed hand-off, and the caller gets the client back with all its bytes', async (t) => {
  const gone = await refusingPort(t)
  const { client, accepted, outcome } = await begin(t, { backends: [gone] })
  assert.deepEqual(await outcome, { is: 'failed', how: 'connect', reason: `127.0.0.1:${gone}: ECONNREFUSED`, arrived: '' })
  assert.ok(accepted.inner.isPaused())
  assert.equal(accepted.reader, undefined)
  client.socket.write('MAIL\r\n')
  assert.equal(await endOf(accepted.inner.resume()).until((text) => text.endsWith('\n')), 'MAIL\r\n')
})

test('bytes that come during a failed hand-off are given back', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const mute = await backend(t, () => undefined)
  const { client, accepted, outcome } = await begin(t, { backends: [mute.port], unread: 'EHLO x\r\n' })
  client.socket.write('MAIL\r\n')
  await until(() => accepted.inner.bytesRead === 6)
  await pass(t, await mute.next(), 20_000)
  const result = await outcome
  assert.ok(result.is === 'failed')
  assert.deepEqual([result.how, result.arrived], ['send', 'MAIL\r\n'])
})

test('no address at all is a failed hand-off', async (t) => {
  const lookup = (_: string, done: (error: Error | undefined, addresses: string[]) => void): void => done(new Error('ENOTFOUND'), [])
  const { outcome, backends } = await begin(t, { backends: [], options: { addresses: endpointsOf('postfix.example:25'), lookup } })
  backends.refresh()
  assert.deepEqual(await outcome, { is: 'failed', how: 'connect', reason: 'no backend address is known', arrived: '' })
})

test('the last backend’s refusal is the greeting of a client that has got none yet', async (t) => {
  const first = await backend(t, saying('421 first\r\n'))
  const last = await backend(t, saying('554 5.7.1 not you\r\n'))
  const { client, outcome } = await begin(t, { backends: [first.port, last.port], unread: 'QUIT\r\n' })
  assert.equal(await client.until((text) => text.endsWith('\n')), '554 5.7.1 not you\r\n')
  const call = await last.next()
  await untilBehindHeader(call, 'QUIT\r\n')
  call.socket.end('221 Bye\r\n')
  assert.equal((await client.ended()).text, '554 5.7.1 not you\r\n221 Bye\r\n')
  client.socket.end()
  const result = await outcome
  assert.ok(result.is === 'ended')
  assert.equal(result.handedOff, `127.0.0.1:${last.port}`)
})

test('a backend that cannot be reached in time is passed over', async (t) => {
  const deaf = await deafPort(t)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const good = await backend(t, saying('220 good\r\n'))
  const { client, backends } = await begin(t, { backends: [deaf, good.port] })
  await until(() => backends.status()[0]?.addresses[0]?.sessions === 1)
  t.mock.timers.tick(20_000)
  assert.equal(await client.until((text) => text.endsWith('\n')), '220 good\r\n')
  assert.equal(backends.status()[0]?.addresses[0]?.lastError, 'no connection within 20 s')
})

test('a backend that did not answer at all is asked once more: its listen queue was full', async (t) => {
  const deaf = await deafPort(t)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const good = await backend(t, saying('220 good\r\n'))
  let calls = 0
  const connect: BackendOptions['connect'] = ({ address, port }, reader) =>
    connectNodeSocket({ address, port: calls++ === 0 ? deaf : port }, reader)
  const { client } = await begin(t, { backends: [good.port], options: { connect } })
  await until(() => calls === 1)
  t.mock.timers.tick(20_000)
  assert.equal(await client.until((text) => text.endsWith('\n')), '220 good\r\n')
  assert.equal(calls, 2)
})

test('calls end when their time is over, however many backends are left', async (t) => {
  let now = 0
  t.mock.timers.enable({ apis: ['setTimeout'] })
  t.mock.method(performance, 'now', () => now)
  const mute = await Promise.all(Array.from({ length: 8 }, () => backend(t, () => undefined)))
  // Five times the one and once the other: 150 s in all.
  const options = { connectTimeoutMs: 10_000, greetingTimeoutMs: 100_000, patienceMs: 100_000 }
  const { outcome } = await begin(t, { backends: mute.map(({ port }) => port), options })
  for (const [at, ms] of [100_000, 50_000].entries()) {
    const call = await mute[at]?.next()
    assert.ok(call !== undefined)
    now += ms
    await pass(t, call, ms)
  }
  const result = await outcome
  assert.ok(result.is === 'failed')
  assert.equal(result.how, 'send')
  assert.equal(mute.filter(({ calls }) => calls.length > 0).length, 2)
})

test('clients are spread evenly', async (t) => {
  const three = await Promise.all(Array.from({ length: 3 }, () => backend(t, saying('220 mx\r\n'))))
  const backends = new Backends({
    ...limits,
    addresses: endpointsOf(...three.map(({ port }) => `127.0.0.1:${port}`)),
    proxyProtocol: 'None',
  })
  t.after(() => backends.close())
  const handedOff = Array.from({ length: 9 }, async () => {
    const { accepted } = await pausedClient(t)
    await new Promise<string>((onStarted, fail) => {
      const events = { onStarted, onFailed: fail, onEnd: () => undefined }
      startRelay({ client: accepted, ...endpoints, unread: Buffer.alloc(0), teaserSent: true }, backends, events)
    })
  })
  await Promise.all(handedOff)
  assert.deepEqual(
    three.map(({ calls }) => calls.length),
    [3, 3, 3],
  )
})
