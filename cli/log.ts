// `postscreen log`: the sessions of all gateways of a cluster, one line each, as they end.
import { once } from 'node:events'
import { parseDuration } from '../crds/values/duration.ts'
import { stopSignal } from '../runtime/stop-signal.ts'
import { readArguments, wrongArguments } from './arguments.ts'
import { type Cluster, openCluster } from './cluster/cluster.ts'
import { failed } from './cluster/failed.ts'
import { allNamespaces, allNamespacesHelp, clusterHelp, type ClusterFlags, clusterOptions, clusterProblem } from './cluster/options.ts'
import { commandName } from './command-name.ts'
import type { LoadedCommand } from './command.ts'
import { type Filter, outcomeNames, readFilter } from './log/filter.ts'
import { Printer } from './log/printer.ts'
import { readLogs } from './log/read-logs.ts'
import { readOutput } from './output.ts'

const name = commandName('log')

const help = `Usage: ${name} [POLICY] [OPTION]…

Follows the logs of all gateways, of one POLICY or of all in the namespace, and prints one line for each session when it is decided: who, what
became of it, and why. Without --since and --tail it begins now and follows until Ctrl-C; with one of them it prints what was and ends.

      --since TIME       sessions of the last 30m, 12h, 2d
      --tail N           from the last N lines of each gateway
  -f, --follow           go on with what comes
      --address NET      only clients of this address or network; may be repeated
      --outcome LIST     only these outcomes, separated by commas: refused, handedOff, or one of
                         ${outcomeNames.slice(2, 9).join(', ')},
                         ${outcomeNames.slice(9).join(', ')}
      --grep TEXT        only sessions that contain the text, in any of their lines
  -v, --verbose          all lines of each session
      --all              on a terminal: every session, also when more than 20 end in one second
${clusterHelp}${allNamespacesHelp}  -o, --output wide|json|yaml   json: one line for each session

It needs the verb list on pods, and get on pods/log.
Exit codes: 0 done, 2 for wrong arguments, 3 if the logs cannot be read.
`

const options = {
  ...clusterOptions,
  ...allNamespaces,
  since: { type: 'string' },
  tail: { type: 'string' },
  follow: { type: 'boolean', short: 'f' },
  address: { type: 'string', multiple: true },
  outcome: { type: 'string', multiple: true },
  grep: { type: 'string' },
  verbose: { type: 'boolean', short: 'v' },
  all: { type: 'boolean' },
  output: { type: 'string', short: 'o' },
  help: { type: 'boolean', short: 'h' },
} as const

interface Flags extends ClusterFlags {
  readonly since?: string
  readonly tail?: string
  readonly follow?: boolean
  readonly address?: readonly string[]
  readonly outcome?: readonly string[]
  readonly grep?: string
  readonly verbose?: boolean
  readonly all?: boolean
  readonly output?: string
}

const forms = ['wide', 'json', 'yaml'] as const

/** @returns the exit code; see the help */
async function log(args: readonly string[]): Promise<number> {
  const read = readArguments(name, help, { args: [...args], options, allowPositionals: true })
  if ('exit' in read) return read.exit
  const flags: Flags = read.run.values
  const [policy, ...more] = read.run.positionals
  const filter = readFilter(flags)
  const problem = more.length > 0 ? 'expected at most one POLICY' : 'why' in filter ? filter.why : problemOf(flags)
  if (problem !== undefined || 'why' in filter) return wrongArguments(name, problem ?? '')
  try {
    const cluster = openCluster(flags, 'log')
    try {
      await show(cluster, policy, flags, filter.value)
      return 0
    } finally {
      await cluster.close()
    }
  } catch (error) {
    return failed(name, error)
  }
}

function problemOf(flags: Flags): string | undefined {
  const form = readOutput(flags.output, forms)
  if ('why' in form) return form.why
  const { since, tail } = flags
  if (since !== undefined && !parseDuration(since)) return `--since must be a time such as 30m or 12h, not ${JSON.stringify(since)}`
  if (tail !== undefined && !/^\d{1,7}$/.test(tail)) return `--tail must be a number of lines, not ${JSON.stringify(tail)}`
  return clusterProblem(flags)
}

async function show(cluster: Cluster, policy: string | undefined, flags: Flags, filter: Filter): Promise<void> {
  const { since, tail, follow, verbose = false, all = false } = flags
  const form = readOutput(flags.output, forms)
  const output = 'output' in form ? form.output : 'text'
  const printer = new Printer({ output, filter, isVerbose: verbose, isComplete: all })
  const stop = new AbortController()
  const isFollowing = follow ?? (since === undefined && tail === undefined)
  void stopSignal().then(() => stop.abort())
  process.stdout.on('error', () => stop.abort())
  try {
    await readLogs({
      ...{ cluster, policy, isFollowing, signal: stop.signal },
      sinceSeconds: since === undefined ? undefined : parseDuration(since),
      tailLines: tail === undefined ? undefined : Number(tail),
      take: (gateway, line) => printer.take(gateway, line),
      ready: async () => {
        if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain', { signal: stop.signal }).catch(() => undefined)
      },
      note: (text) => printer.note(text),
    })
  } finally {
    printer.finish(isFollowing)
  }
}

export const logCommand: LoadedCommand = { run: log, options, values: { output: forms, outcome: outcomeNames }, takes: 'policy' }
