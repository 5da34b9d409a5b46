// The sockets of one address: several queues for a crowd, and never the port of another program.
import assert from 'node:assert/strict'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { once } from 'node:events'
import { ListenError, listenTogether } from '../../../gateway/sockets/listen.ts'
import type { ListenRequest } from '../../../gateway/sockets/network.ts'
import type { TcpSocket } from '../../../gateway/sockets/tcp-socket.ts'
import { shells } from './shells.ts'

const loopback = { address: '127.0.0.1', port: 0 }
const elsewhere = process.platform !== 'linux' && 'only Linux distributes clients among sockets that share a port'

function request(change: Partial<ListenRequest> = {}): ListenRequest {
  return {
    endpoint: loopback,
    isShared: false,
    accept: () => undefined,
    failed: (error) => {
      throw error
    },
    ...change,
  }
}

for (const shell of shells) {
  describe(`the listening sockets of one address (${shell.name})`, { skip: shell.skip || elsewhere }, () => {
    const opened = async (t: TestContext, change: Partial<ListenRequest> = {}) => {
      const listeners = await listenTogether(shell, request(change))
      t.after(() => listeners.forEach((listener) => listener.close()))
      return listeners
    }

    test('are several, on one free port, and a crowd of clients is accepted', async (t) => {
      const clients: Socket[] = []
      const taken: TcpSocket[] = []
      const all = Promise.withResolvers<void>()
      const listeners = await opened(t, {
        accept: (socket) => {
          taken.push(socket)
          if (taken.length === 200) all.resolve()
        },
      })
      t.after(() => [...clients, ...taken].forEach((socket) => socket.destroy()))
      assert.ok(listeners.length > 1)
      assert.equal(new Set(listeners.map(({ endpoint }) => endpoint.port)).size, 1)
      const { port } = listeners[0]?.endpoint ?? loopback
      for (let client = 0; client < 200; client++) clients.push(connect(port, '127.0.0.1'))
      await all.promise
    })

    test('are not opened where another gateway has its own', async (t) => {
      const [theirs] = await opened(t)
      await assert.rejects(
        listenTogether(shell, request({ endpoint: theirs?.endpoint ?? loopback })),
        (error) => error instanceof ListenError && error.code === 'EADDRINUSE',
      )
    })

    test('are not opened where another program listens', async (t) => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      t.after(() => server.close())
      const { port } = server.address() as AddressInfo
      await assert.rejects(
        listenTogether(shell, request({ endpoint: { ...loopback, port } })),
        /the port is in use; stop what uses it or choose another/,
      )
    })

    test('are not opened at an address that this machine does not have', async () => {
      await assert.rejects(
        listenTogether(shell, request({ endpoint: { address: '192.0.2.1', port: 0 } })),
        (error) => error instanceof ListenError && error.code === 'EADDRNOTAVAIL',
      )
    })

    test('have one port also where those of other processes are to join them', async (t) => {
      const listeners = await opened(t, { isShared: true })
      assert.equal(new Set(listeners.map(({ endpoint }) => endpoint.port)).size, 1)
    })

    test('join those of another process of the same gateway', async (t) => {
      const theirs = await opened(t)
      const ours = await opened(t, { endpoint: theirs[0]?.endpoint ?? loopback, isShared: true })
      assert.equal(ours.length, theirs.length)
    })

    test('take no more clients once they are closed', async (t) => {
      const listeners = await opened(t)
      for (const listener of listeners) listener.close()
      assert.deepEqual(new Set(listeners.map(({ isListening }) => isListening)), new Set([false]))
      const client = connect(listeners[0]?.endpoint.port ?? 0, '127.0.0.1')
      const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException]
      assert.equal(error.code, 'ECONNREFUSED')
    })
  })
}
