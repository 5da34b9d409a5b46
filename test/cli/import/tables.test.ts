// Lookup tables: cidr with conditions, keyed and inline ones, regular expressions, and where their files are looked for.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseCidrTable } from '../../../crds/values/cidr-table.ts'
import { parseInlineTable, parseKeyedTable } from '../../../cli/import/keyed-table.ts'
import { formatNetwork, parseNetworkPattern } from '../../../crds/values/network.ts'
import { parsePatternTable } from '../../../cli/import/pattern-table.ts'
import { tableFilesBeside } from '../../../cli/import/table-files.ts'
import { splitWords } from '../../../cli/import/word-list.ts'
import { cpuTimeOf } from '../../support/cpu-time.ts'

const rulesOf = (text: string): readonly string[] =>
  parseCidrTable(text).rules.map(({ networks, result }) => `${networks.map(formatNetwork).join(' ')} ${result}`)

test('reads networks in every form that cidr_table(5) allows', () => {
  assert.deepEqual(
    rulesOf(
      '192.0.2.1 a\n192.0.2.0/24\n  b c\n[2001:DB8::]/32 d\n[2001:db8::/48] e\n!192.0.2.0/25 f'.replace('!192.0.2.0/25', '! 128.0.0.0/1'),
    ),
    ['192.0.2.1 a', '192.0.2.0/24 b c', '2001:db8::/32 d', '2001:db8::/48 e', '0.0.0.0/1 f'],
  )
})

test('evaluates conditions, also negated, nested and unclosed ones', () => {
  assert.deepEqual(
    rulesOf(
      'if 10.0.0.0/8\n10.1.0.0/16 a\n192.0.2.0/24 never\nif !10.2.0.0/15\n10.0.0.0/14 b\nendif\n10.0.0.0/7 c\nENDIF\n10.0.0.0/7 d\nif ::/0\n0.0.0.0/0 never\n2001:db8::1 e',
    ),
    ['10.1.0.0/16 a', '10.0.0.0/15 b', '10.0.0.0/8 c', '10.0.0.0/7 d', '2001:db8::1 e'],
  )
})

test('lets a ! pattern match addresses of its own family only', () => {
  assert.deepEqual(rulesOf('!0.0.0.0/0 never\n!::/1 upper'), ['8000::/1 upper'])
})

const badLines: readonly (readonly [string, string])[] = [
  ['192.0.2.1', 'no lookup result'],
  ['192.0.2.1/24 a', 'non-null host address bits in "192.0.2.1/24", perhaps you should use "192.0.2.0/24" instead'],
  ['2001:db8::1/32 a', 'non-null host address bits in "2001:db8::1/32", perhaps you should use "2001:db8::/32" instead'],
  ['192.0.2.0/33 a', 'bad mask length in "192.0.2.0/33"'],
  ['192.0.2.0/ a', 'bad mask value in "192.0.2.0/"'],
  ['192.0.2/24 a', 'bad network value in "192.0.2/24"'],
  ['01.2.3.4 a', 'bad address pattern: "01.2.3.4"'],
  ['host.example a', 'bad address pattern: "host.example"'],
  ['[::1 a', `missing ']' character after "[::1"`],
  ['[::1]x a', 'garbage after "[::1]"'],
  ['! a', 'bad address pattern: "a"'],
  ['if', 'no address pattern'],
  ['endif', 'ENDIF without IF'],
  ['endif x', 'garbage after ENDIF'],
]

for (const [line, why] of badLines) {
  test(`skips the line "${line}" of a cidr table and says why`, () => {
    const table = parseCidrTable(`192.0.2.9 fine\n${line}\n`)
    assert.deepEqual(table.problems, [{ line: 2, why }])
    assert.equal(table.rules.length, 1)
  })
}

