// Half a minute of mixed load with a fault every second. `npx node test/reliability/run.ts soak` runs half an hour, and judges memory too.
// Runs first: it takes a minute.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { unless } from '../peers/require.ts'
import { faultySoak, type FaultySoakOutcome } from './faulty-soak.ts'
import { wrongOf } from './figures-text.ts'
import { legitimate } from '../laboratory/mixed-clients.ts'
import { soakFaults } from './soak-faults.ts'

describe('a fault every second, of the Valkey, DNS, a backend or the policy file', { skip: unless('rbldnsd', 'valkey') }, () => {
  let outcome: FaultySoakOutcome
  before(async () => {
    outcome = await faultySoak({ seconds: 20, perSecond: 60, everyMs: 1200, scene: { selfTest: '5s' } })
  })

  test('every fault has come', () =>
    assert.deepEqual(Object.keys(outcome.faults).toSorted(), soakFaults.map(({ what }) => what).toSorted()))

  test('no legitimate client fails or is refused', () => assert.deepEqual(wrongOf(outcome.tallies, legitimate), {}))

  test('the DNS lists are tested meanwhile, and no alarm about them or the addresses of clients is false', () => {
    assert.deepEqual([...outcome.listAlarms, ...outcome.addressAlarms], [])
    assert.ok(outcome.listsFoundHealthy > 0)
  })

  test('no session, lookup, timer, socket or file is left, and no mistake of ours is logged', () => {
    assert.deepEqual([outcome.left, outcome.internalErrors], [{}, 0])
  })
})
