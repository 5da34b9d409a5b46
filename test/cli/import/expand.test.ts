// Expansion of parameters: the forms of macros, their errors in Postfix's words, and its bounds.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Configuration } from '../../../cli/import/configuration.ts'
import { expand } from '../../../cli/import/expand.ts'
import { parseMainCf } from '../../../cli/import/main-cf.ts'

const values: Readonly<Record<string, string>> = {
  set: 'value',
  empty: '',
  ten: '10',
  nine: '9',
  level: '3.6',
  nested: '<$set>',
  dollars: 'a$$b',
}
const lookup = (name: string): string | undefined => values[name]

const good: readonly (readonly [string, string])[] = [
  ['plain', 'plain'],
  ['', ''],
  ['$set', 'value'],
  ['${set}', 'value'],
  ['$(set)', 'value'],
  ['${ set }', 'value'],
  ['a$set-b', 'avalue-b'],
  ['$unset', ''],
  ['$nested', '<value>'],
  ['100$$', '100$'],
  ['$$set', '$set'],
  ['$dollars', 'a$b'],
  ['${set?yes}', 'yes'],
  ['${empty?yes}', ''],
  ['${unset?yes}', ''],
  ['${set:no}', ''],
  ['${empty:no}', 'no'],
  ['${unset:$set}', 'value'],
  ['${set?{yes}:{no}}', 'yes'],
  ['${empty ? {yes} : {no}}', 'no'],
  ['${set?{}:{no}}', ''],
  ['${set??foo:{b}ar}', '?foo:{b}ar'],
  ['${empty:{no}}', 'no'],
  ['${stress?2}${stress:6}s', '6s'],
  ['${{a} == {a} ? {same} : {other}}', 'same'],
  ['${{a}=={b}?{same}:{other}}', 'other'],
  ['${{a} == {a}}', 'true'],
  ['${{a} == {b}}', ''],
  ['${{$ten} > {$nine} ? {number} : {text}}', 'number'],
  ['${{x10} > {x9} ? {number} : {text}}', 'text'],
  ['${{$set} != {value} ? {a} : {b}}', 'b'],
  ['${{9} <= {09} ? {a} : {b}}', 'a'],
  ['${{$level} <level {3.10} ? {older} : {newer}}', 'older'],
  ['${{$level} >=level {3} ? {newer} : {older}}', 'newer'],
  ['${{3.6.0} ==level {3.6} ? {same} : {other}}', 'same'],
  ['${{a} == {a} ? {${{b} == {c} ? {x} : {y}}} : {z}}', 'y'],
  ['${{a} == {b} ? ${broken : {fine}}', '' /* the branch that is not taken is not looked into */],
]

for (const [text, want] of good) {
  test(`expands ${text} to "${want}"`, () => {
    if (text.includes('${broken')) assert.deepEqual(expand(text, lookup), { why: `truncated macro reference: "${text}"` })
    else assert.deepEqual(expand(text, lookup), { text: want })
  })
}

const bad: readonly (readonly [string, string])[] = [
  ['${set', 'truncated macro reference: "${set"'],
  ['a $(set', 'truncated macro reference: "a $(set"'],
  ['$', 'empty macro name: "$"'],
  ['${}', 'empty macro name: "${}"'],
  ['$-', 'empty macro name: "$-"'],
  ['${se-t}', 'attribute name syntax error at: "...se>>>-t"'],
  ['${set?{yes}no}', '":" expected at: "...yes}>>>no"'],
  ['${set?{yes}:{no}x}', 'unexpected input at: "...no}>>>x"'],
  ['${set?{yes}:{no}{}}', 'unexpected input at: "...no}>>>{}"'],
  ['${{a} = {b}}', '"==" or "!=" or "<" or "<=" or ">=" or ">" expected at: "...a}>>>= {b}"'],
  ['${{a} == b}', '"{expression}" expected at: "...{a} ==>>>b"'],
  ['${{a} ==foo {b}}', 'bad operator suffix at: "...==>>>foo"'],
  ['${{a} == {a} x}', '"?" or ":" expected at: "...}>>>x"'],
  ['${{x} <level {1}}', 'malformed compatibility level syntax: "x"'],
  ['${{1} <level {1.2000}}', 'malformed compatibility level syntax: "1.2000"'],
]

for (const [text, why] of bad) {
  test(`refuses ${text} in the words of Postfix`, () => assert.deepEqual(expand(text, lookup), { why }))
}

test('refuses parameters that refer to each other, and names them', () => {
  const { settings } = parseMainCf('a = $b\nb = ${a?{$a}}x\nc = ${{$c} == {} ? {1} : {2}}', 'main.cf')
  const configuration = new Configuration(settings)
  assert.deepEqual(configuration.evaluate('a'), { why: 'unreasonable macro call nesting: "a"' })
  assert.ok('why' in configuration.evaluate('c'))
})

test('refuses parameters that grow without a limit', () => {
  const lines = Array.from({ length: 60 }, (_, at) => `p${at} = $p${at + 1}$p${at + 1}`)
  const configuration = new Configuration(parseMainCf([...lines, `p60 = ${'x'.repeat(1000)}`].join('\n'), 'main.cf').settings)
  assert.ok('why' in configuration.evaluate('p0'))
  assert.deepEqual(configuration.evaluate('p59'), { text: 'x'.repeat(2000), used: ['p59', 'p60'], unknown: [] })
})

test('takes the domain from the host name, and tells which names took part', () => {
  const configuration = new Configuration(parseMainCf('myhostname = mx.example.com\nx = $mydomain $nothing', 'main.cf').settings)
  assert.deepEqual(configuration.evaluate('x'), { text: 'example.com ', used: ['x'], unknown: ['nothing'] })
  assert.deepEqual(new Configuration(parseMainCf('myhostname = mail.$mydomain', 'main.cf').settings).evaluate('mydomain'), {
    text: '',
    used: [],
    unknown: [],
  })
})

test('never throws, and leaves text without dollar signs alone', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('$', '{', '}', '(', ')', '?', ':', '=', '<', ' ', 'a', 'set', 'level') }), (text) => {
      const result = expand(text, lookup)
      if (!text.includes('$')) assert.deepEqual(result, { text })
    }),
  )
})
