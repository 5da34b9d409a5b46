// The dashboard is complete: each panel has a description and a unit, and asks for documented metrics with all variables.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { dashboard, shownPanels, type Target } from './dashboard.ts'

const page = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8')
const documented = new Set(
  ['metrics-and-status.md', 'operator-metrics.md'].flatMap((name) => [...page(name).matchAll(/`(\w+)`/g)].map(([, word = '']) => word)),
)
const [, outcomesPart = ''] = page('metrics-and-status.md').split('#### Outcomes')
const outcomes = [...(outcomesPart.split('\n## ')[0] ?? '').matchAll(/^\| `(\w+)` \| [^|]*\|$/gm)]
  .map(([, outcome = '']) => outcome)
  .filter((outcome) => outcome !== 'outcome')

/** The metrics of an expression, each with its selector. */
const selectorsOf = ({ expr }: Target): readonly (readonly [metric: string, selector: string])[] =>
  [...expr.matchAll(/\b([a-z]\w*)(\{[^}]*\})/g)].map(([, metric = '', selector = '']) => [metric, selector])

const targets = shownPanels.flatMap(({ title, targets: all = [] }) => all.map((target) => ({ title, target })))

test('is a dashboard that Grafana 10 and later can load', () => {
  assert.ok(dashboard.schemaVersion >= 39)
  assert.equal(dashboard.uid, 'postscreen')
  const ids = dashboard.panels.map(({ id }) => id)
  assert.equal(new Set(ids).size, ids.length)
  assert.ok(ids.every((id) => Number.isInteger(id) && id > 0))
})

test('every panel has its own title, a description in sentences, a unit and a query', () => {
  assert.equal(new Set(shownPanels.map(({ title }) => title)).size, shownPanels.length)
  for (const { title, description, fieldConfig, targets: all } of shownPanels) {
    assert.match(description ?? '', /^[\w].*\.$/, title)
    assert.notEqual(fieldConfig?.defaults.unit ?? '', '', title)
    assert.ok((all ?? []).length > 0, title)
    assert.deepEqual(
      (all ?? []).map(({ refId }) => refId),
      [...'ABCDEF'].slice(0, all?.length),
      title,
    )
  }
})

test('every query asks only for metrics that are documented', () => {
  const asked = targets.flatMap(({ target }) => selectorsOf(target).map(([metric]) => metric.replace(/_(bucket|count|sum)$/, '')))
  assert.ok(asked.length > 60)
  assert.deepEqual(
    asked.filter((metric) => !documented.has(metric)),
    [],
  )
})

test('every metric of a query is limited to the chosen cluster and namespace, and to the policy or the operator', () => {
  for (const { title, target } of targets) {
    const selectors = selectorsOf(target)
    assert.ok(selectors.length > 0, title)
    for (const [metric, selector] of selectors) {
      assert.match(selector, /cluster=~"\$cluster"/, title)
      assert.match(
        selector,
        metric === 'postscreen_policy_condition' ? /namespace=/ : /policy=~"\$policy"|namespace=~"\$operator_namespace"/,
        title,
      )
    }
  }
})

test('the variables are asked in their order, and the cluster may be left out of the series', () => {
  const { list } = dashboard.templating
  assert.deepEqual(
    list.map(({ name }) => name),
    ['datasource', 'cluster', 'namespace', 'policy', 'operator_namespace'],
  )
  for (const [at, { name, definition = '', query, includeAll, allValue }] of list.entries()) {
    if (name === 'datasource') continue
    assert.equal(typeof query === 'string' ? query : query.query, definition)
    assert.deepEqual([includeAll, allValue], [true, '.*'], name)
    const used = [...definition.matchAll(/\$(\w+)/g)].map(([, variable = '']) => variable)
    const earlier = list.slice(0, at).map((one) => one.name)
    assert.ok(
      used.every((variable) => earlier.includes(variable)),
      name,
    )
    if (name !== 'cluster') assert.ok(used.includes('cluster'), name)
  }
})

test('each outcome of a session has a colour of its own', () => {
  const sessions = shownPanels.find(({ title }) => title === 'Sessions by outcome') ?? assert.fail()
  const coloured = (sessions.fieldConfig?.overrides ?? []) as readonly { readonly matcher: { readonly options: string } }[]
  assert.ok(outcomes.includes('noBackend'))
  assert.deepEqual(
    outcomes.filter((outcome) => !coloured.some(({ matcher }) => matcher.options === outcome)),
    [],
  )
})

for (const metric of [
  'postscreen_reconnect_delay_seconds_bucket',
  'postscreen_sessions_total',
  'postscreen_spf_age_seconds',
  'postscreen_spf_problem',
  'postscreen_banned_networks',
  'postscreen_client_addresses_lost',
  'workqueue_depth',
  'workqueue_adds_total',
  'controller_runtime_active_workers',
  'process_start_time_seconds',
]) {
  test(`a panel shows ${metric}`, () => assert.ok(targets.some(({ target }) => selectorsOf(target).some(([name]) => name === metric))))
}
