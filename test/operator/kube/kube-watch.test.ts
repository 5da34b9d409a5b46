// What the client makes of a watch: whole events only, bounded, and an end in any case.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import type { KubeClient } from '../../../operator/kube/kube-client.ts'
import { resources } from '../../../operator/kube/resource.ts'
import { type WatchEvent, watchEvents } from '../../../operator/kube/watch-event.ts'
import { policy } from './objects.ts'
import { ScriptedApiServer, statusOf } from './scripted-api-server.ts'
import { until } from './virtual-clock.ts'
import { failure, withClient } from './with-client.ts'

const { PostscreenPolicy, ConfigMap } = resources
let server: ScriptedApiServer
before(async () => {
  server = await ScriptedApiServer.start()
})
after(() => server.close())

interface Watching {
  readonly events: WatchEvent[]
  /** Resolves at the end of the watch. */
  readonly ended: Promise<void>
  readonly giveUp: AbortController
}

function watching(client: KubeClient, opened?: () => void): Watching {
  const events: WatchEvent[] = []
  const giveUp = new AbortController()
  const options = { namespace: 'mail', resourceVersion: '5', timeoutSeconds: 300, ...(opened === undefined ? {} : { opened }) }
  const read = async (): Promise<void> => {
    for await (const event of client.watch(PostscreenPolicy, options, giveUp.signal)) events.push(event)
  }
  return { events, ended: read(), giveUp }
}

test('a watch tells events and bookmarks, from a version on, until the server ends it', () =>
  withClient(server, async (client) => {
    let isOpen = false
    const { events, ended } = watching(client, () => {
      isOpen = true
    })
    const arrival = await server.next()
    assert.equal(arrival.path, '/apis/postscreen.dev/v1alpha1/namespaces/mail/postscreenpolicies')
    assert.deepEqual(Object.fromEntries(arrival.query), {
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: '5',
      timeoutSeconds: '300',
    })
    assert.ok(!isOpen)
    arrival.begin()
    await until(() => isOpen, 'the beginning of the answer')
    arrival.event('ADDED', policy('a', '6'))
    arrival.event('MODIFIED', policy('a', '7'))
    arrival.bookmark('9')
    arrival.event('DELETED', policy('a', '10'))
    arrival.end()
    await ended
    assert.deepEqual(events, [
      { type: 'ADDED', object: policy('a', '6') },
      { type: 'MODIFIED', object: policy('a', '7') },
      { type: 'BOOKMARK', resourceVersion: '9' },
      { type: 'DELETED', object: policy('a', '10') },
    ])
  }))

