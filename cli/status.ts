// `postscreen status`: whether the policies of a cluster are in force, why not, and what to do.
import { readArguments, wrongArguments } from './arguments.ts'
import { commandName } from './command-name.ts'
import { openCluster, type Cluster } from './cluster/cluster.ts'
import { allNamespaces, allNamespacesHelp, clusterHelp, type ClusterFlags, clusterOptions, clusterProblem } from './cluster/options.ts'
import { failed } from './cluster/failed.ts'
import type { LoadedCommand } from './command.ts'
import { formatted, type Output, readOutput } from './output.ts'
import { attentionOf, verdictOf } from '../operator/overview/attention.ts'
import { look, type Looked } from './status/look.ts'
import { statusLines, wideFrom } from './status/status-text.ts'
import { styleOf } from './terminal/style.ts'
import { watchScreen } from './terminal/watch-screen.ts'

const name = commandName('status')

const help = `Usage: ${name} [POLICY] [OPTION]…

Shows the policies of a cluster: whether each is in force, its gateways and mail servers, and below the table what needs attention, since
when, and what to do. With the name of a POLICY, also its conditions, gateways and mail servers.

  -w, --watch            look again every five seconds, until Ctrl-C
${clusterHelp}${allNamespacesHelp}  -o, --output wide|json|yaml

It needs the verb list on postscreenpolicies and pods, and get on pods/proxy. Without the right to see pods or to ask them, it shows what the
operator has written.
Exit codes: 0 if all policies are ready, 1 if one is not or needs attention, 2 for wrong arguments, 3 if the cluster cannot be asked.
`

const options = {
  ...clusterOptions,
  ...allNamespaces,
  watch: { type: 'boolean', short: 'w' },
  output: { type: 'string', short: 'o' },
  help: { type: 'boolean', short: 'h' },
} as const

interface Flags extends ClusterFlags {
  readonly watch?: boolean
  readonly output?: string
}

const forms = ['wide', 'json', 'yaml'] as const

/** @returns the exit code; see the help */
async function status(args: readonly string[]): Promise<number> {
  const read = readArguments(name, help, { args: [...args], options, allowPositionals: true })
  if ('exit' in read) return read.exit
  const flags: Flags = read.run.values
  const [policy, ...more] = read.run.positionals
  const form = readOutput(flags.output, forms)
  if (more.length > 0) return wrongArguments(name, 'expected at most one POLICY')
  if ('why' in form) return wrongArguments(name, form.why)
  if (policy !== undefined && flags['all-namespaces'] === true) return wrongArguments(name, 'a POLICY is in one namespace: -n NAMESPACE')
  const problem = clusterProblem(flags)
  if (problem !== undefined) return wrongArguments(name, problem)
  const isWatch = flags.watch === true
  if (isWatch && form.output !== 'text' && form.output !== 'wide') return wrongArguments(name, '--watch can be used only with text')
  try {
    const cluster = openCluster(flags, 'status')
    try {
      if (isWatch) return await watchScreen(() => show(cluster, policy, form.output))
      const { text, code } = await show(cluster, policy, form.output)
      process.stdout.write(text)
      return code
    } finally {
      await cluster.close()
    }
  } catch (error) {
    return failed(name, error)
  }
}

export const statusCommand: LoadedCommand = { run: status, options, values: { output: forms }, takes: 'policy' }

async function show(
  cluster: Cluster,
  policy: string | undefined,
  output: Output,
): Promise<{ readonly text: string; readonly code: number }> {
  const looked = await look(cluster, policy)
  const now = Date.now()
  const code = looked.views.every((view) => verdictOf(view).tone === 'ok' && attentionOf(view, now).length === 0) ? 0 : 1
  return { text: textOf(looked, { cluster, policy, output, now }), code }
}

interface Shown {
  readonly cluster: Cluster
  readonly policy: string | undefined
  readonly output: Output
  readonly now: number
}

function textOf({ views, notes }: Looked, { cluster, policy, output, now }: Shown): string {
  if (output === 'json' || output === 'yaml') {
    const policies = views.map((view) => ({ ...view, state: verdictOf(view), attention: attentionOf(view, now) }))
    return formatted({ policies, notes }, output)
  }
  if (views.length === 0)
    return `There is no PostscreenPolicy${cluster.namespace === undefined ? '' : ` in the namespace ${cluster.namespace}`}.\n`
  const style = styleOf(process.stdout)
  const isWide = output === 'wide' || (style.width ?? 0) >= wideFrom
  return statusLines({ views, notes, now, isWide, isOne: policy !== undefined }, style)
    .map((line) => `${line}\n`)
    .join('')
}
