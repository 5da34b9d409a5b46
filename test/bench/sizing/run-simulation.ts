// Simulates the largest example of the sizing page with the measured costs, and keeps the result beside them.
import type { Results, StoredSimulation } from '../results.ts'
import { type Costs, costsOf } from './costs.ts'
import { planFor } from './demand.ts'
import { type Example, examples } from './settings.ts'
import { simulate } from './simulate.ts'

const seed = 1

/** The example that is simulated. */
export const largest = examples.at(-1) as Example

/** A third fewer than the formula asks for. */
export const tooFew = (pods: number): number => Math.max(1, Math.round((pods * 2) / 3))

/** Results are stored with six digits, so costs that are equal in six digits are the same. */
const short = (costs: object): string =>
  JSON.stringify(costs, (_, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value))

export const isSimulationOf = (simulation: StoredSimulation | undefined, costs: Costs): boolean =>
  simulation !== undefined && short(simulation.costs) === short(costs)

/** With the pods of the formula, and with too few. */
export function simulateLargest(costs: Costs): StoredSimulation {
  const { visits, settings } = largest
  const { podCount, serverCounts } = planFor(costs, visits, settings)
  const run = (pods: number) => simulate({ costs, visits, settings, pods, servers: serverCounts, seed })
  return { costs: { ...costs }, runs: [run(podCount), run(tooFew(podCount))] }
}

/** Calculates the simulation again if the costs have changed since. Takes up to a minute. */
export function withSimulation(results: Results): Results {
  const costs = costsOf(results)
  return 'missing' in costs || isSimulationOf(results.simulation, costs) ? results : { ...results, simulation: simulateLargest(costs) }
}
