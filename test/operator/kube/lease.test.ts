// Leader election: never two leaders, and never long without one.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Fault, LeaseWorld } from './lease-world.ts'

test('the first candidate leads, and renews every 2 s', () =>
  LeaseWorld.run(async (world) => {
    const one = await world.join('one')
    await one.election.leading
    assert.ok(one.election.isLeading())
    assert.deepEqual(world.spec, {
      holderIdentity: 'one',
      leaseDurationSeconds: 15,
      leaseTransitions: 0,
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:00.000000Z',
    })
    await world.pass(20_000)
    assert.equal(world.writes, 11)
    assert.equal(world.spec['renewTime'], '2026-01-01T00:00:20.000000Z')
    assert.equal(world.spec['acquireTime'], '2026-01-01T00:00:00.000000Z')
    assert.deepEqual(one.troubles, [])
  }))

test('a renewal that needs no reading does without', () =>
  LeaseWorld.run(async (world) => {
    await world.join('one')
    await world.pass(10_000)
    assert.deepEqual(
      world.server.arrivals.map(({ method }) => method),
      ['GET', 'POST', 'PUT', 'PUT', 'PUT', 'PUT', 'PUT'],
    )
  }))

test('others wait while one leads', () =>
  LeaseWorld.run(async (world) => {
    await world.join('one')
    await world.join('two', 3_600_000)
    await world.join('three', -3_600_000)
    await world.pass(120_000)
    assert.deepEqual(world.leaders, ['one'])
    assert.deepEqual(world.holders, ['one'])
  }))

test('a waiting candidate asks at irregular intervals of 2 s to 4.4 s', () =>
  LeaseWorld.run(async (world) => {
    await world.join('one')
    await world.join('two')
    const times: number[] = []
    let known = world.server.arrivals.length
    for (let ms = 0; ms < 60_000; ms += 50) {
      await world.pass(50)
      const fresh = world.server.arrivals.slice(known)
      known += fresh.length
      if (fresh.some(({ headers }) => headers['user-agent'] === 'two')) times.push(world.clock.now())
    }
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0))
    assert.ok(
      gaps.every((gap) => gap >= 1950 && gap <= 4450),
      gaps.join(),
    )
    assert.ok(new Set(gaps).size > 3)
  }))

test('when the leader dies, the next one leads after 15 s, not before, whatever its clock says', () =>
  LeaseWorld.run(async (world) => {
    const one = await world.join('one')
    const two = await world.join('two', 86_400_000)
    await world.pass(10_000)
    await world.kill(one)
    await world.pass(13_000)
    assert.deepEqual(world.leaders, [])
    await world.pass(8000)
    assert.deepEqual(world.leaders, ['two'])
    await two.election.leading
    assert.equal(world.spec['leaseTransitions'], 1)
    assert.match(String(world.spec['acquireTime']), /^2026-01-02T00:00:/)
  }))

test('a lease that is given up is taken at the next attempt', () =>
  LeaseWorld.run(async (world) => {
    const one = await world.join('one')
    await world.join('two')
    await world.pass(10_000)
    await one.election.release()
    assert.ok(one.isLost)
    assert.equal(world.spec['holderIdentity'], '')
    assert.equal(world.spec['leaseDurationSeconds'], 1)
    await world.pass(4400)
    assert.deepEqual(world.leaders, ['two'])
    assert.deepEqual(world.holders, ['one', '', 'two'])
    assert.equal(one.election.isLeading(), false)
  }))

test('a waiting candidate can leave at any time, and writes nothing', () =>
  LeaseWorld.run(async (world) => {
    await world.join('one')
    const two = await world.join('two')
    await world.pass(3000)
    const { writes } = world
    await two.election.release()
    assert.ok(two.isLost)
    assert.equal(world.writes, writes)
    const asked = world.server.arrivals.filter(({ headers }) => headers['user-agent'] === 'two').length
    await world.pass(30_000)
    assert.equal(world.server.arrivals.filter(({ headers }) => headers['user-agent'] === 'two').length, asked)
  }))

