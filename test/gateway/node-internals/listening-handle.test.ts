// TCP options of a listening socket: accepted sockets inherit them, and without access to the handle each socket gets its own.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { test, type TestContext } from 'node:test'
import { setOptionsOfListener, setOptionsOfSocket } from '../../../gateway/node-internals/listening-handle.ts'
import { isAMinute, keepAliveIn } from '../../support/keep-alive-in.ts'

const onLinux = { skip: process.platform !== 'linux' && 'Linux only' }
const options = { keepAliveIdle: 60_000, keepAliveInterval: 10_000, keepAliveProbes: 6, userTimeout: 120_000 }

/** A client's connection, as the server accepted it. */
async function accept(t: TestContext, listening: (server: net.Server) => void): Promise<net.Socket> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  listening(server)
  const { port } = server.address() as net.AddressInfo
  const accepted = once(server, 'connection') as Promise<[net.Socket]>
  const client = net.connect(port, '127.0.0.1')
  const [socket] = await accepted
  t.after(() => {
    client.destroy()
    socket.destroy()
    server.close()
  })
  return socket
}

const keepAliveOf = ({ localPort = 0, remotePort = 0 }: net.Socket): number | undefined => keepAliveIn(localPort, remotePort)

test('Node still has the handle of a listening socket', onLinux, async (t) => {
  await accept(t, (server) => assert.equal(setOptionsOfListener(server, options), true))
})

test('accepted sockets inherit keepalive from their listener', onLinux, async (t) => {
  const socket = await accept(t, (server) => void setOptionsOfListener(server, options))
  assert.ok(isAMinute(keepAliveOf(socket)))
})

test('a listener without a handle is left alone, and its sockets get the options one by one', onLinux, async (t) => {
  assert.equal(setOptionsOfListener({}, options), false)
  assert.equal(setOptionsOfListener({ _handle: {} }, options), false)
  const socket = await accept(t, () => undefined)
  assert.equal(keepAliveOf(socket), undefined)
  setOptionsOfSocket(socket, options)
  assert.ok(isAMinute(keepAliveOf(socket)))
})
