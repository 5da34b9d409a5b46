// Rounds: contenders take turns, the first does not count, and what was started is stopped.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scaled } from './bench-case.ts'
import { exampleCase } from './example-case.ts'
import { measureCase, measureCurve } from './measure.ts'

const setting = { scale: 1, logFormat: 'json' } as const
const silent = (): void => undefined

test('contenders take turns, round after round; the warm-up does not count; some take part in few rounds only', async () => {
  const order: string[] = []
  const contender = (name: string, rounds?: number) => ({
    name,
    ...(rounds === undefined ? {} : { rounds }),
    round: () => Promise.resolve({ cpu: order.push(name) }),
  })
  const results = await measureCase(exampleCase([], [contender('a'), contender('b'), contender('once', 1)]), setting, 2, silent)
  assert.deepEqual(order, ['a', 'b', 'once', 'a', 'b', 'once', 'a', 'b'])
  assert.deepEqual(results, [
    { name: 'a', rounds: [{ cpu: 4 }, { cpu: 7 }] },
    { name: 'b', rounds: [{ cpu: 5 }, { cpu: 8 }] },
    { name: 'once', rounds: [{ cpu: 6 }] },
  ])
})

test('when a round fails, everything that was started is still stopped', async () => {
  let stopped = 0
  const failing = { name: 'a', round: () => Promise.reject(new Error('no answer')) }
  const failure = measureCase(
    exampleCase([], [failing], () => stopped++),
    setting,
    2,
    silent,
  )
  await assert.rejects(failure, /no answer/)
  assert.equal(stopped, 1)
})

test('a curve has all rounds of a step before the next, each series with its values', async () => {
  let calls = 0
  const axis = { label: 'entries', unit: '', scale: 'linear' } as const
  const curve = {
    name: 'c',
    title: 'c',
    x: axis,
    y: axis,
    needs: [],
    measures: [],
    steps: () => [10, 20],
    rounds: 2,
    minutes: 0,
    start: () => Promise.resolve({ at: (x: number) => Promise.resolve({ p50: x + calls++ }), stop: () => Promise.resolve() }),
  }
  assert.deepEqual(await measureCurve(curve, setting, 2, silent), [
    { x: 10, series: 'p50', values: [10, 11] },
    { x: 20, series: 'p50', values: [22, 23] },
  ])
})

test('a share of the load has a lower bound, and the whole load is as it was', () => {
  assert.deepEqual(
    [1, 0.01, 0.5].map((scale) => scaled(10_000, { ...setting, scale })),
    [10_000, 100, 5000],
  )
  assert.equal(scaled(200, { ...setting, scale: 0.01 }), 20)
  assert.equal(scaled(5, { ...setting, scale: 0.5 }), 5)
})
