// Messages of the program that the documents quote are in the program, word for word.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { root } from './blocks.ts'

const source = ['gateway', 'operator', 'crds', 'runtime', 'cli']
  .flatMap((folder) =>
    readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(`${root}${folder}/${name}`, 'utf8')),
  )
  .join('\n')

/** The first cells of the table under a heading of a page. */
function firstCells(page: string, heading: string): readonly string[] {
  const text = readFileSync(`${root}docs/${page}`, 'utf8')
  const section = text.slice(text.indexOf(`## ${heading}\n`)).split(/\n## /)[0] ?? ''
  const [, , ...rows] = [...section.matchAll(/^\| ([^|]+) \|/gm)].map(([, cell = '']) => cell)
  return rows
}

/** The parts of a quoted message between commas and its placeholders, which are words in capitals, `n` and `…`. Short parts are left out. */
const parts = (quoted: string): readonly string[] =>
  quoted
    .split(/\b[A-Z]{2,}\b|\b[Nn]\b|…|`|: |, /)
    .map((part) => part.trim())
    .filter((part) => part.length >= 12)

for (const [page, heading] of [
  ['read-the-log.md', 'Lines about the policy'],
  ['bring-your-own-postfix.md', 'The proof'],
] as const) {
  test(`the messages that ${page} quotes under "${heading}" are in the program`, () => {
    const quoted = firstCells(page, heading).flatMap((cell) => (cell.includes('PROXY') ? [cell] : parts(cell)))
    assert.ok(quoted.length > 3, String(quoted))
    assert.deepEqual(
      quoted.filter((part) => !source.includes(part)),
      [],
    )
  })
}

test('the warnings that keep-the-client-address.md explains are in the program', () => {
  const warnings = firstCells('keep-the-client-address.md', 'Check it')
    .filter((cell) => cell.startsWith('warnings'))
    .flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text.replace(/ ?…$/, '')))
    .filter((text) => text !== 'CONNECT')
  assert.ok(warnings.length >= 3, String(warnings))
  assert.deepEqual(
    warnings.filter((text) => !source.includes(text)),
    [],
  )
})
