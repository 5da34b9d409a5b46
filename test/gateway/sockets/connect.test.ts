// Connections that we open, with every implementation: what the reader is told, and in which order.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Endpoint } from '../../../crds/values/endpoint.ts'
import type { TcpSocket } from '../../../gateway/sockets/tcp-socket.ts'
import { isAMinute, keepAliveIn } from '../../support/keep-alive-in.ts'
import { shells } from './shells.ts'

async function server(t: TestContext, greet: (socket: net.Socket) => void): Promise<Endpoint> {
  const listener = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined)
    t.after(() => socket.destroy())
    greet(socket)
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.after(() => listener.close())
  return { address: '127.0.0.1', port: (listener.address() as net.AddressInfo).port }
}

const onlyLinux = process.platform !== 'linux' && 'Linux only'

/** A port at which nothing listens. */
async function closedPort(): Promise<Endpoint> {
  const listener = net.createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as net.AddressInfo
  listener.close()
  await once(listener, 'close')
  return { address: '127.0.0.1', port }
}

class Told {
  readonly all: string[] = []
  readonly connected = Promise.withResolvers<void>()
  readonly closed = Promise.withResolvers<NodeJS.ErrnoException | undefined>()
  text = ''

  onConnect(): void {
    this.all.push('connect')
    this.connected.resolve()
  }
  onData(bytes: Buffer): boolean {
    this.all.push('data')
    this.text += bytes.toString('latin1')
    return false
  }
  onEnd(): void {
    this.all.push('end')
  }
  onClose(_: TcpSocket, error: Error | undefined): void {
    this.all.push('close')
    this.closed.resolve(error)
  }
}

for (const { name, skip, connect } of shells) {
  describe(`a connection that we open on ${name}`, { skip }, () => {
    test('has no keepalive until it is to be noticed when the other side is gone', { skip: onlyLinux }, async (t) => {
      const accepted = Promise.withResolvers<number>()
      const endpoint = await server(t, ({ remotePort = 0 }) => accepted.resolve(remotePort))
      const told = new Told()
      const socket = connect(endpoint, told)
      t.after(() => socket.destroy())
      await told.connected.promise
      const ownPort = await accepted.promise
      assert.equal(keepAliveIn(ownPort, endpoint.port), undefined)
      socket.noticeWhenGone(120_000)
      assert.ok(isAMinute(keepAliveIn(ownPort, endpoint.port)))
    })

    test('is told when it stands, not before the caller has it, and is paused', async (t) => {
      const told = new Told()
      const socket = connect(await server(t, (client) => client.end('220 hello\r\n')), told)
      t.after(() => socket.destroy())
      assert.deepEqual(told.all, [])
      await told.connected.promise
      await sleep(30)
      assert.deepEqual(told.all, ['connect'])
      socket.resume()
      socket.end('QUIT\r\n')
      assert.equal(await told.closed.promise, undefined)
      assert.equal(told.text, '220 hello\r\n')
      assert.deepEqual(told.all, ['connect', 'data', 'end', 'close'])
      assert.equal(socket.endedInOrder, true)
    })

    test('knows both its ends', async (t) => {
      const ports = Promise.withResolvers<number | undefined>()
      const to = await server(t, (client) => ports.resolve(client.remotePort))
      const told = new Told()
      const socket = connect(to, told)
      t.after(() => socket.destroy())
      await told.connected.promise
      assert.deepEqual(socket.endpoints(), { client: to, server: { address: '127.0.0.1', port: await ports.promise } })
    })

    test('is closed with ECONNREFUSED where nothing listens', async () => {
      const told = new Told()
      const socket = connect(await closedPort(), told)
      assert.deepEqual(told.all, [])
      assert.equal((await told.closed.promise)?.code, 'ECONNREFUSED')
      assert.deepEqual(told.all, ['close'])
      assert.equal(socket.isDestroyed, true)
      assert.equal(socket.isClosed, true)
    })

    test('is closed with the error of the system where there is no way', async () => {
      const told = new Told()
      connect({ address: '255.255.255.255', port: 25 }, told)
      const error = await told.closed.promise
      assert.ok(['ENETUNREACH', 'EACCES', 'EINVAL'].includes(error?.code ?? ''), error?.code ?? 'no error')
      assert.deepEqual(told.all, ['close'])
    })

    test('can be given up before it stands', async (t) => {
      const told = new Told()
      const socket = connect(await server(t, () => undefined), told)
      socket.destroy()
      assert.equal(await told.closed.promise, undefined)
      await sleep(20)
      assert.deepEqual(told.all, ['close'])
    })

    test('that was resumed before it stands reads as soon as it does', async (t) => {
      const told = new Told()
      const socket = connect(await server(t, (client) => client.write('220 hello\r\n')), told)
      t.after(() => socket.destroy())
      socket.resume()
      await told.connected.promise
      while (told.text !== '220 hello\r\n') await sleep(1)
      assert.deepEqual(told.all, ['connect', 'data'])
    })
  })
}
