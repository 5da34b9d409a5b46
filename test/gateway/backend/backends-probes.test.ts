// Probes of backend addresses that no session tells about: when one is made, what it says, and what comes of the answer.
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { parseProxyHeader } from '../../../gateway/core/proxy-header.ts'
import type { BackendOptions } from '../../../gateway/backend/backend-options.ts'
import type { Backends } from '../../../gateway/backend/backends.ts'
import type { ProbeNews } from '../../../gateway/backend/probe-sharing.ts'
import { follower, table, take } from './backend-table.ts'
import { type End, endOf, listen, type Listener } from '../../support/tcp-ends.ts'
import { until } from '../../support/until.ts'
import { endpointsOf } from '../../support/endpoints.ts'

interface Probed {
  readonly listener: Listener
  readonly backends: Backends
  readonly calls: End[]
  readonly pass: (ms: number) => void
}

const noopThenQuit = 'NOOP\r\nQUIT\r\n'

/** A fake Postfix that notes every connection and reads what header it gets, and the backends that probe it. */
async function probed(t: TestContext, greeting: string, options: Partial<BackendOptions> = {}): Promise<Probed> {
  const calls: End[] = []
  const listener = await listen((socket: Socket) => {
    const end = endOf(socket)
    calls.push(end)
    socket.write(greeting)
    void end.until((text) => text.endsWith('NOOP\r\n')).then(() => socket.write('250 2.0.0 Ok\r\n'))
    void end.until((text) => text.endsWith('QUIT\r\n')).then(() => socket.end('221 2.0.0 Bye\r\n'))
  })
  const set = table(t, { addresses: endpointsOf(`127.0.0.1:${listener.port}`), probeAfterMs: 30_000, ...options })
  t.after(() => listener.close())
  return { ...set, calls, listener }
}

/** Documentation addresses: RFC 5737. */
const stranger = /^(192\.0\.2|198\.51\.100|203\.0\.113)\.[0-9]+$/

test('an address of unknown state is probed, with a header that names an unknown client, and a QUIT', async (t) => {
  const { backends, calls } = await probed(t, '220 mx\r\n')
  assert.equal(backends.reachable(), false)
  backends.refresh()
  backends.refresh()
  await until(() => backends.reachable())
  const [call] = calls
  assert.ok(call !== undefined)
  assert.equal((await call.ended()).how, 'FIN')
  const header = parseProxyHeader(call.bytes())
  assert.ok(header.is === 'header')
  assert.match(header.addresses?.client.address ?? '', stranger)
  assert.equal(call.text().slice(header.length), noopThenQuit)
  assert.equal(calls.length, 1)
})

test('the same in version 1', async (t) => {
  const { backends, calls } = await probed(t, '220 mx\r\n', { proxyProtocol: 'V1' })
  backends.refresh()
  await until(() => backends.reachable())
  const text = (await calls[0]?.until((all) => all.endsWith('QUIT\r\n'))) ?? ''
  const serverPort = backends.options.addresses[0]?.port
  const [, client, rest] = /^PROXY TCP4 (\S+) 127\.0\.0\.1 [0-9]+ (.*)$/s.exec(text) ?? []
  assert.match(client ?? '', stranger)
  assert.equal(rest, `${serverPort}\r\n${noopThenQuit}`)
})

test('without the PROXY protocol a probe sends no header', async (t) => {
  const { backends, calls } = await probed(t, '220-mx\r\n220 mx\r\n', { proxyProtocol: 'None' })
  backends.refresh()
  await until(() => backends.reachable())
  assert.equal(await calls[0]?.until((text) => text.endsWith('QUIT\r\n')), noopThenQuit)
})

test('there is no probe while sessions tell how an address is, until the proof is two intervals old', async (t) => {
  const { backends, calls, pass } = await probed(t, '220 mx\r\n')
  backends.refresh()
  await until(() => backends.reachable())
  const client = take(backends)
  for (const ms of [29_999, 29_999]) {
    pass(ms)
    backends.refresh()
    backends.health.greeted(client)
  }
  assert.equal(calls.length, 1)
  pass(2)
  backends.refresh()
  await until(() => calls.length === 2)
})

test('a failing address is probed when its rest is over', async (t) => {
  const { backends, calls, pass } = await probed(t, '220 mx\r\n')
  backends.refresh()
  await until(() => backends.reachable())
  backends.health.failed(take(backends), 'ECONNREFUSED')
  backends.refresh()
  assert.deepEqual([calls.length, backends.reachable()], [1, false])
  pass(1000)
  backends.refresh()
  await until(() => backends.reachable())
})

test('a backend that says 421 to every probe is failing', async (t) => {
  const { backends } = await probed(t, '421 4.3.2 busy\r\n')
  backends.refresh()
  await until(() => backends.status()[0]?.addresses[0]?.state === 'failing')
  assert.equal(backends.status()[0]?.addresses[0]?.lastError, 'said 421 4.3.2 busy')
})

test('names are looked up and probes are made without a client', async (t) => {
  const { port } = await probed(t, '220 mx\r\n').then(({ backends }) => ({ port: backends.options.addresses[0]?.port }))
  const options = { addresses: endpointsOf(`localhost:${port}`), refreshMs: 20, probeAfterMs: 30_000 }
  const { backends } = table(t, { ...options, lookup: (_, done) => done(undefined, ['127.0.0.1']) })
  await until(() => backends.reachable())
})

test('the probing worker does not report a mail server as working to a worker whose client has just failed there', async (t) => {
  const asked: string[] = []
  const ask = (label: string, urgent: boolean): void => {
    asked.push(urgent ? 'urgent' : 'not urgent')
    prober.backends.asked(label, urgent)
  }
  const states: string[] = []
  const shared = { isProber: () => true, ask: () => undefined, tell: (news: ProbeNews) => worker.backends.hear(news) }
  const prober: Probed = await probed(t, '220 mx\r\n', { shared })
  const { addresses } = prober.backends.options
  const worker = table(t, {
    addresses,
    probeAfterMs: 30_000,
    shared: { isProber: () => false, ask, tell: () => undefined },
    onChange: (_label, _from, to) => void states.push(to),
  })
  prober.backends.refresh()
  await until(() => worker.backends.reachable())
  await prober.listener.close()
  worker.backends.health.failed(take(worker.backends), 'ECONNREFUSED')
  for (let i = 0; i < 5; i++) {
    worker.pass(500)
    prober.pass(500)
    worker.backends.refresh()
  }
  await until(() => !prober.backends.reachable())
  assert.deepEqual(states, ['working', 'failing'])
  assert.ok(asked.includes('urgent'))
})

test('a failure that a client of the probing worker meets is reported to the other workers at once', async (t) => {
  const shared = { isProber: () => true, ask: () => undefined, tell: (news: ProbeNews) => worker.backends.hear(news) }
  const prober: Probed = await probed(t, '220 mx\r\n', { shared })
  const worker = table(t, { addresses: prober.backends.options.addresses, probeAfterMs: 30_000, shared: follower })
  prober.backends.refresh()
  await until(() => worker.backends.reachable())
  prober.backends.health.failed(take(prober.backends), 'ECONNREFUSED')
  assert.equal(worker.backends.reachable(), false)
})
