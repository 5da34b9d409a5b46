// Which of two backend addresses gets the next client.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Candidate, type BalancingContext, precedes } from '../../../gateway/backend/load-balancing.ts'

const context: BalancingContext = { now: 100_000, slowStartMs: 10_000, probed: true }
const working: Candidate = { sessions: 10, state: 'working', restUntil: 0, trying: false, workingSince: 0, usedAs: 1 }
const failing: Candidate = { ...working, sessions: 0, state: 'failing', restUntil: 90_000 }

const cases: readonly { what: string; first: Candidate; second: Candidate; context?: Partial<BalancingContext> }[] = [
  { what: 'fewer sessions before more', first: { ...working, sessions: 9 }, second: working },
  { what: 'of equals the one that was used longer ago', first: working, second: { ...working, usedAs: 2 } },
  { what: 'one that works before one that fails, although its rest is over: a probe will tell', first: working, second: failing },
  { what: 'where there are no probes, one whose rest is over is tried', first: failing, second: working, context: { probed: false } },
  {
    what: 'where there are no probes, not one that rests',
    first: working,
    second: { ...failing, restUntil: 100_001 },
    context: { probed: false },
  },
  {
    what: 'where there are no probes, not one that another session is trying',
    first: working,
    second: { ...failing, trying: true },
    context: { probed: false },
  },
  { what: 'of failing ones the one that rests least', first: failing, second: { ...failing, restUntil: 90_001 } },
  {
    what: 'at the beginning of its slow start nine sessions are too many',
    first: { ...working, sessions: 98 },
    second: { ...working, sessions: 9, workingSince: 100_000 },
  },
  { what: 'and eight are not', first: { ...working, sessions: 8, workingSince: 100_000 }, second: { ...working, sessions: 98 } },
  {
    what: 'after half of it half of the sessions',
    first: { ...working, sessions: 48, workingSince: 95_000 },
    second: { ...working, sessions: 98 },
  },
  { what: 'one of which nothing is known is like one that is new', first: working, second: { ...working, state: 'unknown', sessions: 1 } },
  {
    what: 'without a slow start all are equal',
    first: { ...working, sessions: 9, workingSince: 100_000 },
    second: working,
    context: { slowStartMs: 0 },
  },
]

for (const { what, first, second, context: more } of cases) {
  test(what, () => {
    const at = { ...context, ...more }
    assert.deepEqual([precedes(first, second, at), precedes(second, first, at)], [true, false])
  })
}
