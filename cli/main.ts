// The `postscreen` command: finds the subcommand and runs it.
import { codeOf } from '../runtime/caught.ts'
import { version } from '../runtime/version.ts'

/** Takes the arguments behind its name; gives the exit code. */
type Subcommand = (args: readonly string[]) => Promise<number>

/** Loaded when asked for: the gateway must not pay for the importers, nor `--help` for anything. */
const subcommands: Readonly<Record<string, () => Promise<Subcommand>>> = {
  gateway: async () => (await import('./gateway.ts')).gateway,
  operator: async () => (await import('./operator.ts')).operator,
  demo: loadDemo,
  validate: async () => (await import('./validate.ts')).validate,
  apply: async () => (await import('./apply.ts')).apply,
  allowlist: async () => (await import('./allowlist.ts')).allowlist,
  import: async () => (await import('./import.ts')).importPolicy,
}

/** The image leaves out what only the demo uses. */
async function loadDemo(): Promise<Subcommand> {
  try {
    const [{ demo }, { startDemoGateway }] = await Promise.all([import('./demo.ts'), import('./demo/gateway.ts')])
    return (args) => demo(args, startDemoGateway)
  } catch (error) {
    if (codeOf(error) !== 'ERR_MODULE_NOT_FOUND') throw error
    console.error('postscreen demo: the image does not contain the demo; in a checkout of the project run: npm ci && npm start')
    return async () => 1
  }
}

const help = `Usage: postscreen COMMAND [ARGUMENT]…

Postfix postscreen for a mail cluster.

  gateway    screen mail clients by a policy and hand clean ones on to Postfix
  operator   make what the policies of a Kubernetes cluster ask for, gateways above all
  demo       try it on this machine: a gateway, block lists and a mail server in one process
  validate   check policy files
  apply      apply the policy of a Helm release (what the chart's Job runs)
  allowlist  look into the temporary allowlist, change it, move it
  import     make a policy from Postfix's main.cf or from Zimbra's settings

  postscreen COMMAND --help   says more about one of them
  postscreen --version
`

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === '--version') {
    console.log(version)
    return 0
  }
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(help)
    return name === undefined ? 2 : 0
  }
  const load = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined
  if (load === undefined) {
    console.error(`postscreen: there is no command ${JSON.stringify(name)}; known are ${Object.keys(subcommands).join(', ')}`)
    return 2
  }
  const subcommand = await load()
  return subcommand(args)
}

process.exitCode = await main(process.argv.slice(2))
