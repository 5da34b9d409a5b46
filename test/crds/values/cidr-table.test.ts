// cidr_table(5) texts: rules, conditions, what is told about bad lines, and what a result means in an access table.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseAccessTable } from '../../../crds/values/access-table.ts'
import { parseCidrTable } from '../../../crds/values/cidr-table.ts'
import { compileAddressTable } from '../../../gateway/core/address-table.ts'
import { cpuTimeOf } from '../../support/cpu-time.ts'

/** What a table without bad lines says about some addresses. */
function decisions(text: string, ...addresses: string[]): (string | undefined)[] {
  const { rules, problems } = parseAccessTable(text)
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
  assert.deepEqual(parseAccessTable(''), { rules: [], problems: [], furtherProblems: 0, tooMuch: undefined }))

test('a line may have any length', () => {
  assert.deepEqual(
    decisions(`192.0.2.1${' '.repeat(200_000)}permit\n192.0.2.2\n${'  \t\n # \n'.repeat(10_000)}  reject`, '192.0.2.1', '192.0.2.2'),
    ['Permit', 'Reject'],
  )
})

describe('a pattern with !', () => {
  test('stands for all other addresses of its family', () => {
    assert.deepEqual(decisions('!192.0.2.0/24 reject', '192.0.2.1', '198.51.100.1'), [undefined, 'Reject'])
    assert.deepEqual(decisions('! 2001:db8::/32 reject', '2001:db8::1', '2001:db9::1'), [undefined, 'Reject'])
  })

  test('may have more than one, also apart from each other', () => {
    assert.deepEqual(decisions('! ! 192.0.2.0/24 permit\n!!!192.0.0.0/8 reject', '192.0.2.1', '10.0.0.1'), ['Permit', 'Reject'])
  })

  test('says nothing about the other family (cidr_match_execute)', () => {
    assert.deepEqual(decisions('!192.0.2.0/24 permit', '2001:db8::1'), [undefined])
    assert.deepEqual(decisions('!2001:db8::/32 permit', '192.0.2.1'), [undefined])
  })
})

test('an IPv4-mapped network is an IPv6 one, so that no client is in it', () => {
  assert.deepEqual(decisions('::ffff:192.0.2.7 permit\n::ffff:0:0/96 reject\n::/0 dunno', '192.0.2.7', '2001:db8::1'), [undefined, 'Dunno'])
})

describe('if and endif', () => {
  test('limit the rules between them', () => {
    const text = 'if 192.0.2.0/24\n192.0.2.1 permit\n0.0.0.0/0 reject\nendif\n0.0.0.0/0 dunno\n'
    assert.deepEqual(decisions(text, '192.0.2.1', '192.0.2.2', '192.0.3.1'), ['Permit', 'Reject', 'Dunno'])
  })

  test('may be nested, negated, in any case and without a blank before ! or [', () => {
    const text = 'IF[10.0.0.0/8]\nif!10.1.0.0/16\n0.0.0.0/0 reject\nENDIF\n0.0.0.0/0 permit\nendif\n'
    assert.deepEqual(decisions(text, '10.2.0.1', '10.1.0.1', '11.0.0.1'), ['Reject', 'Permit', undefined])
  })

  test('with ! let only addresses of the same family in', () => {
    assert.deepEqual(decisions('if !192.0.2.0/24\n::/0 reject\n0.0.0.0/0 reject\nendif\n', '2001:db8::1', '198.51.100.1'), [
      undefined,
      'Reject',
    ])
  })
})

