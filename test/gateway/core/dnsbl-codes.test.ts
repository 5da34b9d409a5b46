// Which addresses in the answers of DNS lists are errors, and of which list.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { knownList } from '../../../crds/dns-lists/known-list.ts'
import { errorCode as codeOf, type ErrorCode } from '../../../gateway/core/dnsbl-codes.ts'

const errorCode = (domain: string, address: string): ErrorCode | undefined => codeOf(knownList(domain), address)

const own = 'use a DNS resolver of your own (dnsbl.resolvers)'
const names = 'it lists names, not addresses of clients: remove it from dnsbl.sites'

const cases: readonly { readonly domain: string; readonly address: string; readonly means: string | undefined }[] = [
  { domain: 'bl.example', address: '127.0.0.2', means: undefined },
  { domain: 'bl.example', address: '127.0.1.255', means: undefined },
  {
    domain: 'list.dnswl.org',
    address: '127.0.10.255',
    means: `the list has blocked the DNS resolver because of too many queries: ${own}, or register with the list`,
  },
  { domain: 'list.dnswl.org', address: '127.0.0.2', means: undefined },
  { domain: 'dbl.spamhaus.org', address: '127.0.1.255', means: names },
  { domain: 'dbl.dq.spamhaus.net', address: '127.0.1.255', means: names },
  { domain: 'dbl.spamhaus.org', address: '127.0.1.2', means: undefined },
  { domain: 'zrd.dq.spamhaus.net', address: '127.0.2.255', means: names },
  { domain: 'multi.surbl.org', address: '127.0.0.1', means: `the list refuses the DNS resolver: ${own}` },
  { domain: 'multi.uribl.com', address: '127.0.0.1', means: `the list refuses the DNS resolver: ${own}` },
  { domain: 'multi.surbl.org', address: '127.0.0.16', means: undefined },
  { domain: 'multi.uribl.com', address: '127.0.0.14', means: undefined },
  {
    domain: 'bl.score.senderscore.com',
    address: '127.255.255.255',
    means: 'the DNS resolver is not registered with the list: register its address, or remove the list from dnsbl.sites',
  },
  { domain: 'bl.example', address: '127.255.255.250', means: 'the key is disabled: check keySecret or keyFile of the list' },
  {
    domain: 'bl.example',
    address: '127.255.255.251',
    means: 'the key is used in a way that its terms do not allow: check keySecret or keyFile of the list',
  },
  { domain: 'bl.example', address: '127.255.255.252', means: 'the domain of the list is not spelled correctly in dnsbl.sites' },
  {
    domain: 'bl.example',
    address: '127.255.255.254',
    means: `the list does not answer public DNS resolvers: ${own}, or a key of the list`,
  },
  { domain: 'bl.example', address: '127.255.255.255', means: `too many queries: ${own}, or a key of the list` },
  { domain: 'bl.example', address: '127.255.255.1', means: 'an error code of the list: see its documentation' },
  { domain: 'bl.example', address: '127.255.254.1', means: undefined },
  {
    domain: 'bl.example',
    address: '192.0.2.1',
    means: 'a DNS list answers with 127.x.x.x: its domain has a new owner, or the DNS resolver changes answers',
  },
  {
    domain: 'bl.example',
    address: '127.0.0.1',
    means: 'not a listing by convention (RFC 5782 5): the list or the DNS resolver refuses the question',
  },
  { domain: 'hostkarma.junkemailfilter.com', address: '127.0.0.1', means: undefined },
  { domain: 'iadb.isipp.com', address: '127.0.0.1', means: undefined },
  { domain: 'bl.score.senderscore.com', address: '127.0.0.1', means: undefined },
]

describe('an answer of a DNS list', () => {
  for (const { domain, address, means } of cases)
    test(`${address} of ${domain} is ${means === undefined ? 'a listing' : 'an error'}`, () =>
      assert.equal(errorCode(domain, address)?.means, means))

  test('outside 127.0.0.0/8 is not one of a list', () => {
    assert.equal(errorCode('bl.example', '192.0.2.1')?.kind, 'notAList')
    assert.equal(errorCode('bl.example', '127.255.255.1')?.kind, 'code')
    assert.equal(errorCode('bl.example', '127.0.0.1')?.kind, 'code')
    assert.equal(errorCode('dbl.spamhaus.org', '127.0.1.255')?.kind, 'code')
  })
})

describe('the codes of one list', () => {
  const zones = ['list.dnswl.org', 'dbl.spamhaus.org', 'dbl.spamhaus.net', 'dbl.dq.spamhaus.org', 'zrd.dq.spamhaus.net']
  const addressOf = (zone: string): string => (zone.startsWith('zrd') ? '127.0.2.255' : '127.0.1.255')
  for (const zone of zones) {
    test(`hold with a key in front of ${zone}, and not for other domains`, () => {
      assert.ok(errorCode(zone, addressOf(zone)) !== undefined)
      assert.ok(errorCode(`key.${zone}`, addressOf(zone)) !== undefined)
      for (const other of [`x${zone}`, `${zone}.example`]) assert.equal(errorCode(other, addressOf(zone)), undefined, other)
    })
  }

  for (const zone of ['surbl.org', 'uribl.com', 'hostkarma.junkemailfilter.com', 'iadb.isipp.com', 'bl.score.senderscore.com']) {
    test(`of ${zone} for 127.0.0.1 hold with something in front of it, and not for other domains`, () => {
      const general = errorCode('bl.example', '127.0.0.1')?.means
      assert.notEqual(errorCode(zone, '127.0.0.1')?.means, general)
      assert.notEqual(errorCode(`key.${zone}`, '127.0.0.1')?.means, general)
      for (const other of [`x${zone}`, `${zone}.example`]) assert.equal(errorCode(other, '127.0.0.1')?.means, general, other)
    })
  }

  for (const zone of ['senderscore.com', 'habeas.com', 'bondedsender.org']) {
    test(`of ${zone} for an unknown resolver hold with something in front of it, and not for other domains`, () => {
      const general = errorCode('bl.example', '127.255.255.255')?.means
      assert.notEqual(errorCode(zone, '127.255.255.255')?.means, general)
      assert.notEqual(errorCode(`key.${zone}`, '127.255.255.255')?.means, general)
      for (const other of [`x${zone}`, `${zone}.example`]) assert.equal(errorCode(other, '127.255.255.255')?.means, general, other)
    })
  }
})
