// Each alert fires for its fault, not before its time, with the right texts, and stays silent in a normal day and for near misses.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alerts } from '../chart/alerts.ts'
import { blocks } from '../docs/blocks.ts'
import { unless } from '../peers/require.ts'
import { evaluationOf, faultTest, promtool, silentTest } from './promtool.ts'
import { aDay, dayMinutes } from './rules/a-day.ts'
import { backendProofs } from './rules/backend-proofs.ts'
import { clientProofs } from './rules/client-proofs.ts'
import { operatorProofs } from './rules/operator-proofs.ts'
import { policyProofs } from './rules/policy-proofs.ts'
import type { Proofs } from './rules/proof.ts'
import { quiet } from './rules/series.ts'

const proofs: Proofs = { ...backendProofs, ...clientProofs, ...policyProofs, ...operatorProofs }
const names = alerts.map(({ alert }) => alert)
const skip = unless('prometheus')

test('there is a proof for every alert, with faults and near misses, and none for another', () => {
  assert.deepEqual(Object.keys(proofs).toSorted(), names.toSorted())
  for (const [name, { faults, nearMisses }] of Object.entries(proofs)) {
    assert.ok(faults.length > 0, name)
    assert.ok(nearMisses.length > 0, name)
  }
})

for (const alert of alerts) {
  const { faults, nearMisses } = proofs[alert.alert] ?? assert.fail(alert.alert)
  for (const fault of faults) {
    test(`${alert.alert} fires: ${fault.what}`, { skip }, () => promtool([faultTest(alert, fault)], evaluationOf(fault)))
  }
  test(`${alert.alert} stays silent: ${nearMisses.map(({ what }) => what).join('; ')}`, { skip }, async () => {
    for (const [every, cases] of Map.groupBy(nearMisses, evaluationOf)) {
      const tests = cases.map((one) => silentTest([alert.alert], one))
      await promtool(tests, every, [alert.alert])
    }
  })
}

test('no alert fires in the quiet hours that the faults are added to', { skip }, () =>
  promtool([silentTest(names, { what: 'quiet hours', minutes: 180, series: {} }, quiet())], '1m'),
)

test('no alert fires on a normal day, with a spam wave and a deployment', { skip }, () =>
  promtool([silentTest(names, { what: 'a normal day', minutes: dayMinutes, series: {} }, aDay())], '1m'),
)

test('without any data only the alert about a missing operator fires', { skip }, async () => {
  const others = names.filter((name) => name !== 'PostscreenOperatorNoLeader')
  await promtool([silentTest(others, { what: 'no data', minutes: 120, series: { up: () => 0 } }, {})], '1m')
})

test('the queries of the pages about alerts can be parsed', { skip }, () =>
  promtool(
    [
      {
        name: 'queries',
        interval: '1m',
        input_series: [],
        promql_expr_test: blocks
          .filter(({ page, language }) => page.startsWith('docs/alerts/') && language === 'promql')
          .map(({ text }) => ({ expr: text.trim(), eval_time: '1m', exp_samples: [] })),
      },
    ],
    '1m',
  ),
)
