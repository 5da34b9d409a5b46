// The page of figures: text outside the markers stays, figures are in the tables.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { cpuGoal, exampleCase, exampleResult } from './example-case.ts'
import { details, goalTable, renewPage, replacePart } from './page.ts'
import { cases, curves } from './registry.ts'
import { readResults } from './results.ts'

const example = exampleCase([
  cpuGoal,
  { ...cpuGoal, text: 'none failed', figure: 'failed', beside: { peer: 'postscreen', how: 'difference' }, value: 0 },
])
const results = { cases: { example: exampleResult([30, 33, 36], [77]) }, curves: {} }

test('only what is between the markers changes, and twice is as good as once', () => {
  const page = 'before\n<!-- bench: table -->\nold\n<!-- bench: end of table -->\nafter\n'
  const once = replacePart(page, 'table', 'new\n')
  assert.equal(once, 'before\n<!-- bench: table -->\n\nnew\n\n<!-- bench: end of table -->\nafter\n')
  assert.equal(replacePart(once, 'table', 'new\n'), once)
})

for (const page of ['', '<!-- bench: table -->', '<!-- bench: end of table --><!-- bench: table -->']) {
  test(`a page without a pair of markers is refused: ${JSON.stringify(page)}`, () => {
    assert.throws(() => replacePart(page, 'table', ''), /must have <!-- bench: table -->/)
  })
}

test('each goal has a row, the name of the case stands in the first', () => {
  const [, , first = '', second = ''] = goalTable([example], results).split('\n')
  assert.equal(first, '| bots \\| of an example | postscreen: 77 µs | CPU 33 µs (30–36) | 0.43× | ≤ 0.5× of theirs | yes |')
  assert.equal(second, '|  | postscreen: 0 | failed 0 | +0 | none failed | yes |')
})

test('a case that was not measured, or cannot be, has a row that says so', () => {
  assert.match(goalTable([example], { cases: {}, curves: {} }), /not measured yet/)
  const lacking = { ...exampleResult([], []), lacks: 'the gateway has no --workers' }
  assert.match(goalTable([example], { cases: { example: lacking }, curves: {} }), /the gateway has no --workers .* no \|/)
})

test('the details have all figures of all contenders, and name the commit', () => {
  const text = details([example], results)
  assert.match(text, /^### example\n\nbots \| of an example; 3 rounds each, alternating; measured 2026-01-01T00:00, commit 1234567\.\n/)
  assert.match(text, /\|  \| gateway \| postscreen \|\n\| --- \| --- \| --- \|\n\| CPU \| 33 µs \(30–36\) \| 77 µs \|\n/)
})

test('docs/performance.md has all markers, and is made from the stored results', () => {
  const page = readFileSync(new URL('../../docs/performance.md', import.meta.url), 'utf8')
  const kept = readResults(fileURLToPath(new URL('../../docs/performance/results.json', import.meta.url)))
  assert.equal(renewPage(page, cases, curves, kept), page)
})
