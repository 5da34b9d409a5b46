// Addresses, networks, host names and ports: what is accepted, and the reason when it is not.
import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  addressPortProblem,
  canonicalAddressPort,
  formatAddress,
  hostNameProblem,
  hostPortProblem,
  parseAddress,
  parseNetwork,
} from '../../crds/addresses.ts'

const octets = (size: number) => fc.array(fc.integer({ min: 0, max: 255 }), { minLength: size, maxLength: size })

test('an address is read back from its own text', () => {
  const zeros = fc.tuple(octets(16), fc.integer({ min: 0, max: 15 }), fc.integer({ min: 0, max: 16 }))
  const sparse = zeros.map(([bytes, from, length]) => bytes.map((byte, at) => (at >= from && at < from + length ? 0 : byte)))
  fc.assert(
    fc.property(fc.oneof(octets(4), octets(16), sparse), (bytes) => {
      assert.deepEqual(parseAddress(formatAddress(bytes)), bytes)
      assert.ok(isIP(formatAddress(bytes)) > 0)
    }),
  )
})

test('an address is one exactly where Node says so', () => {
  const piece = fc.constantFrom('0', '1', '255', '256', 'ffff', 'fffff', '::', ':', '.', '1.2.3.4', '%1', '')
  fc.assert(
    fc.property(
      fc.oneof(
        fc.ipV4(),
        fc.ipV6(),
        fc.array(piece, { maxLength: 10 }).map((pieces) => pieces.join('')),
      ),
      (text) => {
        const zoned = text.includes('%')
        assert.equal(parseAddress(text) !== undefined, !zoned && isIP(text) > 0, text)
      },
    ),
    { numRuns: 2000 },
  )
})

const why = 'must be an address or a network such as 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32, without brackets'
const networks = [
  { text: '192.0.2.1', want: { bytes: [192, 0, 2, 1], prefix: 32 } },
  { text: '192.0.2.0/24', want: { bytes: [192, 0, 2, 0], prefix: 24 } },
  { text: '0.0.0.0/0', want: { bytes: [0, 0, 0, 0], prefix: 0 } },
  { text: '::/0', want: { bytes: Array(16).fill(0), prefix: 0 } },
  { text: '2001:db8::/32', want: { bytes: [0x20, 1, 0xd, 0xb8, ...Array(12).fill(0)], prefix: 32 } },
  { text: '192.0.2.1/24', want: 'has address bits set beyond the prefix length; perhaps you mean 192.0.2.0/24' },
  { text: '192.0.2.129/25', want: 'has address bits set beyond the prefix length; perhaps you mean 192.0.2.128/25' },
  { text: '2001:db8::1/33', want: 'has address bits set beyond the prefix length; perhaps you mean 2001:db8::/33' },
  { text: '1.2.3.4/0', want: 'has address bits set beyond the prefix length; perhaps you mean 0.0.0.0/0' },
  { text: '192.0.2.0/33', want: 'must have a prefix length from 0 to 32 after the slash' },
  { text: '192.0.2.0/', want: 'must have a prefix length from 0 to 32 after the slash' },
  { text: '192.0.2.0/024', want: 'must have a prefix length from 0 to 32 after the slash' },
  { text: '::/129', want: 'must have a prefix length from 0 to 128 after the slash' },
  { text: '192.0.2.0/24/8', want: why },
  { text: '[2001:db8::]/32', want: why },
  { text: '192.0.2', want: why },
  { text: 'fe80::1%eth0', want: why },
  { text: '010.0.0.1', want: why },
  { text: '', want: why },
  { text: '::ffff:192.0.2.1', want: 'must be written as IPv4: 192.0.2.1' },
  { text: '::ffff:192.0.2.0/120', want: 'must be written as IPv4: 192.0.2.0/24' },
]
for (const { text, want } of networks) {
  test(`the network ${JSON.stringify(text)} ${typeof want === 'string' ? `is refused: ${want}` : 'is accepted'}`, () => {
    assert.deepEqual(parseNetwork(text), typeof want === 'string' ? { why: want } : { network: want })
  })
}

const names = [
  { name: 'mx.example.com', want: undefined },
  { name: 'zen', want: undefined },
  { name: 'a_b.example', want: undefined },
  { name: '1a.example', want: undefined },
  { name: '', want: 'empty name' },
  { name: 'a b', want: 'invalid character " "' },
  { name: 'bücher.example', want: 'invalid character "ü"' },
  { name: 'a..b', want: 'misplaced dot' },
  { name: '.a', want: 'misplaced dot' },
  { name: 'a.', want: 'misplaced dot' },
  { name: '-a.b', want: 'misplaced hyphen' },
  { name: 'a-.b', want: 'misplaced hyphen' },
  { name: `${'a'.repeat(64)}.b`, want: 'a label is longer than 63 characters' },
  { name: '192.0.2.1', want: 'only digits' },
  { name: `${'a.'.repeat(128)}b`, want: 'too long' },
]
for (const { name, want } of names) {
  test(`the host name ${JSON.stringify(name.slice(0, 70))} is ${want === undefined ? 'accepted' : `refused: ${want}`}`, () => {
    assert.equal(hostNameProblem(name), want)
  })
}

test('a place to listen is an address with a port, IPv6 in brackets', () => {
  for (const text of ['0.0.0.0:25', '[::]:2525', '[2001:db8::1]:65535']) assert.equal(addressPortProblem(text), undefined, text)
  for (const text of ['25', ':25', '::1:25', '[::]', '[::]:0', '[::]:65536', '[1.2.3.4]:25', 'mx.example:25', '0.0.0.0:025']) {
    assert.match(addressPortProblem(text) ?? '', /^must be ADDRESS:PORT/, text)
  }
})

test('a mail server is a name or an address with a port', () => {
  for (const text of ['postfix:25', 'mx.example.com:10025', '192.0.2.1:25', '[2001:db8::1]:25'])
    assert.equal(hostPortProblem(text), undefined, text)
  for (const text of ['postfix', 'postfix:', 'postfix:0', '2001:db8::1:25', '-x:25', '1.2.3:25', 'a b:25', 'x:25:25']) {
    assert.match(hostPortProblem(text) ?? '', /^must be HOST:PORT/, text)
  }
})

test('two ways to write one place to listen count as the same', () => {
  assert.equal(canonicalAddressPort('[0:0::0]:25'), canonicalAddressPort('[::]:25'))
  assert.notEqual(canonicalAddressPort('[::]:25'), canonicalAddressPort('[::]:26'))
  assert.equal(canonicalAddressPort('nonsense'), 'nonsense')
})
