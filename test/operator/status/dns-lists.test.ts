// What the condition DNSBLHealthy says about the DNS lists of a policy.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readReport } from '../../../operator/gateways/report.ts'
import { dnsblHealthy } from '../../../operator/status/dns-lists.ts'
import { findingsOf } from '../../../operator/status/findings.ts'
import { atRest } from '../observed.ts'

const since = '2026-11-30T10:00:00.000Z'
interface Shown {
  readonly list: string
  readonly state: string
  readonly [field: string]: unknown
}
const well = (list: string): Shown => ({ list, state: 'healthy', since, family: null, reason: null, answer: null, advice: null })
const bad = (list: string, reason = 'QueryLimit', more: object = {}): Shown => ({
  ...well(list),
  state: 'suspended',
  ...{ reason, answer: '127.255.255.255', advice: 'use a resolver of your own', ...more },
})

/** The finding when each gateway shows these lists on its status page. */
function found(pages: readonly (readonly Shown[])[], dnsbl: object = {}, resolver = 'works') {
  const sites = [{ domain: 'a.test' }, { domain: 'b.test' }]
  const base = atRest({ gateway: {}, backend: { service: { name: 'postfix', port: 25 } }, dnsbl: { sites, ...dnsbl } })
  const [pod] = base.pods
  assert.ok(pod !== undefined)
  const pods = pages.map((lists, at) => ({ ...pod, name: `mx-${at}`, report: readReport({ dnsbl: { resolver, lists } }) }))
  const seen = { ...base, pods }
  assert.deepEqual(findingsOf(seen).DNSBLHealthy, dnsblHealthy(seen))
  const { status, reason, message } = dnsblHealthy(seen)
  return { is: `${status} ${reason}`, message }
}

describe('DNSBLHealthy', () => {
  test('is true when no list has a fault, and names lists that cannot be tested', () => {
    assert.deepEqual(found([[well('a.test'), well('b.test')]]), {
      is: 'True Healthy',
      message: 'No DNS list has a fault on 1 of 1 gateways',
    })
    const { message } = found([[well('a.test'), { ...well('b.test'), state: 'untested' }]])
    assert.match(message, /Without a test point: b\.test$/)
  })

  test('is false with the list, since when, what it answered and what to do', () => {
    const { is, message } = found([[well('a.test'), bad('b.test')]])
    assert.equal(is, 'False Unhealthy')
    assert.equal(message, `b.test: QueryLimit since ${since} (answer: 127.255.255.255): use a resolver of your own`)
  })

  test('says on how many gateways', () => {
    const { message } = found([[bad('b.test')], [well('b.test')], [bad('b.test', 'QueryLimit', { since: '2026-11-29T00:00:00.000Z' })]])
    assert.match(message, /QueryLimit since 2026-11-29T00:00:00\.000Z on 2 of 3 gateways/)
  })

  test('says when no list is left, and when lists are still used', () => {
    assert.equal(found([[bad('a.test'), bad('b.test')]]).is, 'False NoListLeft')
    const kept = found([[bad('a.test'), bad('b.test')]], { whenUnhealthy: 'Keep' })
    assert.equal(kept.is, 'False Unhealthy')
    assert.match(kept.message, /^These lists are still used/)
  })

  test('blames the resolver, not the lists', () => {
    assert.equal(found([[bad('a.test', 'ResolverRewrites'), bad('b.test', 'ResolverRewrites')]]).is, 'False ResolverRewrites')
    assert.equal(found([[well('a.test')]], {}, 'down').is, 'Unknown ResolverDown')
  })

  test('names IPv6 if only its clients are concerned', () => {
    assert.match(
      found([[well('a.test'), bad('b.test', 'NoTestEntry', { family: 'IPv6' })]]).message,
      /^b\.test: NoTestEntry for IPv6 clients/,
    )
  })

  test('is not known before the tests, without reports, and without tests', () => {
    assert.equal(found([[{ ...well('a.test'), state: 'unknown' }]]).is, 'Unknown NotTested')
    assert.equal(found([]).is, 'Unknown NoReport')
    assert.equal(found([[]]).is, 'Unknown NoReport')
    assert.equal(found([[]], { selfTest: '0s' }).is, 'Unknown NotTested')
    assert.equal(found([[]], { sites: [] }).is, 'True NoLists')
  })

  test('does not affect Ready, and never contains control characters of a gateway', () => {
    const { message } = found([[bad('b.test', 'QueryLimit', { answer: 'x\u001b[31m\ny' })]])
    assert.ok(!message.includes('\u001b') && !message.includes('\n'))
    const many = found([Array.from({ length: 100 }, (_, at) => bad(`z${at}.test`))])
    assert.ok(many.message.length < 9000)
  })
})
