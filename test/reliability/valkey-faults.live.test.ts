// What a Valkey that is held still, cut off, full or killed costs the clients of two gateways. `npx node test/reliability/run.ts valkey` runs longer.
// Runs first: it takes half a minute.
import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { before, describe, test } from 'node:test'
import { unless } from '../peers/require.ts'
import { runInOwnNetwork } from './own-network.ts'
import type { ValkeyFaultsOutcome } from './valkey-faults.ts'

const program = fileURLToPath(new URL('run.ts', import.meta.url))
/** The time limit of a question is 50 ms. */
const addedMs = 60
/** What a busy machine may add once: the long form holds the promise to the letter. */
const slackMs = 1000

describe('a Valkey fails in every way while clients come', { skip: unless('valkey', 'nft') }, () => {
  let outcome: ValkeyFaultsOutcome
  before(async () => {
    const { printed } = await runInOwnNetwork([program, 'valkey', '--rate', '200', '--seconds', '2', '--json'], 'kept')
    outcome = JSON.parse(printed) as ValkeyFaultsOutcome
  })

  test('no client is refused', () => {
    const wrong = outcome.phases.filter((phase) => Object.keys(phase.wrong).length > 0)
    assert.deepEqual(wrong, [])
  })

  test('of a hundred clients 99 wait at most 60 ms longer', () => {
    const late = outcome.phases.filter((phase) => phase.addedMs > addedMs + slackMs)
    assert.deepEqual(late, [])
  })

  test('those that it knows are tested again while it is away, and known while it is full', () => {
    const again = Object.fromEntries(outcome.phases.map(({ what, testedAgain }) => [what, testedAgain > 50]))
    const away = ['held still (SIGSTOP)', 'cut off (packets dropped)', 'killed']
    for (const what of away) assert.equal(again[what], true, what)
    for (const what of ['all well', 'full (maxmemory)', 'no longer full']) assert.equal(again[what], false, what)
  })

  test('what was learnt meanwhile is written afterwards, and memory has not grown by much', () => {
    const [first, last] = outcome.residentBytes
    assert.equal(outcome.notWritten, 0)
    assert.ok(last - first < 60e6, `${first} bytes, then ${last}`)
  })
})
