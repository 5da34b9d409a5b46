// The permanent access list: order, tables, dunno (section 6 of postscreen's behaviour).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type AccessEntry, compileAccessList, compileTable, rejectsSome } from '../../../gateway/core/access-list.ts'
import { parseAccessTable, type TableRule } from '../../../crds/values/access-table.ts'
import { drive, rulesOf, type SpecFragment } from '../../support/core-session.ts'

const rulesFrom = (text: string): readonly TableRule[] => parseAccessTable(text).rules
const rule = (text: string): AccessEntry => {
  const [{ networks, decision } = assert.fail(text)] = rulesFrom(text)
  assert.ok(decision !== 'Unknown')
  return { is: 'rule', rule: { networks, decision } }
}
const table = (text: string): AccessEntry => ({ is: 'table', table: compileTable(rulesFrom(text)) })

const cases: readonly { readonly what: string; readonly entries: readonly AccessEntry[]; readonly want: string }[] = [
  { what: 'nothing decides', entries: [], want: 'Dunno' },
  { what: 'no entry names the client', entries: [rule('198.51.100.0/24 reject')], want: 'Dunno' },
  { what: 'the first entry wins', entries: [rule('192.0.2.1 permit'), rule('192.0.2.0/24 reject')], want: 'Permit' },
  {
    what: 'an exception stands before what it is one from',
    entries: [rule('192.0.2.0/24 reject'), rule('192.0.2.1 permit')],
    want: 'Reject',
  },
  {
    what: 'T55: a dunno of the list itself ends the search',
    entries: [rule('192.0.2.1 dunno'), rule('192.0.2.0/24 reject')],
    want: 'Dunno',
  },
  {
    what: 'a dunno also ends the search for tables behind it',
    entries: [rule('192.0.2.1 dunno'), table('192.0.2.1 reject')],
    want: 'Dunno',
  },
  { what: 'a dunno of a table goes on behind the table', entries: [table('192.0.2.1 dunno'), rule('192.0.2.0/24 reject')], want: 'Reject' },
  { what: 'a dunno of a table hides the rest of that table', entries: [table('192.0.2.1 dunno\n192.0.2.0/24 reject')], want: 'Dunno' },
  {
    what: 'an unknown of a table ends the search',
    entries: [table('192.0.2.1 unknown-action'), rule('192.0.2.0/24 reject')],
    want: 'Dunno',
  },
  {
    what: 'a table without the client’s address is passed over',
    entries: [table('198.51.100.1 reject'), table('192.0.2.1 permit')],
    want: 'Permit',
  },
  { what: 'a table decides before the rules behind it', entries: [table('192.0.2.1 reject'), rule('192.0.2.1 permit')], want: 'Reject' },
  { what: 'rules before a table decide before it', entries: [rule('192.0.2.1 permit'), table('192.0.2.1 reject')], want: 'Permit' },
  {
    what: 'rules, tables and rules take turns',
    entries: [
      rule('192.0.2.9 reject'),
      table('192.0.2.1 dunno'),
      rule('192.0.2.8 reject'),
      table('192.0.2.1 permit'),
      rule('0.0.0.0/0 reject'),
    ],
    want: 'Permit',
  },
  { what: 'T56: the words count in any case', entries: [rule('192.0.2.1 ReJeCt')], want: 'Reject' },
]

describe('a table rejects some client', () => {
  const rejecting: readonly (readonly [text: string, want: boolean])[] = [
    ['', false],
    ['192.0.2.1 permit\n2001:db8::/32 dunno', false],
    ['192.0.2.1 reject', true],
    ['2001:db8::/32 reject', true],
    ['192.0.2.0/24 permit\n192.0.2.1 reject', false],
  ]
  for (const [text, want] of rejecting)
    test(`${want ? 'with' : 'not with'} ${JSON.stringify(text)}`, () => assert.equal(rejectsSome(compileTable(rulesFrom(text))), want))
})

describe('the access list', () => {
  for (const { what, entries, want } of cases) test(what, () => assert.equal(compileAccessList(entries).decide('192.0.2.1'), want))

  test('T60: an IPv4-mapped client is the IPv4 client', () => {
    assert.equal(compileAccessList([rule('192.0.2.1 permit')]).decide('::ffff:192.0.2.1'), 'Permit')
  })
})

describe('the access list of a policy', () => {
  const decide = (access: NonNullable<SpecFragment['access']>, address: string): string => rulesOf({ access }).access.decide(address)

  test('takes networks and single addresses', () => {
    const access = [{ action: 'Permit', cidrs: ['192.0.2.0/24', '2001:db8::1'] }] as const
    assert.deepEqual(
      ['192.0.2.7', '2001:db8::1', '2001:db8::2'].map((address) => decide(access, address)),
      ['Permit', 'Permit', 'Dunno'],
    )
  })

  test('takes exceptions, in both families', () => {
    const access = [{ action: 'Reject', exceptCIDRs: ['192.0.2.0/24', '2001:db8::/32'] }] as const
    assert.deepEqual(
      ['192.0.2.7', '2001:db8::1', '198.51.100.1', '2001:db9::1'].map((address) => decide(access, address)),
      ['Dunno', 'Dunno', 'Reject', 'Reject'],
    )
  })

  test('takes tables with rules of their own, whose dunno leaves only the table', () => {
    const access = [
      {
        table: {
          rules: [
            { action: 'Dunno', cidrs: ['192.0.2.1'] },
            { action: 'Reject', cidrs: ['192.0.2.0/24'] },
          ],
        },
      },
      { action: 'Permit', cidrs: ['192.0.2.1'] },
    ] as const
    assert.deepEqual(
      ['192.0.2.1', '192.0.2.2'].map((address) => decide(access, address)),
      ['Permit', 'Reject'],
    )
  })

  test('takes tables from files; a file that is missing matches no client', () => {
    const access = [{ table: { file: 'access.cidr' } }, { table: { file: 'missing.cidr' } }]
    const { access: list } = rulesOf({ access }, new Map([['access.cidr', '192.0.2.1 reject\n']]))
    assert.equal(list.decide('192.0.2.1'), 'Reject')
    assert.equal(list.decide('192.0.2.2'), 'Dunno')
  })

  test('is asked before anything can block, except the limits (T54)', () => {
    drive({ access: [{ action: 'Permit', cidrs: ['192.0.2.1'] }] })
      .remembering('192.0.2.1', '-1;-1;-1;-1;-1')
      .connect('192.0.2.1')
      .logs('CONNECT from CLIENT to [198.51.100.1]:25', 'ALLOWLISTED CLIENT')
      .does('disarm', 'relay')
      .hears()
  })
})
