// Costs for tests of the sizing model, round so that results can be calculated by hand.
import type { Costs } from './costs.ts'

export const exampleCosts: Costs = {
  pregreetCpu: 50,
  listedCpu: 200,
  firstCpu: 500,
  againCpu: 300,
  firstSharedCpu: 600,
  againSharedCpu: 350,
  listCpu: 20,
  smallRelayCpu: 200,
  largeRelayCpu: 720,
  heldBytes: 3000,
  relayedBytes: 15_000,
  idleBytes: 130e6,
  processBytes: 150e6,
  questionCpu: 10,
  lookups: 1,
  writes: 1,
  firstStoreCpu: 60,
  againStoreCpu: 20,
  oneWorker: 20_000,
  twoWorkers: 36_000,
}
