// How the relay copies bytes: none is lost, none goes to another session, and a slow reader stops the writer.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { backend, saying } from './backend-stub.ts'
import { headerLength } from '../smtp/paused-client.ts'
import type { NodeSocket } from '../../../gateway/sockets/node-socket.ts'
import { begin } from './relay-session.ts'
import type { End } from '../../support/tcp-ends.ts'

test('what came while the client was paused goes on behind its unread bytes', async (t) => {
  const postfix = await backend(t, saying('220 mx\r\n'))
  const first = async ({ socket }: End, accepted: NodeSocket): Promise<void> => {
    socket.end('two three')
    while (accepted.inner.readableLength < 9) await new Promise((done) => setImmediate(done))
  }
  await begin(t, { backends: [postfix.port], unread: 'one ', first })
  assert.deepEqual((await (await postfix.next()).ended()).text.slice(headerLength), 'one two three')
})

/** Writes all of it as fast as the other side takes it. */
async function pour(socket: Socket, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; at += 50_000) if (!socket.write(bytes.subarray(at, at + 50_000))) await once(socket, 'drain')
  socket.end()
}

test('20 MB go both ways at once, byte for byte', async (t) => {
  const up = randomBytes(20_000_000)
  const down = randomBytes(20_000_000)
  const postfix = await backend(t, saying('220 mx\r\n'))
  const { client, outcome } = await begin(t, { backends: [postfix.port], unread: up.toString('latin1', 0, 1000) })
  const call = await postfix.next()
  await Promise.all([pour(client.socket, up.subarray(1000)), pour(call.socket, down)])
  await Promise.all([client.ended(), call.ended()])
  const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
  assert.equal(digest(call.bytes().subarray(headerLength)), digest(up))
  assert.equal(digest(client.bytes().subarray(8)), digest(down))
  const result = await outcome
  assert.ok(result.is === 'ended')
  assert.deepEqual([result.stats.toBackend, result.stats.toClient], [up.length, down.length + 8])
})

test('the bytes of clients that send at the same time to slow backends are never mixed', async (t) => {
  const sessions = Array.from({ length: 6 }, async () => {
    const postfix = await backend(t, saying('220 mx\r\n'))
    const message = randomBytes(12_000_000)
    const { client, accepted } = await begin(t, { backends: [postfix.port] })
    await client.until((text) => text.endsWith('\n'))
    const call = await postfix.next()
    call.socket.pause()
    const poured = pour(client.socket, message)
    // The kernel takes no more, so that a write waits with its bytes while the others go on.
    while (!accepted.inner.isPaused()) await sleep(1)
    call.socket.resume()
    await poured
    await call.ended()
    return call.bytes().subarray(headerLength).equals(message)
  })
  assert.deepEqual(
    await Promise.all(sessions),
    Array.from(sessions, () => true),
  )
})

test('a reader that is slow stops the writer: what waits in the gateway stays bounded', async (t) => {
  const postfix = await backend(t, saying('220 mx\r\n'))
  const { client, accepted } = await begin(t, { backends: [postfix.port] })
  await client.until((text) => text.endsWith('\n'))
  const call = await postfix.next()
  for (const [reader, writer] of [
    [client.socket, call.socket],
    [call.socket, client.socket],
  ] as const) {
    reader.pause()
    const block = Buffer.alloc(1 << 20)
    let written = 0
    // The writer is stopped when nothing has moved for a while, the kernel's buffers being full.
    for (let moved = true; moved && written < 200; written++) {
      moved =
        writer.write(block) ||
        (await Promise.race([once(writer, 'drain').then(() => true), new Promise<boolean>((no) => setTimeout(() => no(false), 300))]))
    }
    assert.ok(written < 100, `${written} MiB went into the void`)
    assert.ok(accepted.inner.writableLength <= 256 * 1024, `${accepted.inner.writableLength} bytes wait for the client`)
    assert.ok(accepted.inner.readableLength <= 256 * 1024)
    reader.resume()
  }
})

test('a client that writes without end while the backend does not read is stopped too', async (t) => {
  const mute = await backend(t, () => undefined)
  const { client, accepted } = await begin(t, { backends: [mute.port] })
  const call = await mute.next()
  const mail = randomBytes(4_000_000)
  const sent = pour(client.socket, mail)
  const stopped = new Promise<boolean>((yes) => setTimeout(() => yes(true), 300))
  assert.equal(await Promise.race([sent.then(() => accepted.inner.bytesRead < 1_000_000), stopped]), true)
  assert.ok(accepted.inner.bytesRead < 1_000_000, `${accepted.inner.bytesRead} bytes were read`)
  call.socket.write('220 mx\r\n')
  await sent
  await call.ended()
  assert.ok(call.bytes().subarray(headerLength).equals(mail))
})
