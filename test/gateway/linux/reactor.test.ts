// The reactor with real descriptors: who is told, what a closed number's late events lead to, and that Node's own event loop goes on.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { AF_INET, EPOLLIN, EPOLLOUT, type Libc, loadLibc, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK } from '../../../gateway/linux/libc.ts'
import { Reactor } from '../../../gateway/linux/reactor.ts'
import { sockaddrLength, writeSocketAddress } from '../../../gateway/linux/socket-address.ts'
import { linux } from './require-linux.ts'

const libc = loadLibc() as Libc

function reactorFor(t: TestContext): Reactor {
  const reactor = new Reactor(libc)
  t.after(() => reactor.close())
  return reactor
}

/** A UDP socket that is connected to itself: what it sends, it receives. */
function echo(): { readonly fd: number; say(): void; hear(): void } {
  const { c } = libc
  const fd = libc.result(c.socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))
  assert.ok(fd >= 0)
  const memory = libc.allocate(sockaddrLength)
  const length = libc.allocate(4)
  writeSocketAddress(memory.bytes, { address: '127.0.0.1', port: 0 })
  assert.equal(libc.result(c.bind(fd, memory.pointer, 16)), 0)
  length.bytes.writeUInt32LE(sockaddrLength, 0)
  assert.equal(libc.result(c.getsockname(fd, memory.pointer, length.pointer)), 0)
  assert.equal(libc.result(c.connect(fd, memory.pointer, 16)), 0)
  return {
    fd,
    say: () => assert.equal(libc.result(c.write(fd, memory.pointer, 1)), 1),
    hear: () => void c.read(fd, memory.pointer, 1),
  }
}

test('a watcher is told when its descriptor can be read, and no longer after it has read', { skip: linux }, async (t) => {
  const reactor = reactorFor(t)
  const { fd, say, hear } = echo()
  t.after(() => libc.c.close(fd))
  let told = 0
  const first = Promise.withResolvers<number>()
  reactor.add(fd, EPOLLIN, {
    ready: (events) => {
      told++
      hear()
      first.resolve(events)
    },
  })
  say()
  assert.equal(await first.promise, EPOLLIN)
  await sleep(20)
  assert.equal(told, 1)
})

test('ticks and promises run behind a batch, as behind events of Node', { skip: linux }, async (t) => {
  const reactor = reactorFor(t)
  const { fd, say, hear } = echo()
  t.after(() => libc.c.close(fd))
  const order: string[] = []
  const done = Promise.withResolvers<void>()
  reactor.add(fd, EPOLLIN, {
    ready: () => {
      hear()
      order.push('ready')
      void Promise.resolve().then(() => order.push('promise'))
      process.nextTick(() => order.push('tick'))
      setTimeout(() => done.resolve(), 1)
    },
  })
  say()
  await done.promise
  assert.deepEqual(order, ['ready', 'tick', 'promise'])
})

/** A reactor that takes every event for one of the present owner of its number. */
class TrustingReactor extends Reactor {
  protected override isCurrent(): boolean {
    return true
  }
}

/**
 * Two sockets can be read in one batch. The first one told closes the other, and a new socket gets its number.
 * @returns who was told of the two events
 */
async function reuseNumberInBatch(t: TestContext, reactor: Reactor): Promise<readonly string[]> {
  const sockets = [echo(), echo()] as const
  const heard: string[] = []
  const done = Promise.withResolvers<void>()
  const watch = (own: 0 | 1): void => {
    const other = sockets[own === 0 ? 1 : 0]
    reactor.add(sockets[own].fd, EPOLLIN, {
      ready: () => {
        heard.push('old')
        sockets[own].hear()
        reactor.closeDescriptor(other.fd)
        const reused = echo()
        assert.equal(reused.fd, other.fd)
        reactor.add(reused.fd, EPOLLIN, { ready: () => void heard.push('new') })
        setTimeout(() => done.resolve(), 20)
      },
    })
  }
  watch(0)
  watch(1)
  for (const { say } of sockets) say()
  await done.promise
  t.after(() => sockets.forEach(({ fd }) => libc.c.close(fd)))
  return heard
}

