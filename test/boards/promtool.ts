// Runs `promtool test rules` on the alerts of the chart.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { dump } from 'js-yaml'
import { type Alert, alertGroups } from '../chart/alerts.ts'
import type { Case, Fault } from './rules/proof.ts'
import { type Line, operatorPlace, quiet, type Scene } from './rules/series.ts'

/** The rules as the chart renders them for an operator at this place. */
export const rulesFor = (place: { readonly namespace: string; readonly name: string }, rules: object): string =>
  dump(rules, { lineWidth: -1 }).replaceAll('OPERATOR_NAMESPACE', place.namespace).replaceAll('OPERATOR_NAME', place.name)

/** One group of `promtool test rules`. */
export interface RuleTest {
  readonly name: string
  readonly interval: '1m'
  readonly input_series: readonly { readonly series: string; readonly values: string }[]
  readonly alert_rule_test?: readonly object[]
  readonly promql_expr_test?: readonly object[]
}

/** As Prometheus stores it: a series that ends has a marker, which says that its last value no longer holds. */
const stored = (line: Line, minute: number): string =>
  String(line(minute) ?? (minute > 0 && line(minute - 1) !== undefined ? 'stale' : '_'))

const inputOf = (scene: Scene, minutes: number): RuleTest['input_series'] =>
  Object.entries(scene).map(([series, line]) => ({
    series,
    values: Array.from({ length: minutes + 1 }, (_, minute) => stored(line, minute)).join(' '),
  }))

/** A text of an alert with the values of its labels. */
const filled = (text: string, labels: Readonly<Record<string, string>>, value: string): string =>
  text
    .replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => labels[label] ?? '')
    .replaceAll(/\{\{ \$value( \|[^}]*)? \}\}/g, value)
    .replaceAll('OPERATOR_NAMESPACE', operatorPlace.namespace)
    .replaceAll('OPERATOR_NAME', operatorPlace.name)

/** It does not fire in minute `notYet`, and fires in the last one with these texts, beside those that are named. */
export function faultTest({ alert, labels: fixed, annotations }: Alert, fault: Fault): RuleTest {
  const { what, minutes, series, labels, value = '', also = [], notYet } = fault
  const texts = Object.fromEntries(Object.entries(annotations).map(([name, text]) => [name, filled(text, labels, value)]))
  const firing = [alert, ...also].toSorted()
  return {
    name: `${alert}: ${what}`,
    interval: '1m',
    input_series: inputOf({ ...quiet(), ...series }, minutes),
    alert_rule_test: [
      { alertname: alert, eval_time: `${notYet}m`, exp_alerts: [] },
      { alertname: alert, eval_time: `${minutes}m`, exp_alerts: [{ exp_labels: { ...fixed, ...labels }, exp_annotations: texts }] },
    ],
    promql_expr_test: [
      {
        expr: 'group by (alertname) (ALERTS{alertstate="firing"})',
        eval_time: `${minutes}m`,
        exp_samples: firing.map((name) => ({ labels: `{alertname="${name}"}`, value: 1 })),
      },
    ],
  }
}

/** None of these alerts fires in any minute. */
export function silentTest(alerts: readonly string[], { what, minutes, series }: Case, background: Scene = quiet()): RuleTest {
  const names = alerts.join('|')
  return {
    name: what,
    interval: '1m',
    input_series: inputOf({ ...background, ...series }, minutes),
    promql_expr_test: [
      {
        expr: `count_over_time(ALERTS{alertname=~"${names}", alertstate="firing"}[${minutes}m])`,
        eval_time: `${minutes}m`,
        exp_samples: [],
      },
    ],
  }
}

/** How often Prometheus evaluates the rules. For tests of a day, less often: ranges of a day cost much time. */
export const evaluationOf = ({ minutes }: Case): '1m' | '5m' => (minutes > 1000 ? '5m' : '1m')

/**
 * Runs the tests on the rules of these alerts (undefined: all), which are evaluated `every` so often. Rejects with what promtool prints if one of them fails.
 */
export async function promtool(tests: readonly RuleTest[], every: '1m' | '5m', only?: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'promtool-'))
  const groups = alertGroups.map(({ name, rules }) => ({
    name,
    rules: rules.filter(({ alert }) => only === undefined || only.includes(alert)),
  }))
  try {
    writeFileSync(join(folder, 'rules.yaml'), rulesFor(operatorPlace, { groups }))
    const file = { rule_files: ['rules.yaml'], evaluation_interval: every, tests }
    writeFileSync(join(folder, 'tests.yaml'), dump(file, { lineWidth: -1 }))
    await promisify(execFile)('promtool', ['test', 'rules', join(folder, 'tests.yaml')], { maxBuffer: 1e7 })
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string }
    throw new Error(`${stdout ?? ''}${stderr ?? ''}`.slice(0, 4000) || String(error), { cause: error })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
