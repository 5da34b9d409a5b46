// Which rule is the first that names an address.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compileAddressTable } from '../../../gateway/core/address-table.ts'
import { type Network, readNetwork } from '../../../crds/values/network.ts'
import { valueOf } from '../../../crds/values/read.ts'

const net = (text: string): Network => valueOf(readNetwork(text))

const tableOf = (...rules: readonly string[][]) => compileAddressTable(rules.map((texts) => ({ networks: texts.map(net) })))

describe('an address table', () => {
  const table = tableOf(
    ['192.0.2.128/25'],
    ['192.0.2.0/24', '2001:db8:1::/48'],
    ['192.0.0.0/16'],
    ['2001:db8::/32'],
    ['192.0.2.200', '::1'],
  )
  const cases: readonly (readonly [address: string, want: number])[] = [
    ['192.0.2.127', 1],
    ['192.0.2.128', 0],
    ['192.0.2.200', 0],
    ['192.0.2.255', 0],
    ['192.0.3.0', 2],
    ['192.0.1.255', 2],
    ['192.0.255.255', 2],
    ['192.1.0.0', -1],
    ['191.255.255.255', -1],
    ['0.0.0.0', -1],
    ['255.255.255.255', -1],
    ['2001:db8::1', 3],
    ['2001:db8:1::', 1],
    ['2001:db8:1:ffff:ffff:ffff:ffff:ffff', 1],
    ['2001:db8:2::', 3],
    ['2001:db9::', -1],
    ['::1', 4],
    ['::2', -1],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', -1],
    // T60
    ['::ffff:192.0.2.128', 0],
    ['no address', -1],
    ['', -1],
  ]
  for (const [address, want] of cases)
    test(`finds rule ${want} for ${JSON.stringify(address)}`, () => assert.equal(table.lookup(address), want))
})

test('an empty table finds nothing', () => {
  assert.equal(tableOf().lookup('192.0.2.1'), -1)
  assert.equal(tableOf([]).lookup('2001:db8::1'), -1)
})

test('the first rule wins where the same network stands twice', () =>
  assert.equal(tableOf(['10.0.0.0/8'], ['10.0.0.0/8']).lookup('10.1.1.1'), 0))

test('everything is one rule, up to the last address of either family', () => {
  const table = tableOf(['0.0.0.0/0', '::/0'])
  for (const address of ['0.0.0.0', '255.255.255.255', '::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'])
    assert.equal(table.lookup(address), 0)
})

test('an inner network that stands behind an outer one is never found', () => {
  assert.equal(tableOf(['10.0.0.0/8'], ['10.1.0.0/16']).lookup('10.1.2.3'), 0)
})

test('100,000 networks are compiled and looked up', { timeout: 60_000 }, () => {
  const text = (i: number): string => `${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.0`
  const networks = Array.from({ length: 100_000 }, (_, i) => net(`${text(i)}/24`))
  const table = compileAddressTable(networks.map((network) => ({ networks: [network] })))
  for (const i of [0, 1, 255, 256, 65_536, 99_999]) assert.equal(table.lookup(text(i)), i)
  assert.equal(table.lookup(text(100_000)), -1)
})
