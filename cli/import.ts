// `postscreen import`: makes a policy from the settings of another system.
import { importPostfixCommand, importPostfixUsage, importZimbraCommand, importZimbraUsage } from './import/command.ts'
import { wrongArguments } from './arguments.ts'

const name = 'postscreen import'

/** @returns the exit code */
export async function importPolicy([system, ...args]: readonly string[]): Promise<number> {
  if (system === '--help' || system === '-h') {
    process.stdout.write(`${importPostfixUsage}\n${importZimbraUsage}`)
    return 0
  }
  const command = system === 'postfix' ? importPostfixCommand : system === 'zimbra' ? importZimbraCommand : undefined
  if (command === undefined)
    return wrongArguments(name, 'expected a source: postscreen import postfix MAIN.CF, or postscreen import zimbra FILE')
  const { stdout, stderr, exitCode } = command(args)
  process.stdout.write(stdout)
  process.stderr.write(stderr)
  return exitCode
}
