// What a case of the bench is: who is measured under one load, what is read off in a round, and what was promised.
import type { Need } from './needs.ts'

/** The figures of one round by key. One that could not be read is left out. */
export type Round = Readonly<Record<string, number>>

export interface FigureKind {
  readonly label: string
  /** Empty for a plain count. */
  readonly unit: string
  /** Behind the point. */
  readonly digits: number
}

/** What is promised of one figure: as it is, or beside the same figure of a peer in the same run. Medians count. */
export interface Goal {
  /** In the words of the table. */
  readonly text: string
  readonly figure: string
  readonly of: string
  /** `ratio` and `difference` are those of `of` over `peer`; `shown` does not count, but lets the table show what the peer has. */
  readonly beside?: { readonly peer: string; readonly how: 'ratio' | 'difference' | 'shown' }
  readonly bound: 'at most' | 'at least'
  readonly value: number
}

/** One of those who bear the load in turn. */
export interface Contender {
  readonly name: string
  /** Bears the load once. */
  round(): Promise<Round>
  /** It takes part in the first so many rounds only. */
  readonly rounds?: number
}

export interface Setting {
  /** 1 for the real load; less makes everything smaller, to see that it works. */
  readonly scale: number
  /** How the gateway logs; json is what npm run postscreen does. */
  readonly logFormat: 'json' | 'postfix'
}

/** Everything has started. */
export interface Started {
  readonly contenders: readonly Contender[]
  stop(): Promise<void>
}

export interface BenchCase {
  readonly name: string
  /** In the words of the table. */
  readonly what: string
  readonly needs: readonly Need[]
  readonly figures: Readonly<Record<string, FigureKind>>
  readonly goals: readonly Goal[]
  /** How many rounds count. */
  readonly rounds: number
  /** Whether a round comes before that does not count: V8 has then compiled what it will, Postfix has started its processes. */
  readonly warmUp: boolean
  /** How long it takes altogether. */
  readonly minutes: number
  start(setting: Setting): Promise<Started>
}

/** A number of clients or sessions under a setting; never fewer than `least`. */
export const scaled = (count: number, { scale }: Setting, least = 20): number => Math.min(count, Math.max(least, Math.round(count * scale)))
