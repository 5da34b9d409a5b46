// The key of a client's entry: its address, or the network that a policy makes of it.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { allowlistKeys, canonicalKey, keysOfAddress } from '../../../gateway/core/allowlist-key.ts'
import { defaultPrefix } from '../../../crds/values/client-prefix.ts'
import { policyOf } from '../../support/core-session.ts'

const cases: readonly { readonly ipv4: number; readonly ipv6: number; readonly address: string; readonly want: string }[] = [
  { ipv4: 32, ipv6: 128, address: '192.0.2.77', want: '192.0.2.77' },
  { ipv4: 32, ipv6: 128, address: '2001:db8::1', want: '2001:db8::1' },
  { ipv4: 32, ipv6: 128, address: '::ffff:192.0.2.77', want: '192.0.2.77' },
  { ipv4: 24, ipv6: 64, address: '192.0.2.77', want: '192.0.2.0/24' },
  { ipv4: 24, ipv6: 64, address: '::ffff:192.0.2.77', want: '192.0.2.0/24' },
  { ipv4: 8, ipv6: 16, address: '255.255.255.255', want: '255.0.0.0/8' },
  { ipv4: 31, ipv6: 127, address: '192.0.2.77', want: '192.0.2.76/31' },
  { ipv4: 24, ipv6: 64, address: '2001:DB8:0:0:1:2:3:4', want: '2001:db8::/64' },
  { ipv4: 24, ipv6: 56, address: '2001:db8:0:12ff::1', want: '2001:db8:0:1200::/56' },
  { ipv4: 32, ipv6: 64, address: '192.0.2.77', want: '192.0.2.77' },
  { ipv4: 24, ipv6: 128, address: '2001:db8::1', want: '2001:db8::1' },
  { ipv4: 24, ipv6: 16, address: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', want: 'ffff::/16' },
  { ipv4: 24, ipv6: 64, address: 'unknown', want: 'unknown' },
  { ipv4: 32, ipv6: 128, address: 'unknown', want: 'unknown' },
]

for (const { ipv4, ipv6, address, want } of cases) {
  test(`with prefixes ${ipv4} and ${ipv6}, ${address} is known as ${want}`, () => {
    assert.equal(allowlistKeys({ ipv4, ipv6 })(address), want)
  })
}

describe('a key that a person wrote', () => {
  const good: readonly (readonly [string, string])[] = [
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1/32', '192.0.2.1'],
    ['192.0.2.0/24', '192.0.2.0/24'],
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['2001::/16', '2001::/16'],
    ['2001:DB8::/64', '2001:db8::/64'],
    ['2001:db8::1/128', '2001:db8::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
  ]
  for (const [text, want] of good) test(`${text} is ${want}`, () => assert.equal(canonicalKey(text), want))
  for (const text of [
    '',
    'x',
    '192.0.2.1/24',
    '192.0.2.0/7',
    '2.0.0.0/7',
    '192.0.2.0/33',
    'x/192.0.2.0/24',
    '192.0.2.0/240',
    '192.0.2.0/',
    '::/15',
    '2001:db8::/129',
    '192.0.2.0/024',
  ])
    test(`${JSON.stringify(text)} is none`, () => assert.equal(canonicalKey(text), undefined))
})

test('an address has one key for each prefix that a policy can have', () => {
  assert.deepEqual(keysOfAddress('192.0.2.1')?.slice(-2), ['192.0.0.0/9', '192.0.0.0/8'])
  assert.equal(keysOfAddress('192.0.2.1')?.length, 25)
  assert.equal(keysOfAddress('2001:db8::1')?.at(-1), '2001::/16')
  assert.equal(keysOfAddress('2001:db8::1')?.length, 113)
})

test('the usual prefixes are those of a policy that does not set them', () => {
  assert.deepEqual(policyOf({}).allowlist.prefix, defaultPrefix)
})

test('every key that any policy could make of an address is among its keys, and is canonical', () => {
  const value = fc.oneof(
    fc.ipV4(),
    fc.ipV6().filter((text) => !text.startsWith('::ffff:')),
  )
  fc.assert(
    fc.property(value, fc.integer({ min: 8, max: 32 }), fc.integer({ min: 16, max: 128 }), (address, ipv4, ipv6) => {
      const key = allowlistKeys({ ipv4, ipv6 })(address)
      assert.ok(keysOfAddress(address)?.includes(key))
      assert.equal(canonicalKey(key), key)
    }),
  )
  assert.equal(keysOfAddress('192.0.2.1')?.[0], allowlistKeys({ ipv4: 32, ipv6: 128 })('192.0.2.1'))
  assert.equal(keysOfAddress('no'), undefined)
})
