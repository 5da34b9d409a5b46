// When the addresses of clients count as lost, and when they do not.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { AddressWatch } from '../../../../gateway/core/client-address/address-watch.ts'
import { drive } from '../../../support/core-session.ts'

const minute = 60_000
const hour = 60 * minute

interface Traffic {
  readonly private?: number
  /** Connections from one public address. */
  readonly one?: number
  readonly oneIsRemembered?: boolean
  /** Connections, each from another public network. */
  readonly others?: number
  /** The same from the addresses of one network. */
  readonly neighbours?: number
}

/** A watch with a clock. `during` spreads so many connections evenly over that time. */
class World {
  readonly watch = new AddressWatch()
  now = 1_700_000_000_000
  readonly changes: string[] = []
  #serial = 0

  during(ms: number, { private: inside = 0, one = 0, oneIsRemembered = true, others = 0, neighbours = 0 }: Traffic): this {
    const kinds = [
      ...Array.from({ length: inside }, () => ['10.244.1.1', 'private', false] as const),
      ...Array.from({ length: one }, () => ['203.0.113.9', 'public', oneIsRemembered] as const),
      ...Array.from({ length: neighbours }, (_, i) => [`203.0.113.${i % 200}`, 'public', true] as const),
      ...Array.from({ length: others }, () => ['', 'public', false] as const),
    ]
    // Mixed, in the same way each time.
    const mixed = kinds.map((kind, i) => ({ kind, at: (i * 7919) % kinds.length })).toSorted((a, b) => a.at - b.at)
    for (const { kind } of mixed) {
      const [address, standing, isRemembered] = kind
      const isPrivate = standing === 'private'
      this.now += ms / kinds.length
      const serial = this.#serial++
      const from = address === '' ? `100.${(serial >> 8) & 63}.${serial & 255}.1` : address
      const change = this.watch.saw({ address: from, isPrivate, isRemembered }, this.now)
      if (change !== undefined) this.changes.push(change)
    }
    return this
  }

  is(want: string): this {
    const { arePreserved, loss } = this.watch.report
    assert.equal(loss === undefined ? (arePreserved === undefined ? 'unknown' : 'preserved') : loss.reason, want)
    return this
  }
}

describe('the addresses of clients are', () => {
  test('unknown with few connections', () => void new World().during(hour, { private: 199 }).is('unknown'))
  test('unknown in a burst', () => void new World().during(minute, { private: 5000 }).is('unknown'))
  test('preserved with many different ones', () => void new World().during(5 * minute, { others: 300 }).is('preserved'))
  test('lost if almost all are private', () => {
    const world = new World().during(5 * minute, { private: 290, others: 10 }).is('PrivateAddresses')
    assert.deepEqual(world.changes, ['lost'])
    assert.equal(world.watch.report.addresses[0]?.address, '10.244.1.1')
  })
  test('lost in a quiet place too, later', () => void new World().during(20 * hour, { private: 220 }).is('PrivateAddresses'))
  test('preserved if a part is private', () => void new World().during(5 * minute, { private: 150, others: 150 }).is('preserved'))
  test('unknown again if a whole day was quiet', () => {
    const world = new World().during(5 * minute, { private: 250 }).is('PrivateAddresses')
    world.during(30 * hour, { private: 40 }).is('unknown')
  })
})

describe('one public address with almost all connections', () => {
  const each = { one: 300, others: 3 }
  test('is a loss after half an hour', () => {
    const world = new World()
    for (let i = 0; i < 5; i++) world.during(5 * minute, each).is('unknown')
    for (let i = 0; i < 3; i++) world.during(5 * minute, each)
    world.is('OneAddress')
    assert.deepEqual(world.changes, ['lost'])
    assert.ok(world.watch.isLost('203.0.113.9') && !world.watch.isLost('203.0.112.9'))
  })
  test('is a flood while the others come as usual', () => {
    const world = new World()
    for (let i = 0; i < 30; i++) world.during(5 * minute, { one: 3000, others: 20 })
    world.is('preserved')
  })
  test('is a flood if it never passes', () => {
    const world = new World()
    for (let i = 0; i < 30; i++) world.during(5 * minute, { ...each, oneIsRemembered: false })
    world.is('preserved')
  })
  test('is nothing if it ends soon', () => {
    const world = new World()
    for (let i = 0; i < 4; i++) world.during(5 * minute, each)
    for (let i = 0; i < 9; i++) world.during(5 * minute, { others: 300 })
    world.is('preserved')
    assert.deepEqual(world.changes, [])
  })
  test('may be a whole network', () => {
    const world = new World()
    for (let i = 0; i < 9; i++) world.during(5 * minute, { neighbours: 300 })
    world.is('OneNetwork')
  })
})

