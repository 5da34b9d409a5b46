// The chart's plain files agree with each other and with the project: values, templates, versions, metrics in alerts and dashboard. Needs no helm.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { V2HorizontalPodAutoscalerSpec } from '@kubernetes/client-node'
import { load } from 'js-yaml'
import { sectionsOf, valuesTable } from '../../crds/generate/chart/values-table.ts'
import { autoscaler } from '../../operator/desired/autoscaler.ts'
import { alerts } from './alerts.ts'

const root = new URL('../../', import.meta.url)
const chart = new URL('charts/postscreen/', root)
const text = (path: string): string => readFileSync(new URL(path, chart), 'utf8')
const aliases: (readonly [string, string])[] = []
const templates = readdirSync(new URL('templates/', chart), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(yaml|tpl|txt)$/.test(name))
  // The texts of the CRD are not about Helm.
  .map((name) => text(`templates/${name}`).replace(/^spec:\n {2}group: [^]*/m, ''))
  .join('\n')
  // A variable that stands for a part of the values is put back: `$postfix.image` is `.Values.postfix.image`.
  .replace(/\{\{-? \$(\w+) := \.Values\.([\w.]+) -?\}\}/g, (_, name: string, path: string) => {
    aliases.push([name, path])
    return ''
  })
const expanded = aliases.reduce((all, [name, path]) => all.replaceAll(`$${name}.`, `.Values.${path}.`), templates)

const paths = sectionsOf(text('values.yaml')).flatMap(({ values }) => values.map(({ path }) => path))
const used = [...new Set([...expanded.matchAll(/\.Values\.([A-Za-z0-9_.]+)/g)].map(([, path = '']) => path.replace(/\.$/, '')))]

test('every value is used by a template', () => {
  const unused = paths.filter((path) => {
    if (used.some((one) => one === path || one.startsWith(`${path}.`))) return false
    // A group that is handed to another template as a whole: its field must be used there.
    return !(used.some((one) => path.startsWith(`${one}.`)) && new RegExp(`\\.${path.split('.').at(-1)}\\b`).test(templates))
  })
  assert.deepEqual(unused, [])
})

test('every value that a template uses is declared', () => {
  const undeclared = used.filter((one) => !paths.some((path) => path === one || path.startsWith(`${one}.`) || one.startsWith(`${path}.`)))
  assert.deepEqual(undeclared, [])
})

interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: unknown
  readonly definitions?: Readonly<Record<string, Schema>>
}

const schema = JSON.parse(text('values.schema.json')) as Schema & { readonly $schema: string }
const resolved = (node: Schema | undefined): Schema | undefined =>
  node?.$ref === undefined ? node : schema.definitions?.[node.$ref.replace('#/definitions/', '')]

test('the schema knows every value, and is strict about the names of our own', () => {
  // Any other text makes Helm 4 look for a schema on the network.
  assert.equal(schema.$schema, 'http://json-schema.org/draft-07/schema#')
  for (const path of paths) {
    let node: Schema | undefined = schema
    for (const name of path.split('.')) {
      // Charts around this one have global values of their own.
      if (node?.properties !== schema.properties?.['global']?.properties)
        assert.equal(node?.additionalProperties, false, `${path}: something else beside ${name} would be taken`)
      node = resolved(node.properties?.[name])
      assert.ok(node !== undefined, `${path} is not in the schema`)
    }
  }
})

test('the schema describes every value with its comment', () => {
  for (const { values } of sectionsOf(text('values.yaml')))
    for (const { path, text: comment } of values) {
      const node = path.split('.').reduce<Schema | undefined>((at, name) => at?.properties?.[name], schema)
      assert.equal(node?.description, comment, path)
    }
})

