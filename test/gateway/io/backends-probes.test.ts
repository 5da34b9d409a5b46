// Probes of backend addresses that no session tells about: when one is made, what it says, and what comes of the answer.
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { parseProxyHeader } from '../../../gateway/core/proxy-header.ts'
import type { BackendOptions, Backends } from '../../../gateway/io/backend/backends.ts'
import { table, take } from './backend-table.ts'
import { type End, endOf, listen } from './tcp-ends.ts'
import { until } from './until.ts'

/** A fake Postfix that notes every connection, and the backends that probe it. */
async function probed(
  t: TestContext,
  greeting: string,
  options: Partial<BackendOptions> = {},
): Promise<{ backends: Backends; calls: End[]; pass: (ms: number) => void }> {
  const calls: End[] = []
  const listener = await listen((socket: Socket) => {
    const end = endOf(socket)
    calls.push(end)
    socket.write(greeting)
    void end.until((text) => text.endsWith('QUIT\r\n')).then(() => socket.end('221 2.0.0 Bye\r\n'))
  })
  const set = table(t, { addresses: [`127.0.0.1:${listener.port}`], probeAfterMs: 30_000, ...options })
  t.after(() => listener.close())
  return { ...set, calls }
}

test('an address of which nothing is known is probed, with a header that says LOCAL and an orderly QUIT', async (t) => {
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
  assert.deepEqual([header.addresses, call.text().slice(header.length)], [undefined, 'QUIT\r\n'])
  assert.equal(calls.length, 1)
})

test('in version 1, which has no LOCAL, a probe tells its own true addresses', async (t) => {
  const { backends, calls } = await probed(t, '220 mx\r\n', { proxyProtocol: 'V1' })
  backends.refresh()
  await until(() => backends.reachable())
  const text = await calls[0]?.until((all) => all.endsWith('QUIT\r\n'))
  const serverPort = backends.options.addresses[0]?.split(':')[1]
  assert.match(text ?? '', new RegExp(`^PROXY TCP4 127.0.0.1 127.0.0.1 [0-9]+ ${serverPort}\r\nQUIT\r\n$`))
})

test('without the PROXY protocol a probe just says QUIT', async (t) => {
  const { backends, calls } = await probed(t, '220-mx\r\n220 mx\r\n', { proxyProtocol: 'None' })
  backends.refresh()
  await until(() => backends.reachable())
  assert.equal(await calls[0]?.until((text) => text.endsWith('QUIT\r\n')), 'QUIT\r\n')
})

test('there is no probe while sessions tell how an address is', async (t) => {
  const { backends, calls, pass } = await probed(t, '220 mx\r\n')
  backends.greeted(take(backends))
  pass(29_999)
  backends.refresh()
  assert.deepEqual([calls.length, backends.reachable()], [0, true])
  pass(1)
  backends.refresh()
  await until(() => calls.length === 1)
})

test('a failing address is probed when its rest is over', async (t) => {
  const { backends, pass } = await probed(t, '220 mx\r\n')
  const target = take(backends)
  backends.failed(target, 'ECONNREFUSED')
  backends.refresh()
  pass(1000)
  assert.equal(backends.reachable(), false)
  backends.refresh()
  await until(() => backends.reachable())
})

test('a backend that says 421 to a probe is failing, and one that says 554 is there', async (t) => {
  const busy = await probed(t, '421 4.3.2 busy\r\n')
  busy.backends.refresh()
  await until(() => busy.backends.status()[0]?.addresses[0]?.state === 'failing')
  assert.equal(busy.backends.status()[0]?.addresses[0]?.lastError, 'said 421 4.3.2 busy')
  const strict = await probed(t, '554 no\r\n')
  strict.backends.refresh()
  await until(() => strict.backends.reachable())
})

test('names are looked up and probes are made without being asked to', async (t) => {
  const { port } = await probed(t, '220 mx\r\n').then(({ backends }) => ({ port: backends.options.addresses[0]?.split(':')[1] }))
  const options = { addresses: [`localhost:${port}`], refreshMs: 20, probeAfterMs: 30_000 }
  const { backends } = table(t, { ...options, lookup: (_, done) => done(undefined, ['127.0.0.1']) })
  await until(() => backends.reachable())
})
