// The reporter of the summary of a run: how many tests there were, which were left out, and which failed with which
// message, in a bounded number of lines.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const folder = mkdtempSync(join(tmpdir(), 'results.'))
after(() => rmSync(folder, { recursive: true }))

const reporter = fileURLToPath(new URL('results.ts', import.meta.url))

/** What is told of a file of tests; `body` is its program. */
function told(body: string): string {
  const file = join(folder, 'some.test.mjs')
  writeFileSync(file, `import assert from 'node:assert/strict'\nimport { before, describe, test } from 'node:test'\n${body}`)
  writeFileSync(join(folder, 'helper.mjs'), `import { test } from 'node:test'\nexport const define = (name, run) => test(name, run)\n`)
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const { stdout, stderr } = spawnSync(process.execPath, ['--test', `--test-reporter=${reporter}`, file], {
    cwd: folder,
    encoding: 'utf8',
    env,
  })
  assert.equal(stderr, '')
  return stdout.replace(/^failed\t/gm, '')
}

const cases = [
  {
    what: 'what was left out, and why',
    body: `test('a', { skip: 'needs\\tswaks' }, () => {})\ntest('b', { skip: true }, () => {})\ntest('c', () => {})`,
    says: [/^left-out\tneeds swaks\ta\nleft-out\tno reason given\tb\ntook\t.*\ntests\t3\n$/],
  },
  {
    what: 'nothing when none failed',
    body: `test('fine', () => {})\ntest('later', { todo: true }, () => assert.fail('not yet'))`,
    says: [/^left-out\tno reason given\tlater\ntook\t.*\ntests\t2\n$/],
  },
  {
    what: 'the file of each failed test, for a second run',
    body: `describe('outer', () => test('deep', () => assert.fail('x')))\ntest('fine', () => {})\ntest('flat', () => assert.fail('y'))`,
    says: [/^failed-file\tsome\.test\.mjs\touter > deep\nfailed-file\tsome\.test\.mjs\tflat\ntook/],
  },
  {
    what: 'the file that was run when the test is defined in another one',
    body: `const { define } = await import(new URL('helper.mjs', import.meta.url))\ndefine('elsewhere', () => assert.fail('x'))`,
    says: [/^failed-file\tsome\.test\.mjs\telsewhere\n/],
  },
  { what: 'a file that broke off as failed', body: `process.exit(3)`, says: [/^failed-file\tsome\.test\.mjs\t\S*some\.test\.mjs\n/] },
  { what: 'how many seconds each file took', body: `test('fine', () => {})`, says: [/^took\t\d+\.\d\tsome\.test\.mjs$/m] },
  {
    what: 'name, place and message',
    body: `test('fine', () => {})\n\ntest('adds up', () => assert.equal(1 + 1, 3, 'it does not'))`,
    says: [
      /\ntests\t2\nOne test failed:\n✖ adds up \(some\.test\.mjs:5, after \d+\.\d s\)\n {4}AssertionError \[ERR_ASSERTION\]: it does not\n/,
      /some\.test\.mjs:5:/,
    ],
  },
  {
    what: 'the suites around it by name, and not as failures',
    body: `describe('outer', () => describe('inner', () => test('deep', () => assert.fail('x'))))`,
    says: [/One test failed:\n✖ outer > inner > deep /],
  },
  {
    what: 'what an error was caused by',
    body: `test('waits', () => { throw new Error('not within 60 s', { cause: new Error('it says no') }) })`,
    says: [/Error: not within 60 s\n[^]*because of: Error: it says no/],
  },
  {
    what: 'what was thrown and is not an error, such as an object without a prototype',
    body: `test('odd', () => { throw Object.assign(Object.create(null), { counterexample: 7 }) })`,
    says: [/One test failed:\n✖ odd [^]*counterexample: 7/],
  },
  { what: 'a failed hook', body: `before(() => assert.fail('no cluster'))\ntest('never', () => {})`, says: [/never[^]*no cluster/] },
  { what: 'a file that breaks off', body: `test('fine', () => {})\nprocess.exit(3)`, says: [/One test failed:\n✖ \S*some\.test\.mjs/] },
  {
    what: 'the beginning and the end of a long message',
    body: `test('long', () => assert.fail(Array.from({ length: 500 }, (_, n) => 'line ' + n).join('\\n')))`,
    says: [/line 3\n/, /… \d+ lines …/, /some\.test\.mjs:3:/],
  },
  {
    what: 'fewer lines of each when there are many, and how many more',
    body: `for (let n = 0; n < 30; n++) test('test ' + n, () => assert.fail('one\\ntwo\\nthree\\nfour'))`,
    says: [/30 tests failed:\n✖ test 0 /, /… and \d+ more\n$/],
  },
]

for (const { what, body, says } of cases) {
  test(`it tells: ${what}`, () => {
    const text = told(body)
    for (const pattern of says) assert.match(text, pattern)
    const shown = text.split('\n').filter((line) => !/^(failed-file|took)\t/.test(line))
    assert.ok(shown.length <= 56, text)
  })
}
