// Moving a connection into a socket that reads into a shared buffer, and staying in the old one where Node does not allow it.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { sharedReads } from '../../../gateway/node-internals/shared-reads.ts'
import { NodeSocket } from '../../../gateway/sockets/node-socket.ts'
import { pausedClient } from '../smtp/paused-client.ts'

/** Moves an accepted connection; `text` is what it has read since. */
async function move(t: TestContext): Promise<{ client: Socket; old: Socket; moved: Socket; text: () => string }> {
  const { client, accepted } = await pausedClient(t)
  let text = ''
  const moved = sharedReads(accepted.inner, (bytes) => {
    text += bytes.toString('latin1')
    return false
  })
  assert.ok(moved !== undefined, 'Node no longer makes a socket of a handle')
  return { client: client.socket, old: accepted.inner, moved, text: () => text }
}

test('Node still lets a connection move into a new socket, which reads, writes and ends it', async (t) => {
  const { client, old, moved, text } = await move(t)
  assert.ok(old.destroyed)
  assert.ok(moved.isPaused())
  moved.resume()
  client.end('EHLO x\r\n')
  await once(moved, 'end')
  assert.equal(text(), 'EHLO x\r\n')
  const reply = once(client, 'data') as Promise<[Buffer]>
  moved.end('250 mx\r\n')
  assert.equal((await reply)[0].toString(), '250 mx\r\n')
})

test('bytes that are needed afterwards keep their contents', async (t) => {
  const { client, accepted } = await pausedClient(t)
  const kept: Buffer[] = []
  let received = 0
  const all = Promise.withResolvers<void>()
  const size = 400_000
  const moved = sharedReads(accepted.inner, (bytes) => {
    kept.push(bytes)
    received += bytes.length
    if (received === size) all.resolve()
    return true
  })
  moved?.resume()
  const sent = Buffer.alloc(size)
  for (let i = 0; i < size; i++) sent[i] = i % 251
  client.socket.write(sent)
  await all.promise
  assert.ok(Buffer.concat(kept).equals(sent))
})

test('a socket without a handle stays as it is, and the connection is read as Node reads by itself', async (t) => {
  const { client, accepted } = await pausedClient(t)
  const { inner } = accepted
  const hidden = Object.create(inner, { _handle: { value: undefined } }) as Socket
  assert.equal(
    sharedReads(hidden, () => false),
    undefined,
  )
  assert.ok(!inner.destroyed)
  const data = Promise.withResolvers<string>()
  accepted.reader = { onData: (bytes) => (data.resolve(bytes.toString()), false), onEnd: () => undefined, onClose: () => undefined }
  accepted.resume()
  client.socket.write('NOOP\r\n')
  assert.equal(await data.promise, 'NOOP\r\n')
})

test('a socket that still holds bytes stays as it is', async (t) => {
  const { client, accepted } = await pausedClient(t)
  const { inner } = accepted
  inner.unshift(Buffer.from('MAIL'))
  assert.equal(
    sharedReads(inner, () => false),
    undefined,
  )
  client.socket.destroy()
  assert.equal(new NodeSocket(inner).isDestroyed, false)
})
