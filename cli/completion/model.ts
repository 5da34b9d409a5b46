// What can be typed after the command: made from the table of subcommands and their options.
import type { Values } from '../command.ts'
import { commands } from '../commands.ts'

export interface CompletedOption {
  /** With their dashes: `--output`, `-o`. */
  readonly names: readonly string[]
  readonly takesValue: boolean
  /** What may be typed as its value; undefined: nothing is known. */
  readonly values: Values | undefined
}

export interface CompletedCommand {
  readonly name: string
  readonly about: string
  readonly options: readonly CompletedOption[]
  readonly verbs: readonly string[]
  readonly takes: Values | undefined
}

export type CompletionModel = readonly CompletedCommand[]

/** The names that the program has. */
export const programs = ['kubectl-postscreen', 'postscreen'] as const

/** Values that every option of this name has, unless a subcommand says something else. */
const common: Readonly<Record<string, Values>> = { namespace: 'namespace', context: 'context', kubeconfig: 'file', 'policy-name': 'policy' }

/** Loads all subcommands. */
export async function loadModel(): Promise<CompletionModel> {
  return await Promise.all(
    Object.entries(commands).map(async ([name, { about, load }]) => {
      const { options, verbs = [], values = {}, takes } = await load()
      const completed = Object.entries(options).map(([option, { type, short }]) => ({
        names: [`--${option}`, ...(short === undefined ? [] : [`-${short}`])],
        takesValue: type === 'string',
        values: type === 'string' ? (values[option] ?? common[option]) : undefined,
      }))
      return { name, about, options: completed, verbs, takes }
    }),
  )
}
