// The health check for Argo CD in docs/gitops returns the expected result for every policy in its test data, in Lua and without libraries.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { load } from 'js-yaml'
import { statusSchema } from '../../crds/schema/status.schema.ts'
import { readPolicyText } from '../../crds/policy.ts'
import { isObject } from '../../crds/is-object.ts'
import { unless } from '../peers/require.ts'

const folder = new URL('../../docs/gitops/', import.meta.url)
const text = (path: string): string => readFileSync(new URL(path, folder), 'utf8')

interface HealthTest {
  readonly healthStatus: { readonly status: string; readonly message: string }
  readonly inputPath: string
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a file of this repository; the cases fail if it has another form
const { tests } = load(text('health_test.yaml')) as { readonly tests: readonly HealthTest[] }

/** A value as a Lua literal. */
function inLua(value: unknown): string {
  if (value === null || value === undefined) return 'nil'
  if (Array.isArray(value)) return `{${value.map(inLua).join(', ')}}`
  if (isObject(value))
    return `{${Object.entries(value)
      .map(([key, inner]) => `[${inLua(key)}] = ${inLua(inner)}`)
      .join(', ')}}`
  if (typeof value !== 'string') return JSON.stringify(value)
  const bytes = [...Buffer.from(value)].map((byte) => `\\${String(byte).padStart(3, '0')}`)
  return `"${bytes.join('')}"`
}

/** The globals that Argo CD gives a script while useOpenLibs is off (util/lua): no string, io or os. */
const allowed = ['ipairs', 'pairs', 'next', 'type', 'tostring', 'tonumber', 'table']

/** Runs the health check on an object. */
function health(object: unknown): { readonly status: string; readonly message: string } {
  const environment = `{obj = ${inLua(object)}, ${allowed.map((name) => `${name} = ${name}`).join(', ')}}`
  const script = `local run = assert(load(io.read("a"), "health.lua", "t", ${environment}))
    local hs = run()
    io.write(hs.status, "\\n", hs.message)`
  const [status = '', ...message] = execFileSync('lua5.3', ['-e', script], { encoding: 'utf8', input: text('health.lua') }).split('\n')
  return { status, message: message.join('\n') }
}

for (const { healthStatus, inputPath } of tests) {
  test(`${inputPath} is ${healthStatus.status}: ${healthStatus.message}`, { skip: unless('lua') }, () => {
    assert.deepEqual(health(load(text(inputPath))), healthStatus)
  })
}

test('a policy without any status is in progress', { skip: unless('lua') }, () => {
  assert.equal(health({ metadata: { name: 'mx', generation: 1 } }).status, 'Progressing')
})

test('every policy in the test data is tested and valid', () => {
  const files = readdirSync(new URL('testdata/', folder)).map((name) => `testdata/${name}`)
  assert.deepEqual(tests.map(({ inputPath }) => inputPath).toSorted(), files.toSorted())
  for (const file of files) {
    const read = readPolicyText(text(file))
    assert.deepEqual('problems' in read ? read.problems : [], [], file)
  }
})

test('the conditions in the test data are those that the operator writes', () => {
  const words = readFileSync(new URL('../../operator/status/findings.ts', folder), 'utf8')
  for (const { inputPath } of tests.filter((one) => !one.inputPath.endsWith('-new.yaml'))) {
    const { status } = load(text(inputPath)) as { readonly status: { readonly conditions: readonly { type: string; reason: string }[] } }
    for (const { type, reason } of status.conditions) {
      assert.ok(words.includes(`'${type}'`) && words.includes(`'${reason}'`), `${inputPath}: ${type} ${reason}`)
    }
  }
  const fresh = load(text('testdata/progressing-new.yaml'))
  assert.deepEqual(isObject(fresh) ? fresh['status'] : undefined, statusSchema.default)
})
