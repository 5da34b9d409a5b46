// Networks in CIDR form, their complements and intersections.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { complement, everywhere, intersection, type Network, parseNetwork } from '../../crds/network.ts'
import { formatIPv4, formatIPv6 } from '../../crds/ip-address.ts'

const shown = (network: Network | undefined): string | undefined => {
  if (network === undefined) return undefined
  return network.family === 4
    ? `${formatIPv4(network.first)}-${formatIPv4(network.last)}`
    : `${formatIPv6(network.first)}-${formatIPv6(network.last)}`
}
const net = (text: string): Network => parseNetwork(text) ?? assert.fail(`${text} is no network`)

describe('a network', () => {
  const cases: readonly (readonly [text: string, want: string | undefined])[] = [
    ['192.0.2.1', '192.0.2.1-192.0.2.1'],
    ['192.0.2.0/24', '192.0.2.0-192.0.2.255'],
    ['192.0.2.128/25', '192.0.2.128-192.0.2.255'],
    ['0.0.0.0/0', '0.0.0.0-255.255.255.255'],
    ['255.255.255.255/32', '255.255.255.255-255.255.255.255'],
    ['[192.0.2.0]/24', '192.0.2.0-192.0.2.255'],
    ['2001:db8::/32', '2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['[2001:db8::]/127', '2001:db8::-2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1-2001:db8::1'],
    ['::/0', '::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['192.0.2.1/24', undefined],
    ['2001:db8::1/32', undefined],
    ['192.0.2.0/33', undefined],
    ['2001:db8::/129', undefined],
    ['192.0.2.0/', undefined],
    ['192.0.2.0/-1', undefined],
    ['192.0.2.0/24/24', undefined],
    ['192.0.2/24', undefined],
    ['[192.0.2.0/24]', undefined],
    ['[192.0.2.1', undefined],
    ['', undefined],
    ['all', undefined],
  ]
  for (const [text, want] of cases) {
    test(`${JSON.stringify(text)} ${want === undefined ? 'is none' : `is ${want}`}`, () => assert.equal(shown(parseNetwork(text)), want))
  }
})

describe('the complement', () => {
  test('of nothing is everywhere', () => assert.deepEqual(complement([]), everywhere))
  test('of everywhere is nothing', () => assert.deepEqual(complement(everywhere), []))
  test('of one IPv4 address is 32 networks and all of IPv6', () => {
    const left = complement([net('192.0.2.1')])
    assert.equal(left.filter(({ family }) => family === 4).length, 32)
    assert.equal(left.filter(({ family }) => family === 6).length, 1)
  })
  test('of two halves leaves nothing of their family', () => {
    assert.deepEqual(complement([net('0.0.0.0/1'), net('128.0.0.0/1')]).map(shown), ['::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'])
  })
  test('takes nested networks in any order', () => {
    const nested = [net('10.0.0.0/8'), net('10.1.0.0/16')]
    assert.deepEqual(complement(nested), complement(nested.toReversed()))
  })
})

describe('the intersection', () => {
  const cases: readonly (readonly [a: string, b: string, want: string | undefined])[] = [
    ['10.0.0.0/8', '10.1.0.0/16', '10.1.0.0-10.1.255.255'],
    ['10.1.0.0/16', '10.0.0.0/8', '10.1.0.0-10.1.255.255'],
    ['10.1.0.0/16', '10.1.0.0/16', '10.1.0.0-10.1.255.255'],
    ['10.1.0.0/16', '10.2.0.0/16', undefined],
    ['0.0.0.0/0', '::/0', undefined],
    ['2001:db8::/32', '2001:db8:1::/48', '2001:db8:1::-2001:db8:1:ffff:ffff:ffff:ffff:ffff'],
  ]
  for (const [a, b, want] of cases) {
    test(`of ${a} and ${b} is ${want ?? 'empty'}`, () => assert.equal(shown(intersection([net(a)], [net(b)])[0]), want))
  }
})
