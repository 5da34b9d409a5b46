// docs/releases.md names the versions that CI uses, and every page with images says that none are published yet.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { load } from 'js-yaml'

const root = new URL('../../', import.meta.url)
const text = (path: string): string => readFileSync(new URL(path, root), 'utf8')
const page = text('docs/releases.md')
const chart = load(text('charts/postscreen/Chart.yaml')) as {
  readonly kubeVersion: string
  readonly annotations: Readonly<Record<string, string>>
}

/** A version in test/cluster/settings.sh, without its patch number. */
const inCluster = (name: string): string => new RegExp(`^${name}=(\\d+\\.\\d+)\\.`, 'm').exec(text('test/cluster/settings.sh'))?.[1] ?? ''

test('the versions that are marked as tested are those of the test cluster', () => {
  const rows = page.split('\n').filter((line) => line.startsWith('| ') && / tested /.test(line))
  assert.deepEqual(
    rows.map((row) => row.split('|')[1]?.trim()),
    [inCluster('kubernetes')],
  )
  assert.match(page, new RegExp(`^\\| Kubernetes \\| Helm ${inCluster('helm3')} \\| Helm ${inCluster('helm')} \\|`, 'm'))
})

test('the oldest version that is not marked as unsupported is the one that the chart accepts', () => {
  const [, oldest = ''] = /^>=(\d+\.\d+)\./.exec(chart.kubeVersion) ?? []
  assert.match(page, new RegExp(`^\\| ${oldest} to [\\d.]+ \\| untested \\|`, 'm'))
})

/** Pages whose commands need an image of ours. */
const pages = [
  'README.md',
  'charts/postscreen/README.md',
  'charts/images/postfix/README.md',
  ...readdirSync(new URL('docs', root))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
].filter((path) => /^(helm install|docker (build|run|pull)|kubectl apply -k charts)/m.test(text(path)))

test('every page whose commands need an image says that none are published yet', () => {
  assert.equal(
    chart.annotations['postscreen.dev/images-published'],
    'false',
    'after the first release, change the pages and remove this test',
  )
  assert.ok(pages.length > 5)
  assert.deepEqual(
    pages.filter((path) => !/not published yet|no images are\s+published yet|nothing is published yet/i.test(text(path))),
    [],
  )
})

test('a command that installs the chart from the checkout names the registry of the images', () => {
  const commands = pages.flatMap((path) =>
    [...text(path).matchAll(/^helm install (?:[^\n]*\\\n)*[^\n]*/gm)].map(([command]) => ({ path, command })),
  )
  assert.ok(commands.length > 3)
  for (const { path, command } of commands) {
    assert.match(command, /image\.repository=|global\.imageRegistry=/, `${path}: ${command}`)
    if (command.includes('postfix.enabled=true')) assert.match(command, /postfix\.image\.repository=|global\.imageRegistry=/, path)
  }
})
