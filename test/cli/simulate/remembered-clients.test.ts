// The simulated allowlist: what it holds of each client, and that it is bounded.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { mergeRecords } from '../../../gateway/core/allowlist-merge.ts'
import { RememberedClients } from '../../../cli/simulate/remembered-clients.ts'

const nothing = { record: undefined, doubtful: 0, loose: 0 }
const memory = (record: string) => ({ ...nothing, record })

describe('a simulated allowlist', () => {
  test('has at the first session what the log says, and then what was written', () => {
    const clients = new RememberedClients(false)
    assert.deepEqual(clients.recall('a', memory('5;5;1;1;1')), memory('5;5;1;1;1'))
    assert.deepEqual(clients.recall('a', memory('9;9;9;9;9')), memory('5;5;1;1;1'))
    clients.remember('a', '3;8;1;1;0')
    assert.deepEqual(clients.recall('a', nothing), memory('3;8;1;1;0'))
    clients.remember('b', '1;2;3;4;5')
    assert.deepEqual(clients.recall('b', nothing), memory('1;2;3;4;5'))
  })

  test('tells a client without a record from one whose tests were never passed', () => {
    const clients = new RememberedClients(false)
    clients.recall('a', nothing)
    assert.deepEqual(clients.recall('a', memory('1;1;1;1;1')), nothing)
    clients.remember('a', '0;0;0;0;0')
    assert.deepEqual(clients.recall('a', nothing), memory('0;0;0;0;0'))
  })

  test('keeps doubts until a stamp is good', () => {
    const clients = new RememberedClients(false)
    clients.recall('a', { record: '7;7;7;7;7', doubtful: 0b11, loose: 0b100 })
    clients.mark('a', { doubtful: 0b1000, loose: 0b10, good: 0b101 })
    assert.deepEqual(clients.recall('a', nothing), { record: '7;7;7;7;7', doubtful: 0b1010, loose: 0b10 })
    clients.mark('other', { doubtful: 1, loose: 1, good: 1 })
    assert.deepEqual(clients.recall('other', nothing), nothing)
  })

  test('merges records as a shared store does', () => {
    const stamp = fc.oneof(fc.nat(2), fc.nat(2_000_000_000))
    const record = fc.tuple(stamp, stamp, stamp, stamp, stamp).map((stamps) => stamps.join(';'))
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 5 }), (records) => {
        const clients = new RememberedClients(true)
        clients.recall('a', nothing)
        let merged: string | undefined
        for (const one of records) {
          clients.remember('a', one)
          merged = mergeRecords(merged, one)
        }
        assert.equal(clients.recall('a', nothing).record, merged)
      }),
    )
  })

  test('grows, and beyond its limit forgets the clients that came first', () => {
    const clients = new RememberedClients(false, 3000)
    for (let i = 0; i < 10_000; i++) clients.remember(`client ${i}`, `${i};1;1;1;1`)
    assert.equal(clients.forgotten, 7000)
    for (const i of [7000, 8500, 9999]) assert.equal(clients.recall(`client ${i}`, nothing).record, `${i};1;1;1;1`)
    assert.equal(clients.recall('client 6999', nothing).record, undefined)
    assert.equal(clients.forgotten, 7001)
  })
})
