// The `postscreen` command: finds the subcommand and runs it.
import { codeOf } from '../runtime/caught.ts'
import { version } from '../runtime/version.ts'

/** Receives the arguments after the name of the subcommand; returns the exit code. */
type Subcommand = (args: readonly string[]) => Promise<number>

/** Loaded on demand: the gateway should not load the importers, and `--help` should load nothing. */
const subcommands: Readonly<Record<string, () => Promise<Subcommand>>> = {
  gateway: async () => (await import('./gateway.ts')).gateway,
  operator: async () => (await import('./operator.ts')).operator,
  demo: loadDemo,
  validate: async () => (await import('./validate.ts')).validate,
  apply: async () => (await import('./apply.ts')).apply,
  allowlist: async () => (await import('./allowlist.ts')).allowlist,
  bans: async () => (await import('./bans.ts')).bans,
  lists: async () => (await import('./lists.ts')).lists,
  spf: async () => (await import('./spf.ts')).spf,
  explain: async () => (await import('./explain.ts')).explain,
  simulate: async () => (await import('./simulate.ts')).simulate,
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

  gateway    screen mail clients according to a policy and hand off clean clients to Postfix
  operator   run gateways and other objects for the policies of a Kubernetes cluster
  demo       try it on this machine: a gateway, DNS lists and a mail server in one process
  validate   check policy files
  apply      apply the policy of a Helm release (what the chart's Job runs)
  allowlist  show, change or copy the temporary allowlist
  bans       show, add or end bans of networks that keep failing
  lists      test DNS lists and show which of them can be trusted
  spf        print the networks that the SPF records of domains permit
  explain    say what happens to a client and why: rules, records, DNS lists, recent sessions
  simulate   show what another policy would have done with the sessions of a log
  import     make a policy from the settings of Postfix (main.cf) or Zimbra

  postscreen COMMAND --help   show the help of a command
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
    console.error(`postscreen: unknown command ${JSON.stringify(name)}; expected one of ${Object.keys(subcommands).join(', ')}`)
    return 2
  }
  const subcommand = await load()
  return subcommand(args)
}

process.exitCode = await main(process.argv.slice(2))
