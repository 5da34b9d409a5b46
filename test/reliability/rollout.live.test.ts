// A rolling restart of all gateways, then of all Postfixes, under 80 clients a second: no legitimate client fails.
// `npx node test/reliability/run.ts rollout` runs for minutes.
// Runs first: it takes more than a minute.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { unless } from '../peers/require.ts'
import { wrongOf } from './figures-text.ts'
import { legitimate, zombies } from '../laboratory/mixed-clients.ts'
import { rollout, type RolloutOutcome } from './rollout.ts'

const skip = unless('postfix', 'rbldnsd', 'valkey')

describe('three gateways with one Valkey, and two Postfixes, are replaced one by one', { skip }, () => {
  let outcome: RolloutOutcome
  before(async () => {
    outcome = await rollout({ perSecond: 80, seconds: 1, delaySeconds: 4, lagMs: 1000 })
  })

  test('no session of a legitimate client fails or is refused', () => assert.deepEqual(wrongOf(outcome.tallies, legitimate), {}))

  test('zombies are treated as usual', () => {
    // A DNSBL that answers too late on a busy machine lets a listed client through; it may not be the rule.
    const wrong = Object.values(wrongOf(outcome.tallies, zombies)).reduce((sum, count) => sum + count, 0)
    assert.ok(wrong < outcome.came / 100, JSON.stringify(wrongOf(outcome.tallies, zombies)))
  })

  test('every gateway that was told to stop has ended by itself, in order', () => {
    assert.deepEqual([outcome.exitCodes, outcome.internalErrors], [[0, 0, 0], 0])
    assert.ok(outcome.longestDrainMs < 30_000, `${outcome.longestDrainMs} ms`)
  })

  test('there were enough clients for a result', () => assert.ok(outcome.came > 1000, String(outcome.came)))
})
