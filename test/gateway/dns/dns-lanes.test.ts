// Whose turn it is to be asked, and the queue below it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DnsLanes } from '../../../gateway/dns/dns-lanes.ts'
import { Fifo } from '../../../gateway/dns/fifo.ts'

function admitted(lanes: DnsLanes<string>): string[] {
  const items: string[] = []
  for (let item = lanes.admit(); item !== undefined; item = lanes.admit()) items.push(item)
  return items
}

test('lanes take turns, and a lane keeps its order', () => {
  const lanes = new DnsLanes<string>(10)
  for (const item of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) lanes.add(item.charAt(0), item)
  const items = admitted(lanes)
  assert.deepEqual(items.toSorted(), ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'])
  assert.deepEqual(new Set(items.slice(0, 3).map((item) => item.charAt(0))), new Set(['a', 'b', 'c']))
  for (const lane of ['a', 'b', 'c']) {
    const own = items.filter((item) => item.startsWith(lane))
    assert.deepEqual(own, own.toSorted())
  }
})

test('no more are admitted than there are places', () => {
  const lanes = new DnsLanes<string>(2)
  for (const item of ['a1', 'a2', 'a3']) lanes.add('a', item)
  assert.deepEqual(admitted(lanes), ['a1', 'a2'])
  assert.deepEqual([lanes.admitted, lanes.waiting], [2, 1])
  lanes.leave('a')
  assert.deepEqual(admitted(lanes), ['a3'])
})

test('a list that never answers does not take the places of another', () => {
  const lanes = new DnsLanes<string>(4)
  lanes.add('live', 'live 0')
  for (let i = 0; i < 100; i++) lanes.add('dead', `dead ${i}`)
  assert.equal(admitted(lanes).filter((item) => item.startsWith('dead')).length, 2)
  for (let i = 1; i < 100; i++) {
    lanes.leave('live')
    lanes.add('live', `live ${i}`)
    assert.deepEqual(
      admitted(lanes).filter((item) => item.startsWith('live')),
      [`live ${i}`],
    )
  }
})

test('a lane with nothing to do leaves its share to the others', () => {
  const lanes = new DnsLanes<string>(4)
  lanes.add('b', 'b1')
  for (let i = 0; i < 9; i++) lanes.add('a', `a${i}`)
  assert.equal(admitted(lanes).length, 3)
  lanes.leave('b')
  assert.equal(admitted(lanes).length, 2)
})

test('what is over is discarded before its turn comes', () => {
  const lanes = new DnsLanes<string>(1)
  for (const item of ['a1', 'a2', 'a3']) lanes.add('a', item)
  admitted(lanes)
  lanes.discard((item) => item === 'a2')
  assert.equal(lanes.waiting, 1)
  lanes.leave('a')
  assert.deepEqual(admitted(lanes), ['a3'])
})

test('the queue hands out everything in order, whatever its length', () => {
  const fifo = new Fifo<number>()
  const out: number[] = []
  for (let i = 0; i < 10_000; i++) {
    fifo.push(i)
    if (i % 3 !== 0) out.push(fifo.shift() ?? -1)
    assert.equal(fifo.peek(), fifo.length > 0 ? out.length : undefined)
  }
  for (let item = fifo.shift(); item !== undefined; item = fifo.shift()) out.push(item)
  assert.deepEqual(
    out,
    Array.from({ length: 10_000 }, (_, i) => i),
  )
  assert.equal(fifo.length, 0)
})
