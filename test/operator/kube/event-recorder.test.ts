// Events: which are sent, which become a series, and that neither errors nor too many events do harm.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventRecorder, type EventRecorderOptions, type RecordedEvent } from '../../../operator/kube/event-recorder.ts'
import { KubeError } from '../../../operator/kube/kube-error.ts'
import type { KubeObject } from '../../../operator/kube/object.ts'
import { policy } from './objects.ts'
import { VirtualClock } from './virtual-clock.ts'

/** A recorder, and what it sends. */
class Desk {
  readonly clock = new VirtualClock()
  readonly created: KubeObject[] = []
  readonly patched: [name: string, patch: object][] = []
  readonly troubles: string[] = []
  /** What becomes of requests; the default is that they succeed. */
  fate: () => Promise<void> = () => Promise.resolve()
  readonly recorder: EventRecorder

  constructor(options: Partial<EventRecorderOptions> = {}) {
    this.recorder = new EventRecorder({
      client: {
        create: async (object) => {
          this.created.push(object)
          await this.fate()
          return object
        },
        patch: async (_, namespace, name, mergePatch) => {
          this.patched.push([`${namespace}/${name}`, mergePatch])
          await this.fate()
          return policy('mx', '1')
        },
      },
      controller: 'postscreen.dev/operator',
      instance: 'operator-1',
      onTrouble: (text) => this.troubles.push(text),
      clock: this.clock,
      ...options,
    })
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const event: RecordedEvent = { type: 'Normal', reason: 'Updated', action: 'Reconcile', note: 'Deployment mx-gateway changed' }

test('an event says who did what, when, and to which object', async () => {
  const desk = new Desk()
  desk.recorder.record(policy('mx', '7'), event)
  await desk.recorder.close()
  const [sent] = desk.created
  assert.match(sent?.metadata.name ?? '', /^mx\.[0-9a-f]+$/)
  assert.deepEqual(
    { ...sent, metadata: { ...sent?.metadata, name: 'mx.N' } },
    {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { namespace: 'mail', name: 'mx.N' },
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'postscreen.dev/operator',
      reportingInstance: 'operator-1',
      ...event,
      regarding: {
        apiVersion: 'postscreen.dev/v1alpha1',
        kind: 'PostscreenPolicy',
        namespace: 'mail',
        name: 'mx',
        uid: 'uid-mx',
        resourceVersion: '7',
      },
    },
  )
})

test('the same event again is a series, of which the server hears once a minute', async () => {
  const desk = new Desk()
  for (let seconds = 0; seconds < 150; seconds += 10) {
    desk.recorder.record(policy('mx', String(seconds)), event)
    await turn()
    desk.clock.move(10_000)
  }
  assert.equal(desk.created.length, 1)
  const key = `mail/${desk.created[0]?.metadata.name}`
  assert.deepEqual(desk.patched, [
    [key, { series: { count: 2, lastObservedTime: '2026-01-01T00:00:10.000000Z' } }],
    [key, { series: { count: 8, lastObservedTime: '2026-01-01T00:01:10.000000Z' } }],
    [key, { series: { count: 14, lastObservedTime: '2026-01-01T00:02:10.000000Z' } }],
  ])
})

test('after 10 min without it, an event is a new one', async () => {
  const desk = new Desk()
  for (const wait of [599_999, 600_000, 0]) {
    desk.recorder.record(policy('mx', '1'), event)
    await turn()
    desk.clock.move(wait)
  }
  assert.equal(desk.created.length, 2)
  assert.equal(desk.patched.length, 1)
})

const others: readonly [what: string, object: KubeObject, more: Partial<RecordedEvent>][] = [
  ['object', policy('other', '1'), {}],
  ['incarnation of the object', { ...policy('mx', '1'), metadata: { ...policy('mx', '1').metadata, uid: 'new' } }, {}],
  ['type', policy('mx', '1'), { type: 'Warning' }],
  ['reason', policy('mx', '1'), { reason: 'Created' }],
  ['action', policy('mx', '1'), { action: 'Delete' }],
  ['note', policy('mx', '1'), { note: 'else' }],
]

for (const [what, object, more] of others) {
  test(`another ${what} makes another event`, async () => {
    const desk = new Desk()
    desk.recorder.record(policy('mx', '1'), event)
    desk.recorder.record(object, { ...event, ...more })
    await desk.recorder.close()
    assert.equal(desk.created.length, 2)
    assert.notEqual(desk.created[0]?.metadata.name, desk.created[1]?.metadata.name)
  })
}

test('texts that are too long for the API server are cut to its limit, in whole characters', async () => {
  const desk = new Desk()
  const long = 'x'.repeat(300)
  desk.recorder.record(policy('mx', '1'), { type: 'Normal', reason: long, action: long, note: `\u0000${'€'.repeat(1000)}` })
  await desk.recorder.close()
  const { reason, action, note }: Partial<KubeObject> = desk.created[0] ?? {}
  assert.equal(String(reason).length, 128)
  assert.equal(String(action).length, 128)
  assert.ok(Buffer.byteLength(String(note)) <= 1024 && Buffer.byteLength(String(note)) > 1020)
  assert.match(String(note), /^\\u0000€+$/)
})

test('an event that could not be sent is reported, and the next of its kind starts a new series', async () => {
  const desk = new Desk()
  desk.fate = () => Promise.reject(new KubeError('create events: 500', { status: 500, reason: 'InternalError' }))
  desk.recorder.record(policy('mx', '1'), event)
  await turn()
  desk.recorder.record(policy('mx', '1'), event)
  await desk.recorder.close()
  assert.equal(desk.created.length, 2)
  assert.deepEqual(desk.troubles, ['an event is lost: create events: 500', 'an event is lost: create events: 500'])
})

test('a series whose event has expired is started again without a report', async () => {
  const desk = new Desk()
  desk.recorder.record(policy('mx', '1'), event)
  await turn()
  desk.fate = () => Promise.reject(new KubeError('gone', { status: 404, reason: 'NotFound' }))
  desk.recorder.record(policy('mx', '1'), event)
  await turn()
  desk.fate = () => Promise.resolve()
  desk.recorder.record(policy('mx', '1'), event)
  await desk.recorder.close()
  assert.equal(desk.created.length, 2)
  assert.deepEqual(desk.troubles, [])
})

test('about one object there are 25 different events at once, and then one in 5 min', async () => {
  const desk = new Desk()
  for (let nth = 0; nth < 100; nth++) desk.recorder.record(policy('mx', '1'), { ...event, note: String(nth) })
  desk.recorder.record(policy('other', '1'), event)
  await turn()
  assert.equal(desk.created.length, 26)
  desk.clock.move(600_000)
  for (let nth = 100; nth < 200; nth++) desk.recorder.record(policy('mx', '1'), { ...event, note: String(nth) })
  await desk.recorder.close()
  assert.equal(desk.created.length, 28)
})

test('while the server is silent no more than 256 events wait', async () => {
  const desk = new Desk()
  const silence = Promise.withResolvers<void>()
  desk.fate = () => silence.promise
  for (let nth = 0; nth < 10_000; nth++) desk.recorder.record(policy(`mx-${nth}`, '1'), event)
  silence.resolve()
  await desk.recorder.close()
  assert.equal(desk.created.length, 257)
})

test('closing waits 3 s for a silent server', async () => {
  const desk = new Desk({
    client: {
      create: (_, call) => new Promise((_resolve, reject) => call?.signal?.addEventListener('abort', () => reject(new Error('given up')))),
      patch: () => Promise.reject(new Error('no')),
    },
  })
  desk.recorder.record(policy('mx', '1'), event)
  desk.recorder.record(policy('other', '1'), event)
  const closed = desk.recorder.close()
  desk.recorder.record(policy('late', '1'), event)
  desk.clock.move(3000)
  await closed
  assert.deepEqual(desk.troubles, ['an event is lost: given up'])
  assert.equal(desk.clock.pending, 0)
})
