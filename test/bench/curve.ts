// How a cost grows with a number: what is measured at each step, and how it is drawn.
import type { Setting } from './bench-case.ts'
import type { Need } from './needs.ts'

export interface Axis {
  readonly label: string
  /** Behind the label, in brackets; empty for a plain count. */
  readonly unit: string
  readonly scale: 'linear' | 'log'
}

/** What one step gave: each series' value, in the unit of the y axis. */
export type Values = Readonly<Record<string, number>>

export interface MeasuredSteps {
  /** One round at one step. */
  at(x: number): Promise<Values>
  stop(): Promise<void>
}

export interface Curve {
  /** With `growth-` in front on the command line; names the SVG file. */
  readonly name: string
  readonly title: string
  readonly x: Axis
  readonly y: Axis
  readonly needs: readonly Need[]
  /** As for a case. */
  readonly measures: readonly string[]
  /** Rising. Those that the machine cannot bear are left out. */
  steps(setting: Setting): readonly number[]
  readonly rounds: number
  readonly minutes: number
  start(setting: Setting): Promise<MeasuredSteps>
}

/** What was measured, as it is kept. */
export interface CurvePoint {
  readonly x: number
  readonly series: string
  /** One for each round. */
  readonly values: readonly number[]
}
