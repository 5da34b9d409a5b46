// Every scenario against a real Postfix postscreen: what the scenarios say is what postscreen does. UPDATE=1 writes down what it did.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { before, describe, test } from 'node:test'
import { freeNameServerAddress } from '../peers/loopback.ts'
import { startPostfix } from '../peers/postfix.ts'
import { unless } from '../peers/require.ts'
import { startNameServer } from '../support/name-server.ts'
import { postscreen } from '../support/postscreen-listener.ts'
import type { Scenario } from '../support/scenarios.ts'
import { playAll, playSteadily, policiesOf, presetsOf, scenariosFor } from '../support/scenarios.ts'
import type { Seen } from '../support/session-file.ts'
import { withSeen } from '../support/session-file.ts'

const scenarios = scenariosFor('postscreen')

describe('a real postscreen does what the scenario says', { skip: unless('postfix', 'openssl'), concurrency: true }, () => {
  let seen: ReadonlyMap<string, Seen | Error>

  before(async () => {
    // Writing down what postscreen does must not ask whether it is what stands there.
    seen = process.env['UPDATE'] === '1' ? await play(scenarios) : await playSteadily(scenarios, play)
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

/** One round: a Postfix with a postscreen for every policy that one of the scenarios uses, and a name server of its own. */
async function play(round: readonly Scenario[]): Promise<ReadonlyMap<string, Seen | Error>> {
  const nameServer = await startNameServer(await freeNameServerAddress(), 53)
  const screens = policiesOf(round).map((policy) => ({
    name: policy.name,
    mainCf: policy.postfix,
    remembered: presetsOf(round, policy),
  }))
  try {
    const postfix = await startPostfix({ nameServer: nameServer.address, screens })
    try {
      const listeners = new Map(screens.map(({ name }) => [name, postscreen(postfix, name)]))
      return await playAll(round, (policy) => listeners.get(policy) ?? assert.fail(`no policy "${policy}"`))
    } finally {
      await postfix.stop()
    }
  } finally {
    nameServer.stop()
  }
}
