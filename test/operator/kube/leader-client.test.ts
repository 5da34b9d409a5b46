// An operator that is not the leader may read, but not write.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { KubeClient } from '../../../operator/kube/kube-client.ts'
import { leaderClient } from '../../../operator/kube/leader-client.ts'
import { resources } from '../../../operator/kube/resource.ts'
import { policy } from './objects.ts'
import { ScriptedApiServer } from './scripted-api-server.ts'
import { failure, withClient } from './with-client.ts'

const { PostscreenPolicy } = resources
let server: ScriptedApiServer
before(async () => {
  server = await ScriptedApiServer.start()
})
after(() => server.close())

const writes: readonly [verb: string, write: (client: KubeClient) => Promise<unknown>][] = [
  ['apply', (client) => client.apply(policy('mx', '1'), { fieldManager: 'x' })],
  ['create', (client) => client.create(policy('mx', '1'))],
  ['replace', (client) => client.replace(policy('mx', '1'))],
  ['patch', (client) => client.patch(PostscreenPolicy, 'mail', 'mx', {})],
  ['delete', (client) => client.delete(PostscreenPolicy, 'mail', 'mx')],
]

for (const [verb, write] of writes) {
  test(`${verb} is sent only while we lead`, () =>
    withClient(server, async (client) => {
      let leads = true
      const guarded = leaderClient(client, { isLeading: () => leads, over: new AbortController().signal })
      server.answer = (arrival) => arrival.json(200, policy('mx', '1'))
      const earlier = server.arrivals.length
      await write(guarded)
      assert.equal(server.arrivals.length, earlier + 1)
      leads = false
      assert.equal((await failure(write(guarded))).reason, 'NotLeading')
      assert.equal(server.arrivals.length, earlier + 1)
      assert.equal((await guarded.get(PostscreenPolicy, 'mail', 'mx'))?.metadata.name, 'mx')
    }))
}

test('a write that waited for other requests is not sent when this process leads no more by then', () =>
  withClient(
    server,
    async (client) => {
      let leads = true
      const guarded = leaderClient(client, { isLeading: () => leads, over: new AbortController().signal })
      server.answer = undefined
      const slow = guarded.get(PostscreenPolicy, 'mail', 'mx')
      const arrival = await server.next()
      const earlier = server.arrivals.length
      const waiting = writes.map(([, write]) => failure(write(guarded)))
      leads = false
      arrival.json(200, policy('mx', '1'))
      await slow
      for (const error of await Promise.all(waiting)) assert.equal(error.reason, 'NotLeading')
      assert.equal(server.arrivals.length, earlier)
    },
    { requestsAtOnce: 1 },
  ))

test('requests under way are aborted when the leadership is over', () =>
  withClient(server, async (client) => {
    const over = new AbortController()
    const guarded = leaderClient(client, { isLeading: () => true, over: over.signal })
    server.answer = undefined
    const own = new AbortController().signal
    const pending = [
      ...writes.map(([, write]) => failure(write(guarded))),
      failure(guarded.get(PostscreenPolicy, 'mail', 'mx', { signal: own })),
      failure(guarded.list(PostscreenPolicy, { signal: own })),
    ]
    for (const _ of pending) await server.next()
    over.abort()
    for (const error of await Promise.all(pending)) assert.equal(error.reason, 'Aborted')
  }))
