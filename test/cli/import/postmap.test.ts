// Lookup tables compared with a real Postfix: what `postmap -q` answers for every address or key.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { parseInlineTable, parseKeyedTable } from '../../../cli/import/keyed-table.ts'
import { parsePatternTable } from '../../../cli/import/pattern-table.ts'

const skip = spawnSync('postmap', ['-q', 'a', 'static:b']).status === 0 ? false : 'there is no Postfix here'
const folder = mkdtempSync(join(tmpdir(), 'postmap-'))
after(() => rmSync(folder, { recursive: true }))

let files = 0

/** A table file, made old so that Postfix does not wait for it to cool down. */
function tableFile(text: string): string {
  const path = join(folder, `table${files++}`)
  writeFileSync(path, text)
  utimesSync(path, 1e9, 1e9)
  return path
}

/** What Postfix answers for those of the keys that the table has, and its warnings. */
function ask(table: string, keys: readonly string[]): { readonly answers: ReadonlyMap<string, string>; readonly warnings: string } {
  const { stdout, stderr } = spawnSync('postmap', ['-q', '-', table], { input: `${keys.join('\n')}\n`, encoding: 'utf8' })
  const lines = stdout.split('\n').filter((line) => line !== '')
  return {
    answers: new Map(lines.map((line) => [line.slice(0, line.indexOf('\t')), line.slice(line.indexOf('\t') + 1)])),
    warnings: stderr,
  }
}

test('keyed tables answer as texthash: does', { skip }, () => {
  const piece = fc.constantFrom('a', 'b', 'A', '"', '\\', ' ', '\t', 'x y', '=', '#', '\n', '\n ', '1')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      const text = pieces.join('')
      const { entries, problems } = parseKeyedTable(text)
      // Postfix does not mind the case of keys; one that comes twice spoils the whole table there, and postmap answers nothing.
      const keys = entries.map(({ key }) => key.toLowerCase())
      if (problems.some(({ why }) => why.startsWith('duplicate')) || new Set(keys).size < keys.length) return
      const asked = ['a', 'b', 'ab', ...keys].filter((key) => !/\s/.test(key))
      const { answers } = ask(`texthash:${tableFile(text)}`, asked)
      for (const key of asked) assert.equal(entries.find((entry) => entry.key.toLowerCase() === key)?.value, answers.get(key), key)
    }),
    { numRuns: 100 },
  )
})

test('inline tables answer as inline: does', { skip }, () => {
  for (const text of [
    '{a=1}',
    '{a=1, b=2}',
    '{{a = x y}, b=}',
    '{ a=1,{b = 2} }',
    '{a=1,a=2}',
    '{{ a = {x} }}',
    '{a}',
    '{}',
    '{a=1',
    '{{a=1}x}',
    '{{"a b" = c}}',
  ]) {
    const table = parseInlineTable(text)
    const { answers, warnings } = ask(`inline:${text}`, ['a', 'b', '"a b"'])
    if ('why' in table) assert.match(warnings, /need "inline:\{name=value|syntax error|missing/, text)
    else
      for (const key of ['a', 'b', '"a b"'])
        assert.equal(table.entries.find((entry) => entry.key === key)?.value, answers.get(key), `${text} ${key}`)
  }
})

test('tables of expressions answer as regexp: does', { skip }, () => {
  const expression = fc.constantFrom(
    '/^zen/',
    '/ZEN/i',
    '/\\.example$/',
    '!/org/',
    '/^([a-z]+)\\.(.*)$/',
    '/x|bl/',
    '!!/bl/',
    '/[^.]+/',
    '/a{2}/',
    '/b+l?/',
    '/^[[:alnum:]]+\\.[^[:upper:]]/',
    '/[]x]|[[:punct:]]e/',
    '/^[^]a]/',
  )
  const rule = fc.oneof(
    { weight: 4, arbitrary: fc.tuple(expression, fc.constantFrom('one', 'two words', '$$5')).map(([one, result]) => `${one} ${result}`) },
    fc.constantFrom('if /zen/', 'if !/^bl/', 'endif', '# no', '/^([a-z]+)\\.(.*)$/ $2 of ${1}'),
  )
  const keys = ['zen.example', 'bl.example.org', 'ZEN', 'aab', 'x', 'bl']
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 8 }), (rules) => {
      const table = parsePatternTable(rules.join('\n'), 'regexp')
      assert.ok(table !== undefined)
      const { answers } = ask(`regexp:${tableFile(rules.join('\n'))}`, keys)
      for (const key of keys) assert.equal(table.find(key), answers.get(key), key)
    }),
    { numRuns: 80 },
  )
})
