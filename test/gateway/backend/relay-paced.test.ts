// Clients that wait for their turn to be connected (`backend.connectRate`).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { world } from './virtual-mail.ts'

const only = '10.0.0.1:25'
const options = { probeAfterMs: 0, connectRate: 10, holdMs: 8000 }

test('many clients that connect and leave do not delay the clients that come later', async (t) => {
  const { come, pass } = world(t, [only], () => 10, options)
  const crowd = Array.from({ length: 1000 }, () => come())
  await pass(100)
  for (const { leave } of crowd) leave()
  const later = come()
  await pass(200)
  assert.ok(later.greeted !== undefined && later.greeted - later.came <= 150, `greeted after ${later.greeted} ms`)
})

test('a client waits for its turn for holdTime, and then reads 421', async (t) => {
  const { come, pass, connections, backends } = world(t, [only], () => 10, options)
  const crowd = Array.from({ length: 200 }, () => come())
  await pass(8500)
  const failed = crowd.filter((one) => one.failed !== undefined)
  const greeted = crowd.filter((one) => one.greeted !== undefined)
  assert.equal(greeted.length + failed.length, 200)
  assert.ok(Math.abs(greeted.length - 82) <= 1, `${greeted.length} were greeted`)
  assert.equal(connections.length, greeted.length)
  for (const one of failed) {
    assert.equal(one.failed?.reason, `${only}: too many clients wait for a connection`)
    assert.ok(Math.abs((one.failed?.at ?? 0) - 8000) <= 300, `${one.failed?.at}`)
  }
  assert.equal(backends.status()[0]?.addresses[0]?.sessions, 0)
  const next = come()
  await pass(150)
  assert.ok(next.greeted !== undefined)
})

test('waiting clients are served in the order of their arrival', async (t) => {
  const { come, pass } = world(t, [only], () => 10, options)
  const crowd = Array.from({ length: 50 }, () => come())
  await pass(6000)
  const greeted = crowd.map((one) => one.greeted ?? Number.NaN)
  assert.deepEqual(
    greeted,
    greeted.toSorted((a, b) => a - b),
  )
})