test('an event for a number that was closed in the same batch does not reach the new owner of the number', { skip: linux }, async (t) => {
  const reactor = reactorFor(t)
  assert.deepEqual(await reuseNumberInBatch(t, reactor), ['old'])
  assert.equal(reactor.staleEvents, 1)
})

test('without the check of generations it does reach the new owner', { skip: linux }, async (t) => {
  const reactor = new TrustingReactor(libc)
  t.after(() => reactor.close())
  assert.deepEqual(await reuseNumberInBatch(t, reactor), ['old', 'new'])
  assert.equal(reactor.staleEvents, 0)
})

test('a storm of closes and new sockets: nothing is told of what a closed socket had received', { skip: linux }, async (t) => {
  const reactor = reactorFor(t)
  let wrong = 0
  let closed = 0
  for (let round = 0; round < 50; round++) {
    const old = Array.from({ length: 40 }, echo)
    for (const { fd, say } of old) {
      reactor.add(fd, EPOLLIN, {
        ready: () => {
          for (const one of old.splice(0)) {
            reactor.closeDescriptor(one.fd)
            closed++
          }
          // They get the numbers of those, and have received nothing.
          const fresh = Array.from({ length: 40 }, echo)
          for (const one of fresh) reactor.add(one.fd, EPOLLIN, { ready: () => wrong++ })
          setImmediate(() => {
            for (const one of fresh) {
              reactor.closeDescriptor(one.fd)
            }
          })
        },
      })
      say()
    }
    await sleep(1)
  }
  assert.equal(closed, 2000)
  assert.equal(wrong, 0)
  assert.equal(reactor.staleEvents, 50 * 39)
})

test('a descriptor that is no longer watched stays open and reports nothing, until it is watched again', { skip: linux }, async (t) => {
  const reactor = reactorFor(t)
  const { fd, say, hear } = echo()
  t.after(() => libc.c.close(fd))
  let told = 0
  reactor.add(fd, EPOLLIN, { ready: () => told++ })
  reactor.remove(fd)
  assert.equal(reactor.size, 0)
  say()
  await sleep(20)
  assert.deepEqual({ told, stale: reactor.staleEvents }, { told: 0, stale: 0 })
  const again = Promise.withResolvers<void>()
  reactor.add(fd, EPOLLIN, {
    ready: () => {
      hear()
      again.resolve()
    },
  })
  await again.promise
})

test('what is waited for can be changed', { skip: linux }, async (t) => {
  const reactor = reactorFor(t)
  const { fd } = echo()
  t.after(() => libc.c.close(fd))
  const told = Promise.withResolvers<number>()
  reactor.add(fd, EPOLLIN, {
    ready: (events) => {
      reactor.change(fd, EPOLLIN)
      told.resolve(events)
    },
  })
  reactor.change(fd, EPOLLIN | EPOLLOUT)
  assert.equal(await told.promise, EPOLLOUT)
})

test('a descriptor that epoll cannot watch is refused with the error of the system', { skip: linux }, (t) => {
  const reactor = reactorFor(t)
  assert.equal(reactor.add(987_654, EPOLLIN, { ready: () => undefined }), -9)
  assert.equal(reactor.size, 0)
})

test(
  'what a watcher throws is an uncaught exception, as in a listener of Node, and the other watchers are told all the same',
  {
    skip: linux,
  },
  async (t) => {
    const reactor = reactorFor(t)
    const bad = echo()
    const good = echo()
    t.after(() => [bad, good].forEach(({ fd }) => libc.c.close(fd)))
    const thrown = Promise.withResolvers<unknown>()
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', (error) => thrown.resolve(error))
    t.after(() => {
      for (const listener of listeners) process.on('uncaughtException', listener)
    })
    const told = Promise.withResolvers<void>()
    reactor.add(bad.fd, EPOLLIN, {
      ready: () => {
        bad.hear()
        throw new Error('a mistake')
      },
    })
    reactor.add(good.fd, EPOLLIN, {
      ready: () => {
        good.hear()
        told.resolve()
      },
    })
    bad.say()
    good.say()
    assert.match(String(await thrown.promise), /a mistake/)
    await told.promise
  },
)
