// `postscreen import`: makes a policy from the settings of another system.
import { importOptions, importPostfixCommand, importPostfixUsage, importZimbraCommand, importZimbraUsage } from './import/command.ts'
import { wrongArguments } from './arguments.ts'
import { commandName } from './command-name.ts'
import type { LoadedCommand } from './command.ts'

const name = commandName('import')

/** @returns the exit code */
export async function importPolicy([system, ...args]: readonly string[]): Promise<number> {
  if (system === '--help' || system === '-h') {
    process.stdout.write(`${importPostfixUsage}\n${importZimbraUsage}`)
    return 0
  }
  const command = system === 'postfix' ? importPostfixCommand : system === 'zimbra' ? importZimbraCommand : undefined
  if (command === undefined) return wrongArguments(name, `expected a source: ${name} postfix MAIN.CF, or ${name} zimbra FILE`)
  const { stdout, stderr, exitCode } = command(args)
  process.stdout.write(stdout)
  process.stderr.write(stderr)
  return exitCode
}

export const importCommand: LoadedCommand = {
  run: importPolicy,
  options: importOptions,
  verbs: ['postfix', 'zimbra'],
  values: { output: 'file', 'master-cf': 'file', tables: ['auto', 'inline', 'files'], for: ['kubernetes', 'host'] },
  takes: 'file',
}
