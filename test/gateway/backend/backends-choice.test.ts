// Which backend address is next: the one with the fewest sessions, a failing one by one session at a time, one that is back slowly.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Backends } from '../../../gateway/backend/backends.ts'
import type { Target } from '../../../gateway/backend/target-record.ts'
import { statusOf, table, take, three, twoOfThem } from './backend-table.ts'
import { endpointsOf } from '../../support/endpoints.ts'
import { formatEndpoint } from '../../../crds/values/endpoint.ts'

test('the address with the fewest sessions is next, and equals take turns', (t) => {
  const { backends } = table(t, { addresses: three })
  const taken = Array.from({ length: 6 }, () => take(backends).label)
  assert.deepEqual(taken, [...three, ...three].map(formatEndpoint))
  backends.release({ address: '10.0.0.2', port: 25, label: '10.0.0.2:25' })
  assert.equal(take(backends).label, '10.0.0.2:25')
})

test('an address that has been tried is not taken again, until there is none left', (t) => {
  const { backends } = table(t, { addresses: three })
  const tried = new Set<Target>()
  for (let left = 3; left > 0; left--) {
    assert.equal(backends.hasOther(tried), true)
    const target = backends.take(tried)
    assert.ok(target !== undefined && !tried.has(target))
    tried.add(target)
  }
  assert.equal(backends.hasOther(tried), false)
  assert.equal(backends.take(tried), undefined)
})

test('after its rest an address is tried by one session at a time', (t) => {
  const { backends, pass } = table(t, { addresses: endpointsOf('10.0.0.1:25', '10.0.0.2:25') })
  const bad = take(backends)
  backends.health.failed(bad, 'ECONNREFUSED')
  backends.release(bad)
  const good = take(backends)
  backends.health.greeted(good)
  assert.deepEqual([take(backends), take(backends)], [good, good], 'while it rests no session gets it')
  pass(1000)
  assert.equal(take(backends), bad, 'then one session does')
  assert.deepEqual([take(backends), take(backends)], [good, good], 'and no other as long as that one has no answer')
  backends.health.abandoned(bad)
  backends.release(bad)
  assert.equal(take(backends), bad, 'unless its client has left')
  backends.health.greeted(bad)
  assert.equal(take(backends), bad, 'an address that works again is an address like others')
})

test('when all addresses rest they are tried nevertheless, the one that rests least first', (t) => {
  const { backends, pass } = table(t, { addresses: endpointsOf('10.0.0.1:25', '10.0.0.2:25') })
  const first = take(backends)
  const second = take(backends, first)
  backends.health.failed(second, 'x')
  pass(100)
  backends.health.failed(first, 'x')
  assert.equal(backends.reachable(), false)
  assert.equal(take(backends), second)
  assert.equal(take(backends, second), first)
})

/** Which addresses the next `count` clients get; all of them stay. */
function shares(backends: Backends, count: number): Record<string, number> {
  const counts: Record<string, number> = {}
  for (let i = 0; i < count; i++) {
    const { label } = take(backends)
    counts[label] = (counts[label] ?? 0) + 1
  }
  return counts
}

/** Two addresses, of which the second has just come back, empty, while the first has 100 sessions. */
function recovered(t: TestContext, slowStartMs: number): { backends: Backends; pass: (ms: number) => void } {
  const set = table(t, { addresses: twoOfThem, slowStartMs })
  const [first, second] = [take(set.backends), take(set.backends)]
  set.backends.health.greeted(first)
  set.backends.health.failed(second, 'ECONNREFUSED')
  set.backends.release(second)
  set.pass(100_000)
  for (let i = 0; i < 100; i++) set.backends.health.greeted(set.backends.take(new Set([second])) ?? second)
  set.backends.health.greeted(second)
  return set
}

test('an address that works again is filled slowly: a tenth of what the other has at first, half of it after half of the time', (t) => {
  const { backends, pass } = recovered(t, 10_000)
  const early = shares(backends, 20)
  assert.ok(Math.abs((early['10.0.0.2:25'] ?? 0) - 10) <= 1, JSON.stringify(early))
  pass(5000)
  const late = shares(backends, 200)
  assert.ok(Math.abs((late['10.0.0.2:25'] ?? 0) - 97) <= 2, JSON.stringify(late))
  pass(5000)
  assert.deepEqual(shares(backends, 50), { '10.0.0.2:25': 50 })
})

test('without a slow start it gets every new client until it has as many as the others', (t) => {
  const { backends } = recovered(t, 0)
  assert.deepEqual(shares(backends, 60), { '10.0.0.2:25': 60 })
})

test('addresses that all begin at the same time share evenly from the first client on', (t) => {
  const { backends } = table(t, { addresses: twoOfThem, slowStartMs: 10_000 })
  const first = [take(backends), take(backends)]
  for (const target of first) backends.health.greeted(target)
  assert.deepEqual(shares(backends, 10), { '10.0.0.1:25': 5, '10.0.0.2:25': 5 })
})

test('only an address that is not known to fail is asked beside another', (t) => {
  const { backends } = table(t, { addresses: three })
  const [first, second, third] = [take(backends), take(backends), take(backends)]
  backends.health.failed(second, 'ECONNREFUSED')
  assert.equal(backends.takeGood(new Set([first])), third)
  assert.equal(backends.takeGood(new Set([first, third])), undefined)
  assert.equal(statusOf(backends, second).sessions, 1, 'and nothing is booked on one that is not taken')
})
