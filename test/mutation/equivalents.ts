// Mutants that do what the program does, or that no test is meant to notice, each with the reason. They do not count.

export interface Equivalent {
  readonly file: string
  /** As `npm run mutants` prints them, one or several lines of the program. */
  readonly becomes: string | RegExp
  readonly why: string
}

export const equivalents: readonly Equivalent[] = []
