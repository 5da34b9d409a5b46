// The reflector has the right objects in the end, whatever the server and the network do.

import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { connectKube } from '../../../operator/kube/kube-client.ts'
import { type ListWatch, type ListWatchOptions, listWatch } from '../../../operator/kube/list-watch.ts'
import type { KubeObject, ResourceKey } from '../../../operator/kube/object.ts'
import { resources } from '../../../operator/kube/resource.ts'
import { policy } from './objects.ts'
import { type Arrival, ScriptedApiServer, statusOf } from './scripted-api-server.ts'
import { until, VirtualClock } from './virtual-clock.ts'

let server: ScriptedApiServer
beforeEach(async () => {
  server = await ScriptedApiServer.start()
})
afterEach(() => server.close())

/** A reflector under test, with everything that it told. */
class Reflection {
  /** The reflector's; its only timers are its pauses. */
  readonly clock = new VirtualClock()
  /** The client's; its only timers are the time limits of requests. */
  readonly limits = new VirtualClock()
  readonly client = connectKube({
    kubeconfig: server.kubeconfig,
    userAgent: 'test/1',
    clock: this.limits,
    limits: { event: 4000, list: 8000 },
  })
  readonly changes: string[] = []
  readonly troubles: string[] = []
  /** What the lots come to. */
  lot = 0.5
  readonly reflector: ListWatch

  constructor(options: Partial<ListWatchOptions> = {}) {
    this.reflector = listWatch({
      client: this.client,
      resource: resources.PostscreenPolicy,
      onChange: (key, object) => this.changes.push(`${key} ${object === undefined ? 'gone' : (object.metadata.resourceVersion ?? 'kept')}`),
      onTrouble: (text) => this.troubles.push(text),
      clock: this.clock,
      random: () => this.lot,
      ...options,
    })
  }

  /** The changes since this was last asked. */
  told(): string[] {
    return this.changes.splice(0)
  }

  async tells(...expected: string[]): Promise<void> {
    await until(() => this.changes.length >= expected.length, expected.join(', '))
    assert.deepEqual(this.told(), expected)
  }

