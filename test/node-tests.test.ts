// With CI=true a failed test file runs once more, alone: test/node-tests.sh, which test/run and test/cluster/run read.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Fails in the first run of a scratch folder and passes in the next. */
const unlucky = `
import { existsSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
test('is in time', () => {
  if (existsSync('MARK')) return
  writeFileSync('MARK', '')
  throw new Error('too late')
})`
const broken = `import { test } from 'node:test'\ntest('adds up', () => { throw new Error('never') })`
const sound = `import { test } from 'node:test'\ntest('holds', () => undefined)`

/** Runs test files, given as texts by name, as test/run does. */
function run(t: TestContext, files: Readonly<Record<string, string>>, ci = 'true') {
  const scratch = mkdtempSync(join(tmpdir(), 'node-tests.'))
  t.after(() => rmSync(scratch, { recursive: true }))
  const paths = Object.entries(files).map(([name, text]) => {
    const path = join(scratch, name)
    writeFileSync(path, text.replaceAll('MARK', `${path}.ran`))
    return path
  })
  const script = `set -euo pipefail
. test/node-tests.sh
scratch=$SCRATCH
selected=("$@")
result=0
run_tests env || result=$?
tell_failed_tests
exit $result`
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const flaky = join(scratch, 'flaky-tests')
  const { status, stdout } = spawnSync('bash', ['-c', script, 'bash', ...paths], {
    cwd: root,
    encoding: 'utf8',
    env: { ...env, CI: ci, SCRATCH: scratch, FLAKY_TESTS: flaky, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` },
  })
  return { status, stdout, flaky: () => readFileSync(flaky, 'utf8') }
}

test('a test that fails once passes, and is named as flaky', (t) => {
  const { status, stdout, flaky } = run(t, { 'unlucky.test.mjs': unlucky, 'sound.test.mjs': sound })
  assert.equal(status, 0, stdout)
  assert.match(stdout, /unlucky\.test\.mjs failed\. It runs once more, alone\./)
  assert.doesNotMatch(stdout, /sound\.test\.mjs failed/)
  assert.match(stdout, /\nflaky: \S*unlucky\.test\.mjs: is in time\n$/)
  assert.match(flaky(), /^flaky: \S*unlucky\.test\.mjs: is in time\n$/)
})

test('a failure that repeats is a failure, also beside a flaky one', (t) => {
  const { status, stdout } = run(t, { 'unlucky.test.mjs': unlucky, 'broken.test.mjs': broken })
  assert.equal(status, 1, stdout)
  assert.match(stdout, /✖ adds up /)
  assert.match(stdout, /\nflaky: \S*unlucky\.test\.mjs: is in time\n$/)
  assert.doesNotMatch(stdout, /flaky: \S*broken/)
})

test('a file that breaks off every time is a failure', (t) => {
  assert.equal(run(t, { 'broken.test.mjs': 'process.exit(3)' }).status, 1)
})

test('many failed files are not run again: they do not fail by chance', (t) => {
  const files = Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`broken-${n}.test.mjs`, broken]))
  const { status, stdout } = run(t, files)
  assert.equal(status, 1)
  assert.doesNotMatch(stdout, /once more/)
})

test('outside CI a failure is told at once', (t) => {
  const { status, stdout } = run(t, { 'unlucky.test.mjs': unlucky }, '')
  assert.equal(status, 1)
  assert.doesNotMatch(stdout, /once more/)
})
