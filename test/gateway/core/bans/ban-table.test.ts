// The table of bans: its bound and what makes room, what it learns of other gateways, and what it never takes from them.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Ban, BanRules } from '../../../../gateway/core/bans/ban.ts'
import { BanTable } from '../../../../gateway/core/bans/ban-table.ts'
import { allowlistKeys } from '../../../../gateway/core/allowlist-key.ts'

const hour = 3_600_000
const start = 1_700_000_000_000
const rules: BanRules = {
  after: 2,
  withinMs: hour,
  forMs: hour,
  growth: 2,
  maxMs: 24 * hour,
  networkOf: allowlistKeys({ ipv4: 24, ipv6: 64 }),
}
const banOf = (network: string, more: Partial<Ban> = {}): Ban => ({
  network,
  at: start,
  until: start + hour,
  nth: 1,
  by: 'gateway',
  ...more,
})
const networks = (table: BanTable, now = start): readonly string[] =>
  table
    .list(now)
    .map(({ ban }) => ban.network)
    .toSorted()

const ban = (table: BanTable, network: string, now = start): void => {
  for (const _ of [1, 2]) table.fail(network, now, rules)
}

describe('when the table is full', () => {
  test('the ban whose network has not come back for the longest time makes room', () => {
    const table = new BanTable(4)
    for (const n of [1, 2, 3, 4]) ban(table, `10.0.${n}.0/24`)
    const first = table.find('10.0.1.0/24', start)
    assert.ok(first !== undefined)
    table.visit(first)
    ban(table, '10.0.5.0/24')
    assert.deepEqual(networks(table), ['10.0.1.0/24', '10.0.3.0/24', '10.0.4.0/24', '10.0.5.0/24'])
    assert.equal(table.counts.dropped, 1)
  })

  test('the failing network whose last failure is the oldest makes room', () => {
    const table = new BanTable(2)
    for (const network of ['10.0.1.0/24', '10.0.2.0/24', '10.0.3.0/24']) table.fail(network, start, rules)
    assert.deepEqual(
      [1, 2, 3].map((n) => table.failuresOf(`10.0.${n}.0/24`, start, rules)),
      [0, 1, 1],
    )
  })

  test('bans of an administrator stay, and there can be as many as half of the table', () => {
    const table = new BanTable(4)
    for (const n of [1, 2]) assert.ok(table.add(`10.1.${n}.0/24`, start, start + hour) !== undefined)
    assert.equal(table.add('10.1.3.0/24', start, start + hour), undefined)
    assert.ok(table.add('10.1.1.0/24', start, start + 2 * hour) !== undefined, 'one that is there already can be made longer')
    for (const n of [1, 2, 3, 4, 5]) ban(table, `10.0.${n}.0/24`)
    assert.deepEqual(networks(table), ['10.0.4.0/24', '10.0.5.0/24', '10.1.1.0/24', '10.1.2.0/24'])
  })

  test('news that no process takes are bounded too', () => {
    const table = new BanTable(10)
    for (let n = 0; n < 1000; n++) table.fail(`10.${n % 250}.0.0/24`, start, rules)
    assert.ok(table.takeNews().length <= 10)
    assert.deepEqual(table.takeNews(), [])
  })
})

