// The page of figures: text outside the markers stays, figures are in the tables.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Age } from './age.ts'
import { cpuGoal, exampleCase, exampleResult } from './example-case.ts'
import { details, goalTable, replacePart, withoutAges } from './page.ts'
import { readResults, resultsFile } from './results.ts'
import { pagesOf } from './write-pages.ts'

const example = exampleCase([
  cpuGoal,
  { ...cpuGoal, text: 'none failed', figure: 'failed', beside: { peer: 'postscreen', how: 'difference' }, value: 0 },
])
const results = { cases: { example: exampleResult([30, 33, 36], [77]) }, curves: {} }
const noAges: ReadonlyMap<string, Age> = new Map()
const parts = { cases: [example], results, ages: noAges }

test('only the text between the markers changes, and a second run changes nothing', () => {
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
  const [, , first = '', second = ''] = goalTable(parts).split('\n')
  assert.equal(
    first,
    '| bots \\| of an example | postscreen: 77 µs | CPU 33 µs (30–36) | 0.43× | ≤ 0.5× of theirs | yes | 2026-01-01, 1234567, **3 rounds instead of 5** |',
  )
  assert.equal(second, '|  | postscreen: 0 | failed 0 | +0 | none failed | yes |  |')
})

test('a case that was not measured, or cannot be, has a row that says so', () => {
  assert.match(goalTable({ ...parts, results: { cases: {}, curves: {} } }), /not measured yet/)
  const lacking = { ...exampleResult([], []), lacks: 'the gateway has no --workers' }
  assert.match(goalTable({ ...parts, results: { cases: { example: lacking }, curves: {} } }), /the gateway has no --workers .* no \|/)
})

test('the details have all figures of all contenders, and name the commit', () => {
  const text = details(parts)
  assert.match(text, /^### example\n\nbots \| of an example; 3 rounds each, alternating\. Measured: 2026-01-01, 1234567, /)
  assert.match(text, /\|  \| gateway \| postscreen \|\n\| --- \| --- \| --- \|\n\| CPU \| 33 µs \(30–36\) \| 77 µs \|\n/)
})

test('for a ratio the table shows the minimum and maximum of the rounds, if the contenders have the same number of them', () => {
  const alike = { cases: { example: exampleResult([30, 33, 36, 39, 42], [60, 60, 60, 60, 60]) }, curves: {} }
  assert.match(goalTable({ ...parts, results: alike }), /\| 0\.60× \(0\.50–0\.70\) \|.* \| 2026-01-01, 1234567 \|/)
})

const doubts: readonly { readonly age: Age; readonly text: RegExp }[] = [
  { age: 'older', text: /1234567, \*\*the code has changed since\*\*/ },
  { age: 'uncommitted', text: /with changes that are in no commit/ },
  { age: 'unknown', text: /the commit is not in the history/ },
]
for (const { age, text } of doubts) {
  test(`a row is marked in table and details if its age is ${age}`, () => {
    const marked = { ...parts, ages: new Map([['example', age]]) }
    assert.match(goalTable(marked), text)
    assert.match(details(marked), text)
  })
}

for (const [name, text] of pagesOf(readResults(resultsFile))) {
  test(`docs/${name} is made from the stored results (npm run generate)`, () => {
    assert.equal(withoutAges(readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8')), withoutAges(text))
  })
}
