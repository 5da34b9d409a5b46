// Results of measurements, stored as JSON beside the page, so that one case can be measured again without the others.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Round } from './bench-case.ts'
import type { CurvePoint } from './curve.ts'
import type { Machine } from './machine.ts'
import type { SimulationResult } from './sizing/simulation-result.ts'

/** Where the bench keeps them. */
export const resultsFile = fileURLToPath(new URL('../../docs/performance/results.json', import.meta.url))

export interface ContenderRounds {
  readonly name: string
  readonly rounds: readonly Round[]
}

export interface CaseResult {
  /** ISO 8601, to the minute. */
  readonly at: string
  /** The abbreviated commit that was measured, with `+changes` if files differed from it. */
  readonly commit?: string | undefined
  readonly machine: Machine
  /** Why there are no figures, where there are none. */
  readonly lacks?: string
  readonly contenders: readonly ContenderRounds[]
}

export interface CurveResult {
  readonly at: string
  /** As for a case. */
  readonly commit?: string | undefined
  readonly machine: Machine
  readonly points: readonly CurvePoint[]
}

/** The simulation of the largest example, with the number of pods of the formula and with a third fewer. */
export interface StoredSimulation {
  /** By name; the simulation is old when the measured costs are others. */
  readonly costs: Readonly<Record<string, number>>
  readonly runs: readonly SimulationResult[]
}

export interface Results {
  readonly cases: Readonly<Record<string, CaseResult>>
  readonly curves: Readonly<Record<string, CurveResult>>
  /** Of the sizing page; calculated from the costs that it names. */
  readonly simulation?: StoredSimulation
}

/** The results in the file; none if there is no file. Throws if it is not JSON. */
export function readResults(file: string): Results {
  if (!existsSync(file)) return { cases: {}, curves: {} }
  return JSON.parse(readFileSync(file, 'utf8')) as Results
}

/** Six digits of every number are more than the precision of the measurement, and keep diffs of the file short. */
export function writeResults(file: string, results: Results): void {
  mkdirSync(dirname(file), { recursive: true })
  const short = (_: string, value: unknown): unknown => (typeof value === 'number' ? Number(value.toPrecision(6)) : value)
  writeFileSync(file, `${JSON.stringify(results, short, 1)}\n`)
}

export const withCase = (results: Results, name: string, result: CaseResult): Results => ({
  ...results,
  cases: { ...results.cases, [name]: result },
})

export const withCurve = (results: Results, name: string, result: CurveResult): Results => ({
  ...results,
  curves: { ...results.curves, [name]: result },
})
