// Which test files run at once, and that with CI=true a failed one runs once more, alone: test/node-tests.sh, which test/run and test/cluster/run read.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
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
/** Notes when it begins and when it ends. */
const noting = `
import { appendFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
test('notes', async () => {
  const note = (word) => appendFileSync(new URL('notes', import.meta.url), word + ' ')
  note('begin')
  await setTimeout(200)
  note('end')
})`
/** Ends only when its partner has begun. */
const meeting = `
import { existsSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
test('meets the other one', { timeout: 60_000 }, async () => {
  writeFileSync('MARK', '')
  while (!existsSync(new URL('PARTNER.test.mjs.ran', import.meta.url))) await setTimeout(10)
})`
const sound = `import { test } from 'node:test'\ntest('holds', () => undefined)`

/** Runs test files, given as texts by name, as test/run does. */
function run(t: TestContext, files: Readonly<Record<string, string>>, ci = 'true', places = 1) {
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
places=$PLACES
result=0
in_place() { env PLACE="$place" "$@"; }
run_tests in_place || result=$?
tell_failed_tests
exit $result`
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const flaky = join(scratch, 'flaky-tests')
  const { status, stdout } = spawnSync('bash', ['-c', script, 'bash', ...paths], {
    cwd: root,
    encoding: 'utf8',
    env: {
      ...env,
      CI: ci,
      PLACES: String(places),
      SCRATCH: scratch,
      FLAKY_TESTS: flaky,
      PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
    },
  })
  return { status, stdout, flaky: () => readFileSync(flaky, 'utf8'), notes: () => readFileSync(join(scratch, 'notes'), 'utf8') }
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

test('a file that aborts every time is a failure', (t) => {
  assert.equal(run(t, { 'broken.test.mjs': 'process.exit(3)' }).status, 1)
})

test('files run at once, as many as there are cores', { skip: availableParallelism() < 2 && 'one core' }, (t) => {
  const { status, stdout } = run(t, {
    'a.test.mjs': meeting.replace('PARTNER', 'b'),
    'b.test.mjs': meeting.replace('PARTNER', 'a'),
  })
  assert.equal(status, 0, stdout)
})

/** Ends only when all files of the scratch folder whose names match have begun. */
const meetingAll = (names: readonly string[]): string => `
import { existsSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
test('meets the other ones', { timeout: 60_000 }, async () => {
  writeFileSync('MARK', '')
  for (const name of ${JSON.stringify(names)})
    while (!existsSync(new URL(name + '.ran', import.meta.url))) await setTimeout(10)
})`

test('three live files run at once, beside the others', (t) => {
  const names = ['a.live.test.mjs', 'b.live.test.mjs', 'c.live.test.mjs', 'd.test.mjs']
  const { status, stdout } = run(t, Object.fromEntries(names.map((name) => [name, meetingAll(names)])))
  assert.equal(status, 0, stdout)
  assert.equal(stdout.split('✔ meets the other ones').length - 1, 4)
})

test('each live file runs once, those first that say so', (t) => {
  const live = Array.from({ length: 7 }, (_, n) => [`${n}.live.test.mjs`, noting.replaceAll("'end'", `'${n}'`)] as const)
  const first = ['8.live.test.mjs', `// Runs first: it takes long.\n${noting.replaceAll("'end'", "'8'")}`] as const
  const { status, stdout, notes } = run(t, Object.fromEntries([...live, first]))
  assert.equal(status, 0, stdout)
  const words = notes().trim().split(' ')
  assert.deepEqual(words.filter((word) => word !== 'begin').toSorted(), ['0', '1', '2', '3', '4', '5', '6', '8'])
  assert.ok(words.indexOf('8') < 6, notes())
})

/** Notes in which process it runs. */
const sharing = `
import { appendFileSync } from 'node:fs'
import { pid } from 'node:process'
import { test } from 'node:test'
test('shares', () => appendFileSync(new URL('notes', import.meta.url), pid + ' '))`

