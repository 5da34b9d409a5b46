// Waiting for a promise within a time limit.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { settledWithin, withinBudget } from '../../runtime/time-budget.ts'

const timedOut = (): Error => new Error('too late')
const never = new Promise<never>(() => undefined)

describe('a promise with a time budget', () => {
  test('resolves or rejects as the promise does in time', async () => {
    assert.equal(await withinBudget(Promise.resolve(1), 1000, timedOut), 1)
    await assert.rejects(withinBudget(Promise.reject(new Error('wrong')), 1000, timedOut), /^Error: wrong$/)
  })

  test('rejects when the time is over', async () => {
    await assert.rejects(withinBudget(never, 5, timedOut), /^Error: too late$/)
  })

  test('counts an answer that had arrived while the process was busy', async () => {
    const { promise, resolve } = Promise.withResolvers<number>()
    const answer = withinBudget(promise, 5, timedOut)
    setImmediate(() => resolve(2))
    const busyUntil = performance.now() + 20
    while (performance.now() < busyUntil);
    assert.equal(await answer, 2)
  })
})

describe('waiting for a promise to settle', () => {
  test('ends when it resolves, when it rejects, and when the time is over', async () => {
    const began = performance.now()
    await settledWithin(Promise.resolve(), 60_000)
    await settledWithin(Promise.reject(new Error('wrong')), 60_000)
    await settledWithin(never, 5)
    assert.ok(performance.now() - began < 30_000)
  })
})
