// Every scenario against a real Postfix postscreen: what the scenarios say is what postscreen does. UPDATE=1 writes down what it did.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { freeNameServerAddress } from '../peers/loopback.ts'
import { startPostfix } from '../peers/postfix.ts'
import type { Postfix } from '../peers/postfix.ts'
import { unless } from '../peers/require.ts'
import { startNameServer } from '../support/name-server.ts'
import type { NameServer } from '../support/name-server.ts'
import { postscreen } from '../support/postscreen-listener.ts'
import { playAll, policiesOf, presetsOf, scenariosFor } from '../support/scenarios.ts'
import type { Seen } from '../support/session-file.ts'
import { withSeen } from '../support/session-file.ts'

const scenarios = scenariosFor('postscreen')

describe('a real postscreen does what the scenario says', { skip: unless('postfix', 'openssl'), concurrency: true }, () => {
  let nameServer: NameServer
  let postfix: Postfix
  let seen: ReadonlyMap<string, Seen | Error>

  before(async () => {
    nameServer = await startNameServer(await freeNameServerAddress(), 53)
    postfix = await startScreens(nameServer.address)
    const policies = new Set(scenarios.map((scenario) => scenario.policy))
    const listeners = new Map([...policies].map((policy) => [policy, postscreen(postfix, policy)]))
    seen = await playAll(scenarios, (policy) => listeners.get(policy) ?? assert.fail(`no policy "${policy}"`))
  })

  after(async () => {
    await postfix?.stop()
    nameServer?.stop()
  })

  for (const scenario of scenarios) {
    test(scenario.what, () => {
      const result = seen.get(scenario.name)
      if (result === undefined || result instanceof Error) throw result ?? new Error('was not played')
      const got = withSeen(scenario, result)
      if (process.env['UPDATE'] === '1') writeFileSync(scenario.path, got)
      assert.equal(got, readFileSync(scenario.path, 'utf8'), scenario.name)
    })
  }
})

/** One Postfix with a postscreen for every policy that a scenario uses. */
async function startScreens(nameServer: string): Promise<Postfix> {
  const screens = policiesOf(scenarios).map((policy) => ({
    name: policy.name,
    mainCf: policy.postfix,
    remembered: presetsOf(scenarios, policy),
  }))
  return startPostfix({ nameServer, screens })
}
