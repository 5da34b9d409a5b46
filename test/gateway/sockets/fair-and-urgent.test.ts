// A connection that always has bytes does not hold up the others, and urgent data does no harm.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { describe, test } from 'node:test'
import { loadFFI } from '../../../gateway/node-internals/ffi-module.ts'
import type { TcpSocket } from '../../../gateway/sockets/tcp-socket.ts'
import { until } from '../../support/until.ts'
import { connection } from './recorded-connection.ts'
import { listenOn, shells } from './shells.ts'

/** libuv reads 32 times at one event, and the sockets of Linux 4 times. */
const mostReads = 32
const quietClients = 20

const elsewhere = process.platform !== 'linux' && 'urgent data is sent with a call of Linux'
const MSG_OOB = 1

/** Sends one byte of urgent data, which Node cannot. */
function sendUrgent(client: net.Socket): void {
  const { _handle: handle } = client as unknown as { readonly _handle: { readonly fd: number } }
  const ffi = loadFFI()
  assert.ok(ffi !== undefined)
  const { functions } = ffi.dlopen(null, { send: { arguments: ['i32', 'buffer', 'u32', 'i32'], return: 'i32' } })
  assert.equal(functions.send(handle.fd, Buffer.from('X'), 1, MSG_OOB), 1)
}

for (const shell of shells) {
  describe(`many connections on ${shell.name}`, { skip: shell.skip }, () => {
    test('have their turn while one of them has more bytes than are read at once', async (t) => {
      const order: string[] = []
      const accepted: TcpSocket[] = []
      const listener = await listenOn(shell, (socket) => accepted.push(socket))
      t.after(() => listener.close())
      const clients = await Promise.all(
        Array.from({ length: 1 + quietClients }, async () => {
          const client = net.connect(listener.endpoint.port, '127.0.0.1')
          t.after(() => client.destroy())
          await once(client, 'connect')
          return client
        }),
      )
      await until(() => accepted.length === clients.length)
      const loudPort = clients[0]?.localPort
      let loudBytes = 0
      let timers = 0
      const timer = setInterval(() => timers++, 1)
      t.after(() => clearInterval(timer))
      for (const socket of accepted) {
        const isLoud = socket.endpoints()?.client.port === loudPort
        socket.reader = {
          onData: (bytes) => {
            if (isLoud) loudBytes += bytes.length
            order.push(isLoud ? 'loud' : 'quiet')
            return false
          },
          onEnd: () => undefined,
          onClose: () => undefined,
        }
        t.after(() => socket.destroy())
      }
      const total = 64 << 20
      clients[0]?.write(Buffer.alloc(total))
      for (const client of clients.slice(1)) client.write('x')
      for (const socket of accepted) socket.resume()
      await until(() => loudBytes === total)
      assert.equal(order.filter((who) => who === 'quiet').length, quietClients)
      const lastQuiet = order.lastIndexOf('quiet')
      const before = order.slice(0, lastQuiet).filter((who) => who === 'loud').length
      // In the first batches: each event of the loud one may bring that many reads.
      assert.ok(before <= 4 * mostReads, `${before} reads of the loud one before the last quiet one`)
      assert.ok(timers > 0, 'no timer has fired meanwhile')
    })

    test('urgent data is left out of the stream, and the stream goes on', { skip: elsewhere }, async (t) => {
      const { socket, recorder, client } = await connection(t, shell)
      socket.resume()
      client.write('abc')
      sendUrgent(client)
      client.write('def')
      await recorder.has('abcdef')
      sendUrgent(client)
      client.end('ghi')
      await recorder.has('abcdefghi')
      await recorder.ended.promise
      assert.equal(socket.bytesRead, 9)
    })
  })
}
