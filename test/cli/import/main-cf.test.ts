// Lines of main.cf: comments, continuations, mistakes; and the logical lines that tables share with it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logicalLines } from '../../../cli/import/logical-lines.ts'
import { parseMainCf } from '../../../cli/import/main-cf.ts'

const cases: readonly { readonly what: string; readonly text: string; readonly want: Readonly<Record<string, string>> }[] = [
  { what: 'takes names and values apart at the first =', text: 'a = b = c\nd=\n e\nf  =g', want: { a: 'b = c', d: 'e', f: 'g' } },
  { what: 'joins lines that start with white space', text: 'a = 1,\n\t2,\n 3', want: { a: '1,\t2, 3' } },
  { what: 'passes over comments and empty lines, also inside a value', text: '# x\n\na = 1\n# y\n  # z\n\n   2\n', want: { a: '1   2' } },
  { what: 'does not take a # behind a value for a comment', text: 'a = 1 # 2', want: { a: '1 # 2' } },
  { what: 'lets the last of two settings win', text: 'a = 1\na = 2', want: { a: '2' } },
  { what: 'reads line ends of Windows', text: 'a = 1\r\nb = 2\r\n\r\n 3\r\n', want: { a: '1', b: '2\r 3' } },
  { what: 'passes over a byte order mark', text: '\uFEFFa = 1', want: { a: '1' } },
  { what: 'reads a last line without an end', text: 'a = 1', want: { a: '1' } },
  { what: 'keeps a no-break space, which is not white space to Postfix', text: 'a = \u00a01', want: { a: '\u00a01' } },
]

for (const { what, text, want } of cases) {
  test(what, () => {
    const { settings, errors } = parseMainCf(text, 'main.cf')
    assert.deepEqual(Object.fromEntries([...settings].map(([name, { value }]) => [name, value])), want)
    assert.deepEqual(errors, [])
  })
}

test('names file, line and mistake of every line that is not a parameter', () => {
  const { errors, notes, settings } = parseMainCf('one\n\ntwo three\n  four\n= five\nok = 1\nok = 2', 'site/main.cf')
  assert.deepEqual(errors, [
    `site/main.cf, line 1: missing '=' after attribute name: "one"`,
    `site/main.cf, line 3: missing '=' after attribute name: "two three  four"`,
    'site/main.cf, line 5: missing attribute name: "= five"',
  ])
  assert.deepEqual(notes, ['site/main.cf, line 7: overriding earlier entry: ok=1 (line 6)'])
  assert.deepEqual(settings.get('ok'), { value: '2', line: 7 })
})

test('leaves out a first line that continues nothing, as Postfix does', () => {
  const { settings, notes } = parseMainCf('  a = 1\nb = 2', 'main.cf')
  assert.deepEqual([...settings.keys()], ['b'])
  assert.equal(notes.length, 1)
})

test('counts lines by the first physical one', () => {
  assert.deepEqual(
    logicalLines('# c\na\n b\n\nc').lines.map(({ line, text }) => [line, text]),
    [
      [2, 'a b'],
      [5, 'c'],
    ],
  )
})
