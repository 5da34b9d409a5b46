// What was measured, kept as JSON beside the page: so that one case can be measured anew and the others stay.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Round } from './bench-case.ts'
import type { CurvePoint } from './curve.ts'
import type { Machine } from './machine.ts'

export interface ContenderRounds {
  readonly name: string
  readonly rounds: readonly Round[]
}

export interface CaseResult {
  /** ISO 8601, to the minute. */
  readonly at: string
  readonly machine: Machine
  /** Why there are no figures, where there are none. */
  readonly lacks?: string
  readonly contenders: readonly ContenderRounds[]
}

export interface CurveResult {
  readonly at: string
  readonly machine: Machine
  readonly points: readonly CurvePoint[]
}

export interface Results {
  readonly cases: Readonly<Record<string, CaseResult>>
  readonly curves: Readonly<Record<string, CurveResult>>
}

/** What the file holds; nothing when there is none. Throws on one that is no JSON. */
export function readResults(file: string): Results {
  if (!existsSync(file)) return { cases: {}, curves: {} }
  return JSON.parse(readFileSync(file, 'utf8')) as Results
}

/** Six digits of every number are more than was measured, and keep the file's differences short. */
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
