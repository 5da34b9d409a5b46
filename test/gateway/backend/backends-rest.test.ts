// For how long a failing or silent backend address rests, and for how long the gateway is worth its clients when none is left.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Target } from '../../../gateway/backend/target-record.ts'
import { follower, learn, proven, refused, statusOf, table, take, three, twoOfThem } from './backend-table.ts'
import { endpointsOf } from '../../support/endpoints.ts'

/** How long an address rests after each of so many failures in a row, tried again as soon as it may be. */
function restsOf(target: Target, failures: number, { backends, pass }: ReturnType<typeof table>): number[] {
  return Array.from({ length: failures }, () => {
    backends.health.failed(target, 'ECONNREFUSED')
    const { restMs } = statusOf(backends, target)
    pass(restMs)
    return restMs
  })
}

test('a failing address rests 1 s, then twice as long each time up to 30 s, until it works', (t) => {
  const world = table(t, { addresses: endpointsOf('10.0.0.1:25', '10.0.0.2:25') })
  const { backends } = world
  const bad = take(backends)
  assert.deepEqual(restsOf(bad, 8, world), [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
  assert.deepEqual([statusOf(backends, bad).state, statusOf(backends, bad).lastError], ['failing', 'ECONNREFUSED'])
  backends.health.greeted(bad)
  assert.deepEqual([statusOf(backends, bad).state, statusOf(backends, bad).lastError], ['working', undefined])
  backends.health.failed(bad, 'ECONNREFUSED')
  assert.equal(statusOf(backends, bad).restMs, 1000)
})

test('with probes an address rests for at most 4 s, so that one that works again is soon probed', (t) => {
  const options = { addresses: endpointsOf('10.0.0.1:25'), refreshMs: 1_000_000, probeAfterMs: 1_000_000, shared: follower }
  const world = table(t, options)
  learn(world.backends, '10.0.0.1:25', proven)
  assert.deepEqual(restsOf(take(world.backends), 5, world), [1000, 2000, 4000, 4000, 4000])
})

test('sessions that fail together are one failure', (t) => {
  const { backends, pass } = table(t, { addresses: endpointsOf('10.0.0.1:25') })
  const targets = Array.from({ length: 50 }, () => take(backends))
  for (const target of targets) backends.health.failed(target, 'ECONNRESET')
  pass(1000)
  assert.equal(statusOf(backends, take(backends)).restMs, 0)
})

test('an address that accepts a connection and does not greet for a second rests, if another one works', (t) => {
  const { backends, pass } = table(t, { addresses: twoOfThem })
  const [hanging, good] = [take(backends), take(backends)]
  backends.health.greeted(hanging)
  backends.health.greeted(good)
  pass(1000)
  assert.equal(backends.health.silent(hanging, 999), true)
  assert.deepEqual([statusOf(backends, hanging).state, statusOf(backends, hanging).lastError], ['failing', 'no greeting for 1 s'])
  assert.deepEqual([take(backends), take(backends), take(backends)], [good, good, good])
})

test('an address that has greeted another client meanwhile does not rest', (t) => {
  const { backends, pass } = table(t, { addresses: twoOfThem })
  const [slow, good] = [take(backends), take(backends)]
  backends.health.greeted(good)
  pass(500)
  backends.health.greeted(slow)
  pass(500)
  assert.equal(backends.health.silent(slow, 1000), false)
  assert.equal(statusOf(backends, slow).state, 'working')
})

test('an address does not rest when no other one works: a busy mail server is better than none', (t) => {
  const { backends, pass } = table(t, { addresses: twoOfThem })
  const [slow, bad] = [take(backends), take(backends)]
  backends.health.greeted(slow)
  backends.health.failed(bad, 'ECONNREFUSED')
  pass(5000)
  assert.equal(backends.health.silent(slow, 1000), false)
  assert.equal(statusOf(backends, slow).state, 'working')
})

const probedBySomeOther = { holdMs: 8000, probeAfterMs: 30_000, shared: follower }

test('a gateway is ready while a backend is reachable, and afterwards for as long as it holds clients', (t) => {
  const { backends, pass } = table(t, { addresses: endpointsOf('10.0.0.1:25'), ...probedBySomeOther })
  assert.equal(backends.worthwhile(), false, 'none has answered yet')
  learn(backends, '10.0.0.1:25', proven)
  pass(60_000)
  learn(backends, '10.0.0.1:25', refused)
  assert.deepEqual([backends.reachable(), backends.worthwhile()], [false, true])
  pass(5000)
  learn(backends, '10.0.0.1:25', refused)
  pass(2999)
  assert.equal(backends.worthwhile(), true)
  pass(1)
  assert.equal(backends.worthwhile(), false)
  learn(backends, '10.0.0.1:25', proven)
  assert.equal(backends.worthwhile(), true)
})

test('a policy with other backends is given the same time to reach one of them', (t) => {
  const old = table(t, { addresses: endpointsOf('10.0.0.1:25'), ...probedBySomeOther }).backends
  learn(old, '10.0.0.1:25', proven)
  const { backends, pass } = table(t, { addresses: endpointsOf('10.0.0.9:25'), ...probedBySomeOther }, old)
  old.close()
  assert.deepEqual([backends.reachable(), backends.worthwhile()], [false, true])
  pass(8000)
  assert.equal(backends.worthwhile(), false)
})

test('addresses are counted by state', (t) => {
  const { backends } = table(t, { addresses: three })
  const [first, second] = [take(backends), take(backends)]
  backends.health.greeted(first)
  backends.health.failed(second, 'ECONNREFUSED')
  assert.deepEqual(backends.counts(), { unknown: 1, working: 1, failing: 1, misconfigured: 0 })
})
