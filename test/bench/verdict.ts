// What came out of a case, held against what was promised.
import type { BenchCase, FigureKind, Goal } from './bench-case.ts'
import { median } from '../laboratory/figures.ts'
import type { CaseResult } from './results.ts'

export interface Spread {
  readonly min: number
  readonly median: number
  readonly max: number
}

export interface Verdict {
  readonly goal: Goal
  readonly ours: Spread | undefined
  readonly peer: Spread | undefined
  /** What is held against the goal: a ratio, a difference, or the median itself. */
  readonly value: number | undefined
  readonly met: boolean
}

/** Of one figure of one contender; undefined when no round has it. */
export function spreadOf(result: CaseResult, contender: string, figure: string): Spread | undefined {
  const rounds = result.contenders.find(({ name }) => name === contender)?.rounds ?? []
  const values = rounds.flatMap((round) => round[figure] ?? []).filter((value) => !Number.isNaN(value))
  if (values.length === 0) return undefined
  return { min: Math.min(...values), median: median(values), max: Math.max(...values) }
}

/** One verdict for each goal of the case. */
export function judge({ goals }: BenchCase, result: CaseResult): readonly Verdict[] {
  return goals.map((goal) => {
    const ours = spreadOf(result, goal.of, goal.figure)
    const peer = goal.beside === undefined ? undefined : spreadOf(result, goal.beside.peer, goal.figure)
    const value = valueOf(goal, ours, peer)
    const met = value !== undefined && (goal.bound === 'at most' ? value <= goal.value : value >= goal.value)
    return { goal, ours, peer, value, met }
  })
}

function valueOf({ beside }: Goal, ours: Spread | undefined, peer: Spread | undefined): number | undefined {
  if (ours === undefined) return undefined
  if (beside === undefined || beside.how === 'shown') return ours.median
  if (peer === undefined) return undefined
  return beside.how === 'ratio' ? ours.median / peer.median : ours.median - peer.median
}

const withUnit = (number: string, unit: string): string => (unit === '' ? number : unit === '/s' ? `${number}/s` : `${number} ${unit}`)

/** `30 µs (29–33)`: the median, and the least and the most. */
export function spreadText({ min, median: middle, max }: Spread, { unit, digits }: FigureKind): string {
  const text = (value: number): string => grouped(value, digits)
  const range = text(min) === text(max) ? '' : ` (${text(min)}–${text(max)})`
  return `${withUnit(text(middle), unit)}${range}`
}

/** `0.42×`, `+0.21 ms`, or the value in its unit. */
export function valueText(value: number, { beside }: Goal, { unit, digits }: FigureKind): string {
  if (beside?.how === 'ratio') return `${value.toFixed(2)}×`
  if (beside?.how === 'difference') return `${value < 0 ? '−' : '+'}${withUnit(grouped(Math.abs(value), digits), unit)}`
  return withUnit(grouped(value, digits), unit)
}

/** Thousands are divided by commas. */
export function grouped(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}
