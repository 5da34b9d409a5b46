// The form of the proofs of an alert: when it fires, and when it does not.
import type { Scene } from './series.ts'

/** What differs from a quiet hour, and for how long it is watched. */
export interface Case {
  readonly what: string
  readonly minutes: number
  readonly series: Scene
}

/** The alert fires in the last minute. */
export interface Fault extends Case {
  /** The labels of the alert besides its name and severity. */
  readonly labels: Readonly<Record<string, string>>
  /** What stands for `$value` in the description. */
  readonly value?: string
  /** Other alerts that fire as well. */
  readonly also?: readonly string[]
  /** The minute in which it must not fire yet: the fault is there, but not for long enough. */
  readonly notYet: number
}

export interface Proof {
  readonly faults: readonly Fault[]
  /** In none of these cases does it fire in any minute. */
  readonly nearMisses: readonly Case[]
}

export type Proofs = Readonly<Record<string, Proof>>
