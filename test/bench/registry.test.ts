// What holds for every case and curve of the bench.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ageOf, changesSince } from './age.ts'
import { fewestRounds } from './bench-case.ts'
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
  const folder = mkdtempSync(join(tmpdir(), 'age.'))
  t.after(() => rmSync(folder, { recursive: true }))
  const git = (...words: readonly string[]): string => execFileSync('git', words, { cwd: folder, encoding: 'utf8' }).trim()
  const commit = (file: string): string => {
    writeFileSync(join(folder, file), file)
    git('add', file)
    git('-c', 'user.name=test', '-c', 'user.email=test@example.com', 'commit', '-q', '-m', `Add ${file}`)
    return git('rev-parse', '--short', 'HEAD')
  }
  git('init', '-q')
  const first = commit('measured')
  const second = commit('other')
  assert.equal(ageOf(second, ['measured'], folder), 'current')
  assert.equal(ageOf(first, ['measured'], folder), 'current')
  assert.equal(ageOf(first, ['measured', 'other'], folder), 'older')
  assert.deepEqual(changesSince(first, ['other'], folder), [`${second} Add other`])
  assert.equal(ageOf(`${second}+changes`, ['measured'], folder), 'uncommitted')
  assert.equal(ageOf('0123456789abcdef', ['measured'], folder), 'unknown')
  assert.equal(ageOf(undefined, ['measured'], folder), 'unknown')
})
