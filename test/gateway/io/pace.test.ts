// When connections to one backend address may begin.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pace } from '../../../gateway/io/backend/pace.ts'

/** The moments at which so many connections begin that are wanted at once. */
function moments(count: number, at: number, perSecond: number, pace = new Pace()): number[] {
  return Array.from({ length: count }, () => at + pace.delay(at, perSecond))
}

test('a crowd begins with a quarter of a second’s connections, and goes on at the rate', () => {
  const began = moments(1000, 5000, 100)
  assert.equal(began.filter((ms) => ms === 5000).length, 26)
  for (const from of [5000, 6000, 9000]) {
    const inSecond = began.filter((ms) => ms > from && ms <= from + 1000).length
    assert.ok(inSecond <= 100, `${inSecond} in the second from ${from}`)
  }
  assert.ok(Math.abs((began.at(-1) ?? 0) - (5000 + 974 * 10)) <= 10)
})

test('after a quiet time there is no more than one burst', () => {
  const pace = new Pace()
  moments(100, 0, 100, pace)
  assert.equal(moments(100, 60_000, 100, pace).filter((ms) => ms === 60_000).length, 26)
})

test('a rate of 0 is no limit', () => {
  assert.deepEqual(new Set(moments(1000, 0, 0)), new Set([0]))
})
