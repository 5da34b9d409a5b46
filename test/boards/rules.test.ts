// Each alert fires for its fault, not before its time, with the right texts, and stays silent in a normal day and for near misses.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alerts } from '../chart/alerts.ts'
import { blocks } from '../docs/blocks.ts'
import { unless } from '../peers/require.ts'
import { shownPanels } from './dashboard.ts'
import { queryOf } from './panel-query.ts'
import { evaluationOf, faultTest, promtool, silentTest } from './promtool.ts'
import { aDay, dayMinutes } from './rules/a-day.ts'
import { proofs } from './rules/proofs.ts'
import { counter, from, gateways, level, type Line, quiet, type Scene } from './rules/series.ts'

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

for (const [title, wave, passing] of [
  ['Connections compared with a day ago', 10, 1],
  ['Handed off compared with a day ago', 1, 0.2],
] as const) {
  test(`the panel “${title}” tells a wave of spam from a day on which good senders are missing`, { skip }, () => {
    const expr = shownPanels.find((panel) => panel.title === title)?.targets?.[0]?.expr ?? assert.fail(title)
    const day = 1440
    const factor = (times: number): Line => from(day + 60, level(times), level(1))
    const scene = (connections: Line, handOffs: Line): Scene => ({
      ...gateways(
        'postscreen_connections_total',
        counter((minute) => 100 * (connections(minute) ?? 0)),
      ),
      ...gateways(
        'postscreen_backend_connect_seconds_count',
        counter((minute) => 30 * (handOffs(minute) ?? 0)),
      ),
    })
    const shows = (name: string, series: Scene, value: number) => ({
      ...silentTest([], { what: name, minutes: day + 120, series }, {}),
      promql_expr_test: [
        { expr: `round(${queryOf(expr)}, 0.1)`, eval_time: `${day + 50}m`, exp_samples: [{ labels: '{}', value: 1 }] },
        { expr: `round(${queryOf(expr)}, 0.1)`, eval_time: `${day + 120}m`, exp_samples: [{ labels: '{}', value }] },
      ],
    })
    return promtool(
      [shows('a wave', scene(factor(10), factor(1)), wave), shows('missing senders', scene(factor(1), factor(0.2)), passing)],
      '5m',
      [],
    )
  })
}
