// DNS servers that are dead, slow or lie: clients pass after the greet wait at the latest, and nothing is left. `npx node test/reliability/run.ts dns` lets more clients come.
// Runs alone: it measures how long clients wait.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { unless } from '../peers/require.ts'
import { dnsFault, dnsFaults, greetWaitMs, restartedServer } from './dns-faults.ts'

const clients = 50
/** Until the last client is served, on a busy machine. A wait for the end of a lookup would take ten seconds. */
const slackMs = 7000

describe(`a DNS server, asked about ${clients} clients at once,`, { concurrency: 12, skip: unless('loopback') }, () => {
  for (const fault of dnsFaults) {
    test(`${fault.what}: all pass after the greet wait, and nothing is left`, async () => {
      const { served, wrong, slowestMs, left } = await dnsFault(fault, clients)
      assert.deepEqual({ served, wrong, left }, { served: clients, wrong: {}, left: {} })
      assert.ok(slowestMs < greetWaitMs + slackMs, `the slowest took ${slowestMs} ms`)
    })
  }

  test('dies and comes back: listed clients pass meanwhile, and are dropped before and after', async () => {
    assert.deepEqual(await restartedServer(clients), { before: clients, dead: 0, after: clients })
  })
})