  /** What the store holds. */
  get held(): string[] {
    return this.reflector.store.list().map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`)
  }

  /** Waits for a back-off; returns how long it is, in milliseconds. */
  async pause(): Promise<number> {
    await until(() => this.clock.pending === 1, 'a pause')
    return this.clock.waits[0] ?? 0
  }

  /** Lets the back-off pass, and takes the request that follows. */
  async retry(): Promise<Arrival> {
    this.clock.move(await this.pause())
    return server.next()
  }

  /** From the start to a watch from version 5, with policy `a` in the store. */
  async begin(): Promise<Arrival> {
    ;(await server.next()).list('5', [policy('a', '3')])
    const watch = await server.next()
    assert.equal(watch.query.get('resourceVersion'), '5')
    watch.begin()
    await this.reflector.synced
    assert.deepEqual(this.told(), ['mail/a 3'])
    return watch
  }
}

/** Runs `use` with a reflector; afterwards nothing may be left of it. */
async function withReflector(use: (one: Reflection) => Promise<void>, options: Partial<ListWatchOptions> = {}): Promise<void> {
  const one = new Reflection(options)
  try {
    await use(one)
  } finally {
    await one.reflector.stop()
    assert.equal(one.clock.pending + one.limits.pending, 0, 'timers are left')
    await one.client.close()
  }
  await until(() => server.connections === 0, 'the end of all connections')
}

test('it lists, then watches from the version of the list, with bookmarks and a time between 4 and 8 minutes', () =>
  withReflector(async (one) => {
    const list = await server.next()
    assert.deepEqual(Object.fromEntries(list.query), { limit: '500' })
    assert.equal(one.reflector.lastHeardAt, undefined)
    list.list('5', [policy('a', '3'), policy('b', '4')])
    const watch = await server.next()
    assert.equal(watch.query.get('allowWatchBookmarks'), 'true')
    assert.equal(watch.query.get('resourceVersion'), '5')
    assert.equal(watch.query.get('timeoutSeconds'), '360')
    await one.reflector.synced
    assert.deepEqual(one.told(), ['mail/a 3', 'mail/b 4'])
    one.clock.move(1000)
    watch.event('MODIFIED', policy('a', '6'))
    await one.tells('mail/a 6')
    assert.equal(one.reflector.lastHeardAt, Date.UTC(2026, 0, 1, 0, 0, 1))
    watch.event('DELETED', policy('b', '7'))
    watch.event('ADDED', policy('c', '8'))
    await one.tells('mail/b gone', 'mail/c 8')
    assert.equal(one.reflector.store.get('mail/a')?.metadata.resourceVersion, '6')
    assert.equal(one.reflector.store.get('mail/b'), undefined)
    assert.equal(one.reflector.store.size, 2)
    assert.deepEqual(one.troubles, [])
  }))

test('the duration of a watch is random', () =>
  withReflector(async (one) => {
    one.lot = 0
    const first = await one.begin()
    assert.equal(first.query.get('timeoutSeconds'), '240')
    one.lot = 0.9999
    first.end()
    assert.equal((await one.retry()).query.get('timeoutSeconds'), '479')
  }))

test('it asks for the namespace, the labels and the metadata it was told to', () =>
  withReflector(
    async () => {
      const list = await server.next()
      assert.equal(list.path, '/apis/postscreen.dev/v1alpha1/namespaces/mail/postscreenpolicies')
      assert.deepEqual(Object.fromEntries(list.query), { labelSelector: 'a=b', fieldSelector: 'metadata.name=x', limit: '2' })
      assert.match(list.headers.accept ?? '', /PartialObjectMetadataList/)
      list.list('5', [])
      const watch = await server.next()
      assert.equal(watch.path, '/apis/postscreen.dev/v1alpha1/namespaces/mail/postscreenpolicies')
      assert.equal(watch.query.get('labelSelector'), 'a=b')
      assert.equal(watch.query.get('fieldSelector'), 'metadata.name=x')
      assert.match(watch.headers.accept ?? '', /PartialObjectMetadata;/)
    },
    { namespace: 'mail', labelSelector: 'a=b', fieldSelector: 'metadata.name=x', metadataOnly: true, pageSize: 2 },
  ))

test('pages are put together, and watched from the version of the first', () =>
  withReflector(async (one) => {
    ;(await server.next()).list('5', [policy('a', '3')], 'page-2')
    const second = await server.next()
    assert.deepEqual(Object.fromEntries(second.query), { limit: '500', continue: 'page-2' })
    second.list('6', [policy('b', '4')])
    assert.equal((await server.next()).query.get('resourceVersion'), '5')
    assert.deepEqual(one.told(), ['mail/a 3', 'mail/b 4'])
  }))

test('when a page has expired, the list starts again, and objects that are not in it are removed', () =>
  withReflector(async (one) => {
    ;(await server.next()).list('5', [policy('a', '3')], 'page-2')
    ;(await server.next()).refuse(410, 'Expired')
    const again = await one.retry()
    assert.equal(again.query.get('continue'), null)
    again.list('9', [policy('b', '4')])
    assert.equal((await server.next()).query.get('resourceVersion'), '9')
    assert.deepEqual(one.told(), ['mail/a 3', 'mail/b 4', 'mail/a gone'])
    assert.deepEqual(one.troubles, [])
  }))

test('a list that is too long is asked for in smaller pages', () =>
  withReflector(
    async (one) => {
      ;(await server.next()).list('5', [policy('a', '3', { spec: 'x'.repeat(9000) })])
      const again = await one.retry()
      assert.equal(again.query.get('limit'), '2')
      assert.match(one.troubles[0] ?? '', /more than 8000 bytes/)
    },
    { pageSize: 8 },
  ))

test('bookmarks move the version on', () =>
  withReflector(async (one) => {
    const watch = await one.begin()
    watch.event('MODIFIED', policy('a', '6'))
    watch.bookmark('70')
    watch.bookmark('8')
    watch.end()
    assert.equal((await one.retry()).query.get('resourceVersion'), '70')
    assert.deepEqual(one.told(), ['mail/a 6'])
    assert.deepEqual(one.troubles, [])
  }))

test('events that were told before, or are older than what is known, change nothing', () =>
  withReflector(async (one) => {
    const watch = await one.begin()
    watch.event('MODIFIED', policy('a', '10'))
    watch.event('MODIFIED', policy('a', '10'))
    watch.event('MODIFIED', policy('a', '9'))
    watch.event('DELETED', policy('a', '9'))
    watch.event('DELETED', policy('a', '11'))
    watch.event('DELETED', policy('a', '11'))
    watch.event('MODIFIED', policy('a', '10'))
    watch.event('ADDED', policy('b', '12'))
    await one.tells('mail/a 10', 'mail/a gone', 'mail/b 12')
    assert.deepEqual(one.held, ['b 12'])
  }))

test('versions that are not numbers are accepted in the order of their arrival', () =>
  withReflector(async (one) => {
    const watch = await one.begin()
    watch.event('MODIFIED', policy('a', 'x9'))
    watch.event('MODIFIED', policy('a', 'x9'))
    watch.event('MODIFIED', policy('a', 'x10'))
    await one.tells('mail/a x9', 'mail/a x10')
    watch.end()
    assert.equal((await one.retry()).query.get('resourceVersion'), 'x10')
  }))

const gone: readonly [what: string, answer: (arrival: Arrival) => void][] = [
  ['a 410', (arrival) => arrival.refuse(410, 'Expired')],
  ['an ERROR event 410', (arrival) => arrival.event('ERROR', statusOf(410, 'Expired'))],
  ['an event that makes no sense', (arrival) => arrival.raw('{"type":"ADDED"\n')],
  ['an event that is too long', (arrival) => arrival.event('ADDED', policy('a', '6', { spec: 'x'.repeat(5000) }))],
]

for (const [what, answer] of gone) {
  test(`after ${what} it lists again, and tells only what is different`, () =>
    withReflector(async (one) => {
      const first = await one.begin()
      first.event('ADDED', policy('b', '6'))
      first.event('ADDED', policy('c', '7'))
      await one.tells('mail/b 6', 'mail/c 7')
      first.end()
      answer(await one.retry())
      const list = await one.retry()
      assert.ok(!list.isWatch)
      assert.deepEqual(one.told(), [])
      list.list('20', [policy('c', '9'), policy('a', '3'), policy('d', '11')])
      const watch = await server.next()
      assert.equal(watch.query.get('resourceVersion'), '20')
      assert.deepEqual(one.told(), ['mail/c 9', 'mail/d 11', 'mail/b gone'])
      assert.deepEqual(one.held, ['a 3', 'c 9', 'd 11'])
    }))
}

const ends: readonly [what: string, end: (arrival: Arrival) => void, trouble: RegExp | undefined][] = [
  ['that the server ends', (arrival) => arrival.end(), undefined],
  ['that is broken off', (arrival) => arrival.cut(), /watch postscreenpolicies: /],
  [
    'that ends in the middle of a line',
    (arrival) => {
      arrival.raw('{"type":"ADD')
      arrival.end()
    },
    /in the middle/,
  ],
  [
    'with an ERROR event 500',
    (arrival) => arrival.event('ERROR', statusOf(500, 'InternalError', 'etcd\nis ill')),
    /500 InternalError: etcd\\u000ais ill/,
  ],
]

for (const [what, end, trouble] of ends) {
  test(`after a watch ${what} it watches on from the last version`, () =>
    withReflector(async (one) => {
      const first = await one.begin()
      first.event('MODIFIED', policy('a', '6'))
      await one.tells('mail/a 6')
      end(first)
      const second = await one.retry()
      assert.ok(second.isWatch)
      assert.equal(second.query.get('resourceVersion'), '6')
      assert.equal(one.troubles.length, trouble === undefined ? 0 : 1)
      if (trouble !== undefined) assert.match(one.troubles[0] ?? '', trouble)
      second.event('MODIFIED', policy('a', '7'))
      await one.tells('mail/a 7')
    }))
}

test('a watch that stalls is given up 15 s after its time, and goes on from the last bookmark', () =>
  withReflector(async (one) => {
    const watch = await one.begin()
    await until(() => one.limits.waits[0] === 375_000, 'the time of the watch')
    one.clock.move(1)
    watch.bookmark('50')
    await until(() => one.reflector.lastHeardAt === one.clock.epoch(), 'the bookmark')
    one.limits.move(374_999)
    assert.ok(!watch.isAbandoned)
    one.limits.move(1)
    const second = await one.retry()
    assert.equal(second.query.get('resourceVersion'), '50')
    assert.match(one.troubles[0] ?? '', /not done within 375 s/)
    await until(() => watch.isAbandoned, 'hanging up')
  }))

test('a list that is never answered is given up after 30 s', () =>
  withReflector(async (one) => {
    const list = await server.next()
    one.limits.move(30_000)
    const again = await one.retry()
    assert.ok(!again.isWatch)
    await until(() => list.isAbandoned, 'hanging up')
    again.list('5', [])
    await one.reflector.synced
  }))

test('while the server is away it waits up to 0.5, 1, 2, 4, 8, 16 and then 30 s', () =>
  withReflector(async (one) => {
    const watch = await one.begin()
    watch.event('ADDED', policy('b', '6'))
    await one.tells('mail/b 6')
    one.lot = 1
    await server.down()
    const waits: number[] = []
    for (let attempt = 0; attempt < 9; attempt++) {
      const ms = await one.pause()
      waits.push(ms)
      one.clock.move(ms)
    }
    assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
    one.lot = 0.5
    await one.pause()
    await server.resume()
    const second = await one.retry()
    assert.equal(second.query.get('resourceVersion'), '6')
    second.event('MODIFIED', policy('b', '7'))
    await one.tells('mail/b 7')
    second.end()
    one.lot = 1
    assert.equal(await one.pause(), 500)
  }))

test('a deletion that was missed while the server was away is told after the list', () =>
  withReflector(async (one) => {
    const first = await one.begin()
    first.event('ADDED', policy('b', '6'))
    await one.tells('mail/b 6')
    await server.down()
    await one.pause()
    await server.resume()
    ;(await one.retry()).refuse(410, 'Expired')
    ;(await one.retry()).list('90', [policy('b', '6')])
    await one.tells('mail/a gone')
    assert.deepEqual(one.held, ['b 6'])
  }))

for (const status of [429, 503]) {
  test(`a ${status} with Retry-After is respected`, () =>
    withReflector(async (one) => {
      ;(await server.next()).refuse(status, 'Busy', 'later', { 'retry-after': '7' })
      assert.equal(await one.pause(), 7250)
      const again = await one.retry()
      again.list('5', [])
      ;(await server.next()).refuse(status, 'Busy', 'later', { 'retry-after': '7' })
      assert.equal(await one.pause(), 7250)
      assert.equal((await one.retry()).query.get('resourceVersion'), '5')
    }))
}

test('a server that accepts watches and ends them at once is asked less and less', () =>
  withReflector(async (one) => {
    const first = await one.begin()
    one.lot = 1
    first.end()
    const waits: number[] = []
    for (let attempt = 0; attempt < 4; attempt++) {
      waits.push(await one.pause())
      const watch = await one.retry()
      watch.begin()
      watch.end()
    }
    assert.deepEqual(waits, [500, 1000, 2000, 4000])
    await one.pause()
  }))

test('a server whose lists are always too old is asked less and less', () =>
  withReflector(async (one) => {
    ;(await server.next()).list('5', [])
    one.lot = 1
    ;(await server.next()).refuse(410, 'Expired')
    const waits: number[] = []
    for (let attempt = 0; attempt < 4; attempt++) {
      waits.push(await one.pause())
      ;(await one.retry()).list('5', [])
      ;(await server.next()).refuse(410, 'Expired')
    }
    assert.deepEqual(waits, [500, 1000, 2000, 4000])
    await one.pause()
  }))

test('a handler that throws is reported and does no harm', () => {
  const seen: ResourceKey[] = []
  return withReflector(
    async (one) => {
      ;(await server.next()).list('5', [policy('a', '3'), policy('b', '4')])
      const watch = await server.next()
      watch.event('MODIFIED', policy('a', '6'))
      watch.event('MODIFIED', policy('b', '7'))
      await until(() => seen.length === 4, 'all changes')
      assert.deepEqual(seen, ['mail/a', 'mail/b', 'mail/a', 'mail/b'])
      assert.deepEqual(one.held, ['a 6', 'b 7'])
      await until(() => one.troubles.length === 5, 'all reports')
      assert.equal(one.troubles[0], 'postscreenpolicies mail/a: no\\u000a')
      assert.equal(one.troubles[2], 'postscreenpolicies: not now')
    },
    {
      onChange: (key) => {
        seen.push(key)
        throw new Error('no\n')
      },
      onSynced: () => {
        throw new Error('not now')
      },
    },
  )
})

test('only what is kept of an object is stored, and one that is not kept counts as gone', () => {
  const keep = (object: KubeObject): KubeObject | undefined => {
    if (object['spec'] === 'bad') throw new Error('unreadable')
    if (object['spec'] === 'none') return undefined
    return { apiVersion: object.apiVersion, kind: object.kind, metadata: { name: object.metadata.name } }
  }
  return withReflector(
    async (one) => {
      ;(await server.next()).list('5', [
        policy('a', '3', { spec: 'big' }),
        policy('b', '4', { spec: 'none' }),
        policy('c', '4', { spec: 'bad' }),
      ])
      const watch = await server.next()
      assert.deepEqual(one.told(), ['mail/a kept'])
      assert.deepEqual(one.reflector.store.list(), [
        { apiVersion: 'postscreen.dev/v1alpha1', kind: 'PostscreenPolicy', metadata: { name: 'a' } },
      ])
      assert.deepEqual(one.troubles, ['postscreenpolicies mail/c is ignored: unreadable'])
      watch.event('MODIFIED', policy('a', '6', { spec: 'none' }))
      watch.event('DELETED', policy('b', '7', { spec: 'none' }))
      watch.event('DELETED', policy('a', '8', { spec: 'none' }))
      watch.event('ADDED', policy('d', '9'))
      await until(() => one.reflector.store.get('mail/d') !== undefined, 'the last event')
      assert.equal(one.reflector.store.size, 1)
      assert.deepEqual(one.told(), ['mail/a gone', 'mail/d kept'])
    },
    { keep },
  )
})

test('it can be stopped at any moment, and leaves nothing behind', async () => {
  const handles = (): string =>
    process
      .getActiveResourcesInfo()
      .filter((name) => /^(Timeout|TCPSocketWrap|TLSWrap)$/.test(name))
      .join()
  const earlier = handles()
  const moments: readonly ((one: Reflection) => Promise<unknown>)[] = [
    () => Promise.resolve(),
    () => server.next(),
    async () => (await server.next()).list('5', [], 'more'),
    async () => {
      ;(await server.next()).list('5', [])
      await server.next()
    },
    (one) => one.begin(),
    async (one) => {
      ;(await server.next()).refuse(500, 'InternalError')
      await one.pause()
    },
  ]
  for (const moment of moments) {
    const reflections: Reflection[] = []
    await withReflector(async (one) => {
      reflections.push(one)
      await moment(one)
    })
    const [one] = reflections
    const troubles = one?.troubles.length
    assert.ok(troubles === 0 || one?.troubles[0]?.includes('500'))
    await one?.reflector.synced.catch((error: Error) => assert.match(error.message, /stopped before the first list/))
    await one?.reflector.stop()
  }
  await until(() => handles() === earlier, 'the end of all sockets and timers')
})
