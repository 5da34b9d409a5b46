// Lookup tables compared with a real Postfix: what `postmap -q` answers for every address or key.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { parseCidrTable } from '../../cli/import/cidr-table.ts'
import { parseInlineTable, parseKeyedTable } from '../../cli/import/keyed-table.ts'
import { parsePatternTable } from '../../cli/import/pattern-table.ts'
import { compileAddressTable } from '../../gateway/core/address-table.ts'

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

const addresses = [
  '10.0.0.0',
  '10.1.2.3',
  '10.1.2.4',
  '10.255.255.255',
  '11.0.0.0',
  '192.0.2.1',
  '192.0.2.129',
  '0.0.0.0',
  '255.255.255.255',
  '::',
  '::1',
  '2001:db8::1',
  '2001:db8:1::5',
  '2001:dead::1',
  'ffff::',
]
const pattern = fc.constantFrom(
  ...[
    '10.0.0.0/8',
    '10.1.0.0/16',
    '10.1.2.3',
    '192.0.2.0/24',
    '192.0.2.128/25',
    '0.0.0.0/0',
    '::/0',
    '2001:db8::/32',
    '[2001:db8:1::]/48',
    '[::1]',
    '[2001:db8::/33]',
  ],
  ...['10.0.0.1/8', '10.0.0.0/33', 'x', '1.2.3', '01.2.3.4', '[::1', '::1/129', '10.0.0.0/8/8', '[10.1.0.0]/16', '1.2.3.4/', '[]'],
)
const signs = fc.constantFrom('', '', '', '!', '! ', '!!')
const line = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(signs, pattern, fc.constantFrom('permit', 'reject  it', 'dunno', ''))
      .map(([sign, one, result]) => `${sign}${one} ${result}`),
  },
  fc.tuple(fc.constantFrom('if', 'IF', 'iffy'), signs, pattern).map(([word, sign, one]) => `${word} ${sign}${one}`),
  fc.constantFrom('endif', 'EndIf', 'endif x', '# comment', '', ' 192.0.2.0/24 continued', 'if'),
)

test('cidr tables answer for every address as Postfix does, and skip the same lines', { skip }, () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
      const text = lines.join('\n')
      const { rules, problems } = parseCidrTable(text)
      const table = compileAddressTable(rules)
      const { answers, warnings } = ask(`cidr:${tableFile(text)}`, addresses)
      for (const address of addresses) assert.equal(rules[table.lookup(address)]?.result, answers.get(address), address)
      for (const { why } of problems) assert.ok(warnings.includes(why), `${why}\n${warnings}`)
    }),
    { numRuns: 150 },
  )
})

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
