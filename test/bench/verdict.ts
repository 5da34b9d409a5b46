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
  /** Of a ratio or difference: the least and the most of those of single rounds, where all contenders have as many rounds. */
  readonly range: { readonly least: number; readonly most: number } | undefined
  readonly met: boolean
}

/** Of one figure of one contender; undefined when no round has it. */
export function spreadOf(result: CaseResult, contender: string, figure: string): Spread | undefined {
  const values = valuesOf(result, contender, figure)
  if (values.length === 0) return undefined
  return { min: Math.min(...values), median: median(values), max: Math.max(...values) }
}

/** In the order of the rounds; those without the figure are left out. */
function valuesOf(result: CaseResult, contender: string, figure: string): readonly number[] {
  const rounds = result.contenders.find(({ name }) => name === contender)?.rounds ?? []
  return rounds.flatMap((round) => round[figure] ?? []).filter((value) => !Number.isNaN(value))
}

/** One verdict for each goal of the case. */
export function judge({ goals }: BenchCase, result: CaseResult): readonly Verdict[] {
  return goals.map((goal) => {
    const ours = spreadOf(result, goal.of, goal.figure)
    const peer = goal.beside === undefined ? undefined : spreadOf(result, goal.beside.peer, goal.figure)
    const value = valueOf(goal, ours, peer)
    const met = value !== undefined && (goal.bound === 'at most' ? value <= goal.value : value >= goal.value)
    return { goal, ours, peer, value, range: rangeOf(goal, result), met }
  })
}

function valueOf({ beside }: Goal, ours: Spread | undefined, peer: Spread | undefined): number | undefined {
  if (ours === undefined) return undefined
  if (beside === undefined || beside.how === 'shown') return ours.median
  if (peer === undefined) return undefined
  return beside.how === 'ratio' ? ours.median / peer.median : ours.median - peer.median
}

/** The contenders take turns, so a round of one belongs to the same round of the other. */
function rangeOf({ of, figure, beside }: Goal, result: CaseResult): Verdict['range'] {
  if (beside === undefined || beside.how === 'shown') return undefined
  const [ours, peers] = [valuesOf(result, of, figure), valuesOf(result, beside.peer, figure)]
  if (ours.length < 2 || ours.length !== peers.length) return undefined
  const each = ours.map((value, index) =>
    beside.how === 'ratio' ? value / (peers[index] ?? Number.NaN) : value - (peers[index] ?? Number.NaN),
  )
  return { least: Math.min(...each), most: Math.max(...each) }
}

/** ` (0.40–0.45)` or ` (−0.1 to 0.3)`; empty where there is no range. */
export function rangeText({ goal, range }: Verdict, { digits }: FigureKind): string {
  if (range === undefined) return ''
  const text = (value: number): string => `${value < 0 ? '−' : ''}${grouped(Math.abs(value), goal.beside?.how === 'ratio' ? 2 : digits)}`
  return text(range.least) === text(range.most)
    ? ''
    : ` (${text(range.least)}${goal.beside?.how === 'ratio' ? '–' : ' to '}${text(range.most)})`
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
