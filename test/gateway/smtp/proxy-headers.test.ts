// Reading the PROXY header of a new connection: real sockets, every way to cut it, and every way to fail.
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { writeLocalProxyHeader, writeProxyHeader } from '../../../gateway/core/proxy-header.ts'
import { type HeaderReading, readProxyHeader } from '../../../gateway/smtp/proxy-headers.ts'
import { NodeSocket, socketEndpoints } from '../../../gateway/sockets/node-socket.ts'
import { dial, type End, endOf, listen } from '../../support/tcp-ends.ts'
import { until } from '../../support/until.ts'

const client = { address: '192.0.2.7', port: 4711 }
const server = { address: '2001:db8::25', port: 25 }
const header = writeProxyHeader('V2', client, server)

/** Longer than a busy machine ever takes. */
const longMs = 60_000

interface Meeting {
  readonly reading: HeaderReading
  readonly accepted: NodeSocket
  readonly caller: End
}

/** Connects, lets the caller act, and gives what was read of the header. */
async function meet(act: (caller: End, accepted: NodeSocket) => void | Promise<void>, timeoutMs = longMs): Promise<Meeting> {
  const accepted = Promise.withResolvers<{ reading: HeaderReading; accepted: NodeSocket }>()
  const arrived = Promise.withResolvers<NodeSocket>()
  const listener = await listen((raw) => {
    const socket = new NodeSocket(raw.pause())
    arrived.resolve(socket)
    readProxyHeader(socket, timeoutMs, (reading) => accepted.resolve({ reading, accepted: socket }))
  })
  const caller = await dial(listener.port)
  await act(caller, await arrived.promise)
  const result = await accepted.promise
  listener.server.close()
  return { ...result, caller }
}

function hangUp({ accepted, caller }: Meeting): void {
  accepted.destroy()
  caller.socket.destroy()
}

async function tick(): Promise<void> {
  await new Promise((done) => setImmediate(done))
}

test('the addresses of the header count, and the bytes behind it stay for the session', async () => {
  const meeting = await meet(({ socket }) => void socket.write(Buffer.concat([header, Buffer.from('EHLO x\r\n')])))
  const { reading, accepted, caller } = meeting
  assert.ok(reading.is === 'client')
  assert.deepEqual([reading.client, reading.server], [client, server])
  assert.equal(Buffer.from(reading.unread).toString(), 'EHLO x\r\n')
  assert.deepEqual([accepted.inner.isPaused(), accepted.reader], [true, undefined])
  caller.socket.end('QUIT\r\n')
  assert.deepEqual(await endOf(accepted.inner.resume()).ended(), { how: 'FIN', text: 'QUIT\r\n' })
  hangUp(meeting)
})

test('a header that comes byte by byte is read like a whole one', async () => {
  const meeting = await meet(async ({ socket }) => {
    for (const byte of header) {
      socket.write(Uint8Array.of(byte))
      await tick()
    }
    socket.write('!')
  })
  const { reading, accepted } = meeting
  assert.ok(reading.is === 'client')
  assert.deepEqual(reading.client, client)
  const rest = endOf(accepted.inner.resume())
  const tail = reading.unread.length > 0 ? Buffer.from(reading.unread).toString() : await rest.until((text) => text !== '')
  assert.equal(tail, '!')
  hangUp(meeting)
})

test('LOCAL is the proxy itself, and what it says behind the header stays', async () => {
  const meeting = await meet(({ socket }) => void socket.write(Buffer.concat([writeLocalProxyHeader(), Buffer.from('QUIT\r\n')])))
  const { reading, accepted } = meeting
  assert.ok(reading.is === 'unnamed')
  assert.equal(Buffer.from(reading.unread).toString(), 'QUIT\r\n')
  assert.equal(accepted.endpoints()?.client.address, '127.0.0.1')
  hangUp(meeting)
})

for (const { what, act, timeoutMs, reason } of [
  { what: 'says nothing', act: () => undefined, timeoutMs: 20, reason: 'haproxy read: time limit exceeded' },
  { what: 'closes', act: ({ socket }: End) => void socket.end(), reason: 'haproxy read: EOF' },
  { what: 'resets', act: ({ socket }: End) => void socket.resetAndDestroy(), reason: 'haproxy read: EOF' },
]) {
  test(`a caller that ${what} before its first byte has said nothing at all`, async () => {
    const meeting = await meet(act, timeoutMs)
    assert.deepEqual(meeting.reading, { is: 'nothing', reason })
    hangUp(meeting)
  })
}

const failures: readonly { what: string; act: (caller: End) => void; stays?: true; want: string }[] = [
  {
    what: 'stops in the middle',
    act: ({ socket }) => void socket.write('PROXY TCP4 1.2'),
    stays: true,
    want: 'haproxy read: missing protocol header terminator: PROXY TCP4 1.2',
  },
  {
    what: 'closes in the middle',
    act: ({ socket }) => void socket.end('\r\n\r\n\0'),
    want: 'haproxy read: short protocol header: \\r\\n\\r\\n\\000',
  },
  {
    what: 'sends SMTP at once',
    act: ({ socket }) => void socket.write('EHLO spam.example\r\n'),
    want: 'haproxy read: unrecognized protocol header: EHLO spam.example\\r\\n',
  },
  {
    what: 'sends more than a header can be',
    act: ({ socket }) => void socket.write(`PROXY ${'x'.repeat(5000)}`),
    want: `haproxy read: missing protocol header terminator: PROXY ${'x'.repeat(530)}`,
  },
]

for (const { what, act, stays, want } of failures) {
  test(`a caller that ${what} gets no session`, async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const meeting = await meet(async (caller, accepted) => {
      act(caller)
      if (stays === undefined) return
      await until(() => accepted.bytesRead === caller.socket.bytesWritten)
      t.mock.timers.tick(longMs)
    })
    assert.deepEqual(meeting.reading, { is: 'bad', reason: want })
    assert.equal(meeting.accepted.reader, undefined)
    hangUp(meeting)
  })
}

test('a refused caller can still be told why', async () => {
  const meeting = await meet(({ socket }) => void socket.write('HELO\r\n'))
  meeting.accepted.end('421 4.3.2 No system resources\r\n')
  assert.deepEqual(await meeting.caller.ended(), { how: 'FIN', text: '421 4.3.2 No system resources\r\n' })
  hangUp(meeting)
})

test('an IPv4 client of a dual-stack listener is known by its IPv4 address', async () => {
  const accepted = Promise.withResolvers<Socket>()
  const listener = await listen(accepted.resolve, '::')
  const caller = await dial(listener.port)
  const socket = await accepted.promise
  assert.match(socket.remoteAddress ?? '', /^::ffff:/)
  assert.deepEqual(socketEndpoints(socket), {
    client: { address: '127.0.0.1', port: caller.socket.localPort },
    server: { address: '127.0.0.1', port: listener.port },
  })
  caller.socket.destroy()
  await listener.close()
})
