// What counts of many rounds, and when a goal is met.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Goal } from './bench-case.ts'
import { cpuGoal, exampleCase, exampleResult } from './example-case.ts'
import { judge, spreadOf, spreadText, valueText } from './verdict.ts'

const kind = { label: 'CPU', unit: 'µs', digits: 0 }
const alone: Goal = { text: '≤ 40 µs', figure: 'cpu', of: 'gateway', bound: 'at most', value: 40 }
const difference: Goal = { ...cpuGoal, beside: { peer: 'postscreen', how: 'difference' }, value: -50 }

test('the minimum, the median and the maximum of all rounds are kept', () => {
  const result = exampleResult([50, 30, 90], [])
  assert.deepEqual(spreadOf(result, 'gateway', 'cpu'), { min: 30, median: 50, max: 90 })
  assert.equal(spreadOf(result, 'postscreen', 'cpu'), undefined)
  assert.equal(spreadOf(result, 'gateway', 'memory'), undefined)
})

const goals: readonly {
  readonly name: string
  readonly goal: Goal
  readonly ours: number[]
  readonly theirs: number[]
  readonly want: object
}[] = [
  { name: 'a ratio of medians is met at its bound', goal: cpuGoal, ours: [10, 40, 99], theirs: [80], want: { value: 0.5, met: true } },
  { name: 'a ratio above its bound is not met', goal: cpuGoal, ours: [41], theirs: [80], want: { value: 0.5125, met: false } },
  { name: 'a ratio without a peer is not met', goal: cpuGoal, ours: [1], theirs: [], want: { value: undefined, met: false } },
  { name: 'a difference is ours less theirs', goal: difference, ours: [20], theirs: [80], want: { value: -60, met: true } },
  { name: 'a figure alone is held against the goal itself', goal: alone, ours: [41], theirs: [], want: { value: 41, met: false } },
  {
    name: 'a peer may be shown only',
    goal: { ...alone, beside: { peer: 'postscreen', how: 'shown' } },
    ours: [40],
    theirs: [],
    want: { value: 40, met: true },
  },
  { name: 'no figure meets no goal', goal: alone, ours: [], theirs: [], want: { value: undefined, met: false } },
  { name: 'a goal may be a lower bound', goal: { ...alone, bound: 'at least' }, ours: [41], theirs: [], want: { value: 41, met: true } },
]
for (const { name, goal, ours, theirs, want } of goals) {
  test(name, () => {
    const [verdict] = judge(exampleCase([goal]), exampleResult(ours, theirs))
    assert.deepEqual({ value: verdict?.value, met: verdict?.met }, want)
  })
}

test('figures are written with unit and range', () => {
  assert.equal(spreadText({ min: 29.6, median: 33, max: 1234 }, kind), '33 µs (30–1,234)')
  assert.equal(spreadText({ min: 40, median: 40, max: 40 }, { label: 'delivered', unit: '', digits: 0 }), '40')
  assert.equal(valueText(0.4, cpuGoal, kind), '0.40×')
  assert.equal(valueText(-60, difference, kind), '−60 µs')
  assert.equal(valueText(17_000, alone, { label: 'rate', unit: '/s', digits: 0 }), '17,000/s')
})
