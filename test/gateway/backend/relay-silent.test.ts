// A backend that takes the connection and says nothing: another one is asked beside it, and the first greeting counts.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import type { BackendOptions } from '../../../gateway/backend/backend-options.ts'
import { Backends } from '../../../gateway/backend/backends.ts'
import type { TargetStatus } from '../../../gateway/backend/backend-status.ts'
import { startRelay } from '../../../gateway/backend/relay.ts'
import { endpoints, headerLength, pausedClient } from '../smtp/paused-client.ts'
import { type End, endOf, listen } from '../../support/tcp-ends.ts'
import { longTimeouts } from './long-timeouts.ts'
import { until } from '../../support/until.ts'
import { endpointsOf } from '../../support/endpoints.ts'

const patienceMs = 40

interface Postfix {
  readonly address: string
  readonly calls: End[]
  /** Greets the clients that are connected, and those that connect from now on. */
  wake(): void
}

/** A backend that takes connections, and greets when it is awake. */
async function postfix(t: TestContext, name: string, awake = true): Promise<Postfix> {
  const calls: End[] = []
  const greet = (socket: Socket): void => void socket.write(`220 ${name}\r\n`)
  const listener = await listen((socket) => {
    calls.push(endOf(socket))
    if (awake) greet(socket)
  })
  t.after(() => listener.close())
  const wake = (): void => {
    awake = true
    for (const { socket } of calls) greet(socket)
  }
  return { address: `127.0.0.1:${listener.port}`, calls, wake }
}

/** All that stand in `knownToWork` have greeted before. */
function table(t: TestContext, all: readonly Postfix[], knownToWork: readonly Postfix[], options: Partial<BackendOptions> = {}): Backends {
  const backends = new Backends({
    addresses: endpointsOf(...all.map(({ address }) => address)),
    ...longTimeouts,
    probeAfterMs: 0,
    patienceMs,
    ...options,
  })
  t.after(() => backends.close())
  for (const { label } of backends.status().flatMap(({ addresses }) => addresses)) {
    const [address = '', port] = label.split(':')
    if (knownToWork.some((one) => one.address === label)) backends.health.greeted({ label, address, port: Number(port) })
  }
  return backends
}

interface Visitor {
  readonly client: End
  readonly handedOff: string[]
  readonly failed: Promise<string>
}

async function arrive(t: TestContext, backends: Backends, unread = ''): Promise<Visitor> {
  const { client, accepted } = await pausedClient(t)
  const handedOff: string[] = []
  const failed = Promise.withResolvers<string>()
  const request = { client: accepted, ...endpoints, unread: Buffer.from(unread), teaserSent: true }
  startRelay(request, backends, {
    onStarted: (label) => handedOff.push(label),
    onFailed: (_how, reason) => failed.resolve(reason),
    onEnd: () => undefined,
  })
  return { client, handedOff, failed: failed.promise }
}

const statusOf = (backends: Backends, { address }: Postfix): TargetStatus | undefined =>
  backends.status().flatMap(({ addresses }) => addresses.filter(({ label }) => label === address))[0]

test('the client is greeted by the backend that works; the call to the silent one ends, and only the header has gone there', async (t) => {
  const [hanging, well] = [await postfix(t, 'hanging', false), await postfix(t, 'well')]
  const backends = table(t, [hanging, well], [hanging, well])
  const { client, handedOff } = await arrive(t, backends, 'EHLO x\r\n')
  assert.equal(await client.until((text) => text.endsWith('\n')), '220 well\r\n')
  assert.deepEqual(handedOff, [well.address])
  const [call] = hanging.calls
  assert.equal((await call?.ended())?.text.length, headerLength)
  assert.equal((await well.calls[0]?.until((text) => text.endsWith('EHLO x\r\n')))?.length, headerLength + 'EHLO x\r\n'.length)
  assert.deepEqual([statusOf(backends, hanging)?.sessions, statusOf(backends, well)?.sessions], [0, 1])
})

test('the next clients go to the working backend at once', async (t) => {
  const [hanging, well] = [await postfix(t, 'hanging', false), await postfix(t, 'well')]
  // Time stands still: the hanging one rests for as long as it takes.
  let now = 0
  const backends = table(t, [hanging, well], [hanging, well], { now: () => now })
  now = 1000
  await (await arrive(t, backends)).client.until((text) => text.endsWith('\n'))
  for (let i = 0; i < 5; i++) await (await arrive(t, backends)).client.until((text) => text === '220 well\r\n')
  assert.equal(hanging.calls.length, 1)
})

test('the slow backend may still be the first to greet', async (t) => {
  const [slow, alsoSlow] = [await postfix(t, 'slow', false), await postfix(t, 'also slow', false)]
  const backends = table(t, [slow, alsoSlow], [slow, alsoSlow])
  const { client, handedOff } = await arrive(t, backends)
  await until(() => alsoSlow.calls.length === 1)
  slow.wake()
  assert.equal(await client.until((text) => text.endsWith('\n')), '220 slow\r\n')
  assert.deepEqual(handedOff, [slow.address])
  await alsoSlow.calls[0]?.ended()
  assert.deepEqual([statusOf(backends, slow)?.sessions, statusOf(backends, alsoSlow)?.sessions], [1, 0])
  assert.equal(statusOf(backends, slow)?.state, 'working')
})

test('when the other backend refuses, the gateway waits for the slow one', async (t) => {
  const slow = await postfix(t, 'slow', false)
  const refusing = await listen((socket) => void socket.end('421 4.3.2 no\r\n'))
  t.after(() => refusing.close())
  const second: Postfix = { address: `127.0.0.1:${refusing.port}`, calls: [], wake: () => undefined }
  const backends = table(t, [slow, second], [slow, second])
  const { client } = await arrive(t, backends)
  await until(() => statusOf(backends, second)?.state === 'failing')
  slow.wake()
  assert.equal(await client.until((text) => text.endsWith('\n')), '220 slow\r\n')
})

test('without another working backend no second one is called, and the client waits for its time limit', async (t) => {
  const slow = await postfix(t, 'slow', false)
  const backends = table(t, [slow], [slow], { greetingTimeoutMs: 200 })
  const { failed } = await arrive(t, backends)
  assert.equal(await failed, `${slow.address}: no greeting within 0.2 s`)
  assert.equal(slow.calls.length, 1)
})

test('no client calls more than three backends at once', async (t) => {
  const all = await Promise.all([1, 2, 3, 4, 5].map((i) => postfix(t, `slow ${i}`, false)))
  const backends = table(t, all, all)
  const { client } = await arrive(t, backends)
  const calls = (): number => all.reduce((sum, one) => sum + one.calls.length, 0)
  await until(() => calls() === 3)
  await new Promise((done) => setTimeout(done, 4 * patienceMs))
  assert.equal(calls(), 3)
  client.socket.destroy()
  await Promise.all(all.flatMap((one) => one.calls.map((call) => call.ended())))
  await until(() => all.every((one) => statusOf(backends, one)?.sessions === 0))
})

test('when a client leaves meanwhile, all its calls end', async (t) => {
  const [first, second] = [await postfix(t, 'first', false), await postfix(t, 'second', false)]
  const backends = table(t, [first, second], [first, second])
  const { client } = await arrive(t, backends)
  await until(() => second.calls.length === 1)
  client.socket.destroy()
  await once(client.socket, 'close')
  for (const { calls } of [first, second]) await calls[0]?.ended()
  await until(() => [first, second].every((one) => statusOf(backends, one)?.sessions === 0))
})
