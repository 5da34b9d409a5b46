// The catalogue of DNS lists: its form, and how a list is found in it.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { catalogue, closedList, factsOf, nameListPattern } from '../../../crds/dns-lists/catalogue.ts'
import { knownList } from '../../../crds/dns-lists/known-list.ts'
import { hostNameProblem } from '../../../crds/values/host.ts'
import { parseAddress } from '../../../crds/values/address.ts'
import { readReplyFilter } from '../../../crds/values/reply-filter.ts'

describe('the catalogue', () => {
  test('has each zone once', () => {
    const zones = catalogue.map(({ zone }) => zone)
    assert.deepEqual(
      zones.filter((zone, at) => zones.indexOf(zone) !== at),
      [],
    )
  })

  for (const entry of catalogue) {
    test(`has valid filters, addresses, sources and a date for ${entry.zone}`, () => {
      assert.equal(hostNameProblem(entry.zone), undefined)
      assert.match(entry.zone, /^[a-z0-9.-]+$/)
      const filters = [entry.listings, entry.overLimit, ...(entry.errors ?? []).map(({ replies }) => replies)].filter(
        (one) => one !== undefined,
      )
      for (const filter of filters) assert.ok('value' in readReplyFilter(filter), filter)
      const points = [...(entry.listedPoints === 'unknown' ? [] : entry.listedPoints), ...entry.notListedPoints]
      for (const point of points) assert.ok(parseAddress(point) !== undefined, point)
      assert.ok(entry.sources.length > 0)
      assert.match(entry.checkedOn, /^20\d\d-\d\d-\d\d$/)
      assert.doesNotThrow(() => knownList(entry.zone))
    })
  }
})

describe('a list', () => {
  const cases: readonly (readonly [domain: string, zone: string | undefined])[] = [
    ['zen.spamhaus.org', 'zen.spamhaus.org'],
    ['ZEN.Spamhaus.ORG.', 'zen.spamhaus.org'],
    ['abcdefghijklmnopqrstuvwxyz.zen.dq.spamhaus.net', 'zen.dq.spamhaus.net'],
    ['a.b.zen.dq.spamhaus.net', undefined],
    ['dnsbl.sorbs.net', 'sorbs.net'],
    ['spam.dnsbl.sorbs.net', 'sorbs.net'],
    ['xsorbs.net', undefined],
    ['bl.score.senderscore.com', 'bl.score.senderscore.com'],
    ['bl.ipv6.spameatingmonkey.net', 'bl.ipv6.spameatingmonkey.net'],
    ['org', undefined],
    ['', undefined],
  ]
  for (const [domain, zone] of cases)
    test(`${domain} is ${zone ?? 'not in the catalogue'}`, () => assert.equal(factsOf(domain)?.zone, zone))

  test('that has shut down is found with all its domains', () => {
    assert.match(closedList('ix.dnsbl.manitu.net') ?? '', /^NiX Spam shut down/)
    assert.match(closedList('rhsbl.ahbl.org') ?? '', /^AHBL/)
    assert.equal(closedList('zen.spamhaus.org'), undefined)
  })

  test('of names is found by the pattern for the API server, and no other', () => {
    const pattern = new RegExp(nameListPattern)
    for (const { zone, kind } of catalogue) assert.equal(pattern.test(zone), kind === 'names', zone)
    for (const domain of ['key.dbl.dq.spamhaus.net', 'multi.uribl.com', 'black.uribl.com.']) assert.ok(pattern.test(domain), domain)
    for (const domain of ['xuribl.com', 'uribl.com.example', 'adbl.spamhaus.org']) assert.ok(!pattern.test(domain), domain)
  })
})

describe('what is known about a list', () => {
  test('is the test points of the RFC if it is not in the catalogue', () => {
    const { IPv4, IPv6, listings, errors } = knownList('bl.example')
    assert.deepEqual(IPv4, { listed: ['127.0.0.2'], listedIsSure: true, notListed: ['127.0.0.1'] })
    assert.deepEqual([IPv6, listings, errors], [undefined, undefined, []])
  })

  test('is both families where the catalogue says so', () => {
    const { IPv4, IPv6 } = knownList('bl.nordspam.com')
    assert.deepEqual(IPv4, { listed: ['127.0.0.2'], listedIsSure: true, notListed: ['127.0.0.1'] })
    assert.deepEqual(IPv6, { listed: ['::ffff:127.0.0.2'], listedIsSure: true, notListed: ['::ffff:127.0.0.1'] })
  })

  test('is one family only for a list of IPv6 clients', () => {
    const { IPv4, IPv6 } = knownList('bl.ipv6.spameatingmonkey.net')
    assert.deepEqual(IPv4, { listed: [], listedIsSure: false, notListed: [] })
    assert.deepEqual(IPv6, { listed: ['::ffff:127.0.0.2'], listedIsSure: false, notListed: ['::ffff:127.0.0.1'] })
  })

  test('is replaced field by field by the policy', () => {
    const listed = ['127.0.0.3', '::ffff:127.0.0.2']
    const own = knownList('list.dnswl.org', [{ domain: 'List.DNSWL.org', testPoints: { listed } }])
    assert.deepEqual(own.IPv4, { listed: ['127.0.0.3'], listedIsSure: true, notListed: ['127.0.0.1'] })
    assert.deepEqual(own.IPv6?.listed, ['::ffff:127.0.0.2'])
    assert.equal(own.errors.length, 1)
    assert.deepEqual(knownList('list.dnswl.org', [{ domain: 'list.dnswl.org', errors: [] }]).errors, [])
    assert.deepEqual(knownList('bl.example', [{ domain: 'bl.example', testPoints: { listed: [] } }]).IPv4.listed, [])
  })
})
