// The documents agree with the program: links lead to a heading, commands and options exist, policies are valid.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { readPolicyText } from '../../crds/policy.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const text = (path: string): string => readFileSync(join(root, path), 'utf8')
const below = (folder: string, ending: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name}`)
const pages = [...readdirSync(root).filter((name) => name.endsWith('.md')), ...below('docs', '.md')].toSorted()

/** The anchor that GitHub makes of a heading. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

const headings = (page: string): string[] => [...text(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchor(heading))

/** Where the metrics of the gateway are made. */
const metricsFiles = ['gateway/observability', 'gateway/process/workers', 'runtime'].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('metrics.ts'))
    .map((name) => `${folder}/${name}`),
)

test('every link between our documents leads to a file and a heading that exist', () => {
  const wrong = pages.flatMap((page) =>
    [...text(page).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link = '']) => link)
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => {
        const [path = '', fragment] = link.split('#')
        const target = path === '' ? page : normalize(join(dirname(page), path))
        if (!existsSync(join(root, target))) return true
        return fragment !== undefined && !headings(target).includes(fragment)
      })
      .map((link) => `${page}: ${link}`),
  )
  assert.deepEqual(wrong, [])
})

test('every page is in the index, and every file that a page names in backticks exists', () => {
  const index = `${text('docs/README.md')}${text('docs/alerts/README.md').replaceAll('](', '](alerts/')}`
  const unlisted = below('docs', '.md').filter((page) => page !== 'docs/README.md' && !index.includes(`(${page.slice('docs/'.length)})`))
  const folders = '(?:crds|gateway|operator|cli|test|docs|charts)'
  const named = pages.flatMap((page) =>
    [...text(page).matchAll(new RegExp(`\`(${folders}/[\\w./-]+)\``, 'g'))].map(([, path = '']) => ({ page, path })),
  )
  const missing = named.filter(({ path }) => !path.includes('NAME') && !existsSync(join(root, path)))
  assert.deepEqual({ unlisted, missing }, { unlisted: [], missing: [] })
})

test('every event of the log is explained', () => {
  const vocabulary = text('gateway/core/vocabulary.ts')
  const records = vocabulary.slice(vocabulary.indexOf('type LogRecord'))
  const events = [...records.matchAll(/event: ('[^\n;]*')/g)].flatMap(([, names = '']) =>
    [...names.matchAll(/'([^']+)'/g)].map(([, name = '']) => name),
  )
  const page = text('docs/read-the-log.md')
  assert.ok(events.includes('PASS NEW'))
  assert.deepEqual(
    events.filter((event) => !page.includes(`\`${event}\``)),
    [],
  )
})

test('every metric is explained, and every explained metric exists', () => {
  const named = (...paths: readonly string[]): string[] =>
    [
      ...new Set(
        [
          ...paths
            .map(text)
            .join('\n')
            .matchAll(/\b(?:postscreen|process)_[a-z_]+[a-z]\b/g),
        ].map(([name]) => name),
      ),
    ].toSorted()
  assert.deepEqual(named('docs/metrics-and-status.md'), named(...metricsFiles))
})

test('the labels of each metric are as explained', () => {
  const made = metricsFiles.map(text).join('\n')
  const rows = [...text('docs/metrics-and-status.md').matchAll(/^\| `postscreen_\w+` \| ([^|]*) \|/gm)]
  const labels = rows.flatMap(([, cell = '']) => [...cell.replace(/:.*/, '').matchAll(/`(\w+)`/g)].map(([, label = '']) => label))
  assert.deepEqual(
    labels.filter((label) => !made.includes(`'${label}'`)),
    [],
  )
})

test('every condition of a policy and every reason is explained', () => {
  const [, types = ''] = /conditionTypes = \[([^\]]+)\]/.exec(text('operator/status/findings.ts')) ?? []
  const reasons = [...text('operator/status/findings.ts').matchAll(/finding\(\s*'\w+',\s*'(\w+)'|reason = .* '(\w+)' : '(\w+)'/g)].flatMap(
    ([, ...found]) => found.filter((one) => one !== undefined),
  )
  const page = text('docs/install-with-helm.md')
  const words = [...types.matchAll(/\w+/g)].map(([type]) => type).concat(reasons)
  assert.ok(words.includes('BackendReachable') && words.includes('NameConflict') && words.includes('Unreachable'), String(words))
  assert.deepEqual(
    words.filter((word) => !page.includes(`\`${word}\``)),
    [],
  )
})

