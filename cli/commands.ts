// The table of all subcommands: the help and the completion of shells are made from it.
import { codeOf } from '../runtime/caught.ts'
import type { LoadedCommand } from './command.ts'

export interface CommandEntry {
  /** What it does, in one line of the help. */
  readonly about: string
  /** Loaded on demand: the gateway should not load the importers, and `--help` should load nothing. */
  readonly load: () => Promise<LoadedCommand>
  /** Whether it is of use as `kubectl postscreen …`: it asks a cluster, or needs no place at all. */
  readonly isForPlugin: boolean
}

const entry = (about: string, load: () => Promise<LoadedCommand>): CommandEntry => ({ about, load, isForPlugin: true })
const elsewhere = (about: string, load: () => Promise<LoadedCommand>): CommandEntry => ({ about, load, isForPlugin: false })

export const commands: Readonly<Record<string, CommandEntry>> = {
  gateway: elsewhere(
    'screen mail clients according to a policy and hand off clean clients to Postfix',
    async () => (await import('./gateway.ts')).gatewayCommand,
  ),
  operator: elsewhere(
    'run gateways and other objects for the policies of a Kubernetes cluster',
    async () => (await import('./operator.ts')).operatorCommand,
  ),
  demo: elsewhere('try it on this machine: a gateway, DNS lists and a mail server in one process', loadDemo),
  validate: entry('check policy files', async () => (await import('./validate.ts')).validateCommand),
  apply: elsewhere("apply the policy of a Helm release (what the chart's Job runs)", async () => (await import('./apply.ts')).applyCommand),
  status: entry(
    'show the policies of a cluster: in force or why not, and what to do',
    async () => (await import('./status.ts')).statusCommand,
  ),
  top: entry('show live in the terminal what the gateways of a cluster do', async () => (await import('./top.ts')).topCommand),
  log: entry('follow the sessions of all gateways of a cluster', async () => (await import('./log.ts')).logCommand),
  report: entry('write a file for a bug report, without secrets', async () => (await import('./report.ts')).reportCommand),
  diff: entry('show which fields of a policy a file would change, with defaults', async () => (await import('./diff.ts')).diffCommand),
  explain: entry(
    'say what happens to a client and why: rules, records, DNS lists, recent sessions',
    async () => (await import('./explain.ts')).explainCommand,
  ),
  allowlist: entry('show, change or copy the temporary allowlist', async () => (await import('./allowlist.ts')).allowlistCommand),
  bans: entry('show, add or end bans of networks that keep failing', async () => (await import('./bans.ts')).bansCommand),
  lists: entry('test DNS lists and show which of them can be trusted', async () => (await import('./lists.ts')).listsCommand),
  spf: entry('print the networks that the SPF records of domains permit', async () => (await import('./spf.ts')).spfCommand),
  simulate: entry(
    'show what another policy would have done with the sessions of a log',
    async () => (await import('./simulate.ts')).simulateCommand,
  ),
  import: entry('make a policy from the settings of Postfix (main.cf) or Zimbra', async () => (await import('./import.ts')).importCommand),
  completion: entry(
    'print the script with which a shell completes the command',
    async () => (await import('./completion.ts')).completionCommand,
  ),
}

/** The image leaves out what only the demo uses. */
async function loadDemo(): Promise<LoadedCommand> {
  try {
    const [{ demo, demoOptions }, { startDemoGateway }] = await Promise.all([import('./demo.ts'), import('./demo/gateway.ts')])
    return { run: (args) => demo(args, startDemoGateway), options: demoOptions }
  } catch (error) {
    if (codeOf(error) !== 'ERR_MODULE_NOT_FOUND') throw error
    const run = async (): Promise<number> => {
      console.error('postscreen demo: the image does not contain the demo; in a checkout of the project run: npm ci && npm start')
      return 1
    }
    return { run, options: {} }
  }
}
