// Every case of the bench runs with tiny numbers and has the figures of its goals. Their values are not checked, since
// they depend on the machine.
// Runs first: it takes most of a minute.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { measureCase } from './measure.ts'
import { missing } from './needs.ts'
import { cases } from './registry.ts'
import { unless } from '../peers/require.ts'

const setting = { scale: 0.002, logFormat: 'json' } as const
/** Takes seconds of waiting. */
const slow = new Set(['dnsbl', 'zombies'])

describe('one tiny round of each case', { skip: unless('postfix', 'rbldnsd', 'haproxy', 'valkey') }, () => {
  // A case about what the gateway does not have yet says so in the table.
  for (const one of cases.filter(({ name, needs }) => !slow.has(name) && needs.every((need) => missing(need) === undefined))) {
    test(one.name, async () => {
      const results = await measureCase({ ...one, warmUp: false }, setting, 1, () => undefined)
      for (const { figure, of, beside } of one.goals) {
        for (const name of [of, ...(beside === undefined || beside.how === 'shown' ? [] : [beside.peer])]) {
          const value = results.find((contender) => contender.name === name)?.rounds[0]?.[figure]
          assert.ok(value !== undefined && Number.isFinite(value), `${name} has no ${figure}: ${JSON.stringify(results)}`)
        }
      }
      const wrong = results.flatMap(({ name, rounds }) => rounds.flatMap((round) => ((round['wrong'] ?? 0) > 0 ? [name] : [])))
      assert.deepEqual(wrong, [])
    })
  }
})
