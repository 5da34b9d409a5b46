// A case of the bench: which programs are measured under one load, the figures of a round, and the goals.
import type { Need } from './needs.ts'

/** The figures of one round by key. Figures that could not be read are left out. */
export type Round = Readonly<Record<string, number>>

export interface FigureKind {
  readonly label: string
  /** Empty for a plain count. */
  readonly unit: string
  /** After the decimal point. */
  readonly digits: number
}

/** A goal for one figure: absolute, or compared with the same figure of a peer in the same run. Medians count. */
export interface Goal {
  /** The text in the table. */
  readonly text: string
  readonly figure: string
  readonly of: string
  /** `ratio` and `difference` are `of` compared with `peer`. `shown` does not count; the table only shows the figure of the peer. */
  readonly beside?: { readonly peer: string; readonly how: 'ratio' | 'difference' | 'shown' }
  readonly bound: 'at most' | 'at least'
  readonly value: number
}

/** One of the programs that are measured in turn. */
export interface Contender {
  readonly name: string
  /** Measures it once under the load. */
  round(): Promise<Round>
  /** It takes part only in this number of rounds. */
  readonly rounds?: number
}

export interface Setting {
  /** 1 for the full load. A smaller value makes everything smaller, to check that it works. */
  readonly scale: number
  /** Log format of the gateway; npm run postscreen uses json. */
  readonly logFormat: 'json' | 'postfix'
}

/** All programs have started. */
export interface Started {
  readonly contenders: readonly Contender[]
  stop(): Promise<void>
}

export interface BenchCase {
  readonly name: string
  /** The text in the table. */
  readonly what: string
  readonly needs: readonly Need[]
  /** Files and folders of the program that the figures depend on (code-paths.ts): a later change of them makes the figures old. */
  readonly measures: readonly string[]
  readonly figures: Readonly<Record<string, FigureKind>>
  readonly goals: readonly Goal[]
  /** How many rounds count: at least `fewestRounds`. */
  readonly rounds: number
  /** Whether a first round does not count. After it, V8 has compiled the hot code and Postfix has started its processes. */
  readonly warmUp: boolean
  /** The total duration. */
  readonly minutes: number
  start(setting: Setting): Promise<Started>
}

/** A ratio of fewer rounds than this says little, because a machine is never as quiet as it seems. */
export const fewestRounds = 5

/** A number of clients or sessions under a setting; never fewer than `least`. */
export const scaled = (count: number, { scale }: Setting, least = 20): number => Math.min(count, Math.max(least, Math.round(count * scale)))