test('every value of the chart that a document names exists', () => {
  const schema: Schema = JSON.parse(text('charts/postscreen/values.schema.json'))
  const named = pages.flatMap((page) =>
    [...text(page).matchAll(/--set(?:-string)?[ =]'?([\w.,={}-]+)/g)].flatMap(([, settings = '']) =>
      settings.split(/,(?=[\w.]+=)/).map((one) => ({ page, path: one.replace(/=.*/, '') })),
    ),
  )
  assert.notEqual(named.length, 0)
  assert.deepEqual(
    named.filter(({ path }) => !has(schema, path.split('.'))),
    [],
  )
})

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>
}

/** Whether a path leads to a property, as far as the schema describes it. */
function has({ properties }: Schema, [step, ...rest]: readonly string[]): boolean {
  if (step === undefined || properties === undefined) return true
  const next = properties[step]
  return next !== undefined && has(next, rest)
}

test('every npm script that a document names exists', () => {
  const manifest: { scripts: Readonly<Record<string, string>> } = JSON.parse(text('package.json'))
  const scripts = new Set(Object.keys(manifest.scripts))
  const wrong = pages.flatMap((page) =>
    [...text(page).matchAll(/\bnpm (?:run (?:-s )?)([\w:-]+)/g)].flatMap(([, script = '']) =>
      scripts.has(script) ? [] : [`${page}: ${script}`],
    ),
  )
  assert.deepEqual(wrong, [])
})

/** Commands in a document: `postscreen -- gateway --policy …` or, in the image, `postscreen gateway …`. */
const commands = pages.flatMap((page) =>
  [...text(page).matchAll(/\bpostscreen (?:-- )?((?:gateway|demo|validate|allowlist|import [a-z]+)\b[^\n`]*)/g)].map(([, typed = '']) => ({
    page,
    typed,
  })),
)

const helps = new Map<string, Promise<string>>()
function help(subcommand: string): Promise<string> {
  const known = helps.get(subcommand)
  if (known !== undefined) return known
  const run = promisify(execFile)(process.execPath, [join(root, 'cli/postscreen.js'), ...subcommand.split(' '), '--help'])
  const printed = run.then(({ stdout }) => stdout)
  helps.set(subcommand, printed)
  return printed
}

test('every subcommand and flag that a document uses is in that subcommand’s help', async () => {
  const wrong: string[] = []
  for (const { page, typed } of commands) {
    const subcommand = /^(import [a-z]+|[a-z]+)/.exec(typed)?.[0] ?? ''
    const printed = await help(subcommand).catch((error: Error) => error.message)
    const unknown = [...typed.matchAll(/\s(--[a-z][\w-]*)/g)]
      .map(([, flag = '']) => flag)
      .filter((flag) => flag !== '--help' && !printed.includes(flag))
    if (!printed.includes('Usage:') || unknown.length > 0) wrong.push(`${page}: ${typed} (${unknown.join(' ')})`)
  }
  assert.notEqual(commands.length, 0)
  assert.deepEqual(wrong, [])
})

/** Every document in the YAML of a page. */
const documents = pages.flatMap((page) =>
  [...text(page).matchAll(/^```ya?ml\n([\s\S]*?)^```/gm)].flatMap(([, yaml = '']) =>
    yaml.split(/^---\n/m).map((document) => ({ where: page, yaml: document })),
  ),
)

const policies = [
  ...documents.flatMap(({ where, yaml }) => whole(yaml).map((policy) => ({ where, yaml: policy }))),
  ...below('docs/examples', '.yaml').map((path) => ({ where: path, yaml: text(path) })),
  { where: 'cli/demo/policy.yaml', yaml: text('cli/demo/policy.yaml') },
]

/** A complete policy from YAML that contains one, a part of a spec (indented by two spaces), or values of the chart with a policy. None for other objects. */
function whole(yaml: string): string[] {
  if (/^apiVersion: postscreen\.dev\//m.test(yaml)) return [yaml]
  const piece = yaml.startsWith('  ') ? yaml : /^policy:\n[\s\S]*?^ {2}spec:\n((?: {4}.*\n)+)/m.exec(yaml)?.[1]?.replace(/^ {2}/gm, '')
  if (piece === undefined) return []
  const backend = /^ {2}backend:/m.test(piece) ? '' : '  backend: {addresses: ["mx:25"]}\n'
  return [`apiVersion: postscreen.dev/v1alpha1\nkind: PostscreenPolicy\nmetadata: {name: x}\nspec:\n${backend}${piece}`]
}

for (const [index, { where, yaml }] of policies.entries()) {
  test(`policy ${index + 1} of the documents is valid (${where})`, () => {
    const read = readPolicyText(yaml)
    assert.deepEqual('problems' in read ? read.problems : [], [])
  })
}
