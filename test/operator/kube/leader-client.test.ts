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
      const guarded = leaderClient(client, () => leads)
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