test('prints networks so that they read back', () => {
  for (const text of [
    '0.0.0.0/0',
    '192.0.2.0/24',
    '192.0.2.255',
    '::/0',
    '2001:db8::/33',
    '::1',
    'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  ]) {
    const parsed = parseNetworkPattern(text)
    assert.equal('value' in parsed ? formatNetwork(parsed.value) : parsed.why, text)
  }
})

test('reads 100,000 lines of a cidr table without much CPU time', () => {
  const text = Array.from({ length: 100_000 }, (_, at) => `10.${at >> 16}.${(at >> 8) & 255}.${at & 255} reject`).join('\n')
  const ms = cpuTimeOf(() => assert.equal(parseCidrTable(text).rules.length, 100_000))
  assert.ok(ms < 15_000, `${ms} ms: far more than a slow machine needs`)
})

test('reads keys and values; quotes and backslashes keep blanks in a key and stay', () => {
  const { entries, problems } = parseKeyedTable('a  b c\n"x y" z\np\\ q r\nonly\n"open x\na again\n')
  assert.deepEqual(
    entries.map(({ key, value, line }) => [key, value, line]),
    [
      ['a', 'b c', 1],
      ['"x y"', 'z', 2],
      ['p\\ q', 'r', 3],
    ],
  )
  assert.deepEqual(
    problems.map(({ line }) => line),
    [4, 5, 6],
  )
})

test('reads inline tables, the last of equal keys winning', () => {
  const table = parseInlineTable('{a=1, {b = two words} c = , a=2}')
  assert.ok('why' in table)
  const fine = parseInlineTable('{a=1, {b = two words}, {c = }, {a = 2}}')
  assert.deepEqual('entries' in fine ? fine.entries.map(({ key, value }) => [key, value]) : fine, [
    ['a', '2'],
    ['b', 'two words'],
    ['c', ''],
  ])
})

const patterns: readonly {
  readonly what: string
  readonly text: string
  readonly type: 'pcre' | 'regexp'
  readonly key: string
  readonly want: string | undefined
}[] = [
  { what: 'ignores case unless told', text: '/ZEN/ a', type: 'pcre', key: 'zen.example', want: 'a' },
  { what: 'minds case with the flag i', text: '/ZEN/i a', type: 'pcre', key: 'zen.example', want: undefined },
  { what: 'negates', text: '!/^zen\\./ other', type: 'regexp', key: 'bl.example', want: 'other' },
  { what: 'takes the first rule', text: '/x/ one\n/./ two', type: 'regexp', key: 'axa', want: 'one' },
  { what: 'fills in groups', text: '/^([a-z]+)\\.(.*)$/ $2 of ${1}, $$5', type: 'pcre', key: 'zen.example', want: 'example of zen, $5' },
  { what: 'skips blocks', text: 'if /^zen/\nif !/x/\n/./ a\nendif\n/./ b\nendif\n/./ c', type: 'pcre', key: 'zenx', want: 'b' },
  { what: 'leaves skipped blocks', text: 'if /^zen/\n/./ a\nendif\n/./ c', type: 'pcre', key: 'other', want: 'c' },
  { what: 'takes any delimiter', text: '%a/b% x', type: 'pcre', key: 'a/b', want: 'x' },
]

for (const { what, text, type, key, want } of patterns) {
  test(`a table of expressions ${what}`, () => assert.equal(parsePatternTable(text, type)?.find(key), want))
}

test('refuses expressions that JavaScript may read differently', () => {
  for (const text of ['/[[.a.]]/ a', '/[[:what:]]/ a', '/(?i)x/ a', '/a++/ a', '/x/U a', '/x/ a\nfoo bar', '/open a', '/(/ a']) {
    assert.equal(parsePatternTable(text, 'pcre'), undefined, text)
  }
  for (const text of ['/\\w/ a', '/[\\.]/ a', '/(a|ab)c/ $1']) assert.equal(parsePatternTable(text, 'regexp'), undefined, text)
})

test('keeps braces together when it splits words', () => {
  assert.deepEqual(splitWords(' a, {b c}, inline:{{x = y}, z=1},,d\t'), ['a', '{b c}', 'inline:{{x = y}, z=1}', 'd'])
  assert.deepEqual(splitWords(''), [])
})

test('looks for table files beside the input under ever shorter paths, then under their own', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tables-'))
  try {
    mkdirSync(join(folder, 'maps'))
    writeFileSync(join(folder, 'maps/a'), 'in maps')
    writeFileSync(join(folder, 'a'), 'beside')
    writeFileSync(join(folder, 'b'), 'own path')
    const files = tableFilesBeside(folder)
    assert.deepEqual(files.read('/etc/postfix/maps/a'), { text: 'in maps', from: join(folder, 'maps/a') })
    assert.deepEqual(files.read('/etc/postfix/a'), { text: 'beside', from: join(folder, 'a') })
    assert.deepEqual(tableFilesBeside(join(folder, 'maps')).read(join(folder, 'b')), { text: 'own path', from: join(folder, 'b') })
    assert.ok('why' in files.read('/etc/postfix/none'))
    assert.ok('why' in files.read('/etc/maps'))
  } finally {
    rmSync(folder, { recursive: true })
  }
})
