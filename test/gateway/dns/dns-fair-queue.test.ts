// Whose turn it is to be asked, and the queue below it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DnsFairQueue } from '../../../gateway/dns/dns-fair-queue.ts'
import { Fifo } from '../../../gateway/dns/fifo.ts'

function admitted(flows: DnsFairQueue<string>): string[] {
  const items: string[] = []
  for (let item = flows.admit(); item !== undefined; item = flows.admit()) items.push(item)
  return items
}

test('flows take turns, and a flow keeps its order', () => {
  const flows = new DnsFairQueue<string>(10)
  for (const item of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) flows.add(item.charAt(0), item)
  const items = admitted(flows)
  assert.deepEqual(items.toSorted(), ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'])
  assert.deepEqual(new Set(items.slice(0, 3).map((item) => item.charAt(0))), new Set(['a', 'b', 'c']))
  for (const flow of ['a', 'b', 'c']) {
    const own = items.filter((item) => item.startsWith(flow))
    assert.deepEqual(own, own.toSorted())
  }
})

test('only as many are admitted as there are slots', () => {
  const flows = new DnsFairQueue<string>(2)
  for (const item of ['a1', 'a2', 'a3']) flows.add('a', item)
  assert.deepEqual(admitted(flows), ['a1', 'a2'])
  assert.deepEqual([flows.admitted, flows.waiting], [2, 1])
  flows.leave('a')
  assert.deepEqual(admitted(flows), ['a3'])
})

test('a list that never answers does not take the places of another', () => {
  const flows = new DnsFairQueue<string>(4)
  flows.add('live', 'live 0')
  for (let i = 0; i < 100; i++) flows.add('dead', `dead ${i}`)
  assert.equal(admitted(flows).filter((item) => item.startsWith('dead')).length, 2)
  for (let i = 1; i < 100; i++) {
    flows.leave('live')
    flows.add('live', `live ${i}`)
    assert.deepEqual(
      admitted(flows).filter((item) => item.startsWith('live')),
      [`live ${i}`],
    )
  }
})

test('a flow with nothing to do leaves its share to the others', () => {
  const flows = new DnsFairQueue<string>(4)
  flows.add('b', 'b1')
  for (let i = 0; i < 9; i++) flows.add('a', `a${i}`)
  assert.equal(admitted(flows).length, 3)
  flows.leave('b')
  assert.equal(admitted(flows).length, 2)
})

test('entries that are over are discarded before their turn', () => {
  const flows = new DnsFairQueue<string>(1)
  for (const item of ['a1', 'a2', 'a3']) flows.add('a', item)
  admitted(flows)
  flows.discard((item) => item === 'a2')
  assert.equal(flows.waiting, 1)
  flows.leave('a')
  assert.deepEqual(admitted(flows), ['a3'])
})

test('the queue returns everything in order, whatever its length', () => {
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
