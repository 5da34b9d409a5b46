// Addresses in the kernel's form: what is written is read again, and IPv6 texts are those of inet_ntop(3).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readSocketAddress, sockaddrLength, writeSocketAddress } from '../../../gateway/linux/socket-address.ts'

function roundTrip(address: string, port = 25): { address: string; port: number; length: number } {
  const bytes = Buffer.alloc(sockaddrLength, 0xff)
  const length = writeSocketAddress(bytes, { address, port })
  const read = readSocketAddress(bytes)
  assert.ok(read !== undefined)
  return { ...read, length }
}

for (const [address, text, length] of [
  ['192.0.2.1', '192.0.2.1', 16],
  ['0.0.0.0', '0.0.0.0', 16],
  ['255.255.255.255', '255.255.255.255', 16],
  ['::', '::', 28],
  ['::1', '::1', 28],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1', 28],
  ['2001:db8::', '2001:db8::', 28],
  ['::ffff:192.0.2.1', '192.0.2.1', 28],
  ['::192.0.2.1', '::192.0.2.1', 28],
  ['::ffff:0:192.0.2.1', '::ffff:0:c000:201', 28],
] as const) {
  test(`${address} is read as ${text}`, () => {
    assert.deepEqual(roundTrip(address, 65_535), { address: text, port: 65_535, length })
  })
}

test('any IPv4 address and any port is read as it was written', () => {
  fc.assert(
    fc.property(fc.ipV4(), fc.nat(65_535), (address, port) => {
      assert.deepEqual(roundTrip(address, port), { address, port, length: 16 })
    }),
  )
})

test('a family that is not IP is not an address', () => {
  assert.equal(readSocketAddress(Buffer.alloc(sockaddrLength)), undefined)
})

test('a text that is not an address is refused', () => {
  assert.throws(
    () => writeSocketAddress(Buffer.alloc(sockaddrLength), { address: 'mx.example.com', port: 25 }),
    /"mx\.example\.com" is not an IP address/,
  )
})
