// What a subcommand is: what runs it, and what can be typed after its name. The completion of shells is made from it.
import type { ParseArgsConfig } from 'node:util'

/** What a shell can offer in the place of a value: fixed words, files, or names in the cluster. */
export type Values = readonly string[] | 'file' | 'folder' | 'namespace' | 'context' | 'policy'

export interface LoadedCommand {
  /** Receives the arguments after the name of the subcommand; returns the exit code. */
  readonly run: (args: readonly string[]) => Promise<number>
  readonly options: NonNullable<ParseArgsConfig['options']>
  /** The words that may follow at once, such as `list`. */
  readonly verbs?: readonly string[]
  /** What may be typed as a value of an option. Without an entry: nothing is offered. */
  readonly values?: Readonly<Record<string, Values>>
  /** What other words are. */
  readonly takes?: Values
}
