// cidr_table(5) texts: rules, conditions, and what is told about bad lines.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compileAddressTable } from '../../gateway/core/address-table.ts'
import { parseCidrTable } from '../../crds/cidr-table.ts'
import { cpuTimeOf } from '../support/cpu-time.ts'

/** What a table without bad lines says about some addresses. */
function decisions(text: string, ...addresses: string[]): (string | undefined)[] {
  const { rules, problems } = parseCidrTable(text)
  assert.deepEqual(problems, [])
  const table = compileAddressTable(rules)
  return addresses.map((address) => rules[table.lookup(address)]?.decision)
}

test('a line is a network and a decision in any case; the first that matches counts', () => {
  const text = '192.0.2.1 PERMIT\n192.0.2.0/24\treject  \n[2001:db8::]/32 Dunno\n2001:db8:1::/48 permit\n'
  assert.deepEqual(decisions(text, '192.0.2.1', '192.0.2.2', '2001:db8:1::1', '192.0.3.1'), ['Permit', 'Reject', 'Dunno', undefined])
})

test('comments and blank lines are passed over, also inside a line that goes on', () => {
  assert.deepEqual(decisions('# a comment\n\n   \n192.0.2.1\n# in between\n   permit\n  # last\n', '192.0.2.1'), ['Permit'])
})

test('lines may end in CRLF, and the last one in nothing', () => {
  assert.deepEqual(decisions('192.0.2.1 permit\r\n192.0.2.2 reject', '192.0.2.1', '192.0.2.2'), ['Permit', 'Reject'])
})

test('an empty text is a table that decides nothing', () =>
  assert.deepEqual(parseCidrTable(''), { rules: [], problems: [], furtherProblems: 0 }))

describe('a pattern with !', () => {
  test('stands for all other addresses of its family', () => {
    assert.deepEqual(decisions('!192.0.2.0/24 reject', '192.0.2.1', '198.51.100.1'), [undefined, 'Reject'])
    assert.deepEqual(decisions('! 2001:db8::/32 reject', '2001:db8::1', '2001:db9::1'), [undefined, 'Reject'])
  })

  test('says nothing about the other family (cidr_match_execute)', () => {
    assert.deepEqual(decisions('!192.0.2.0/24 permit', '2001:db8::1'), [undefined])
    assert.deepEqual(decisions('!2001:db8::/32 permit', '192.0.2.1'), [undefined])
  })
})

describe('if and endif', () => {
  test('limit the rules between them', () => {
    const text = 'if 192.0.2.0/24\n192.0.2.1 permit\n0.0.0.0/0 reject\nendif\n0.0.0.0/0 dunno\n'
    assert.deepEqual(decisions(text, '192.0.2.1', '192.0.2.2', '192.0.3.1'), ['Permit', 'Reject', 'Dunno'])
  })

  test('may be nested, negated and in any case', () => {
    const text = 'IF 10.0.0.0/8\nif !10.1.0.0/16\n0.0.0.0/0 reject\nENDIF\n0.0.0.0/0 permit\nendif\n'
    assert.deepEqual(decisions(text, '10.2.0.1', '10.1.0.1', '11.0.0.1'), ['Reject', 'Permit', undefined])
  })

  test('with ! let only addresses of the same family in', () => {
    assert.deepEqual(decisions('if !192.0.2.0/24\n::/0 reject\n0.0.0.0/0 reject\nendif\n', '2001:db8::1', '198.51.100.1'), [
      undefined,
      'Reject',
    ])
  })
})

describe('a bad line is told with its number', () => {
  const cases: readonly { readonly what: string; readonly text: string; readonly want: readonly (readonly [number, RegExp])[] }[] = [
    { what: 'no network', text: '192.0.2.1 permit\nexample.com reject\n', want: [[2, /"example\.com" is no network/]] },
    { what: 'bits behind the prefix', text: '192.0.2.1/24 permit', want: [[1, /no bits set behind the prefix/]] },
    { what: 'no decision', text: '192.0.2.1 OK', want: [[1, /"OK" is no decision/]] },
    { what: 'more than a decision', text: '192.0.2.1 permit, reject', want: [[1, /is no decision/]] },
    { what: 'nothing behind the network', text: '192.0.2.1\n\n192.0.2.2 permit', want: [[1, /need a network and one of/]] },
    {
      what: 'if without a network',
      text: 'if\nendif',
      want: [
        [1, /need a network/],
        [2, /"endif" without "if"/],
      ],
    },
    { what: 'if with a bad one', text: 'if example.com\nendif', want: [[1, /is no network/]] },
    { what: 'endif alone', text: 'endif', want: [[1, /"endif" without "if"/]] },
    { what: 'if without an end', text: 'if 10.0.0.0/8\n10.0.0.1 permit', want: [[2, /1 "if" without "endif"/]] },
    { what: 'text behind endif', text: 'if 10.0.0.0/8\nendif 10.0.0.0/8', want: [[2, /endif/]] },
    { what: 'the first line of one that goes on', text: '\n\n192.0.2.1\n  perhaps\n', want: [[3, /"perhaps" is no decision/]] },
  ]
  for (const { what, text, want } of cases) {
    test(what, () => {
      const { problems } = parseCidrTable(text)
      assert.deepEqual(
        problems.map(({ line }) => line),
        want.map(([line]) => line),
      )
      for (const [i, [, why]] of want.entries()) assert.match(problems[i]?.why ?? '', why)
    })
  }

  test('and the good ones count all the same', () => assert.equal(parseCidrTable('nonsense\n192.0.2.1 permit').rules.length, 1))
})

/** Texts that would take minutes, gigabytes or a log of their own if nothing were bounded. */
const bounds: readonly { readonly what: string; readonly text: () => string; readonly want: RegExp; readonly further?: number }[] = [
  { what: 'a line without end', text: () => `192.0.2.1 ${' '.repeat(200_000)}permit`, want: /^is longer than 1024 characters$/ },
  { what: 'a line that is continued without end', text: () => `192.0.2.1\n${'  \t x\n'.repeat(100_000)}`, want: /^is longer than 1024/ },
  { what: 'another kind of file', text: () => 'x y\n'.repeat(1000), want: /^"x" is no network/, further: 900 },
  { what: 'bytes that are no text', text: () => '\u001b]0;\u009b\u202e permit', want: /^"\?\]0;\?\?" is no network/ },
  { what: 'conditions in conditions', text: () => 'if 0.0.0.0/0\n'.repeat(21) + 'endif\n'.repeat(21), want: /deeper than 20$/ },
  { what: 'too many networks', text: () => '!::1 permit\n'.repeat(16_000), want: /more than 2000000 networks$/ },
  {
    what: 'too many comparisons',
    text: () => `if !::1\nif !::2\n${'2001:db8::/32 permit\n'.repeat(200_000)}endif\nendif\n`,
    want: /too many networks inside "if"/,
  },
]

describe('is bounded for', () => {
  for (const { what, text, want, further = 0 } of bounds) {
    test(what, () => {
      const { problems, furtherProblems } = parseCidrTable(text())
      assert.match(problems[0]?.why ?? '', want)
      assert.equal(furtherProblems, further)
    })
  }
})

test('100,000 networks are read in some 100 ms of CPU', () => {
  const lines = Array.from({ length: 100_000 }, (_, i) => `10.${(i >> 8) & 255}.${i & 255}.${i >> 16}/32 reject`)
  const text = lines.join('\n')
  const ms = cpuTimeOf(() => assert.equal(parseCidrTable(text).rules.length, 100_000))
  assert.ok(ms < 3000, `${ms} ms: far more than a slow machine needs`)
})
