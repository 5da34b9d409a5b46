// Reading a subcommand's arguments: wrong ones give one clear line and exit code 2.
import { parseArgs, type ParseArgsConfig } from 'node:util'

/** What a subcommand is to do: run, or end with this exit code because help was asked for or the arguments are wrong. */
export type Arguments<T extends ParseArgsConfig> = { readonly run: ReturnType<typeof parseArgs<T>> } | { readonly exit: number }

/**
 * Parses by node:util's parseArgs. Prints the help for `--help`, and for wrong arguments what is wrong with them.
 * @param name the command as typed, such as `postscreen validate`
 */
export function readArguments<T extends ParseArgsConfig>(name: string, help: string, config: T): Arguments<T> {
  try {
    const run = parseArgs(config)
    if ((run.values as Record<string, unknown>)['help'] !== true) return { run }
    process.stdout.write(help)
    return { exit: 0 }
  } catch (error) {
    return { exit: wrongArguments(name, error instanceof Error ? error.message : String(error)) }
  }
}

/** Says what is wrong and where to read more. @returns exit code 2 */
export function wrongArguments(name: string, why: string): number {
  console.error(`${name}: ${why}\nTry: ${name} --help`)
  return 2
}
