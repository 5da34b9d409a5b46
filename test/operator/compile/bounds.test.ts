// The limits of a compiled policy, each at its last value and one beyond, and which problems may pass by themselves.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { tableFile, tableKey, type TableText } from '../../../operator/compile/access-tables.ts'
import { type Compilation, type Compiled, compile, tableRefs } from '../../../operator/compile/compile.ts'
import { secretFiles } from '../../../operator/compile/secret-files.ts'
import { policyWith } from '../policy-object.ts'

const fromMap = (name: string) => ({ table: { configMap: { name, key: 'list' } } })
function compileWith(access: readonly object[], texts: Readonly<Record<string, TableText>> = {}, more: object = {}): Compilation {
  return compile(policyWith({ access, ...more }), new Map(Object.entries(texts).map(([name, text]) => [tableKey(name, 'list'), text])))
}
function compiled(access: readonly object[], texts: Readonly<Record<string, TableText>> = {}): Compiled {
  const made = compileWith(access, texts)
  if ('problems' in made) throw new Error(JSON.stringify(made.problems))
  return made.compiled
}

/** Addresses that are all of the same length; the first ones are a character shorter. */
const cidrs = (count: number, shorter = 0): string[] =>
  Array.from({ length: count }, (_, at) => {
    const [b, c, d] = [Math.floor(at / 10_000), Math.floor(at / 100) % 100, at % 100].map((part) => 100 + part)
    return `${at < shorter ? 1 : 10}.${b}.${c}.${d}`
  })

/** Lists of 900 addresses and a last one that is shorter. A list with Dunno never becomes a table. */
function lists(full: number, last: number, shorter = 0): { readonly action: string; readonly cidrs: readonly string[] }[] {
  const all = cidrs(900 * full + last, shorter)
  return Array.from({ length: full + 1 }, (_, at) => ({
    action: 'Dunno',
    cidrs: all.slice(900 * at, at === full ? undefined : 900 * (at + 1)),
  }))
}

/** Lists whose policy has a text of exactly so many bytes. */
function listsOfBytes(bytes: number): ReturnType<typeof lists> {
  const lengthOf = (full: number, last: number): number => Buffer.byteLength(compiled(lists(full, last)).text)
  const least = lengthOf(0, 1)
  const [list, line] = [lengthOf(1, 1) - least, lengthOf(0, 2) - least]
  const full = Math.floor((bytes - least) / list)
  const last = Math.ceil((bytes - least - full * list) / line)
  return lists(full, last + 1, least + full * list + last * line - bytes)
}

describe('the text of a policy', () => {
  const comfortable = 256 * 1024
  const largest = 900 * 1024

  for (const [bytes, tables] of [
    [comfortable, 0],
    [comfortable + 1, 1],
  ] as const) {
    test(`of ${bytes} bytes has ${tables} of its long lists in a table`, () => {
      // Reject is a character longer than Dunno.
      const [first, ...others] = listsOfBytes(bytes - 1)
      const { shards, text } = compiled([{ ...first, action: 'Reject' }, ...others])
      assert.equal(shards.length, tables)
      assert.equal(Buffer.byteLength(text) === bytes, tables === 0)
    })
  }

  test(`of ${largest} bytes fits into a ConfigMap, and with one more does not`, () => {
    assert.equal(Buffer.byteLength(compiled(listsOfBytes(largest)).text), largest)
    const made = compileWith(listsOfBytes(largest + 1))
    assert.ok('problems' in made)
    assert.deepEqual(made.problems, [
      {
        path: 'spec',
        why: `is too long for a ConfigMap: ${largest + 1} bytes, at most ${largest} are allowed; move long lists to ConfigMaps of their own (access[].table.configMap)`,
      },
    ])
    assert.equal(made.awaited, undefined)
  })
})

describe('in a text that is too long for its lists,', () => {
  const ballast = Array.from({ length: 15 }, () => ({ action: 'Reject', cidrs: cidrs(1000) }))
  const rule = (count: number) => ({ action: 'Permit', cidrs: cidrs(count) })
  const cases: readonly { readonly what: string; readonly entry: object; readonly isMoved: boolean }[] = [
    { what: 'a list of 200 networks stays', entry: { action: 'Permit', cidrs: cidrs(200) }, isMoved: false },
    { what: 'a list of 201 networks becomes a table', entry: { action: 'Permit', cidrs: cidrs(201) }, isMoved: true },
    { what: 'a table of 200 networks stays', entry: { table: { rules: [rule(120), rule(80)] } }, isMoved: false },
    { what: 'a table of 201 networks becomes a file', entry: { table: { rules: [rule(120), rule(81)] } }, isMoved: true },
  ]
  for (const { what, entry, isMoved } of cases) {
    test(what, () => {
      const before = compiled(ballast).tableRules
      assert.equal(compiled([...ballast, entry]).tableRules, before + (isMoved ? 201 : 0))
    })
  }
})