test('many files that use nothing of the process share one for each core, and a failed one runs once more by itself', (t) => {
  const many = Object.fromEntries(Array.from({ length: 24 }, (_, n) => [`${n}.test.mjs`, sharing]))
  const own = `${sharing}\ntest('has a process of its own', () => process.kill(process.pid, 0))`
  const { status, stdout, notes } = run(t, { ...many, 'own.test.mjs': own, 'unlucky.test.mjs': unlucky })
  assert.equal(status, 0, stdout)
  const pids = notes().trim().split(' ')
  assert.equal(pids.length, 25)
  assert.ok(new Set(pids).size <= availableParallelism() + 1, notes())
  assert.match(stdout, /unlucky\.test\.mjs failed\. It runs once more, alone\./)
  assert.doesNotMatch(stdout, /\/\d+\.test\.mjs failed/)
  assert.match(stdout, /\nflaky: \S*unlucky\.test\.mjs: is in time\n$/)
})

test('files that say so run alone, after all others', (t) => {
  const alone = `// Runs alone: it measures.\n${noting}`
  const { status, stdout, notes } = run(t, { 'a.live.test.mjs': alone, 'b.test.mjs': alone, 'c.live.test.mjs': sound })
  assert.equal(status, 0, stdout)
  assert.equal(notes(), 'begin end begin end ')
  assert.ok(stdout.indexOf('✔ holds') < stdout.indexOf('✔ notes'), stdout)
})

test('where there are two places, one file at a time runs alone in each, beside the files that share the first', (t) => {
  const alone = `// Runs alone: it ends servers.\n${noting.replaceAll('note = (word) =>', "note = (word) => word === 'end' ||").replaceAll("word + ' '", "process.env.PLACE + ' '")}`
  const live = meetingAll(['a.live.test.mjs', 'b.test.mjs'])
  const { status, stdout, notes } = run(
    t,
    { 'a.live.test.mjs': live, 'b.test.mjs': `// Runs alone: it ends servers.\n${live}`, 'c.test.mjs': alone, 'd.test.mjs': alone },
    'true',
    2,
  )
  assert.equal(status, 0, stdout)
  assert.deepEqual(notes().trim().split(' ').toSorted(), ['1', '2'])
})

test('failures of all parts are reported at the end, and all run again', (t) => {
  const { status, stdout } = run(t, { 'broken.test.mjs': broken, 'broken.live.test.mjs': broken, 'unlucky.test.mjs': unlucky })
  assert.equal(status, 1, stdout)
  const summary = stdout.slice(stdout.lastIndexOf('once more, alone.'))
  for (const failed of [
    /\n✖ adds up \(\S*broken\.test\.mjs/,
    /\n✖ is in time \(\S*unlucky\.test\.mjs/,
    /\n✖ adds up \(\S*broken\.live\.test\.mjs/,
  ])
    assert.match(summary, failed)
  for (const file of ['broken', 'broken.live', 'unlucky'])
    assert.ok(stdout.includes(`/${file}.test.mjs failed. It runs once more, alone.`), file)
  assert.match(stdout, /\nflaky: \S*unlucky\.test\.mjs: is in time\n$/)
})

test('a live test that fails once is flaky too', (t) => {
  const { status, stdout } = run(t, { 'unlucky.live.test.mjs': unlucky, 'sound.test.mjs': sound })
  assert.equal(status, 0, stdout)
  assert.match(stdout, /\nflaky: \S*unlucky\.live\.test\.mjs: is in time\n$/)
})

test('many failed files are not run again: they do not fail by chance', (t) => {
  const files = Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`broken-${n}.test.mjs`, broken]))
  const { status, stdout } = run(t, files)
  assert.equal(status, 1)
  assert.doesNotMatch(stdout, /once more/)
})

test('outside CI a failure is reported at once', (t) => {
  const { status, stdout } = run(t, { 'unlucky.test.mjs': unlucky }, '')
  assert.equal(status, 1)
  assert.doesNotMatch(stdout, /once more/)
})