describe('a bad line is skipped and told with its number', () => {
  const cases: readonly { readonly what: string; readonly text: string; readonly want: readonly (readonly [number, string])[] }[] = [
    { what: 'a name', text: '192.0.2.1 permit\nexample.com reject\n', want: [[2, 'bad address pattern: "example.com"']] },
    { what: 'leading zeros', text: '010.0.0.1 permit', want: [[1, 'bad address pattern: "010.0.0.1"']] },
    {
      what: 'bits behind the prefix',
      text: '192.0.2.8/27 permit',
      want: [[1, 'non-null host address bits in "192.0.2.8/27", perhaps you should use "192.0.2.0/27" instead']],
    },
    { what: 'nothing behind the network', text: '192.0.2.1\n\n192.0.2.2 permit', want: [[1, 'no lookup result']] },
    { what: 'white space before the first rule', text: ' 192.0.2.7 permit\n', want: [[1, 'logical line must not start with whitespace']] },
    { what: 'a no-break space', text: '192.0.2.7\u00a0permit\n', want: [[1, 'bad address pattern: "192.0.2.7?permit"']] },
    { what: 'if without a network', text: 'if\n', want: [[1, 'no address pattern']] },
    { what: 'endif alone', text: 'endif', want: [[1, 'ENDIF without IF']] },
    { what: 'if without an end', text: '\nif 10.0.0.0/8\n10.0.0.1 permit', want: [[2, 'IF has no matching ENDIF']] },
    { what: 'text behind endif', text: 'if 10.0.0.0/8\nendif x\nendif', want: [[2, 'garbage after ENDIF']] },
    { what: 'bytes that are not text', text: '\u001b]0;\u009b\u202e permit', want: [[1, 'bad address pattern: "?]0;??"']] },
  ]
  for (const { what, text, want } of cases) {
    test(what, () => {
      const { problems } = parseAccessTable(text)
      assert.deepEqual(
        problems.map(({ line, why }) => [line, why]),
        want,
      )
    })
  }

  test('the good lines still count', () => assert.equal(parseAccessTable('nonsense\n192.0.2.1 permit').rules.length, 1))
})

describe('a result is an access list (server_acl_eval):', () => {
  const cases: readonly (readonly [result: string, decision: string, why?: RegExp])[] = [
    ['permit', 'Permit'],
    ['reJECT', 'Reject'],
    ['permit # our own', 'Permit'],
    ['permit, reject', 'Permit'],
    ['dunno,reject', 'Dunno'],
    [',', 'Dunno', /expected one of permit, reject, dunno/],
    ['OK', 'Unknown', /the result "OK" is not valid: expected one of permit, reject, dunno/],
    ['OK permit', 'Unknown', /is not valid/],
    ['hash:/etc/x, permit', 'Dunno', /is not valid/],
    ['permit_mynetworks, reject', 'Reject', /permit_mynetworks has no meaning here/],
    ['permit # M\ufffdller', 'Unknown', /is not valid UTF-8/],
  ]
  for (const [result, decision, why] of cases) {
    test(`${JSON.stringify(result)} is ${decision}`, () => {
      const { rules, problems } = parseAccessTable(`\n192.0.2.1 ${result}\n`)
      assert.equal(rules[0]?.decision, decision)
      assert.equal(problems.length, why === undefined ? 0 : 1)
      if (why !== undefined) assert.match(`${problems[0]?.line} ${problems[0]?.why}`, new RegExp(`^2 .*${why.source}`))
    })
  }
})

test('problems of patterns and of results come in the order of their lines, the first hundred by name', () => {
  const { problems, furtherProblems } = parseAccessTable('192.0.2.1 x\ny z\n'.repeat(100))
  assert.deepEqual(
    problems.map(({ line }) => line),
    Array.from({ length: 100 }, (_, at) => at + 1),
  )
  assert.equal(furtherProblems, 100)
})

test('lines whose result is not valid are counted when they are too many to be named', () => {
  const { problems, furtherProblems } = parseAccessTable('192.0.2.1 x\n'.repeat(150))
  assert.deepEqual({ named: problems.length, counted: furtherProblems }, { named: 100, counted: 50 })
})

/** Texts that would take minutes or gigabytes if nothing were bounded. */
const bounds: readonly { readonly what: string; readonly text: () => string }[] = [
  { what: 'too many networks', text: () => '!::1 permit\n'.repeat(16_000) },
  { what: 'conditions in conditions', text: () => 'if !::1\nif !192.0.2.1\n'.repeat(100_000) },
  { what: 'too many comparisons', text: () => `if !::1\nif !::2\n${'2001:db8::/32 permit\n'.repeat(200_000)}endif\nendif\n` },
]

describe('a table as a whole cannot be used with', () => {
  for (const { what, text } of bounds)
    test(what, () => assert.match(parseAccessTable(text()).tooMuch ?? '', /^has more than 2000000 networks, or too many inside "if"/))
})

test('100,000 networks are read in some 100 ms of CPU', () => {
  const lines = Array.from({ length: 100_000 }, (_, i) => `10.${(i >> 8) & 255}.${i & 255}.${i >> 16}/32 reject`)
  const text = lines.join('\n')
  const ms = cpuTimeOf(() => assert.equal(parseCidrTable(text).rules.length, 100_000))
  assert.ok(ms < 15_000, `${ms} ms: far more than a slow machine needs`)
})
