// A TcpSocket on net.Socket: its reader gets each event, and what is asked of it holds.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { NodeSocket } from '../../../gateway/sockets/node-socket.ts'
import type { End } from '../../support/tcp-ends.ts'
import { until } from '../../support/until.ts'
import { pausedClient } from '../smtp/paused-client.ts'

/** A client, and the events of its connection in order. */
async function meet(t: TestContext): Promise<{ client: End; socket: NodeSocket; events: string[] }> {
  const { client, accepted: socket } = await pausedClient(t)
  const events: string[] = []
  socket.reader = {
    onData: (bytes) => {
      events.push(bytes.toString('latin1'))
      return false
    },
    onEnd: () => events.push('end'),
    onClose: (closed, error) => {
      assert.equal(closed, socket)
      events.push(error === undefined ? 'close' : `close: ${'code' in error ? String(error.code) : error.message}`)
    },
    onDrain: () => events.push('drain'),
  }
  return { client, socket, events }
}

test('bytes, the end and the close reach the reader, and each direction ends separately', async (t) => {
  const { client, socket, events } = await meet(t)
  client.socket.end('QUIT\r\n')
  socket.resume()
  await until(() => events.includes('end'))
  assert.deepEqual([socket.inputEnded, socket.isWritable, socket.isClosed, socket.bytesRead], [true, true, false, 6])
  socket.end('221 \xe9\r\n')
  assert.equal((await client.ended()).text, '221 \xe9\r\n')
  await until(() => events.join().includes('close'))
  assert.ok(socket.isClosed)
  assert.deepEqual([events, socket.endedInOrder], [['QUIT\r\n', 'end', 'close'], true])
})

test('a reset closes with its reason, and is not in order', async (t) => {
  const { client, socket, events } = await meet(t)
  socket.resume()
  client.socket.resetAndDestroy()
  await until(() => events.join().includes('close'))
  assert.ok(socket.isClosed)
  assert.deepEqual([events, socket.endedInOrder], [['close: ECONNRESET'], false])
})

test('without a reader an error does no harm', async (t) => {
  const { client, socket } = await meet(t)
  socket.reader = undefined
  socket.resume()
  client.socket.resetAndDestroy()
  await until(() => socket.isClosed)
})

test('bytes that were put back come first', async (t) => {
  const { client, socket, events } = await meet(t)
  socket.unread(Buffer.from('EHLO '))
  client.socket.write('x\r\n')
  socket.resume()
  await until(() => events.join('').length === 8)
  assert.equal(events.join(''), 'EHLO x\r\n')
})

test('a write that has to wait is drained once the client reads', async (t) => {
  const { client, socket, events } = await meet(t)
  client.socket.pause()
  while (socket.write(Buffer.alloc(1_000_000))) await new Promise(setImmediate)
  socket.write('more')
  assert.ok(socket.unsentBytes > 0)
  client.socket.resume()
  await until(() => events.includes('drain'))
  assert.deepEqual([events, socket.unsentBytes], [['drain'], 0])
})

test('what is written goes out before it closes, and the client need not end', async (t) => {
  const { client, socket } = await meet(t)
  socket.write('421 4.3.2 busy\r\n')
  socket.endAndClose()
  assert.deepEqual(await client.ended(), { how: 'FIN', text: '421 4.3.2 busy\r\n' })
  await until(() => socket.isClosed)
})

test('shared reads go to the same reader', async (t) => {
  const { client, socket, events } = await meet(t)
  const { inner } = socket
  socket.shareReads()
  assert.notEqual(socket.inner, inner)
  client.socket.end('NOOP\r\n')
  socket.resume()
  await until(() => events.includes('end'))
  socket.end()
  await until(() => events.join().includes('close'))
  assert.deepEqual(events, ['NOOP\r\n', 'end', 'close'])
})

test('a connection that is not read is found to be gone when it is checked', async (t) => {
  const { client, socket, events } = await meet(t)
  client.socket.resetAndDestroy()
  await until(() => {
    socket.checkAlive()
    return events.length > 0
  })
  assert.match(events.join(), /^close: E(PIPE|CONNRESET)$/)
})
