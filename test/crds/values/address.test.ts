// Addresses: what is one, and the text by which a client is known everywhere.
import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  canonicalAddress,
  formatIPv4,
  formatIPv6,
  parseAddress,
  parseExactAddress,
  parseIPv4,
  parseIPv6,
} from '../../../crds/values/address.ts'

describe('an IPv4 address', () => {
  const good: readonly (readonly [text: string, want: number])[] = [
    ['0.0.0.0', 0],
    ['255.255.255.255', 2 ** 32 - 1],
    ['192.0.2.1', 0xc0000201],
    ['01.02.03.04', 0x01020304],
    ['127.0.0.1', 0x7f000001],
  ]
  for (const [text, want] of good) test(`${text} is ${want}`, () => assert.equal(parseIPv4(text), want))

  const bad = [
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.',
    '.1.2.3',
    '1..2.3',
    '256.1.1.1',
    '1.2.3.-4',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '1.2.3.a',
    '0x7f.0.0.1',
    '1.2.3.4/32',
  ]
  for (const text of bad) test(`${JSON.stringify(text)} is none`, () => assert.equal(parseIPv4(text), undefined))

  test('is printed without leading zeros', () => assert.equal(formatIPv4(0xff00010a), '255.0.1.10'))
})

describe('an IPv6 address', () => {
  const good: readonly (readonly [text: string, want: bigint])[] = [
    ['::', 0n],
    ['::1', 1n],
    ['1::', 1n << 112n],
    ['2001:db8::1', (0x20010db8n << 96n) + 1n],
    ['2001:DB8:0:0:0:0:0:1', (0x20010db8n << 96n) + 1n],
    ['1:2:3:4:5:6:7::', 0x0001_0002_0003_0004_0005_0006_0007_0000n],
    ['::2:3:4:5:6:7:8', 0x0002_0003_0004_0005_0006_0007_0008n],
    ['64:ff9b::192.0.2.1', (0x64ff9bn << 96n) + 0xc0000201n],
    ['1:2:3:4:5:6:192.0.2.1', 0x0001_0002_0003_0004_0005_0006_c000_0201n],
  ]
  for (const [text, want] of good) test(`${text} is read`, () => assert.equal(parseIPv6(text), want))

  const bad = [
    '',
    ':',
    ':::',
    '1',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '1::2::3',
    '1:2:3:4:5:6:7:8::1::2',
    ':1::2',
    '1::2:',
    '12345::',
    'g::',
    '1.2.3.4',
    '1.2.3.4::',
    '::1.2.3',
    '::1.2.3.4:5',
    'fe80::1%eth0',
    '[::1]',
    '::1 ',
    `${'0'.repeat(46)}::1`,
  ]
  for (const text of bad) test(`${JSON.stringify(text)} is none`, () => assert.equal(parseIPv6(text), undefined))

  const printed: readonly (readonly [text: string, want: string])[] = [
    ['0:0:0:0:0:0:0:0', '::'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:0:2:3:0:0:4', '1::2:3:0:0:4'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['1:2:3:4:5:6:0:0', '1:2:3:4:5:6::'],
    ['0:0:3:4:5:6:7:8', '::3:4:5:6:7:8'],
    ['fc:00:00:00:1:2:3:4', 'fc::1:2:3:4'],
  ]
  for (const [text, want] of printed) test(`${text} is printed as ${want}`, () => assert.equal(formatIPv6(parseIPv6(text) ?? -1n), want))
})

describe('the canonical text', () => {
  const cases: readonly (readonly [text: string, want: string | undefined])[] = [
    ['192.0.2.1', '192.0.2.1'],
    ['01.02.03.04', '1.2.3.4'],
    ['2001:0db8::0001', '2001:db8::1'],
    // T60
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:0201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['::192.0.2.1', '::c000:201'],
    ['mx.example.com', undefined],
  ]
  for (const [text, want] of cases) test(`of ${text} is ${want ?? 'missing'}`, () => assert.equal(canonicalAddress(text), want))

  test('T60: an IPv4-mapped address is of the IPv4 family', () => {
    assert.deepEqual(parseAddress('::ffff:192.0.2.1'), { family: 4, value: 0xc0000201 })
  })
})

test('an exact address is one that Node accepts', () => {
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
        assert.equal(parseExactAddress(text) !== undefined, !zoned && isIP(text) > 0, text)
      },
    ),
    { numRuns: 2000 },
  )
})

test('an exact address has no leading zeros in IPv4, and an IPv4-mapped one stays IPv6 (inet_pton)', () => {
  for (const text of ['010.0.0.1', '1.2.3.04', '::ffff:192.0.2.07', '::00.0.0.1']) assert.equal(parseExactAddress(text), undefined, text)
  assert.deepEqual(parseExactAddress('::ffff:192.0.2.1'), { family: 6, value: 0xffffc0000201n })
  assert.deepEqual(parseExactAddress('0.0.0.0'), { family: 4, value: 0 })
})
