// The sockets of one address: several queues for a crowd, and still nobody else's port.
import assert from 'node:assert/strict'
import { type AddressInfo, connect, type Server, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import { ListenError, listenTogether } from '../../../gateway/sockets/node-listener.ts'
import type { TcpSocket } from '../../../gateway/sockets/tcp-socket.ts'

const loopback = { address: '127.0.0.1', port: 0 }
const portOf = (server: Server | undefined): number | undefined => (server?.address() as AddressInfo | undefined)?.port

describe('the sockets of one address', { skip: process.platform !== 'linux' && 'only Linux deals clients out to them' }, () => {
  test('are several, on one free port, and each takes clients', async (t) => {
    const clients: Socket[] = []
    const taken: TcpSocket[] = []
    const all = Promise.withResolvers<void>()
    const servers = await listenTogether(
      loopback,
      (socket) => {
        taken.push(socket)
        if (taken.length === 200) all.resolve()
      },
      false,
    )
    t.after(() => {
      for (const socket of [...clients, ...taken]) socket.destroy()
      for (const server of servers) server.close()
    })
    assert.deepEqual(
      servers.map(portOf),
      servers.map(() => portOf(servers[0])),
    )
    assert.ok(servers.length > 1)
    for (let client = 0; client < 200; client++) clients.push(connect(portOf(servers[0]) ?? 0, '127.0.0.1'))
    await all.promise
    const connections = await Promise.all(
      servers.map(
        (server) =>
          new Promise<number>((done, fail) => server.getConnections((error, count) => (error === null ? done(count) : fail(error)))),
      ),
    )
    assert.ok(
      connections.every((count) => count > 0),
      connections.join(' '),
    )
  })

  test('are not opened where another gateway has its own', async (t) => {
    const theirs = await listenTogether(loopback, () => undefined, false)
    t.after(() => theirs.forEach((server) => server.close()))
    const port = portOf(theirs[0]) ?? 0
    await assert.rejects(
      listenTogether({ ...loopback, port }, () => undefined, false),
      (error) => error instanceof ListenError && error.code === 'EADDRINUSE',
    )
  })

  test('have one port also where those of other processes are to join them', async (t) => {
    const servers = await listenTogether(loopback, () => undefined, true)
    t.after(() => servers.forEach((server) => server.close()))
    assert.equal(new Set(servers.map(portOf)).size, 1)
  })

  test('join those of another process of the same gateway', async (t) => {
    const theirs = await listenTogether(loopback, () => undefined, false)
    const ours = await listenTogether({ ...loopback, port: portOf(theirs[0]) ?? 0 }, () => undefined, true)
    t.after(() => [...theirs, ...ours].forEach((server) => server.close()))
    assert.equal(ours.length, theirs.length)
  })
})