test('a watch of metadata only gives objects of the kind', () =>
  withClient(server, async (client) => {
    const giveUp = new AbortController()
    const options = { resourceVersion: '5', timeoutSeconds: 300, metadataOnly: true }
    const first = client.watch(ConfigMap, options, giveUp.signal)[Symbol.asyncIterator]().next()
    const arrival = await server.next()
    assert.equal(arrival.headers.accept, 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1')
    arrival.event('ADDED', { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: { name: 'a' } })
    assert.deepEqual((await first).value, { type: 'ADDED', object: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a' } } })
    giveUp.abort()
  }))

const badLines: readonly [what: string, line: string, reason: string][] = [
  ['malformed JSON', '{"type":"ADDED","object":{"secret-word"\n', 'BadAnswer'],
  ['an empty line', '\n', 'BadAnswer'],
  ['no event', '[]\n', 'BadAnswer'],
  ['an event of an unknown type', '{"type":"constructor","object":{}}\n', 'BadAnswer'],
  ['an event without an object', '{"type":"ADDED"}\n', 'BadAnswer'],
  ['an object of another kind', '{"type":"ADDED","object":{"kind":"Secret","apiVersion":"v1","metadata":{"name":"a"}}}\n', 'BadAnswer'],
  ['a bookmark without a version', '{"type":"BOOKMARK","object":{"metadata":{}}}\n', 'BadAnswer'],
  ['half a line', '{"type":"ADDED",', 'NoConnection'],
  ['a line of 2000 bytes', `${' '.repeat(2000)}\n`, 'TooLarge'],
  ['ERROR 410', `${JSON.stringify({ type: 'ERROR', object: statusOf(410, 'Expired', 'too old') })}\n`, 'Expired'],
  ['ERROR 500', `${JSON.stringify({ type: 'ERROR', object: statusOf(500, 'InternalError') })}\n`, 'InternalError'],
  ['ERROR without sense', '{"type":"ERROR","object":7}\n', ''],
]

for (const [what, line, reason] of badLines) {
  test(`${what} ends the watch with an error, after what came before`, () =>
    withClient(
      server,
      async (client) => {
        const { events, ended } = watching(client)
        const result = failure(ended)
        const arrival = await server.next()
        arrival.event('ADDED', policy('a', '6'))
        arrival.raw(line)
        arrival.end()
        const error = await result
        assert.equal(error.reason, reason)
        assert.ok(!error.message.includes('secret-word'))
        assert.equal(events.length, 1)
        await until(() => arrival.isAbandoned, 'hanging up')
      },
      { limits: { event: 1000 } },
    ))
}

test('a line without end is given up when it is too long', () =>
  withClient(
    server,
    async (client) => {
      const result = failure(watching(client).ended)
      const arrival = await server.next()
      for (let piece = 0; piece < 20; piece++) arrival.raw(' '.repeat(100))
      assert.equal((await result).reason, 'TooLarge')
      await until(() => arrival.isAbandoned, 'hanging up')
    },
    { limits: { event: 1000 } },
  ))

test('a watch that is refused is an error', () =>
  withClient(server, async (client) => {
    const result = failure(watching(client).ended)
    ;(await server.next()).refuse(429, 'TooManyRequests', 'later', { 'retry-after': '3' })
    const error = await result
    assert.deepEqual([error.status, error.retryAfterMs], [429, 3000])
  }))

test('a watch that is broken off is an error', () =>
  withClient(server, async (client) => {
    const { events, ended } = watching(client)
    const result = failure(ended)
    const arrival = await server.next()
    arrival.event('ADDED', policy('a', '6'))
    await until(() => events.length === 1, 'the event')
    arrival.cut()
    assert.equal((await result).reason, 'NoConnection')
  }))

test('a watch whose answer does not begin is given up after 30 s', () =>
  withClient(server, async (client, clock) => {
    const result = failure(watching(client).ended)
    const arrival = await server.next()
    clock.move(30_000)
    assert.equal((await result).reason, 'Timeout')
    await until(() => arrival.isAbandoned, 'hanging up')
  }))

test('a watch that stalls is given up 15 s after its time', () =>
  withClient(server, async (client, clock) => {
    const { events, ended } = watching(client)
    const result = failure(ended)
    const arrival = await server.next()
    arrival.event('ADDED', policy('a', '6'))
    await until(() => events.length === 1, 'the event')
    assert.deepEqual(clock.waits, [315_000])
    clock.move(315_000)
    assert.equal((await result).reason, 'Timeout')
    await until(() => arrival.isAbandoned, 'hanging up')
  }))

test('a watch that its caller gives up ends at once', () =>
  withClient(server, async (client) => {
    const { ended, giveUp } = watching(client)
    const result = failure(ended)
    const arrival = await server.next()
    arrival.begin()
    giveUp.abort()
    assert.equal((await result).reason, 'Aborted')
    await until(() => arrival.isAbandoned, 'hanging up')
  }))

test('a watch that its reader leaves ends at once', () =>
  withClient(server, async (client) => {
    const read = async (): Promise<void> => {
      const options = { resourceVersion: '5', timeoutSeconds: 300 }
      for await (const event of client.watch(PostscreenPolicy, options, new AbortController().signal)) {
        if (event.type === 'ADDED') return
      }
    }
    const done = read()
    const arrival = await server.next()
    arrival.event('ADDED', policy('a', '6'))
    await done
    await until(() => arrival.isAbandoned, 'hanging up')
  }))

test('watches do not take the place of requests', () =>
  withClient(
    server,
    async (client) => {
      const watches = Array.from({ length: 5 }, () => watching(client))
      for (const _ of watches) (await server.next()).begin()
      const result = client.get(PostscreenPolicy, 'mail', 'a')
      ;(await server.next()).json(200, policy('a', '1'))
      assert.deepEqual(await result, policy('a', '1'))
      for (const { giveUp, ended } of watches) {
        giveUp.abort()
        await failure(ended)
      }
    },
    { requestsAtOnce: 1 },
  ))

test('it does not matter into which pieces the network cuts the events', async () => {
  const names = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  await fc.assert(
    fc.asyncProperty(fc.array(names, { maxLength: 8 }), fc.infiniteStream(fc.integer({ min: 1, max: 40 })), async (wanted, sizes) => {
      const objects = wanted.map((name, index) => policy(name, String(index)))
      const text = objects.map((object) => `${JSON.stringify({ type: 'ADDED', object })}\n`).join('')
      const got: unknown[] = []
      for await (const event of watchEvents(cut(Buffer.from(text), sizes), PostscreenPolicy, 10_000)) got.push(event)
      assert.deepEqual(
        got,
        objects.map((object) => ({ type: 'ADDED', object: JSON.parse(JSON.stringify(object)) as object })),
      )
    }),
  )
})

async function* cut(bytes: Buffer, sizes: Iterator<number>): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length;) {
    const size = Number(sizes.next().value)
    yield bytes.subarray(at, at + size)
    at += size
    await Promise.resolve()
  }
}
