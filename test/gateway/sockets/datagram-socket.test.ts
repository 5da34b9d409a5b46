// What the DNS client expects of every implementation of DatagramSocket.
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import { test, type TestContext } from 'node:test'
import type { DatagramReader, DatagramSocket } from '../../../gateway/sockets/datagram-socket.ts'
import { shells } from './shells.ts'

/** A server that answers each datagram with the same bytes, and its port. */
async function startEcho(t: TestContext): Promise<number> {
  const server = createSocket('udp4')
  server.on('message', (bytes, { address, port }) => server.send(bytes, port, address))
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return server.address().port
}

const hasIPv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'))

interface Opened {
  readonly socket: DatagramSocket
  readonly events: string[]
  /** Resolves at the next event. */
  next(): Promise<void>
}

for (const { name: what, skip, openDatagramSocket: open } of shells) {
  const opened = (t: TestContext, port: number, address = '127.0.0.1'): Opened => {
    const events: string[] = []
    let changed = Promise.withResolvers<void>()
    const add = (event: string): void => {
      events.push(event)
      changed.resolve()
      changed = Promise.withResolvers<void>()
    }
    const reader: DatagramReader = {
      onReady: (bytes) => add(bytes > 0 ? 'ready' : 'no buffer'),
      onMessage: (bytes) => add(bytes.toString()),
      onStray: () => add('stray'),
      onError: ({ code }) => add(String(code)),
    }
    const socket = open({ server: { address, port }, receiveBufferBytes: 1 << 18 }, reader)
    t.after(() => socket.close())
    return { socket, events, next: () => changed.promise }
  }

  test(`${what}: datagrams go to the server and its answers come back in order`, { skip }, async (t) => {
    const { socket, events, next } = opened(t, await startEcho(t))
    assert.deepEqual(events, [], 'nothing is reported before the socket was returned')
    await next()
    socket.send(Buffer.from('a'))
    socket.send(Buffer.from('b'))
    while (events.length < 3) await next()
    assert.deepEqual(events, ['ready', 'a', 'b'])
  })

  test(`${what}: nothing is reported after close, which may be called twice`, { skip }, async (t) => {
    const { socket, events, next } = opened(t, await startEcho(t))
    await next()
    socket.send(Buffer.from('a'))
    socket.close()
    socket.close()
    const other = opened(t, await startEcho(t))
    await other.next()
    other.socket.send(Buffer.from('later'))
    await other.next()
    assert.deepEqual(events, ['ready'])
  })

  test(`${what}: a closed port is reported, and the socket can still send`, { skip }, async (t) => {
    const server = createSocket('udp4').bind(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address()
    server.close()
    const { socket, events, next } = opened(t, port)
    await next()
    socket.send(Buffer.from('a'))
    await next()
    socket.send(Buffer.from('b'))
    await next()
    assert.deepEqual(events, ['ready', 'ECONNREFUSED', 'ECONNREFUSED'])
  })

  test(`${what}: a crowd of datagrams in one turn all go out, and all answers arrive`, { skip }, async (t) => {
    const { socket, events, next } = opened(t, await startEcho(t))
    await next()
    const sent = Array.from({ length: 200 }, (_, i) => String(i))
    for (const text of sent) socket.send(Buffer.from(text))
    while (events.length < 201) await next()
    assert.deepEqual(events, ['ready', ...sent])
  })

  test(
    `${what}: a server that is named with its zone is asked`,
    {
      skip: skip || (hasIPv6 ? false : 'there is no IPv6 here'),
    },
    async (t) => {
      const server = createSocket('udp6')
      server.on('message', (bytes, { address, port }) => server.send(bytes, port, address))
      server.bind(0, '::1')
      await once(server, 'listening')
      t.after(() => server.close())
      const { socket, events, next } = opened(t, server.address().port, '::1%lo')
      await next()
      socket.send(Buffer.from('a'))
      while (events.length < 2) await next()
      assert.deepEqual(events, ['ready', 'a'])
    },
  )

  test(`${what}: a port that is not valid is reported later`, { skip }, async (t) => {
    const { events, next } = opened(t, 65_536)
    assert.deepEqual(events, [])
    await next()
    assert.equal(events.length, 1)
  })
}
