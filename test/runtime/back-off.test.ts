// Delays between attempts: they double, have a limit, and can have jitter.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BackOff, backOffDelay } from '../../runtime/back-off.ts'

const limits = { firstMs: 100, longestMs: 1000 }

describe('the delay before the next attempt', () => {
  const cases = [
    { failures: 0, delay: 100 },
    { failures: 1, delay: 200 },
    { failures: 3, delay: 800 },
    { failures: 4, delay: 1000 },
    { failures: 10_000, delay: 1000 },
  ]
  for (const { failures, delay } of cases) {
    test(`is ${delay} ms after ${failures} earlier failures`, () => assert.equal(backOffDelay(limits, failures), delay))
  }

  test('is finite without a limit', () => {
    assert.ok(Number.isFinite(backOffDelay({ firstMs: 1000, longestMs: Infinity }, 1e6)))
  })
})

describe('a back-off', () => {
  test('doubles the delay with each failure until it is reset', () => {
    const backOff = new BackOff(limits)
    assert.deepEqual(
      Array.from({ length: 6 }, () => backOff.next()),
      [100, 200, 400, 800, 1000, 1000],
    )
    backOff.reset()
    assert.equal(backOff.next(), 100)
  })

  test('multiplies the delay by a random factor between the two of its jitter', () => {
    const delays = (random: number): number[] => {
      const backOff = new BackOff({ ...limits, jitter: { least: 0.75, most: 1.25 }, random: () => random })
      return Array.from({ length: 5 }, () => backOff.next())
    }
    assert.deepEqual(delays(0), [75, 150, 300, 600, 750])
    assert.deepEqual(delays(0.5), [100, 200, 400, 800, 1000])
  })

  test('waits at least as long as the server asks for', () => {
    const backOff = new BackOff({ ...limits, jitter: { least: 0, most: 1 }, random: () => 0 })
    assert.equal(backOff.next(5000), 5000)
  })
})
