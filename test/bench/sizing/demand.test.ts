// The formula of the sizing page, with numbers that can be checked by hand.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { byteCpu, cpuOf, demandOf, type PodLimit, planFor, podUses, secondsOf, workersWorth } from './demand.ts'
import { exampleCosts as costs } from './example-costs.ts'
import { defaults, examples, kinds, type Settings, usualVisits, type Visits } from './settings.ts'

/** 100 visits a second, 25 of each kind; a message of 4 KiB. */
const visits: Visits = {
  ...usualVisits,
  perMinute: 6000,
  shares: { pregreet: 0.25, listed: 0.25, first: 0.25, again: 0.25 },
  messageBytes: 4096,
  session: 2,
  pregreet: 1,
  greetWait: 6,
}
const near = (value: number, expected: number): void =>
  assert.ok(Math.abs(value - expected) < 1e-6 * Math.max(1, expected), `${value}, not ${expected}`)

test('the CPU of a visit has its lists, its message and its lookup', () => {
  assert.deepEqual(cpuOf(costs, visits, defaults), { pregreet: 50, listed: 200, first: 500, again: 300 })
  assert.deepEqual(cpuOf(costs, { ...visits, lists: 5 }, defaults), { pregreet: 50, listed: 240, first: 540, again: 300 })
  assert.deepEqual(cpuOf(costs, visits, { ...defaults, sharedStore: true }), { pregreet: 100, listed: 250, first: 600, again: 350 })
  near(byteCpu(costs) * (1048576 - 4096), 520)
  near(cpuOf(costs, { ...visits, messageBytes: 1 << 20 }, defaults).again, 820)
})

test('the demand is the rate times cost or time', () => {
  const demand = demandOf(costs, visits, { ...defaults, sharedStore: true })
  near(demand.cores, (25 * (100 + 250 + 600 + 350)) / 1e6)
  near(demand.underTest, 25 * (1 + 6 + 6))
  near(demand.connections, 25 * (1 + 6 + 8 + 2))
  near(demand.relays, 50)
  near(demand.relayed, 100)
  near(demand.questions, 150)
  near(demand.storeRequests, 125)
  near(demand.storeCores, (100 * 20 + 25 * 40) / 1e6)
  near(demand.conntrack, 25 * (121 + 126 + 128 + 122) + 50 * 122)
  near(demand.ports, 50 * 62)
})

test('clients that are remembered are not under test, and first visits are under test before their session', () => {
  assert.deepEqual(secondsOf(visits).again, { test: 0, all: 2 })
  assert.deepEqual(secondsOf(visits).first, { test: 6, all: 8 })
})

test('without a shared store, no Valkey is needed', () => {
  assert.equal(planFor(costs, visits, defaults).serverCounts.valkey, 0)
  assert.equal(planFor(costs, visits, { ...defaults, sharedStore: true }).serverCounts.valkey, 1)
})

test('two workers are worth what was measured, and more of them lose as much', () => {
  assert.deepEqual(
    [1, 2, 4].map((workers) => workersWorth(costs, workers)),
    [1, 1.8, 3.6],
  )
  assert.equal(workersWorth({ ...costs, twoWorkers: 50_000 }, 2), 2)
})

const tight: readonly { readonly limit: PodLimit; readonly settings: Partial<Settings> }[] = [
  { limit: 'conntrack', settings: { conntrack: 1000 } },
  { limit: 'preQueue', settings: { preQueue: 50 } },
  { limit: 'openFiles', settings: { openFiles: 200 } },
  { limit: 'memory', settings: { memory: 150e6 + 1000 } },
  { limit: 'ports', settings: { ports: 100 } },
  { limit: 'connectRate', settings: { connectRate: 1 } },
  { limit: 'cpu', settings: { conntrack: 1e9, preQueue: 1e6, openFiles: 1e7, ports: 1e6, memory: 1e10, connectRate: 1e5 } },
]
for (const { limit, settings } of tight) {
  test(`the limit that is reached first is named: ${limit}`, () =>
    assert.equal(planFor(costs, visits, { ...defaults, ...settings }).first.name, limit))
}

test('the number of pods fills none of them beyond the target, and one pod less does', () => {
  for (const { visits: load, settings } of examples) {
    const { podCount, serverCounts } = planFor(costs, load, settings)
    const uses = podUses(costs, load, settings, serverCounts.postfix)
    const shares = (pods: number): readonly number[] => uses.map(({ demand, capacity }) => demand / (pods * capacity))
    assert.ok(shares(podCount).every((share) => share <= settings.target))
    if (podCount > 1) assert.ok(shares(podCount - 1).some((share) => share > settings.target))
  }
})

test('the shares of an example are all visits', () => {
  for (const { visits: load } of examples)
    near(
      kinds.reduce((sum, kind) => sum + load.shares[kind], 0),
      1,
    )
})

test('defaults of the policy are read from its schema', () => {
  assert.equal(defaults.preQueue, 10_000)
  assert.equal(defaults.connectRate, 500)
  assert.equal(defaults.ports, 28_232)
})
