// `postscreen top`: what the gateways of a policy do now, live in the terminal.
import { readArguments, wrongArguments } from './arguments.ts'
import { type Cluster, openCluster } from './cluster/cluster.ts'
import { failed } from './cluster/failed.ts'
import { allNamespaces, allNamespacesHelp, clusterHelp, type ClusterFlags, clusterOptions, clusterProblem } from './cluster/options.ts'
import { commandName } from './command-name.ts'
import type { LoadedCommand } from './command.ts'
import { formatted, type Output, readOutput } from './output.ts'
import { styleOf } from './terminal/style.ts'
import { askTop, type PolicyPlace, policyPlaces } from './top/ask-top.ts'
import { healthOf } from './top/health.ts'
import { liveTop } from './top/live-top.ts'
import { topLines, wideFrom } from './top/top-text.ts'

const name = commandName('top')

const help = `Usage: ${name} [POLICY] [OPTION]…

Shows what the gateways of a policy do now, added up: sessions in the last hour by outcome, clients by phase, DNS lists, mail servers, limits,
the most refused networks. It asks every two seconds. In a pipe, and with -o, it shows the present state once.

Keys: q or Ctrl-C ends it, ← → choose another policy, p pauses, s sorts the DNS lists (policy, answers, listed, median), ? shows the keys.

${clusterHelp}${allNamespacesHelp}  -o, --output wide|json|yaml

It needs the verb list on postscreenpolicies and pods, and get on pods/proxy.
Exit codes: 0 done, 2 for wrong arguments, 3 if the cluster or the gateways cannot be asked.
`

const options = {
  ...clusterOptions,
  ...allNamespaces,
  output: { type: 'string', short: 'o' },
  help: { type: 'boolean', short: 'h' },
} as const

interface Flags extends ClusterFlags {
  readonly output?: string
}

const forms = ['wide', 'json', 'yaml'] as const

/** @returns the exit code; see the help */
async function top(args: readonly string[]): Promise<number> {
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
  try {
    const cluster = openCluster(flags, 'top')
    try {
      const places = await policyPlaces(cluster, policy)
      const isLive = process.stdout.isTTY && process.stdin.isTTY && flags.output === undefined
      return isLive ? await liveTop(cluster, places) : await once(cluster, places, form.output)
    } finally {
      await cluster.close()
    }
  } catch (error) {
    return failed(name, error)
  }
}

/** The present state of all policies that are meant, one below the other. */
async function once(cluster: Cluster, places: readonly PolicyPlace[], output: Output): Promise<number> {
  const now = Date.now()
  const views = []
  for (const place of places) views.push(await askTop(cluster, place))
  if (output === 'json' || output === 'yaml') {
    process.stdout.write(formatted({ policies: views.map((view) => ({ ...view, health: healthOf(view, now) })) }, output))
    return 0
  }
  const style = styleOf(process.stdout)
  const width = Math.max(style.width ?? 80, output === 'wide' ? wideFrom + 20 : 0)
  const screens = views.map((view) => topLines({ view, now, state: 'now', sort: 'policy' }, { ...style, width }))
  process.stdout.write(screens.map((lines) => lines.map((line) => `${line}\n`).join('')).join('\n'))
  return 0
}

export const topCommand: LoadedCommand = { run: top, options, values: { output: forms }, takes: 'policy' }