describe('what another gateway tells', () => {
  test('is a ban here too, which another news of the same ban does not change', () => {
    const table = new BanTable()
    for (const _ of [1, 2]) table.learn({ is: 'ban', ban: banOf('10.0.1.0/24') }, start, rules)
    assert.deepEqual(networks(table), ['10.0.1.0/24'])
    assert.deepEqual(networks(table, start + hour), [])
    assert.deepEqual(table.takeNews(), [], 'and is not told back')
  })

  const refused: readonly (readonly [string, Ban])[] = [
    ['a wider network than the prefix of the policy', banOf('10.0.0.0/16')],
    ['the whole internet', banOf('0.0.0.0/0')],
    ['a single address where networks are banned', banOf('10.0.1.5')],
    ['a wider IPv6 network', banOf('2001:db8::/48')],
    ['a network with bits behind its prefix', banOf('10.0.1.5/24')],
    ['a text that is not a network', banOf('example.com')],
    ['an empty text', banOf('')],
    ['a ban that is over', banOf('10.0.1.0/24', { until: start })],
    ['a ban of the far future', banOf('10.0.1.0/24', { at: start + hour, until: start + 2 * hour })],
  ]
  for (const [what, news] of refused) {
    test(`is not taken: ${what}`, () => {
      const table = new BanTable()
      table.learn({ is: 'ban', ban: news }, start, rules)
      assert.deepEqual(networks(table), [])
    })
  }

  test('is shortened to the longest ban of the policy', () => {
    const table = new BanTable()
    table.learn({ is: 'ban', ban: banOf('10.0.1.0/24', { until: start + 1000 * hour }) }, start, rules)
    assert.deepEqual(networks(table, start + 24 * hour), [])
  })

  test('of two bans the longer one holds, in whatever order they come', () => {
    const both = [banOf('10.0.1.0/24'), banOf('10.0.1.0/24', { at: start - 5, until: start + 2 * hour, by: 'administrator' })]
    for (const order of [both, both.toReversed()]) {
      const table = new BanTable()
      for (const one of order) table.learn({ is: 'ban', ban: one }, start, rules)
      assert.equal(table.list(start)[0]?.ban.until, start + 2 * hour)
    }
  })

  test('a ban that was removed does not come back with older news, but with a newer ban', () => {
    const table = new BanTable()
    ban(table, '10.0.1.0/24')
    assert.equal(table.remove('10.0.1.0/24', start + 10), true)
    table.learn({ is: 'ban', ban: banOf('10.0.1.0/24') }, start + 20, rules)
    assert.deepEqual(networks(table), [])
    table.learn({ is: 'ban', ban: banOf('10.0.1.0/24', { at: start + 11 }) }, start + 20, rules)
    assert.deepEqual(networks(table), ['10.0.1.0/24'])
  })

  test('a removal ends the ban here, unless the ban is newer', () => {
    const table = new BanTable()
    ban(table, '10.0.1.0/24')
    table.learn({ is: 'removed', network: '10.0.1.0/24', at: start - 1 }, start, rules)
    assert.deepEqual(networks(table), ['10.0.1.0/24'])
    table.learn({ is: 'removed', network: '10.0.1.0/24', at: start + 1 }, start + 1, rules)
    assert.deepEqual(networks(table), [])
  })

  test('a failure at another process counts with those here', () => {
    const table = new BanTable()
    table.learn({ is: 'failure', network: '10.0.1.0/24', at: start }, start, rules)
    assert.equal(table.fail('10.0.1.0/24', start + 1, rules)?.network, '10.0.1.0/24')
  })
})

describe('time', () => {
  test('expired bans are given back once, with their visits', () => {
    const table = new BanTable()
    ban(table, '10.0.1.0/24')
    const active = table.find('10.0.1.0/24', start)
    assert.ok(active !== undefined)
    assert.deepEqual([table.visit(active), table.visit(active)], [true, false])
    assert.deepEqual(table.expire(start + hour - 1, rules), [])
    assert.deepEqual(
      table.expire(start + hour, rules).map(({ refused }) => refused),
      [2],
    )
    assert.deepEqual(table.expire(start + hour, rules), [])
  })

  test('a failure after the end of a ban counts, although the ban is removed later', () => {
    const table = new BanTable()
    ban(table, '10.0.1.0/24')
    table.fail('10.0.1.0/24', start + hour, rules)
    table.expire(start + hour, rules)
    assert.equal(table.failuresOf('10.0.1.0/24', start + hour, rules), 1)
    table.fail('10.0.1.0/24', start + hour + 1, rules)
    assert.equal(table.find('10.0.1.0/24', start + hour + 1)?.ban.nth, 2)
  })

  test('a network that stays away for the longest time begins again', () => {
    const table = new BanTable()
    ban(table, '10.0.1.0/24')
    table.expire(start + hour, rules)
    ban(table, '10.0.1.0/24', start + 2 * hour)
    assert.equal(table.find('10.0.1.0/24', start + 2 * hour)?.ban.nth, 2)
    const later = start + 4 * hour + rules.maxMs
    table.expire(later, rules)
    ban(table, '10.0.1.0/24', later)
    assert.equal(table.find('10.0.1.0/24', later)?.ban.nth, 1)
  })

  test('with another prefix, the bans of the old one end', () => {
    const table = new BanTable()
    ban(table, '10.0.1.0/24')
    table.fail('10.0.2.0/24', start, rules)
    table.expire(start, { ...rules, networkOf: allowlistKeys({ ipv4: 32, ipv6: 64 }) })
    assert.deepEqual(table.counts, { active: 0, failing: 0, dropped: 0 })
  })
})
