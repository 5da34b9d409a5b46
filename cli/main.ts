// The `postscreen` command, also as `kubectl postscreen`: finds the subcommand and runs it.
import { version } from '../runtime/version.ts'
import { isPlugin, programName } from './command-name.ts'
import { commands } from './commands.ts'

/** The plugin shows first what asks a cluster; all others can be run too. */
function helpText(): string {
  const shown = Object.entries(commands).filter(([, { isForPlugin }]) => isForPlugin || !isPlugin)
  const width = Math.max(...shown.map(([name]) => name.length))
  const lines = shown.map(([name, { about }]) => `  ${name.padEnd(width)}  ${about}`)
  const about = isPlugin ? 'The postscreen gateways of a Kubernetes cluster.' : 'Postfix postscreen for a mail cluster.'
  return `Usage: ${programName} COMMAND [ARGUMENT]…

${about}

${lines.join('\n')}

  ${programName} COMMAND --help   show the help of a command
  ${programName} --version
`
}

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === '--version') {
    console.log(version)
    return 0
  }
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(helpText())
    return name === undefined ? 2 : 0
  }
  const found = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (found === undefined) {
    console.error(`${programName}: unknown command ${JSON.stringify(name)}; expected one of ${Object.keys(commands).join(', ')}`)
    return 2
  }
  const command = await found.load()
  return command.run(args)
}

process.exitCode = await main(process.argv.slice(2))
