// Parses the arguments of a subcommand. Wrong arguments give a one-line message and exit code 2.
import { parseArgs, type ParseArgsConfig } from 'node:util'

/** What a subcommand does next: run, or end with this exit code after help or wrong arguments. */
export type Arguments<T extends ParseArgsConfig> = { readonly run: ReturnType<typeof parseArgs<T>> } | { readonly exit: number }

/**
 * Parses with node:util's parseArgs. Prints the help for `--help`, and a message for wrong arguments.
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

/** Prints what is wrong and where to find help. @returns exit code 2 */
export function wrongArguments(name: string, why: string): number {
  console.error(`${name}: ${why}\nTry: ${name} --help`)
  return 2
}
