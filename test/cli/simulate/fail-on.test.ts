// The limits of --fail-on: what they mean, and what is said about those that cannot be read.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { exceeded, readLimits } from '../../../cli/simulate/fail-on.ts'
import type { Outcome } from '../../../cli/simulate/outcome.ts'
import type { Change, Result } from '../../../cli/simulate/tally.ts'

const change = (from: Outcome, to: Outcome, sessions: number): Change => ({ from, to, by: undefined, sessions, addresses: 1, examples: [] })
const none = { 'handed off': 0, deferred: 0, refused: 0, left: 0 }
const result: Result = {
  sessions: 1000,
  before: none,
  after: none,
  unchanged: 980,
  changed: 10,
  lost: 4,
  changes: [change('handed off', 'refused', 3), change('handed off', 'deferred', 1), change('refused', 'handed off', 6)],
  unknown: [{ why: 'x', sessions: 10 }],
  minutes: [],
  firstAt: 0,
  lastAt: 0,
}

describe('a limit', () => {
  const cases: [string, boolean][] = [
    ['refused>0.1%', true],
    ['refused>0.3%', false],
    ['refused>2', true],
    ['refused>3', false],
    ['lost>3', true],
    ['lost > 4', false],
    ['deferred>0', true],
    ['handed-off>0.59%', true],
    ['changed>1%', false],
    ['unknown>0.9%', true],
  ]
  for (const [text, isOver] of cases) {
    test(`${text} is ${isOver ? 'exceeded' : 'kept'}`, () => {
      const read = readLimits(text)
      assert.ok('limits' in read)
      assert.equal(exceeded(read.limits, result).length, isOver ? 1 : 0)
    })
  }

  test('that is exceeded is shown with what there is', () => {
    const read = readLimits('refused>0.1%,lost>100')
    assert.ok('limits' in read)
    assert.deepEqual(exceeded(read.limits, result), ['refused>0.1%: 3 of 1000 sessions (0.300 %)'])
  })

  for (const text of [
    '',
    'refused',
    'refused>',
    'refused>x',
    'refused<1',
    'refusals>1',
    'refused>101%',
    'refused>1,',
    'REFUSED>1',
    'constructor>1',
  ])
    test(`${JSON.stringify(text)} is not valid`, () => {
      const read = readLimits(text)
      assert.ok('why' in read && /must (be NAME>NUMBER|have at most)/.test(read.why), JSON.stringify(read))
    })
})
