// Which tests are asked about a source file: the pure ones that load it, the nearest first.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { root } from './mutants.ts'

/** For sources below a folder, the tests below others. Tests that need other programs, or time, are not among them. */
const areas: readonly (readonly [sources: string, tests: readonly string[]])[] = [
  ['gateway/core/', ['test/gateway/core/', 'test/sessions/core.test.ts', 'test/properties/']],
  ['crds/values/', ['test/crds/values/', 'test/crds/schema/', 'test/crds/policy.test.ts']],
  [
    'operator/desired/',
    [
      'test/operator/desired/',
      'test/operator/desired.test.ts',
      'test/operator/desired-rules.test.ts',
      'test/operator/chart-policy.test.ts',
    ],
  ],
  ['operator/compile/', ['test/operator/compile/', 'test/operator/tenancy.test.ts', 'test/operator/desired.test.ts']],
  ['operator/status/', ['test/operator/status/', 'test/operator/replicas.test.ts', 'test/operator/reconcile.test.ts']],
]

const notPure = /\.(live|cluster)\.test\.ts$|-in-postfix\.test\.ts$/

/** The sources below these folders or of these names. */
export function sourcesOf(names: readonly string[]): readonly string[] {
  const all = areas.flatMap(([folder]) => filesBelow(folder)).filter((path) => path.endsWith('.ts'))
  return all.filter((path) => names.some((name) => path === name || path.startsWith(`${name.replace(/\/$/, '')}/`)))
}

const filesBelow = (folder: string): readonly string[] =>
  readdirSync(root + folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
    .toSorted()

/** Groups of test files, to be run one after the other until one fails: of the same name, of the same folder, all others, slow ones. */
export function coveringTests(source: string): readonly (readonly string[])[] {
  const tests = areas.find(([folder]) => source.startsWith(folder))?.[1] ?? []
  const loading = tests
    .flatMap((path) => (path.endsWith('/') ? filesBelow(path) : [path]))
    .filter((path) => path.endsWith('.test.ts') && !notPure.test(path) && loadedBy(path).has(source))
  const [quick, slow] = [loading.filter((path) => !isSlow(path)), loading.filter(isSlow)]
  const own = `test/${source.replace(/\.ts$/, '.test.ts')}`
  const folder = `test/${dirname(source)}`
  const groups = [
    quick.filter((path) => path === own),
    quick.filter((path) => path !== own && (dirname(path) === folder || path.startsWith(`${folder}.`))),
    quick.filter((path) => dirname(path) !== folder && !path.startsWith(`${folder}.`)),
    slow,
  ]
  return groups.filter((group) => group.length > 0)
}

/** A test file that takes seconds has this line at its head. Only mutants that no other test notices meet it. */
const isSlow = (path: string): boolean => /^\/\/ Slow: /m.test(readFileSync(root + path, 'utf8').slice(0, 500))

const loaded = new Map<string, ReadonlySet<string>>()

/** All files of the project that a file imports, or that those import. */
function loadedBy(path: string): ReadonlySet<string> {
  const known = loaded.get(path)
  if (known !== undefined) return known
  const all = new Set<string>()
  const queue = [path]
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (all.has(next)) continue
    all.add(next)
    queue.push(...importsOf(next))
  }
  loaded.set(path, all)
  return all
}

const imports = new Map<string, readonly string[]>()

function importsOf(path: string): readonly string[] {
  const known = imports.get(path)
  if (known !== undefined) return known
  const program = readFileSync(root + path, 'utf8')
  const found = [...program.matchAll(/^(?:import|export)(?! type)[^'"]*?'(\.[^'\n]+\.ts)'/gm)].map(([, to = '']) =>
    normalize(join(dirname(path), to)),
  )
  imports.set(path, found)
  return found
}