describe('problems may pass by themselves', () => {
  const missing = { why: 'does not exist', isMissing: true }
  const bad = { why: 'is not valid gzip' }
  const good = { text: '192.0.2.1 permit\n' }
  const cases: readonly { readonly what: string; readonly texts: Readonly<Record<string, TableText>>; readonly awaited: boolean }[] = [
    { what: 'when a ConfigMap is missing', texts: { a: missing, b: good }, awaited: true },
    { what: 'when two ConfigMaps are missing', texts: { a: missing, b: missing }, awaited: true },
    { what: 'not when a table is not valid', texts: { a: bad, b: good }, awaited: false },
    { what: 'not when one is missing and another one is not valid', texts: { a: missing, b: bad }, awaited: false },
    { what: 'not when it is said to exist', texts: { a: { why: 'x', isMissing: false }, b: good }, awaited: false },
  ]
  for (const { what, texts, awaited } of cases) {
    test(what, () => {
      const made = compileWith([fromMap('a'), fromMap('b')], texts)
      assert.equal('problems' in made && made.awaited, awaited)
    })
  }
})

describe('a compiled policy', () => {
  test('has nothing about lines or rejects without tables', () => {
    const made = compiled([{ action: 'Reject', cidrs: ['192.0.2.1'] }])
    assert.deepEqual(
      { skipped: made.skipped, tablesReject: made.tablesReject, hasSkipped: 'skipped' in made, hasReject: 'tablesReject' in made },
      { skipped: undefined, tablesReject: undefined, hasSkipped: false, hasReject: false },
    )
  })

  test('counts the rules of all its tables, and tells of lines in each one', () => {
    const made = compiled([fromMap('a'), fromMap('b')], { a: { text: '192.0.2.1 permit\nx\n' }, b: { text: '192.0.2.1 reject\ny\n' } })
    assert.equal(made.tableRules, 2)
    assert.equal(made.tablesReject, true)
    assert.deepEqual(made.skipped, [
      'ConfigMap a key list: a line is skipped: line 2: bad address pattern: "x"',
      'ConfigMap b key list: a line is skipped: line 2: bad address pattern: "y"',
    ])
  })
})

describe('the lines that a table skips', () => {
  const skippedOf = (lines: number): string | undefined => {
    const made = tableFile('nonsense permit\n'.repeat(lines), 'spec', 'here')
    return 'skipped' in made ? made.skipped : undefined
  }
  const line = (at: number): string => `line ${at}: bad address pattern: "nonsense"`
  const cases: readonly (readonly [lines: number, words: string | undefined])[] = [
    [0, undefined],
    [1, `here: a line is skipped: ${line(1)}`],
    [2, `here: 2 lines are skipped: ${line(1)}; ${line(2)}`],
    [5, `here: 5 lines are skipped: ${[1, 2, 3, 4, 5].map(line).join('; ')}`],
    [6, `here: 6 lines are skipped: ${[1, 2, 3, 4, 5].map(line).join('; ')}; and 1 more`],
  ]
  for (const [lines, words] of cases) test(`are told in words when they are ${lines}`, () => assert.equal(skippedOf(lines), words))
})

describe('the tables of a manifest that has another form', () => {
  const cases: readonly { readonly what: string; readonly spec: unknown; readonly want: readonly object[] }[] = [
    { what: 'are an empty list with null in place of a spec', spec: null, want: [] },
    { what: 'are an empty list with a text in place of a spec', spec: 'access', want: [] },
    {
      what: 'are an empty list with a key that is not a text',
      spec: { access: [{ table: { configMap: { name: 'a', key: 1 } } }] },
      want: [],
    },
    { what: 'are an empty list without a key', spec: { access: [{ table: { configMap: { name: 'a' } } }] }, want: [] },
    { what: 'are those that have their form', spec: { access: [fromMap('a'), null] }, want: [{ name: 'a', key: 'list' }] },
  ]
  for (const { what, spec, want } of cases) test(what, () => assert.deepEqual(tableRefs({ ...policyWith({}), spec }), want))
})

describe('a Secret is not taken from', () => {
  const cases: readonly { readonly what: string; readonly spec: object }[] = [
    { what: 'an empty name', spec: { tls: { secretName: '' } } },
    { what: 'a name that is not a text', spec: { tls: { secretName: 5 } } },
    { what: 'a reference without a key', spec: { dnsbl: { sites: [{ keySecret: { name: 'a' } }] } } },
    { what: 'a reference without a name', spec: { dnsbl: { sites: [{ keySecret: { key: 'a' } }] } } },
    { what: 'a reference that is a text', spec: { dnsbl: { sites: [{ keySecret: 'a' }] } } },
  ]
  for (const { what, spec } of cases) test(what, () => assert.deepEqual(secretFiles(spec), []))
})
