// The simulation: the same each time, close to what queueing theory says, and on the side of the formula.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readResults, resultsFile } from '../results.ts'
import type { Costs } from './costs.ts'
import { planFor } from './demand.ts'
import { exampleCosts } from './example-costs.ts'
import { Calendar, Cores, Waits } from './queue.ts'
import { Random } from './random.ts'
import { isSimulationOf, largest, tooFew } from './run-simulation.ts'
import { simulate, suffices } from './simulate.ts'
import type { SimulationResult } from './simulation-result.ts'
import { defaults, type Settings, type Visits } from './settings.ts'

/** A hundredth of the visits of the largest example, each a hundred times as expensive: as many pods, in a hundredth of the time. */
const visits: Visits = { ...largest.visits, perMinute: largest.visits.perMinute / 100 }
const cpu = [
  'pregreetCpu',
  'listedCpu',
  'firstCpu',
  'againCpu',
  'firstSharedCpu',
  'againSharedCpu',
  'listCpu',
  'smallRelayCpu',
  'largeRelayCpu',
] as const
const costs: Costs = { ...exampleCosts, ...Object.fromEntries(cpu.map((name) => [name, exampleCosts[name] * 100])) }
const settings: Settings = { ...defaults, sharedStore: true, conntrack: 1_048_576 }

const { podCount: pods, serverCounts: servers } = planFor(costs, visits, settings)
const options = { costs, visits, settings, pods, servers, seed: 7 }

test('the same seed gives the same result, and another seed another one', () => {
  assert.deepEqual(simulate(options), simulate(options))
  assert.notDeepEqual(simulate(options), simulate({ ...options, seed: 8 }))
})

test('the load of the gateways is what the formula says', () => {
  const [gateway] = simulate({ ...options, cycles: 4 }).stages
  const expected = planFor(costs, visits, settings).demand.cores / pods
  assert.ok(Math.abs((gateway?.utilisation ?? 0) - expected) < 0.1 * expected, `${gateway?.utilisation}, not ${expected}`)
})

test('with a third fewer pods than the formula asks for, visits wait for the busiest seconds to end', () => {
  const few = simulate({ ...options, pods: tooFew(pods) })
  assert.equal(suffices(few), false)
  const p99 = ({ stages }: SimulationResult): number => stages[0]?.p99 ?? 0
  assert.ok(p99(few) > 2 * p99(simulate(options)) && few.longestWait > 0.3, `${p99(few)} ms, at most ${few.longestWait} s`)
})

test('clients are refused when too many are under test, or the table of a node is full', () => {
  assert.ok(simulate({ ...options, settings: { ...settings, preQueue: 20 } }).refused > 0.1)
  assert.ok(simulate({ ...options, settings: { ...settings, conntrack: 100 } }).refused > 0.5)
})

test('visits wait for a session of Postfix if it has too few', () => {
  const { stages } = simulate({ ...options, settings: { ...settings, backendSessions: 20 }, servers: { ...servers, postfix: 1 } })
  const postfix = stages.find(({ stage }) => stage === 'postfix')
  assert.ok((postfix?.p99 ?? 0) > 1000)
})

test('without a shared store nothing waits for a Valkey', () => {
  const { stages } = simulate({ ...options, servers: { ...servers, valkey: 0 } })
  assert.deepEqual(
    stages.find(({ stage }) => stage === 'valkey'),
    { stage: 'valkey', servers: 0, utilisation: 0, p50: 0, p99: 0 },
  )
})

test('the stored simulation shows that the pods of the formula suffice, and that a third fewer do not', () => {
  const { simulation } = readResults(resultsFile)
  assert.deepEqual(simulation?.runs.map(suffices) ?? [true, false], [true, false])
})

test('at half load of a core, visits wait as long as in theory (M/D/1: half the work)', () => {
  const random = new Random(3)
  const core = new Cores(1)
  let now = 0
  let waited = 0
  for (let nth = 0; nth < 200_000; nth++) {
    now += random.exponential(2)
    waited += core.give(0, now, 1)
  }
  assert.ok(Math.abs(waited / 200_000 - 0.5) < 0.02, `${waited / 200_000}`)
})

test('events happen in the order of their times, also those that others add', () => {
  const calendar = new Calendar(1)
  const order: string[] = []
  calendar.at(0.5, () => order.push('late'))
  calendar.at(0.1, () => {
    order.push('early')
    calendar.at(0.2, () => order.push('added'))
  })
  calendar.at(2, () => order.push('after the end'))
  calendar.run()
  assert.deepEqual(order, ['early', 'added', 'late'])
})

test('quantiles of waits, and of none', () => {
  const waits = new Waits()
  assert.deepEqual(waits.quantiles(0.5), [0])
  for (let value = 1; value <= 100; value++) waits.add(value)
  assert.deepEqual(waits.quantiles(0.5, 0.99), [51, 100])
})

test('a simulation belongs to the costs that it was made with, to six digits', () => {
  const stored = { costs: { ...exampleCosts, listedCpu: 200.0000001 }, runs: [] }
  assert.equal(isSimulationOf(stored, exampleCosts), true)
  assert.equal(isSimulationOf(stored, { ...exampleCosts, listedCpu: 201 }), false)
  assert.equal(isSimulationOf(undefined, exampleCosts), false)
})
