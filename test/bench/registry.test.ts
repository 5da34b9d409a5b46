// What holds for every case and curve of the bench.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { ageOf, changesSince, hasHistory } from './age.ts'
import { fewestRounds } from './bench-case.ts'
import { measuredCommit } from './commit.ts'
import { cases, curves } from './registry.ts'

test('every case has at least five rounds, and names the files that its figures depend on', () => {
  for (const { name, rounds, measures } of cases) {
    assert.ok(rounds >= fewestRounds, `${name} has ${rounds} rounds`)
    assert.notDeepEqual(measures, [], name)
  }
  for (const { name, measures } of [...cases, ...curves])
    for (const path of measures) assert.ok(existsSync(new URL(`../../${path}`, import.meta.url)), `${name}: ${path}`)
})

test('every goal is about a figure of its case', () => {
  for (const { name, goals, figures } of cases) for (const { figure } of goals) assert.ok(figure in figures, `${name}: ${figure}`)
})

test('a row is current at its own commit, older when its code has changed since, and marked if git does not know its commit', (t) => {
  if (!hasHistory()) return t.skip('the history of git is not here')
  const head = (measuredCommit() ?? '').replace(/\+.*/, '')
  assert.equal(ageOf(head, ['test/bench/age.ts']), 'current')
  assert.equal(ageOf(`${head}~1`, ['nothing/has/this/name']), 'current')
  assert.equal(ageOf('0f6fc10', ['gateway']), 'older')
  assert.notDeepEqual(changesSince('0f6fc10', ['gateway']), [])
  assert.equal(ageOf(`${head}+changes`, ['test']), 'uncommitted')
  assert.equal(ageOf('0123456789abcdef', ['test']), 'unknown')
  assert.equal(ageOf(undefined, ['test']), 'unknown')
})