for (const fault of ['stall', 'cut', 'lost answer'] as const satisfies readonly Fault[]) {
  test(`a leader that hears nothing (${fault}) stops after 10 s, before another can begin`, () =>
    LeaseWorld.run(async (world) => {
      const one = await world.join('one')
      await world.join('two')
      await world.pass(10_000)
      one.fault = fault
      await world.pass(9900)
      assert.ok(!one.isLost && one.election.isLeading())
      await world.pass(2100)
      assert.ok(one.isLost && !one.election.isLeading())
      assert.match(one.troubles.at(-1) ?? '', /no longer the leader: not renewed within 10 s/)
      assert.deepEqual(world.leaders, [])
      const asked = world.server.arrivals.length
      await world.pass(25_000)
      assert.deepEqual(world.leaders, ['two'])
      assert.ok(world.server.arrivals.slice(asked).every(({ headers }) => headers['user-agent'] === 'two'))
      await one.election.release()
      assert.deepEqual(world.leaders, ['two'])
    }))

  test(`a leader that hears nothing for 6 s (${fault}) continues to lead`, () =>
    LeaseWorld.run(async (world) => {
      const one = await world.join('one')
      await world.join('two')
      await world.pass(10_000)
      one.fault = fault
      await world.pass(6000)
      one.fault = undefined
      await world.pass(30_000)
      assert.deepEqual(world.leaders, ['one'])
      assert.deepEqual(world.holders, ['one'])
    }))
}

test('when no operator can reach the API server, none leads; when it is back, one does', () =>
  LeaseWorld.run(async (world) => {
    const one = await world.join('one')
    await world.join('two')
    await world.join('three')
    await world.pass(5000)
    await world.server.down()
    await world.pass(30_000)
    assert.ok(one.isLost)
    assert.deepEqual(world.leaders, [])
    await world.server.resume()
    await world.pass(25_000)
    assert.equal(world.leaders.length, 1)
    assert.notEqual(world.leaders[0], 'one')
  }))

test('a leader that was suspended too long notices it as soon as it runs again', () =>
  LeaseWorld.run(async (world) => {
    const one = await world.join('one')
    await world.join('two')
    await world.pass(5000)
    one.clock.state = 'asleep'
    await world.pass(25_000)
    assert.deepEqual(world.leaders, ['two'])
    assert.equal(one.election.isLeading(), false)
    one.clock.wake()
    await world.settle()
    assert.ok(one.isLost)
    await world.pass(20_000)
    assert.deepEqual(world.leaders, ['two'])
  }))

test('candidates that start at the same time do not all lead', () =>
  LeaseWorld.run(async (world) => {
    await Promise.all([world.join('one'), world.join('two'), world.join('three')])
    await world.pass(20_000)
    assert.equal(world.leaders.length, 1)
    assert.equal(world.holders.length, 1)
  }))

test('a conflict with a client that changed another field does not end the lead', () =>
  LeaseWorld.run(async (world) => {
    await world.join('one')
    await world.pass(5000)
    world.write({ ...world.spec, strategy: 'OldestEmulationVersion' })
    await world.pass(30_000)
    assert.deepEqual(world.leaders, ['one'])
    assert.equal(world.spec['strategy'], 'OldestEmulationVersion')
  }))

test('a lease that another client has taken is lost at once', () =>
  LeaseWorld.run(async (world) => {
    const one = await world.join('one')
    await world.pass(5000)
    world.write({ holderIdentity: 'thief\n', leaseDurationSeconds: 15 })
    await world.pass(2000)
    assert.ok(one.isLost)
    assert.match(one.troubles.at(-1) ?? '', /the lease is "thief\\n" now/)
    assert.equal(world.spec['holderIdentity'], 'thief\n')
  }))

test('a lease that is deleted is made again', () =>
  LeaseWorld.run(async (world) => {
    await world.join('one')
    await world.pass(5000)
    world.write(undefined)
    await world.pass(10_000)
    assert.deepEqual(world.leaders, ['one'])
    assert.equal(world.spec['holderIdentity'], 'one')
  }))