test('the table of values has every value with its default', () => {
  const table = valuesTable(
    '# -- First\na:\n  # What b is | or not.\n  b: 1\n  # A whole.\n  c:\n    d: [x]\n# -- Second\n# Two\n# lines.\ne: null\n',
  )
  assert.match(table, /### First\n/)
  assert.match(table, /\| `a\.b` \| `1` \| What b is \\\| or not\. \|/)
  assert.match(table, /\| `a\.c` \| `\{"d":\["x"\]\}` \| A whole\. \|/)
  assert.match(table, /### Second[^]*\| `e` \| `null` \| Two lines\. \|/)
  assert.throws(() => valuesTable('# -- First\na: 1\n'), /values\.yaml: a has no comment/)
})

test('the chart has the version of the project', () => {
  const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { readonly version: string }
  const { version: chartVersion, appVersion } = load(text('Chart.yaml')) as { readonly version: string; readonly appVersion: string }
  assert.deepEqual({ chartVersion, appVersion }, { chartVersion: version, appVersion: version })
})

/** Names of metrics in a text, histograms without what Prometheus adds. */
const metricsIn = (program: string): readonly string[] => [
  ...new Set(
    [...program.matchAll(/\b(?:postscreen|process|controller_runtime|workqueue|leader_election)_[a-z_]+[a-z]\b/g)].map(([name]) =>
      name.replace(/_seconds_(count|sum|bucket)$/, '_seconds').replace(/_score_bucket$/, '_score'),
    ),
  ),
]

const source = (path: string): string => readFileSync(new URL(path, root), 'utf8')
const metricFiles = readdirSync(new URL('gateway/observability/', root)).filter((name) => name.endsWith('metrics.ts'))
const made = new Set(
  metricsIn(
    [
      ...metricFiles.map((name) => `gateway/observability/${name}`),
      'operator/operator-metrics.ts',
      'operator/queue-metrics.ts',
      'runtime/process-metrics.ts',
    ]
      .map(source)
      .join('\n'),
  ),
)

interface AdapterRule {
  readonly seriesQuery: string
  readonly name: { readonly as: string }
}

test('alerts and dashboard use only metrics that exist', () => {
  const asked = [
    ...alerts.map(({ expr }) => expr),
    ...[...text('files/dashboard.json').matchAll(/"(?:expr|definition)": "((?:[^"\\]|\\.)*)"/g)].map(([, expr = '']) => expr),
  ]
  assert.ok(asked.length > 50)
  assert.deepEqual(
    asked.flatMap((expr) => metricsIn(expr).filter((name) => !made.has(name))),
    [],
  )
})

test('the metrics adapter has the metric that the autoscaler of a policy uses', () => {
  const { rules } = load(text('files/prometheus-adapter.yaml')) as { readonly rules: { readonly custom: readonly AdapterRule[] } }
  const autoscaling = { minReplicas: 1, maxReplicas: 2, targetCPUUtilization: 0, targetActiveSessions: 1 }
  const { spec } = autoscaler({ name: 'mx', namespace: 'mail', uid: '', apiVersion: '', kind: '' }, autoscaling, 'Deployment')
  const asked = (spec as V2HorizontalPodAutoscalerSpec).metrics?.map(({ pods }) => pods?.metric.name)
  assert.deepEqual(asked, ['postscreen_active_sessions'])
  assert.ok(made.has('postscreen_active_sessions'))
  assert.deepEqual(
    rules.custom.map(({ name }) => name.as),
    asked,
  )
  for (const { seriesQuery } of rules.custom) assert.deepEqual(metricsIn(seriesQuery), asked)
  const [, documented = ''] = /^```yaml\n(rules:\n[^]*?)^```/m.exec(readFileSync(new URL('docs/reliability.md', root), 'utf8')) ?? []
  assert.deepEqual(load(documented), { rules: rules.custom }, 'docs/reliability.md has another rule')
})

test('every alert says what it means and what to look at', () => {
  for (const { alert, labels, annotations } of alerts) {
    assert.match(alert, /^Postscreen[A-Z]/)
    assert.deepEqual(Object.keys(labels), ['severity'])
    assert.deepEqual(Object.keys(annotations), ['runbook_url', 'summary', 'description', 'runbook'], alert)
  }
})

interface Panel {
  readonly id: number
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
}

test('the panels of the dashboard have unique numbers, and do not overlap', () => {
  const { panels } = JSON.parse(text('files/dashboard.json')) as { readonly panels: readonly Panel[] }
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  const taken = new Map<string, string>()
  for (const { title, gridPos } of panels) {
    assert.ok(gridPos.x + gridPos.w <= 24, title)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.equal(taken.get(`${x},${y}`), undefined, title)
        taken.set(`${x},${y}`, title)
      }
    }
  }
})