describe('a loss ends', () => {
  test('when most have other addresses, after fewer connections than it took', () => {
    const world = new World().during(5 * minute, { private: 300 }).is('PrivateAddresses')
    world.during(5 * minute, { private: 40, others: 60 }).is('preserved')
    assert.deepEqual(world.changes, ['lost', 'preserved'])
  })
  test('not while still more than half are private', () => {
    const world = new World().during(5 * minute, { private: 300 })
    world.during(20 * minute, { private: 300, others: 150 }).is('PrivateAddresses')
    assert.deepEqual(world.changes, ['lost'])
  })
  test('when it is reset', () => {
    const world = new World().during(5 * minute, { private: 300 })
    world.watch.reset()
    world.is('unknown')
  })
})

test('workers share the number of connections that are enough', () => {
  const watch = new AddressWatch(4)
  for (let i = 0; i < 50; i++) watch.saw({ address: '10.0.0.1', isPrivate: true, isRemembered: false }, 1_700_000_000_000 + i * 5000)
  assert.equal(watch.report.loss?.reason, 'PrivateAddresses')
})

test('whatever clients do, memory is bounded, counts hold, and a clock that jumps does no harm', () => {
  const seen = fc.record({
    address: fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom('10.0.0.1', '203.0.113.9')),
    isPrivate: fc.boolean(),
    isRemembered: fc.boolean(),
    ms: fc.integer({ min: -100_000, max: 100_000 }),
  })
  fc.assert(
    fc.property(fc.array(seen, { maxLength: 600 }), (clients) => {
      const watch = new AddressWatch()
      let now = 1_700_000_000_000
      for (const { ms, ...client } of clients) {
        watch.saw(client, (now += ms))
        const { connections, privateConnections, addresses, loss, arePreserved } = watch.report
        assert.ok(privateConnections <= connections && addresses.length <= 5)
        assert.ok(addresses.reduce((sum, one) => sum + one.connections, 0) <= connections)
        assert.equal(loss !== undefined, arePreserved === false)
      }
    }),
    { numRuns: 50 },
  )
})

describe('sessions', () => {
  test('of private clients show that addresses are lost, and the last one logs it', () => {
    const gateway = drive()
    for (let i = 0; i < 200; i++) {
      gateway.connect('10.244.1.1').at(6000)
      gateway.goTo(gateway.now + 1000)
    }
    assert.equal(gateway.screening.addresses.report.loss?.reason, 'PrivateAddresses')
  })

  test('that only connect are health checks and do not count', () => {
    const gateway = drive()
    for (let i = 0; i < 10; i++) gateway.connect('10.244.1.1').leaves()
    assert.equal(gateway.screening.addresses.report.connections, 0)
    gateway.connect('10.244.1.1').sends('EHLO x\r\n')
    gateway.goTo(gateway.now + 10_000)
    assert.equal(gateway.screening.addresses.report.connections, 1)
  })

  test('of expected addresses do not count', () => {
    const gateway = drive({ clientAddress: { internal: ['10.0.0.0/8'] }, access: [{ action: 'Permit', cidrs: ['198.51.100.0/24'] }] })
    for (const address of ['10.1.1.1', '198.51.100.1', '203.0.113.1']) gateway.connect(address).at(6000)
    assert.equal(gateway.screening.addresses.report.connections, 1)
  })

  test('of private addresses that the access list permits count, since nodes may be among them', () => {
    const access = [{ action: 'Permit', cidrs: ['10.0.0.0/8'] }] as const
    const gateway = drive({ access, clientAddress: { guard: 'Defer' }, limits: { connectionsPerClient: 0 } })
    for (let i = 0; i < 200; i++) {
      assert.ok(gateway.connect('10.244.1.1').isRelayed, String(i))
      gateway.goTo(gateway.now + 1000)
    }
    assert.equal(gateway.screening.addresses.report.loss?.reason, 'PrivateAddresses')
    assert.ok(!gateway.connect('10.244.1.1').isRelayed, 'while addresses are lost, Defer does not trust them')
  })

  test('of the address that all clients seem to have are deferred under Defer, and others are not', () => {
    const gateway = drive({ clientAddress: { guard: 'Defer' } })
    gateway.remembering('203.0.113.9', '+86400;1;1;1;1')
    const { addresses } = gateway.screening
    for (let i = 0; i < 600; i++) addresses.saw({ address: '203.0.113.9', isPrivate: false, isRemembered: true }, gateway.now + i * 10_000)
    assert.equal(addresses.report.loss?.reason, 'OneAddress')
    assert.ok(!gateway.connect('203.0.113.9').isRelayed)
    assert.ok(gateway.connect('198.51.100.3').at(6000).isRelayed)
  })
})
