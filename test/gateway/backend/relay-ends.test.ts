// How relayed connections end: halves that are closed, resets, and last words.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backend, saying, untilBehindHeader } from './backend-stub.ts'
import { headerLength } from '../smtp/paused-client.ts'
import { begin } from './relay-session.ts'

test('a client that has sent everything and closed its half is still served', async (t) => {
  const postfix = await backend(t, () => undefined)
  const { client } = await begin(t, { backends: [postfix.port], unread: 'EHLO x\r\n' })
  client.socket.end('QUIT\r\n')
  const call = await postfix.next()
  call.socket.write('220 mx\r\n')
  assert.equal((await call.ended()).text.slice(headerLength), 'EHLO x\r\nQUIT\r\n')
  call.socket.end('250 mx\r\n221 Bye\r\n')
  assert.deepEqual(await client.ended(), { how: 'FIN', text: '220 mx\r\n250 mx\r\n221 Bye\r\n' })
})

test('a backend may close its half and still receive data', async (t) => {
  const postfix = await backend(t, saying('220 mx\r\n'))
  const { client, outcome } = await begin(t, { backends: [postfix.port] })
  const call = await postfix.next()
  call.socket.end('421 closing\r\n')
  assert.deepEqual(await client.ended(), { how: 'FIN', text: '220 mx\r\n421 closing\r\n' })
  client.socket.end('last words')
  assert.equal((await call.ended()).text.slice(headerLength), 'last words')
  const result = await outcome
  assert.ok(result.is === 'ended')
  assert.deepEqual([result.stats.endedBy, result.stats.error], ['backend', undefined])
})

test('a client that stays after its backend has ended is closed after a time limit', async (t) => {
  const postfix = await backend(t, saying('220 mx\r\n'))
  const { client, outcome } = await begin(t, { backends: [postfix.port], options: { lingerMs: 20 } })
  const call = await postfix.next()
  call.socket.end('421 closing\r\n')
  const result = await outcome
  assert.ok(result.is === 'ended')
  assert.equal(result.stats.endedBy, 'backend')
  assert.equal((await client.ended()).text, '220 mx\r\n421 closing\r\n')
})

test('a client that resets is a lost connection for the backend, not an orderly end', async (t) => {
  const postfix = await backend(t, saying('220 mx\r\n'))
  const { client, outcome } = await begin(t, { backends: [postfix.port], unread: 'DATA\r\nhalf a mes' })
  const call = await postfix.next()
  await untilBehindHeader(call, 'DATA\r\nhalf a mes')
  client.socket.resetAndDestroy()
  assert.equal((await call.ended()).how, 'RST')
  const result = await outcome
  assert.ok(result.is === 'ended')
  assert.deepEqual([result.stats.endedBy, result.stats.error], ['client', 'ECONNRESET'])
})

test('a client that the caller destroys is a lost connection for the backend too', async (t) => {
  const postfix = await backend(t, saying('220 mx\r\n'))
  const { client, accepted, outcome } = await begin(t, { backends: [postfix.port] })
  await client.until((text) => text.endsWith('\n'))
  accepted.inner.destroy()
  assert.equal((await (await postfix.next()).ended()).how, 'RST')
  assert.equal((await outcome).is, 'ended')
})

test('when a backend dies the client connection ends too, after the last bytes of the backend', async (t) => {
  const postfix = await backend(t, saying('220 mx\r\n'))
  const { client, outcome, backends } = await begin(t, { backends: [postfix.port], unread: 'EHLO x\r\n' })
  const call = await postfix.next()
  await untilBehindHeader(call, 'EHLO x\r\n')
  call.socket.write('250 mx\r\n')
  await client.until((text) => text.endsWith('250 mx\r\n'))
  call.socket.resetAndDestroy()
  assert.deepEqual(await client.ended(), { how: 'FIN', text: '220 mx\r\n250 mx\r\n' })
  const result = await outcome
  assert.ok(result.is === 'ended')
  assert.deepEqual([result.stats.endedBy, result.stats.error], ['backend', 'ECONNRESET'])
  assert.equal(backends.status()[0]?.addresses[0]?.sessions, 0)
})

test('bytes that a backend sent before it died still reach the client', async (t) => {
  const postfix = await backend(t, saying('220 mx\r\n'))
  const { client, accepted } = await begin(t, { backends: [postfix.port], unread: 'EHLO x\r\n' })
  const call = await postfix.next()
  await untilBehindHeader(call, 'EHLO x\r\n')
  await client.until((text) => text.endsWith('\n'))
  accepted.inner.cork()
  call.socket.write('421 dying\r\n')
  while (accepted.inner.writableLength === 0) await new Promise((done) => setImmediate(done))
  call.socket.resetAndDestroy()
  assert.deepEqual(await client.ended(), { how: 'FIN', text: '220 mx\r\n421 dying\r\n' })
})
