// Networks in CIDR form, their complements and intersections.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  complement,
  everywhere,
  intersection,
  type Network,
  parseNetworkPattern,
  networkWhy,
  readNetwork,
} from '../../../crds/values/network.ts'
import { formatIPv4, formatIPv6 } from '../../../crds/values/address.ts'
import { type Read, valueOf } from '../../../crds/values/read.ts'

const shown = (network: Network | undefined): string | undefined => {
  if (network === undefined) return undefined
  return network.family === 4
    ? `${formatIPv4(network.first)}-${formatIPv4(network.last)}`
    : `${formatIPv6(network.first)}-${formatIPv6(network.last)}`
}
const net = (text: string): Network => valueOf(readNetwork(text))
const shownResult = (read: Read<Network>): string | readonly (string | undefined)[] => ('why' in read ? read.why : [shown(read.value)])

describe('a pattern of a table', () => {
  const cases: readonly (readonly [text: string, want: string])[] = [
    ['192.0.2.1', '192.0.2.1-192.0.2.1'],
    ['192.0.2.0/24', '192.0.2.0-192.0.2.255'],
    ['192.0.2.0/0024', '192.0.2.0-192.0.2.255'],
    ['0.0.0.0/0', '0.0.0.0-255.255.255.255'],
    ['255.255.255.255/32', '255.255.255.255-255.255.255.255'],
    ['[192.0.2.0]/24', '192.0.2.0-192.0.2.255'],
    ['[192.0.2.0/24]', '192.0.2.0-192.0.2.255'],
    ['2001:db8::/32', '2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['[2001:db8::]/127', '2001:db8::-2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1-2001:db8::1'],
    ['::ffff:192.0.2.7', '::ffff:c000:207-::ffff:c000:207'],
    ['::/0', '::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ]
  for (const [text, want] of cases) {
    test(`${JSON.stringify(text)} is ${want}`, () => {
      const parsed = parseNetworkPattern(text)
      assert.equal('value' in parsed ? shown(parsed.value) : parsed.why, want)
    })
  }
})

describe('what is wrong with a pattern of a table', () => {
  const long = 'x'.repeat(60)
  const cases: readonly (readonly [text: string, why: string])[] = [
    ['192.0.2.0/x', 'bad mask value in "192.0.2.0/x"'],
    ['192.0.2.0/', 'bad mask value in "192.0.2.0/"'],
    ['192.0.2.0/2x', 'bad mask value in "192.0.2.0/2x"'],
    ['192.0.2.0/33', 'bad mask length in "192.0.2.0/33"'],
    ['2001:db8::/129', 'bad mask length in "2001:db8::/129"'],
    ['x/24', 'bad network value in "x/24"'],
    ['[192.0.2.0', `missing ']' character after "[192.0.2.0"`],
    ['[192.0.2.0]x', 'garbage after "[192.0.2.0]"'],
    [long, `bad address pattern: "${long}"`],
    [`${long}y`, `bad address pattern: "${long}..."`],
    ['192.0.2.1\u0007', 'bad address pattern: "192.0.2.1?"'],
    ['192.0.2.1/24', 'non-null host address bits in "192.0.2.1/24", perhaps you should use "192.0.2.0/24" instead'],
  ]
  for (const [text, why] of cases) {
    test(JSON.stringify(text.slice(0, 70)), () => {
      const parsed = parseNetworkPattern(text)
      assert.equal('why' in parsed ? parsed.why : shown(parsed.value), why)
    })
  }
})

const networks = [
  { text: '192.0.2.1', want: ['192.0.2.1-192.0.2.1'] },
  { text: '192.0.2.0/24', want: ['192.0.2.0-192.0.2.255'] },
  { text: '0.0.0.0/0', want: ['0.0.0.0-255.255.255.255'] },
  { text: '::/0', want: ['::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'] },
  { text: '2001:db8::/32', want: ['2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'] },
  { text: '192.0.2.1/24', want: 'has address bits set beyond the prefix length; did you mean 192.0.2.0/24?' },
  { text: '192.0.2.129/25', want: 'has address bits set beyond the prefix length; did you mean 192.0.2.128/25?' },
  { text: '2001:db8::1/33', want: 'has address bits set beyond the prefix length; did you mean 2001:db8::/33?' },
  { text: '1.2.3.4/0', want: 'has address bits set beyond the prefix length; did you mean 0.0.0.0/0?' },
  { text: '192.0.2.0/33', want: networkWhy },
  { text: '192.0.2.0/', want: networkWhy },
  { text: '192.0.2.0/024', want: networkWhy },
  { text: '::/129', want: networkWhy },
  { text: '192.0.2.0/24/8', want: networkWhy },
  { text: '[2001:db8::]/32', want: networkWhy },
  { text: '192.0.2', want: networkWhy },
  { text: 'fe80::1%eth0', want: networkWhy },
  { text: '010.0.0.1', want: networkWhy },
  { text: '', want: networkWhy },
  { text: '::ffff:192.0.2.1', want: 'must be written as IPv4: 192.0.2.1' },
  { text: '::ffff:192.0.2.0/120', want: 'must be written as IPv4: 192.0.2.0/24' },
]
for (const { text, want } of networks) {
  test(`a policy's network ${JSON.stringify(text)} ${typeof want === 'string' ? `is refused: ${want}` : 'is accepted'}`, () => {
    assert.deepEqual(shownResult(readNetwork(text)), want)
  })
}

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
