// Half a minute of all faults that outside clients and their networks cause, at once.
// `npx node test/reliability/run.ts strangers` runs half an hour, and judges memory too.
// Runs first: it takes more than a minute.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { unless } from '../peers/require.ts'
import { faultySoak, type FaultySoakOutcome } from './faulty-soak.ts'
import { wrongOf } from './figures-text.ts'
import { legitimate } from '../laboratory/mixed-clients.ts'
import { strangers, strangersFaults, strangersScene } from './strangers.ts'

describe(
  'lists, tables, mail servers, descriptors and clients go wrong, one after the other',
  {
    skip: unless('rbldnsd', 'valkey'),
  },
  () => {
    let outcome: FaultySoakOutcome
    before(async () => {
      outcome = await faultySoak({ seconds: 20, perSecond: 20, everyMs: 3000, faults: strangersFaults, strangers, scene: strangersScene })
    })

    test('every fault has come', () =>
      assert.deepEqual(Object.keys(outcome.faults).toSorted(), strangersFaults.map(({ what }) => what).toSorted()))

    test('no clean client is refused: it is told to come again at most, and only while all descriptors are in use', () => {
      const wrong = wrongOf(outcome.tallies, legitimate)
      assert.deepEqual(
        Object.keys(wrong).filter((how) => !how.includes(': 421 ')),
        [],
      )
      const deferred = Object.values(wrong).reduce((sum, count) => sum + count, 0)
      assert.ok(deferred <= outcome.deferrable, JSON.stringify(wrong))
    })

    test('every episode shows in the log and in the metrics, and no client takes a mail server out of service', () =>
      assert.deepEqual(outcome.unseen, {}))

    test('each time that a DNS list fails has one line where it begins and one where it ends', () => {
      for (const { begun, ended } of outcome.episodes) assert.ok(begun > 0 && begun === ended, JSON.stringify(outcome.episodes))
    })

    test('no session, lookup, timer, socket or file is left, and no mistake of ours is logged', () => {
      assert.deepEqual([outcome.left, outcome.internalErrors], [{}, 0])
    })
  },
)
