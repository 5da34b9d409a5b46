// Relays whose client or backend is gone while nothing is read from it: they still end, and those that are only slow do
// not.
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import { begin, type Session } from './relay-session.ts'
import { headerLength } from '../smtp/paused-client.ts'
import { listen } from '../../support/tcp-ends.ts'
import { until } from '../../support/until.ts'

/** Short, so that no test waits for minutes; the kernel counts from the first probe of a closed window, 0.2 s or so. */
const quick = { unacknowledgedMs: 1500, checkMs: 50 }

/** A backend that greets and then reads nothing more until it is told to. */
async function lazyBackend(t: TestContext): Promise<{ readonly port: number; readonly sockets: readonly Socket[] }> {
  const sockets: Socket[] = []
  const listener = await listen((socket) => {
    sockets.push(socket.pause())
    socket.write('220 mx ESMTP\r\n')
  })
  t.after(() => listener.close())
  return { port: listener.port, sockets }
}

async function relayed(t: TestContext, port: number): Promise<Session> {
  const session = await begin(t, { backends: [port], options: quick })
  await session.client.until((text) => text.includes('220 mx'))
  return session
}

/** The client sends until neither the gateway nor the backend takes a byte. */
async function fill({ client, accepted }: Session): Promise<void> {
  client.socket.on('error', () => undefined)
  while (client.socket.write(Buffer.alloc(1 << 20)));
  await until(() => accepted.inner.isPaused())
}

test('when five clients fill a backend that never reads, and then leave, their relays end', { timeout: 60_000 }, async (t) => {
  const backend = await lazyBackend(t)
  const sessions = await Promise.all(Array.from({ length: 5 }, () => relayed(t, backend.port)))
  for (const session of sessions) await fill(session)
  for (const { client } of sessions) client.socket.destroy()
  for (const { outcome } of sessions) assert.equal((await outcome).is, 'ended')
})

test('a client that resets while its relay is paused ends it at the next look', { timeout: 60_000 }, async (t) => {
  const backend = await lazyBackend(t)
  const session = await begin(t, { backends: [backend.port], options: { ...quick, unacknowledgedMs: 600_000 } })
  await session.client.until((text) => text.includes('220 mx'))
  await fill(session)
  session.client.socket.resetAndDestroy()
  const outcome = await session.outcome
  assert.ok(outcome.is === 'ended')
  assert.equal(outcome.stats.endedBy, 'client')
})

test('a client that has ended its input and is gone then ends its relay, whose backend says nothing', { timeout: 60_000 }, async (t) => {
  const backend = await lazyBackend(t)
  const session = await begin(t, { backends: [backend.port], options: { ...quick, unacknowledgedMs: 600_000 } })
  await session.client.until((text) => text.includes('220 mx'))
  session.client.socket.end('QUIT\r\n')
  await until(() => session.accepted.inner.readableEnded)
  session.client.socket.resetAndDestroy()
  const outcome = await session.outcome
  assert.ok(outcome.is === 'ended')
  assert.equal(outcome.stats.endedBy, 'client')
})

test('a client that has ended its input and waits for its reply gets it, however long that takes', { timeout: 60_000 }, async (t) => {
  const backend = await lazyBackend(t)
  const session = await relayed(t, backend.port)
  session.client.socket.end('QUIT\r\n')
  await until(() => session.accepted.inner.readableEnded)
  await sleep(2 * quick.unacknowledgedMs)
  backend.sockets[0]?.end('221 2.0.0 Bye\r\n')
  assert.match((await session.client.ended()).text, /221 2\.0\.0 Bye\r\n$/)
})

test('a backend that reads with pauses, each shorter than the limit, gets every byte', { timeout: 60_000 }, async (t) => {
  const backend = await lazyBackend(t)
  const session = await relayed(t, backend.port)
  await fill(session)
  const { socket } = session.client
  socket.end()
  let received = 0
  const far = backend.sockets[0]
  assert.ok(far !== undefined)
  far.on('data', (bytes) => (received += bytes.length))
  for (let i = 0; i < 6; i++) {
    far.resume()
    await sleep(20)
    far.pause()
    await sleep(quick.unacknowledgedMs / 3)
  }
  far.resume()
  await until(() => far.readableEnded)
  assert.equal(received, socket.bytesWritten + headerLength)
  far.end()
  assert.equal((await session.outcome).is, 'ended')
})
