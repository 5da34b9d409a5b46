// Each descriptor is closed exactly once and never used afterwards, however its connection ends; and memory that the
// kernel writes to is never written beyond its ends.
import assert from 'node:assert/strict'
import net from 'node:net'
import { test } from 'node:test'
import tls from 'node:tls'
import { EPOLL_CTL_DEL } from '../../../gateway/linux/libc.ts'
import type { Network } from '../../../gateway/sockets/network.ts'
import type { SocketReader, TcpSocket } from '../../../gateway/sockets/tcp-socket.ts'
import { until } from '../../support/until.ts'
import { listenOn } from '../sockets/shells.ts'
import { linux } from './require-linux.ts'
import { GuardedLibc, InterceptedLibc, networkOn } from './test-libc.ts'

/** Calls whose first argument is a descriptor. */
const onDescriptor = new Set([
  'bind',
  'listen',
  'connect',
  'accept4',
  'getsockname',
  'setsockopt',
  'getsockopt',
  'read',
  'write',
  'shutdown',
])

/** Follows each descriptor from the call that opens it to the one that closes it. */
class Ledger {
  readonly open = new Set<number>()
  closes = 0
  given = 0
  /** Whether startTls runs: it gives the descriptor to Node. */
  isGiving = false
  readonly libc = new InterceptedLibc((name, args, call) => {
    const first = Number(args[0])
    if (onDescriptor.has(name)) assert.ok(this.open.has(first), `${name} of ${first}, which is not open`)
    if (name === 'close') {
      assert.ok(this.open.delete(first), `a second close of ${first}`)
      this.closes++
    }
    if (this.isGiving && name === 'epoll_ctl' && args[1] === EPOLL_CTL_DEL && this.open.delete(Number(args[2]))) this.given++
    const result = call(args)
    if ((name === 'socket' || name === 'accept4' || name === 'epoll_create1') && result >= 0) this.open.add(result)
    return result
  })
}

const quiet = (ends: { closed: number }): SocketReader => ({
  onData: () => false,
  onEnd: () => undefined,
  onClose: () => ends.closed++,
})

const tlsEvents = { onSecure: () => undefined, onError: () => undefined, onClose: () => undefined }

function startTls(socket: TcpSocket, ledger: Ledger): void {
  if (socket.isDestroyed) return
  socket.reader = undefined
  ledger.isGiving = true
  socket.startTls(tls.createSecureContext(), tlsEvents).destroy()
  ledger.isGiving = false
}

/** Ways in which our side ends a connection. Several calls after the end must do nothing. */
const endings: readonly ((socket: TcpSocket, ledger: Ledger) => void)[] = [
  (socket) => socket.destroy(),
  (socket) => socket.end('bye\r\n'),
  (socket) => socket.endAndClose(),
  (socket) => socket.reset(),
  (socket) => {
    socket.write(Buffer.alloc(3_000_000))
    socket.end()
    socket.destroy()
  },
  startTls,
  () => undefined,
]
const clientEndings: readonly ((client: net.Socket) => void)[] = [
  (client) => client.end(),
  (client) => client.destroy(),
  (client) => client.resetAndDestroy(),
]

test('each descriptor is closed once, however a connection ends, and no call uses it afterwards', { skip: linux }, async () => {
  const ledger = new Ledger()
  const network = networkOn(ledger.libc)
  const ends = { closed: 0 }
  let taken = 0
  const listener = await listenOn(network, (socket) => {
    const number = taken++
    socket.reader = quiet(ends)
    // startTls is for a socket that is watched, and a paused one is not after its client has gone.
    socket.resume()
    if (number % 2 === 0 && endings[number % endings.length] !== startTls) socket.pause()
    setTimeout(() => {
      endings[number % endings.length]?.(socket, ledger)
      for (const late of [
        () => socket.write('late'),
        () => socket.end(),
        () => socket.checkAlive(),
        () => socket.noticeWhenGone(1000),
        () => socket.resume(),
      ])
        if (socket.isDestroyed) late()
    }, number % 5)
    setTimeout(() => socket.destroy(), 400)
  })
  const rounds = 6 * endings.length * clientEndings.length
  for (let i = 0; i < rounds; i++) {
    const client = net.connect(listener.endpoint.port, '127.0.0.1').on('error', () => undefined)
    client.resume()
    client.on('connect', () => {
      client.write('x'.repeat(i))
      setTimeout(() => clientEndings[i % clientEndings.length]?.(client), i % 7)
    })
    const own = network.connect(listener.endpoint, { ...quiet(ends), onConnect: () => (i % 2 === 0 ? own.reset() : own.end()) })
    setTimeout(() => own.destroy(), 500)
  }
  const refused = network.connect({ address: '127.0.0.1', port: 1 }, { ...quiet(ends), onConnect: () => undefined })
  await until(() => taken === 2 * rounds && refused.isClosed)
  listener.close()
  listener.close()
  // The descriptor of epoll is left.
  await until(() => ledger.open.size === 1)
  assert.ok(ledger.given > rounds / 8, `${ledger.given} given to Node`)
  assert.equal(ledger.closes + ledger.given, 3 * rounds + 2)
})

/** Messages between two sockets of the network, and datagrams to an echo. */
async function pingPong(network: Network, messages: number): Promise<number> {
  const pairs = 50
  let received = 0
  const sockets: TcpSocket[] = []
  const reader = (socket: () => TcpSocket) => ({
    onData: (bytes: Buffer) => {
      received++
      if (received < messages) socket().write(received % 3 === 0 ? bytes : 'x'.repeat(1 + (received % 90)))
      return false
    },
    onEnd: () => undefined,
    onClose: () => undefined,
  })
  const listener = await listenOn(network, (socket) => {
    socket.reader = reader(() => socket)
    socket.shareReads()
    sockets.push(socket)
    socket.resume()
  })
  for (let i = 0; i < pairs; i++) {
    const socket: TcpSocket = network.connect(listener.endpoint, {
      ...reader(() => socket),
      onConnect: () => {
        socket.resume()
        socket.write(Buffer.alloc(i % 5 === 0 ? 200_000 : 10))
      },
    })
    sockets.push(socket)
  }
  while (received < messages) await new Promise((resolve) => setTimeout(resolve, 5))
  listener.close()
  for (const socket of sockets) socket.destroy()
  return received
}

// GUARDED_EVENTS=1000000 for a long run.
const events = Number(process.env['GUARDED_EVENTS'] ?? 20_000)

test(`${events} events leave the bytes around all memory of the kernel as they were`, { skip: linux }, async () => {
  const libc = new GuardedLibc()
  const network = networkOn(libc)
  const received = await pingPong(network, events)
  assert.ok(received >= events)
  const opened = Promise.withResolvers<void>()
  const udp = network.openDatagramSocket(
    { server: { address: '127.0.0.1', port: 1 }, receiveBufferBytes: 1 << 16 },
    { onReady: () => opened.resolve(), onMessage: () => undefined, onStray: () => undefined, onError: () => undefined },
  )
  await opened.promise
  for (let i = 0; i < 200; i++) udp.send(Buffer.alloc(700))
  await new Promise((resolve) => setTimeout(resolve, 20))
  udp.close()
  assert.ok(libc.check() >= 16)
})
