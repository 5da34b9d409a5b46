// Bans against a simple model, and what clients must never achieve: a larger table, a wider ban, or one that does not end.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { allowlistKeys } from '../../gateway/core/allowlist-key.ts'
import type { BanNews, BanRules } from '../../gateway/core/bans/ban.ts'
import { BanTable, isNetworkOf } from '../../gateway/core/bans/ban-table.ts'
import { banLength } from '../../gateway/core/bans/decide-ban.ts'

const second = 1000

const rulesArbitrary: fc.Arbitrary<BanRules> = fc
  .record({
    after: fc.integer({ min: 1, max: 5 }),
    within: fc.integer({ min: 1, max: 50 }),
    for: fc.integer({ min: 1, max: 50 }),
    growth: fc.integer({ min: 1, max: 4 }),
    longer: fc.integer({ min: 0, max: 200 }),
    ipv4: fc.integer({ min: 8, max: 32 }),
    ipv6: fc.integer({ min: 16, max: 128 }),
  })
  .map((r) => ({
    after: r.after,
    withinMs: r.within * second,
    forMs: r.for * second,
    growth: r.growth,
    maxMs: (r.for + r.longer) * second,
    networkOf: allowlistKeys({ ipv4: r.ipv4, ipv6: r.ipv6 }),
  }))

/** The policy in words, without a table: all failures of one network in order. */
class Model {
  readonly #rules: BanRules
  #failures: number[] = []
  #until = 0
  #nth = 0

  constructor(rules: BanRules) {
    this.#rules = rules
  }

  isBanned(now: number): boolean {
    return now < this.#until
  }

  fail(now: number): void {
    if (this.isBanned(now)) return
    this.#failures = [...this.#failures, now].filter((time) => time > now - this.#rules.withinMs)
    if (this.#failures.length < this.#rules.after) return
    this.#nth = this.#nth > 0 && now - this.#until < this.#rules.maxMs ? this.#nth + 1 : 1
    this.#until = now + banLength(this.#nth, this.#rules)
    this.#failures = []
  }
}

const actions = fc.array(
  fc.record({
    wait: fc.integer({ min: 0, max: 40 }),
    network: fc.nat({ max: 3 }),
    does: fc.constantFrom('fail', 'fail', 'fail', 'expire', 'visit'),
  }),
  { maxLength: 120 },
)

test('the table bans a network exactly when the model does, however often expired entries are removed', () => {
  fc.assert(
    fc.property(rulesArbitrary, actions, (rules, steps) => {
      const table = new BanTable()
      const addresses = ['192.0.2.1', '10.1.2.3', '2001:db8::1', '2001:1:2:3::4']
      const keys = addresses.map(rules.networkOf)
      const models = new Map(keys.map((key) => [key, new Model(rules)]))
      let now = 1_700_000_000_000
      for (const { wait, network, does } of steps) {
        now += wait * second
        const key = keys[network] ?? ''
        if (does === 'fail') {
          table.fail(key, now, rules)
          models.get(key)?.fail(now)
        } else if (does === 'expire') table.expire(now, rules)
        else {
          const active = table.find(key, now)
          if (active !== undefined) table.visit(active)
        }
        for (const [one, model] of models) assert.equal(table.find(one, now) !== undefined, model.isBanned(now), one)
      }
    }),
  )
})

const anyAddress = fc.oneof(fc.ipV4(), fc.ipV6())

test('no number of hostile clients makes the table larger than its bound', () => {
  fc.assert(
    fc.property(
      rulesArbitrary,
      fc.integer({ min: 2, max: 12 }),
      fc.array(fc.tuple(anyAddress, fc.nat(20)), { maxLength: 200 }),
      (rules, capacity, visits) => {
        const table = new BanTable(capacity)
        let now = 1_700_000_000_000
        for (const [address, wait] of visits) {
          now += wait * second
          table.fail(rules.networkOf(address), now, rules)
          const { active, failing } = table.counts
          assert.ok(active <= capacity && failing <= capacity)
        }
        assert.ok(table.takeNews().length <= capacity)
      },
    ),
  )
})

test('failures never ban an address outside the network of a client that failed', () => {
  fc.assert(
    fc.property(rulesArbitrary, fc.array(anyAddress, { maxLength: 60 }), anyAddress, (rules, failed, other) => {
      const table = new BanTable()
      for (const address of failed) table.fail(rules.networkOf(address), 1_700_000_000_000, rules)
      const isNeighbour = failed.some((address) => rules.networkOf(address) === rules.networkOf(other))
      if (!isNeighbour) assert.equal(table.find(rules.networkOf(other), 1_700_000_000_000), undefined)
    }),
  )
})

const anyText = fc.oneof(
  anyAddress,
  fc.string(),
  fc.tuple(anyAddress, fc.nat(140)).map(([address, bits]) => `${address}/${bits}`),
)
const anyTime = fc.oneof(
  fc.integer({ min: 1_699_999_900, max: 1_700_100_000 }).map((time) => time * second),
  fc.double(),
)

const anyNews: fc.Arbitrary<BanNews> = fc.oneof(
  fc.record({
    is: fc.constant('ban' as const),
    ban: fc.record({ network: anyText, at: anyTime, until: anyTime, nth: fc.nat(), by: fc.constantFrom('gateway', 'administrator') }),
  }),
  fc.record({ is: fc.constantFrom('removed', 'failure'), network: anyText, at: anyTime }),
)

test('whatever other gateways tell: only networks of the policy are banned, not longer than it says, and not too many', () => {
  fc.assert(
    fc.property(rulesArbitrary, fc.array(anyNews, { maxLength: 60 }), (rules, news) => {
      const now = 1_700_000_000_000
      const table = new BanTable(8)
      for (const one of news) table.learn(one, now, rules)
      assert.ok(table.counts.active <= 8 && table.counts.failing <= 8)
      for (const { ban } of table.list(now)) {
        assert.ok(isNetworkOf(ban.network, rules), ban.network)
        assert.ok(ban.until <= now + rules.maxMs)
      }
      assert.deepEqual(table.list(now + rules.maxMs), [], 'all expire by themselves')
    }),
  )
})

test('gateways that learn the same bans in another order agree on who is banned, and until when', () => {
  const ban = fc.record({
    network: fc.constantFrom('192.0.2.1', '192.0.2.2', '192.0.2.3'),
    length: fc.integer({ min: 1, max: 500 }),
    at: fc.nat(50),
  })
  fc.assert(
    fc.property(
      fc.array(ban, { maxLength: 20 }).chain((bans) => fc.tuple(fc.constant(bans), fc.shuffledSubarray(bans, { minLength: bans.length }))),
      ([one, other]) => {
        const now = 1_700_000_000_000
        const rules: BanRules = {
          after: 3,
          withinMs: 9e6,
          forMs: 9e6,
          growth: 2,
          maxMs: 9e7,
          networkOf: allowlistKeys({ ipv4: 32, ipv6: 64 }),
        }
        const [a, b] = [one, other].map((bans) => {
          const table = new BanTable()
          for (const { network, length, at } of bans)
            table.learn({ is: 'ban', ban: { network, at: now - at, until: now + length * second, nth: 1, by: 'gateway' } }, now, rules)
          return table
            .list(now)
            .map((active) => `${active.ban.network} ${active.ban.until}`)
            .toSorted()
        })
        assert.deepEqual(a, b)
      },
    ),
  )
})
