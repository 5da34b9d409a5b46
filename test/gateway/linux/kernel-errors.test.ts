// What the kernel may answer to a call, with real sockets: nothing is lost, nothing spins, and the listener stays. An
// answer that the kernel cannot be brought to give here is put in front of the call.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { EAGAIN, ECONNABORTED, EINPROGRESS, EINTR, type Functions } from '../../../gateway/linux/libc.ts'
import type { Network } from '../../../gateway/sockets/network.ts'
import type { TcpSocket } from '../../../gateway/sockets/tcp-socket.ts'
import { deafPort } from '../../support/tcp-ends.ts'
import { until } from '../../support/until.ts'
import { connection, Recorder } from '../sockets/recorded-connection.ts'
import { linux } from './require-linux.ts'
import { InterceptedLibc, networkOn } from './test-libc.ts'

const ENOMEM = 12
const ENFILE = 23
const ENOBUFS = 105

/** A network where every other call of these names fails with this error. */
function failing(names: readonly (keyof Functions)[], errno: number) {
  let calls = 0
  let failed = 0
  const network = networkOn(
    new InterceptedLibc((name, args, call) => {
      if (!names.includes(name) || calls++ % 2 === 1) return call(args)
      failed++
      return -errno
    }),
  )
  return { network, failed: () => failed }
}

/** Sends bytes to and fro, and compares them. */
async function exchange(t: TestContext, network: Network, size = 300_000): Promise<void> {
  const { socket, recorder, client, clientText } = await connection(t, network)
  const text = Array.from({ length: size / 10 }, (_, index) => String(index).padStart(10)).join('')
  socket.resume()
  client.write(text)
  socket.write(text)
  await until(() => recorder.received.length >= size && clientText().length >= size)
  assert.ok(recorder.received.toString() === text)
  assert.ok(clientText() === text)
  client.end()
  await recorder.ended.promise
  socket.end()
  assert.equal(await recorder.closed.promise, undefined)
  assert.ok(socket.endedInOrder)
}

for (const [code, errno] of [
  ['EINTR', EINTR],
  ['EAGAIN', EAGAIN],
] as const) {
  for (const name of ['read', 'write', 'accept4', 'epoll_wait'] as const) {
    if (name === 'epoll_wait' && code === 'EAGAIN') continue
    test(`${code} of ${name}: the call is made again, and no byte is lost`, { skip: linux }, async (t) => {
      const { network, failed } = failing([name], errno)
      await exchange(t, network)
      assert.ok(failed() > 0)
    })
  }
}

test('short writes: the rest follows', { skip: linux }, async (t) => {
  let short = 0
  const network = networkOn(
    new InterceptedLibc((name, args, call) => {
      const [fd = 0, pointer = 0n, length = 0] = args
      if (name !== 'write' || Number(length) < 8) return call(args)
      short++
      return call([fd, pointer, Math.ceil(Number(length) / 3)])
    }),
  )
  await exchange(t, network)
  assert.ok(short > 10)
})

test('ECONNABORTED of accept4: the next client is accepted', { skip: linux }, async (t) => {
  const { network, failed } = failing(['accept4'], ECONNABORTED)
  await exchange(t, network, 1000)
  assert.ok(failed() > 0)
})

test('EINPROGRESS: a connection that does not stand yet says nothing, and can be given up', { skip: linux }, async (t) => {
  let answered = 0
  const network = networkOn(
    new InterceptedLibc((name, args, call) => {
      const result = call(args)
      if (name === 'connect') answered = result
      return result
    }),
  )
  const recorder = Object.assign(new Recorder(), { onConnect: () => recorder.told.push('connect') })
  const socket = network.connect({ address: '127.0.0.1', port: await deafPort(t) }, recorder)
  await sleep(50)
  assert.equal(answered, -1)
  assert.deepEqual([recorder.told, socket.isWritable], [[], false])
  socket.destroy()
  assert.equal(await recorder.closed.promise, undefined)
})

