// DNSBL scores: a simple model, and what must not depend on the order of the answers.
import { seconds } from '../../crds/values/duration.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readReplyFilter } from '../../crds/values/reply-filter.ts'
import { addAnswer, type DnsblRules, type DnsblScore, effectiveTTL, judge, newScore } from '../../gateway/core/dnsbl.ts'
import type { DnsblAnswer } from '../../gateway/core/vocabulary.ts'

const domains = ['a', 'b', 'c'] as const
const address = fc.constantFrom('127.0.0.2', '127.0.0.3', '127.0.0.10', '127.0.0.1', '127.255.255.254', '192.0.2.1')
const filters = ['127.0.0.2', '127.0.0.[2..9]', '127.0.0.[1;10]', '127.255.255.254'].map((text) => {
  const parsed = readReplyFilter(text)
  return 'value' in parsed ? parsed.value : assert.fail(parsed.why)
})

const rulesArbitrary = fc
  .array(
    fc.record({
      domain: fc.constantFrom(...domains),
      filter: fc.constantFrom(undefined, ...filters),
      weight: fc.integer({ min: -3, max: 3 }),
    }),
    { maxLength: 8 },
  )
  .map((sites): DnsblRules => {
    return {
      sites,
      lists: domains.map((domain) => ({ domain })),
      threshold: 1,
      allowThreshold: 0,
      minTTL: seconds(60),
      maxTTL: seconds(3600),
      timeout: seconds(10),
      known: new Map(),
      replyMap: new Map(),
    }
  })
const answersArbitrary = fc
  .tuple(
    ...domains.map((domain) =>
      fc.record({ domain: fc.constant(domain), addresses: fc.array(address, { maxLength: 3 }), ttl: fc.integer({ min: -1, max: 5000 }) }),
    ),
  )
  .chain((answers) => fc.shuffledSubarray(answers, { minLength: 0 }))

function scored(rules: DnsblRules, answers: readonly DnsblAnswer[]): DnsblScore {
  const score = newScore()
  for (const answer of answers) addAnswer(score, rules, answer)
  return score
}

test('the total is the sum of the weights of the hits, in whatever order the lists answer', () => {
  fc.assert(
    fc.property(rulesArbitrary, answersArbitrary, (rules, answers) => {
      const score = scored(rules, answers)
      assert.equal(
        score.total,
        score.hits.reduce((sum, { weight }) => sum + weight, 0),
      )
      assert.equal(scored(rules, answers.toReversed()).total, score.total)
    }),
  )
})

test('the name is that of a hit with the highest weight, and there is one exactly when there is a hit', () => {
  fc.assert(
    fc.property(rulesArbitrary, answersArbitrary, (rules, answers) => {
      const { name, hits } = scored(rules, answers)
      const best = Math.max(...hits.map(({ weight }) => weight))
      assert.equal(name, hits.find(({ weight }) => weight === best)?.domain)
    }),
  )
})

test('a validity lies between the limits, and without answers it is the lower one', () => {
  fc.assert(
    fc.property(rulesArbitrary, answersArbitrary, (rules, answers) => {
      const ttl = effectiveTTL(scored(rules, answers), rules)
      assert.ok(ttl >= rules.minTTL && ttl <= rules.maxTTL)
    }),
  )
  assert.equal(
    effectiveTTL(newScore(), {
      sites: [],
      lists: [],
      threshold: 1,
      allowThreshold: 0,
      minTTL: seconds(60),
      maxTTL: seconds(3600),
      timeout: seconds(10),
      known: new Map(),
      replyMap: new Map(),
    }),
    60,
  )
})

/** The two minima as psc_dnsbl_receive keeps them, spelt out. */
function naiveMinima(rules: DnsblRules, answers: readonly DnsblAnswer[]): { pass: number; fail: number } {
  const minima = { pass: -1, fail: -1 }
  for (const answer of answers) {
    for (const site of rules.sites.filter(({ domain }) => domain === answer.domain)) {
      const blocklist = site.weight > 0
      // An error counts as if there had been no answer.
      const isError = judge(rules, answer).is === 'error'
      const which = answer.addresses.length > 0 && !isError ? (blocklist ? 'fail' : 'pass') : blocklist ? 'pass' : 'fail'
      const ttl = isError ? -1 : answer.ttl
      if (minima[which] < 0 || minima[which] > ttl) minima[which] = ttl
    }
  }
  return minima
}

test('the minima are those of postscreen, odd as they are', () => {
  fc.assert(
    fc.property(rulesArbitrary, answersArbitrary, (rules, answers) => {
      const { passTTL, failTTL } = scored(rules, answers)
      assert.deepEqual({ pass: passTTL, fail: failTTL }, naiveMinima(rules, answers))
    }),
  )
})
