// The name that a DNSBL site is asked for: addresses in every form, and what is refused.

import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { dnsblQueryName } from '../../../gateway/core/dnsbl-query-name.ts'

const zeros = (count: number) => '0.'.repeat(count)

const cases = [
  { what: 'IPv4 octets are reversed', client: '192.0.2.99', domain: 'bl.example.org', want: '99.2.0.192.bl.example.org' },
  { what: 'the test entry of RFC 5782 is 2.0.0.127', client: '127.0.0.2', domain: 'zen.example', want: '2.0.0.127.zen.example' },
  { what: 'octets from 0 to 255', client: '255.0.10.249', domain: 'a.b', want: '249.10.0.255.a.b' },
  {
    what: 'IPv6 is 32 nibbles, the example of RFC 5782 2.4',
    client: '2001:db8:1:2:3:4:567:89ab',
    domain: 'ugly.example.com',
    want: 'b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ugly.example.com',
  },
  { what: 'IPv6 digits become lower case', client: '2001:DB8::F', domain: 'a.b', want: `f.${zeros(23)}8.b.d.0.1.0.0.2.a.b` },
  { what: 'zeros left out in the middle', client: '1::2', domain: 'a.b', want: `2.${zeros(27)}1.0.0.0.a.b` },
  { what: 'zeros left out at the start', client: '::1', domain: 'a.b', want: `1.${zeros(31)}a.b` },
  { what: 'zeros left out at the end', client: 'fe80::', domain: 'a.b', want: `${zeros(28)}0.8.e.f.a.b` },
  { what: 'nothing but zeros', client: '::', domain: 'a.b', want: `${zeros(32)}a.b` },
  {
    what: 'one group left out',
    client: '1:2:3:4:5:6:7::',
    domain: 'a.b',
    want: '0.0.0.0.7.0.0.0.6.0.0.0.5.0.0.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.a.b',
  },
  { what: 'IPv4 at the end of IPv6', client: '64:ff9b::192.0.2.1', domain: 'a.b', want: `1.0.2.0.0.0.0.c.${zeros(16)}b.9.f.f.4.6.0.0.a.b` },
  { what: 'IPv4 in IPv6 form is asked for as IPv4', client: '::ffff:192.0.2.99', domain: 'a.b', want: '99.2.0.192.a.b' },
  { what: 'IPv4 in IPv6 form, written in hex', client: '::FFFF:c000:263', domain: 'a.b', want: '99.2.0.192.a.b' },
  { what: 'the domain is left as it is written', client: '1.2.3.4', domain: 'Key_1.DQS.example', want: '4.3.2.1.Key_1.DQS.example' },
  { what: 'a dot at the end of the domain is dropped', client: '1.2.3.4', domain: 'bl.example.', want: '4.3.2.1.bl.example' },
  { what: 'a label of 63 bytes', client: '1.2.3.4', domain: `${'a'.repeat(63)}.b`, want: `4.3.2.1.${'a'.repeat(63)}.b` },
  { what: 'no label of 64 bytes', client: '1.2.3.4', domain: `${'a'.repeat(64)}.b`, want: undefined },
  { what: 'no name over 253 bytes', client: '::1', domain: `${'a'.repeat(63)}.`.repeat(3).slice(0, -1), want: undefined },
  { what: 'no empty label', client: '1.2.3.4', domain: 'a..b', want: undefined },
  { what: 'no empty domain', client: '1.2.3.4', domain: '', want: undefined },
  { what: 'no space in the domain', client: '1.2.3.4', domain: 'a b.example', want: undefined },
  { what: 'no octet over 255', client: '1.2.3.256', domain: 'a.b', want: undefined },
  { what: 'leading zeros are decimal, as in Postfix', client: '01.02.03.010', domain: 'a.b', want: '10.3.2.1.a.b' },
  { what: 'no three octets', client: '1.2.3', domain: 'a.b', want: undefined },
  { what: 'no zone', client: 'fe80::1%eth0', domain: 'a.b', want: undefined },
  { what: 'no nine groups', client: '1:2:3:4:5:6:7:8:9', domain: 'a.b', want: undefined },
  { what: 'no seven groups', client: '1:2:3:4:5:6:7', domain: 'a.b', want: undefined },
  { what: 'no two gaps', client: '1::2::3', domain: 'a.b', want: undefined },
  { what: 'no gap without room', client: '1:2:3:4::5:6:7:8', domain: 'a.b', want: undefined },
  { what: 'no IPv4 before the gap', client: '1.2.3.4::', domain: 'a.b', want: undefined },
  { what: 'no five digits', client: '12345::', domain: 'a.b', want: undefined },
  { what: 'no empty text', client: '', domain: 'a.b', want: undefined },
  { what: 'no name of a host', client: 'unknown', domain: 'a.b', want: undefined },
]

for (const { what, client, domain, want } of cases) test(`query name: ${what}`, () => assert.equal(dnsblQueryName(client, domain), want))

test('query name: exists for exactly what Node takes for an IP address without a zone', () => {
  const almost = fc.string({ unit: fc.constantFrom(...'123456789abF:.%'.split('')), maxLength: 45 })
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), almost), (client) => {
      assert.equal(dnsblQueryName(client, 'bl.example') !== undefined, isIP(client) !== 0 && !client.includes('%'), client)
    }),
    { numRuns: 2000 },
  )
})