for (const [code, errno] of [
  ['EINPROGRESS', EINPROGRESS],
  ['EINTR', EINTR],
] as const) {
  test(`${code} of connect: the connection is opened all the same`, { skip: linux }, async (t) => {
    const server = net.createServer((socket) => socket.end('220 hello\r\n')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const network = networkOn(
      new InterceptedLibc((name, args, call) => {
        const result = call(args)
        return name === 'connect' ? -errno : result
      }),
    )
    const recorder = Object.assign(new Recorder(), { onConnect: () => socket.resume() })
    const socket = network.connect({ address: '127.0.0.1', port: (server.address() as net.AddressInfo).port }, recorder)
    t.after(() => socket.destroy())
    await recorder.has('220 hello\r\n')
  })
}

/** A listener of which the test counts the calls of accept4 and the reported failures. */
async function countedListener(t: TestContext, errno: () => number | undefined) {
  const count = { accepts: 0, failures: [] as string[] }
  const taken: TcpSocket[] = []
  const network = networkOn(
    new InterceptedLibc((name, args, call) => {
      if (name !== 'accept4') return call(args)
      count.accepts++
      const fault = errno()
      return fault === undefined ? call(args) : -fault
    }),
  )
  const listener = await network.listen({
    endpoint: { address: '127.0.0.1', port: 0 },
    isShared: false,
    accept: (socket) => taken.push(socket),
    failed: (error) => count.failures.push((error as NodeJS.ErrnoException).code ?? ''),
  })
  t.after(() => {
    listener.close()
    for (const socket of taken) socket.destroy()
  })
  return { listener, network, count, taken }
}

for (const [code, errno] of [
  ['ENFILE', ENFILE],
  ['ENOBUFS', ENOBUFS],
  ['ENOMEM', ENOMEM],
] as const) {
  test(`${code} of accept4: the listener rests, and accepts the client afterwards`, { skip: linux }, async (t) => {
    let isShort = true
    const { listener, count, taken } = await countedListener(t, () => (isShort ? errno : undefined))
    const client = net.connect(listener.endpoint.port, '127.0.0.1')
    t.after(() => client.destroy())
    const began = performance.now()
    await until(() => count.accepts >= 4)
    const ms = performance.now() - began
    assert.ok(ms > 250, `it asked the kernel again after less than 100 ms: ${count.accepts} calls in ${ms} ms`)
    assert.deepEqual(new Set(count.failures), new Set([code]))
    assert.ok(listener.isListening)
    isShort = false
    await until(() => taken.length === 1)
  })
}

/** Lets this process open no more descriptors, until the returned function is called. */
function withoutDescriptors(t: TestContext): () => void {
  const limit = /Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? '1024'
  const prlimit = (soft: string): string => `prlimit --pid ${process.pid} --nofile=${soft}:`
  // Started before, because it needs descriptors.
  const restoring = spawn('sh', ['-c', `read -r line; ${prlimit(limit)}`], { stdio: ['pipe', 'ignore', 'inherit'] })
  const restore = (): void => void restoring.stdin.end('\n')
  t.after(restore)
  // Numbers below 3 are in use.
  assert.equal(spawnSync('sh', ['-c', prlimit('3')], { stdio: 'inherit' }).status, 0)
  return restore
}

test('EMFILE: with no free descriptor, the listener rests, and accepts the client afterwards', { skip: linux }, async (t) => {
  const { listener, network, count, taken } = await countedListener(t, () => undefined)
  // It is established at once, before our side of it has a descriptor.
  const client = network.connect(listener.endpoint, Object.assign(new Recorder(), { onConnect: () => undefined }))
  t.after(() => client.destroy())
  const began = performance.now()
  const restore = withoutDescriptors(t)
  await until(() => count.failures.length > 0 || taken.length > 0)
  await sleep(300)
  assert.deepEqual([new Set(count.failures), taken.length], [new Set(['EMFILE']), 0])
  const ms = performance.now() - began
  assert.ok(count.accepts <= 3 + ms / 90, `${count.accepts} calls in ${ms} ms`)
  restore()
  await until(() => taken.length === 1)
})
