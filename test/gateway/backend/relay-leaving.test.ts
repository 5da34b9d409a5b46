// Clients that leave before a backend has greeted: their calls end with them, and no backend counts as failing for it.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { Backends } from '../../../gateway/backend/backends.ts'
import type { Target } from '../../../gateway/backend/target-record.ts'
import type { RelayStats } from '../../../gateway/backend/relay-request.ts'
import { startRelay } from '../../../gateway/backend/relay.ts'
import { backend, behindHeader, saying } from './backend-stub.ts'
import { endpoints, headerLength, pausedClient } from '../smtp/paused-client.ts'
import type { NodeSocket } from '../../../gateway/sockets/node-socket.ts'
import { begin, limits } from './relay-session.ts'
import { deafPort, type End } from '../../support/tcp-ends.ts'

test('when a client leaves while the backend is still silent, its call ends', async (t) => {
  const mute = await backend(t, () => undefined)
  for (const leave of [(socket: Socket) => socket.end(), (socket: Socket) => socket.resetAndDestroy()]) {
    const { client, outcome, backends } = await begin(t, { backends: [mute.port] })
    const call = await mute.next()
    leave(client.socket)
    const result = await outcome
    assert.ok(result.is === 'ended')
    assert.deepEqual([result.handedOff, result.stats.backend, result.stats.endedBy], [undefined, undefined, 'client'])
    await call.ended()
    assert.equal(behindHeader(call), '')
    const status = backends.status()[0]?.addresses[0]
    assert.deepEqual([status?.sessions, status?.state], [0, 'unknown'])
  }
})

test('a client that leaves while the backend cannot be reached is not waited for', async (t) => {
  const { client, outcome, backends } = await begin(t, { backends: [await deafPort(t)], options: { connectTimeoutMs: 60_000 } })
  client.socket.end()
  const result = await outcome
  assert.ok(result.is === 'ended')
  assert.equal(result.stats.backend, undefined)
  assert.deepEqual([backends.status()[0]?.addresses[0]?.sessions, backends.status()[0]?.addresses[0]?.state], [0, 'unknown'])
})

test('a client that has left before the hand-off gets no backend', async (t) => {
  const postfix = await backend(t, saying('220 mx\r\n'))
  const first = async ({ socket }: End, accepted: NodeSocket): Promise<void> => {
    const closed = new Promise((done) => accepted.inner.on('close', done))
    socket.resetAndDestroy()
    await closed
  }
  const { outcome } = await begin(t, { backends: [postfix.port], unread: 'EHLO x\r\n', first })
  assert.equal((await outcome).is, 'ended')
  assert.equal(postfix.calls.length, 0)
})

test('a client whose end was seen before the hand-off counts as gone only when it has left nothing to do', async (t) => {
  const postfix = await backend(t, saying('220 mx\r\n'))
  const first = async ({ socket }: End, accepted: NodeSocket): Promise<void> => {
    socket.end()
    await once(accepted.inner.resume(), 'end')
    accepted.pause()
  }
  const gone = await begin(t, { backends: [postfix.port], first })
  assert.equal((await gone.outcome).is, 'ended')
  assert.equal(postfix.calls.length, 0)
  await begin(t, { backends: [postfix.port], unread: 'QUIT\r\n', first })
  assert.equal((await (await postfix.next()).ended()).text.slice(headerLength), 'QUIT\r\n')
})

test('a client that leaves while it tries a failing backend leaves the trial to the next one', async (t) => {
  const mute = await backend(t, () => undefined)
  const good = await backend(t, saying('220 good\r\n'))
  let now = 0
  const addresses = [mute.port, good.port].map((port) => ({ address: '127.0.0.1', port }))
  const backends = new Backends({ addresses, now: () => now, ...limits })
  const failing = backends.take(new Set())
  assert.ok(failing !== undefined)
  backends.health.failed(failing, 'ECONNREFUSED')
  backends.release(failing)
  backends.health.greeted(backends.take(new Set([failing])) as Target)
  now = 1000
  const { client, accepted } = await pausedClient(t)
  const left = new Promise<RelayStats>((onEnd, fail) => {
    const request = { client: accepted, ...endpoints, unread: Buffer.alloc(0), teaserSent: true }
    startRelay(request, backends, { onStarted: fail, onFailed: fail, onEnd })
  })
  await mute.next()
  client.socket.end()
  await left
  assert.equal(backends.take(new Set()), failing)
})