const leases: readonly [what: string, spec: object, afterMs: number][] = [
  ['without a holder', { leaseTransitions: 7 }, 0],
  ['with an empty holder', { holderIdentity: '', leaseDurationSeconds: 1 }, 0],
  ['of our own name', { holderIdentity: 'one', leaseDurationSeconds: 15 }, 0],
  ['of a dead holder', { holderIdentity: 'x', leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.000000Z' }, 15_000],
  ['of a dead holder that leads for longer', { holderIdentity: 'x', leaseDurationSeconds: 60 }, 60_000],
  ['of a dead holder without a duration', { holderIdentity: 'x' }, 15_000],
  ['of a dead holder with a senseless duration', { holderIdentity: 'x', leaseDurationSeconds: 1e12 }, 15_000],
  ['full of nonsense', { holderIdentity: 5, leaseDurationSeconds: 'x', leaseTransitions: -0.5, acquireTime: {}, renewTime: [] }, 0],
]

for (const [what, spec, afterMs] of leases) {
  test(`a lease ${what} is taken ${afterMs === 0 ? 'at once' : `after ${afterMs / 1000} s`}`, () =>
    LeaseWorld.run(async (world) => {
      world.write(spec)
      const one = await world.join('one')
      if (afterMs > 0) {
        await world.pass(afterMs - 100)
        assert.ok(!one.election.isLeading())
        await world.pass(4500)
      }
      assert.ok(one.election.isLeading())
    }))
}

test('a leader that leaves while an answer is lost still releases the lease', () =>
  LeaseWorld.run(async (world) => {
    const one = await world.join('one')
    await world.join('two')
    await world.pass(3000)
    one.fault = 'lost answer'
    await world.pass(1000)
    one.fault = undefined
    await one.election.release()
    assert.equal(world.spec['holderIdentity'], '')
  }))

test('a lease that another program annotates during the release is released, so that the successor does not wait 15 s', () =>
  LeaseWorld.run(async (world) => {
    const one = await world.join('one')
    const two = await world.join('two')
    await world.pass(3000)
    for (let times = 0; times < 3; times++) world.write({ ...world.spec })
    await one.election.release()
    assert.equal(world.spec['holderIdentity'], '')
    assert.deepEqual(one.troubles, [])
    await world.pass(4500)
    assert.ok(two.leads)
  }))

test('a lease that changes at every attempt to release it is left after a few attempts, and the log says so', () =>
  LeaseWorld.run(async (world) => {
    const one = await world.join('one')
    await world.pass(3000)
    world.beforePut = () => world.write({ ...world.spec })
    const known = world.server.arrivals.length
    await one.election.release()
    assert.equal(world.spec['holderIdentity'], 'one')
    assert.equal(world.server.arrivals.slice(known).filter(({ method }) => method === 'PUT').length, 5)
    assert.match(one.troubles.join(), /the lease could not be released: .*409/)
  }))

test('a lease that the former process of the same pod held is taken at once, that of another pod is not', () =>
  LeaseWorld.run(async (world) => {
    const former = await world.join('pod-a_uid-1_x', 0, 'pod-a_uid-1_')
    await world.pass(3000)
    await world.kill(former)
    const other = await world.join('pod-b_uid-2_x', 0, 'pod-b_uid-2_')
    const again = await world.join('pod-a_uid-1_y', 0, 'pod-a_uid-1_')
    assert.ok(again.leads)
    assert.ok(!other.leads)
    await world.pass(30_000)
    assert.deepEqual(world.leaders, ['pod-a_uid-1_y'])
  }))

test('a lease that was taken over is not given back', () =>
  LeaseWorld.run(async (world) => {
    const one = await world.join('one')
    await world.pass(3000)
    world.write({ holderIdentity: 'thief', leaseDurationSeconds: 15 })
    await one.election.release()
    assert.equal(world.spec['holderIdentity'], 'thief')
  }))

test('trouble that stays the same is reported once', () =>
  LeaseWorld.run(async (world) => {
    await world.join('one')
    const two = await world.join('two')
    two.fault = 'cut'
    await world.pass(60_000)
    assert.equal(two.troubles.length, 1)
    assert.match(two.troubles[0] ?? '', /^lease postscreen-system\/postscreen-operator: get coordination/)
  }))

test('whatever happens there are never two leaders, and in the end there is one', async () => {
  const fault = fc.constantFrom<(Fault | undefined)[]>('stall', 'cut', 'lost answer', undefined)
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 9000 }) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('fault' as const), nth: fc.nat({ max: 2 }), fault }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('release' as const), nth: fc.nat({ max: 2 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const), nth: fc.nat({ max: 2 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('sleep' as const), nth: fc.nat({ max: 2 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('wake' as const), nth: fc.nat({ max: 2 }) }) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 20 }), (steps) =>
      LeaseWorld.run(async (world) => {
        for (const name of ['one', 'two', 'three']) await world.join(name, world.random() * 1e7)
        for (const one of steps) {
          if (one.do === 'pass') {
            await world.pass(one.ms)
            continue
          }
          const candidate = world.candidates[one.nth]
          if (candidate === undefined || candidate.clock.state === 'dead') continue
          if (one.do === 'fault') candidate.fault = one.fault
          else if (one.do === 'kill') await world.kill(candidate)
          else if (one.do === 'sleep') candidate.clock.state = 'asleep'
          else if (one.do === 'wake') candidate.clock.wake()
          else void candidate.election.release()
          await world.settle()
        }
        for (const candidate of world.candidates) {
          candidate.fault = undefined
          if (candidate.clock.state === 'asleep') candidate.clock.wake()
        }
        await world.join('late')
        await world.pass(40_000)
        assert.equal(world.leaders.length, 1)
      }),
    ),
    { numRuns: 40 },
  )
})
