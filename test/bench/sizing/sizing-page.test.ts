// The sizing page is calculated from the results, and says so when something was not measured.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exampleMachine } from '../example-case.ts'
import type { Results } from '../results.ts'
import { costsOf, costSources } from './costs.ts'
import { exampleCosts } from './example-costs.ts'
import { renewSizing } from './sizing-page.ts'

const parts = ['pod', 'costs', 'inputs', 'examples', 'limits', 'simulation', 'values'] as const
const empty = parts.map((part) => `<!-- bench: ${part} -->\n<!-- bench: end of ${part} -->\n`).join('\n')

/** Results in which every cost is that of the example. */
function resultsOfExample(): Results {
  const results: { cases: Record<string, Results['cases'][string]>; curves: Record<string, Results['curves'][string]> } = {
    cases: {},
    curves: {},
  }
  const at = { at: '2026-01-01T00:00', commit: '1234567', machine: exampleMachine }
  for (const [name, { row, contender, figure, factor = 1 }] of Object.entries(costSources)) {
    const value = exampleCosts[name as keyof typeof exampleCosts] / factor
    if (row.startsWith('growth-')) {
      const points = [1, 2, 3].map((x) => ({ x, series: contender, values: [100 + x * value] }))
      results.curves[row.slice('growth-'.length)] = { ...at, points }
      continue
    }
    const others = results.cases[row]?.contenders ?? []
    const before = others.find((one) => one.name === contender)?.rounds[0] ?? {}
    const round = { ...before, [figure]: value }
    const contenders = [
      ...others.filter((one) => one.name !== contender),
      { name: contender, rounds: Array.from({ length: 5 }, () => round) },
    ]
    results.cases[row] = { ...at, contenders }
  }
  return results
}

const page = (results: Results): string => renewSizing(empty, { cases: [], curves: [], results, ages: new Map([['relay', 'older']]) })

test('every cost is read from the results', () => {
  const costs = costsOf(resultsOfExample())
  assert.ok(!('missing' in costs))
  for (const [name, value] of Object.entries(exampleCosts))
    assert.ok(Math.abs((costs[name as keyof typeof costs] ?? 0) - value) < 1e-6, name)
})

test('without a measured cost, the page says what to measure', () => {
  const { visits: _, ...cases } = resultsOfExample().cases
  const text = page({ ...resultsOfExample(), cases })
  assert.match(text, /Not measured yet: `npm run bench -- visits`\./)
  assert.match(text, /\| CPU: a first visit, 3 lists, 4 KiB \| not measured yet \| `visits` \| {2}\|/)
})

test('the page has each cost with day, commit and machine, and marks those that are older than the code', () => {
  const text = page(resultsOfExample())
  assert.match(text, /\| CPU: a listed client, 3 lists \| 200 µs \| `dnsbl` \| 2026-01-01, 1234567 \|/)
  assert.match(text, /\| `relay` \| 2026-01-01, 1234567, \*\*the code has changed since\*\* \|/)
  assert.match(text, /- pregreet, .*: Example CPU, 2 cores, 8 GB; Linux 6\.1 x64, Node 24\.21\.0/)
})

test('the worked examples show each step of the formula', () => {
  const text = page(resultsOfExample())
  assert.match(text, /### 10,000 connections a minute/)
  assert.match(
    text,
    /visits per second: 41\.7 bots that speak early, 75\.0 listed clients, 8\.33 first visits that pass, 41\.7 remembered clients/,
  )
  assert.match(text, /\*\*\d+ pods? for the load, and one more so that one may fail: \d+\.\*\*/)
})

test('a simulation of other costs is not shown', () => {
  assert.match(page({ ...resultsOfExample(), simulation: { costs: {}, runs: [] } }), /The costs have changed since the last simulation/)
})
