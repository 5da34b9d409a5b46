// `postscreen simulate`: plays the sessions of a log under another policy, and shows what would change.
import { messageOf } from '../runtime/caught.ts'
import { visibleLines } from '../crds/values/visible-text.ts'
import { parseDuration } from '../crds/values/duration.ts'
import { atPolicy, namesPlace, type PlaceFlags, placeHelp, placeOptions, placeProblem } from './cluster/policy-place.ts'
import { failed } from './cluster/failed.ts'
import { ClusterError } from './cluster/needs.ts'
import { readArguments, wrongArguments } from './arguments.ts'
import { commandName } from './command-name.ts'
import type { LoadedCommand } from './command.ts'
import { exceeded, type Limit, readLimits } from './simulate/fail-on.ts'
import { type LogSource, openLogSource } from './simulate/log-source.ts'
import { podLogs } from './simulate/pod-logs.ts'
import { readMerged } from './simulate/merged-log.ts'
import { notesOf, unreadNote } from './simulate/notes.ts'
import { progressBar } from './simulate/progress-bar.ts'
import { reportText } from './simulate/report-text.ts'
import { type PolicyOfWorld, worldOfPolicy } from './simulate/policy-of-world.ts'
import { readSendersFile } from './simulate/senders-file.ts'
import { Simulation } from './simulate/simulation.ts'
import { type Result, Tally } from './simulate/tally.ts'

const name = commandName('simulate')

const help = `Usage: ${name} --policy FILE [OPTION]… LOG…
       ${name} --policy FILE --since 24h [OPTION]…    the logs of the gateways of a cluster

Plays the sessions of a log under another policy, and shows which of them would end in another way, and why.

A LOG is the log of a gateway (JSON or postscreen's lines), a mail log of Postfix with lines of postscreen, or the journal
(journalctl -o export or -o json); also compressed with gzip, and as kubectl logs prints it. - is standard input. Several
logs are merged by time. Log files of gateways that share an allowlist belong together.

  --policy FILE     the policy to try
  --old FILE        the policy that wrote the log: compare the two policies, and know which DNS lists and tests were in use
  --spf FILE        the networks of spf entries in spec.access: what "postscreen spf --policy FILE -o json" prints. Without it,
                    sessions that such an entry could have permitted are counted as not known
  --fail-on LIMITS  exit with 3 if a limit is exceeded: NAME>NUMBER or NAME>NUMBER%, separated by commas, such as
                    'refused>0.1%,lost>0'. Names: refused, deferred, handed-off (sessions that become so), lost (sessions
                    that reach a mail server and would not), changed, unknown. A share is one of all sessions
  --examples N      addresses that are shown for each kind of change (5)
  -o, --output text|json
  --since TIME      read the logs of all gateways of a policy in a cluster, such as 24h, as far as Kubernetes has kept them. It needs
                    the verb list on postscreenpolicies and pods, and get on pods/log:
${placeHelp}  --help            show this text

Exit codes: 0 if no limit is exceeded, 1 if a policy or a log cannot be read or there is no session in it, 2 for wrong
arguments, 3 if a limit is exceeded, or the cluster cannot be asked.
`

const options = {
  ...placeOptions,
  since: { type: 'string' },
  policy: { type: 'string' },
  old: { type: 'string' },
  spf: { type: 'string' },
  'fail-on': { type: 'string', multiple: true },
  examples: { type: 'string' },
  output: { type: 'string', short: 'o' },
  help: { type: 'boolean', short: 'h' },
} as const

interface Task {
  readonly policy: PolicyOfWorld
  readonly old: PolicyOfWorld | undefined
  readonly limits: readonly Limit[]
  readonly examples: number
  readonly isJson: boolean
  readonly logs: readonly string[]
  /** Undefined: the logs are files. */
  readonly since: { readonly seconds: number; readonly place: PlaceFlags } | undefined
}

/** @returns the exit code */
export async function simulate(args: readonly string[]): Promise<number> {
  const read = readArguments(name, help, { args: [...args], options, allowPositionals: true })
  if ('exit' in read) return read.exit
  const task = taskOf(read.run.values, read.run.positionals)
  if ('exit' in task) return task.exit
  try {
    return await run(task)
  } catch (error) {
    if (task.since !== undefined && isOfCluster(error)) return failed(name, error)
    console.error(visibleLines(`${name}: ${messageOf(error)}`))
    return 1
  }
}

/** The error of a log has the name of the pod in front. */
const isOfCluster = (error: unknown): boolean =>
  error instanceof ClusterError || (error instanceof Error && error.cause instanceof ClusterError)

interface Flags extends PlaceFlags {
  readonly since?: string
  readonly policy?: string
  readonly old?: string
  readonly spf?: string
  readonly 'fail-on'?: string[]
  readonly examples?: string
  readonly output?: string
}

function taskOf(flags: Flags, logs: readonly string[]): Task | { readonly exit: number } {
  const { policy, old, examples = '5', output = 'text' } = flags
  const wrong = (why: string): { exit: number } => ({ exit: wrongArguments(name, why) })
  if (policy === undefined) return wrong('expected a policy: --policy FILE')
  const why = logsProblem(flags, logs)
  if (why !== undefined) return wrong(why)
  if (output !== 'text' && output !== 'json') return wrong(`--output must be text or json, not ${JSON.stringify(output)}`)
  if (!/^\d{1,4}$/.test(examples)) return wrong(`--examples must be a number from 0 to 9999, not ${JSON.stringify(examples)}`)
  const limits = (flags['fail-on'] ?? []).map(readLimits)
  for (const limit of limits) if ('why' in limit) return wrong(`--fail-on ${limit.why}`)
  const spf = flags.spf === undefined ? { senders: new Map() } : readSendersFile(flags.spf)
  if ('why' in spf) return wrong(`--spf ${spf.why}`)
  const worlds = [worldOfPolicy(policy, spf.senders), old === undefined ? undefined : worldOfPolicy(old, spf.senders)]
  const problems = worlds.flatMap((world) => (world !== undefined && 'problems' in world ? world.problems : []))
  for (const problem of problems) console.error(visibleLines(`${name}: ${problem}`))
  const [fresh, former] = worlds
  if (problems.length > 0 || fresh === undefined || 'problems' in fresh || (former !== undefined && 'problems' in former))
    return { exit: 1 }
  return {
    policy: fresh,
    old: former,
    limits: limits.flatMap((limit) => ('limits' in limit ? limit.limits : [])),
    examples: Number(examples),
    isJson: output === 'json',
    logs,
    since: flags.since === undefined ? undefined : { seconds: parseDuration(flags.since) ?? 0, place: flags },
  }
}

function logsProblem(flags: Flags, logs: readonly string[]): string | undefined {
  const { since } = flags
  if (since === undefined) {
    if (namesPlace(flags)) return 'the logs of a cluster are read with --since TIME, such as --since 24h'
    if (logs.length === 0) return 'expected at least one log; - is standard input'
    return logs.filter((log) => log === '-').length > 1 ? 'standard input (-) can be read only once' : undefined
  }
  if (logs.length > 0) return '--since reads the logs of the gateways; leave the names of logs out'
  if (!parseDuration(since)) return `--since must be a time such as 30m or 24h, not ${JSON.stringify(since)}`
  return placeProblem(flags, [])
}

function run(task: Task): Promise<number> {
  const { since, logs } = task
  if (since === undefined) return play(task, logs.map(openNamed))
  return atPolicy(since.place, 'simulate', async (place) => {
    const stop = new AbortController()
    try {
      return await play(task, await podLogs(place, since.seconds, stop.signal))
    } finally {
      stop.abort()
    }
  })
}

async function play({ policy, old, limits, examples, isJson }: Task, sources: readonly LogSource[]): Promise<number> {
  const tally = new Tally()
  const hasOtherKeys = old !== undefined && old.prefix !== policy.prefix
  const settings = { policy: { ...policy.world, hasOtherKeys }, old: old?.world }
  const simulation = new Simulation(settings, (session, before, after) => tally.take(session, before, after))
  const unread = await readLogs(sources, simulation, tally)
  simulation.finish()
  const result = tally.result(examples)
  if (result.sessions === 0) throw new Error(`${noSession}${unread > 0 ? `. ${unreadNote(unread)}` : ''}`)
  const notes = notesOf(policy, simulation.seen, unread)
  process.stdout.write(isJson ? `${jsonOf(result, notes)}\n` : reportText(result, notes, old !== undefined))
  const over = exceeded(limits, result)
  for (const text of over) console.error(`${name}: limit exceeded: ${text}`)
  return over.length > 0 ? 3 : 0
}

const noSession = 'there is no session in the log: it must have the lines of a gateway or of postscreen'

/** @returns how many lines could not be read */
async function readLogs(sources: readonly LogSource[], simulation: Simulation, tally: Tally): Promise<number> {
  const progress = progressBar(process.stderr, () => performance.now())
  const total = sources.every(({ size }) => size !== undefined) ? sources.reduce((sum, { size = 0 }) => sum + size, 0) : 0
  const show = async (): Promise<void> => {
    const done = sources.reduce((sum, { bytesRead }) => sum + bytesRead(), 0)
    progress.show(done, total, tally.sessions)
  }
  try {
    await readMerged(sources, (item) => simulation.take(item), show)
  } finally {
    progress.end()
  }
  return sources.reduce((sum, { unread }) => sum + unread(), 0)
}

function openNamed(log: string): LogSource {
  try {
    return openLogSource(log, Date.now())
  } catch (error) {
    throw new Error(`${log}: ${messageOf(error)}`, { cause: error })
  }
}

const jsonOf = (result: Result, notes: readonly string[]): string =>
  JSON.stringify(
    {
      ...result,
      firstAt: result.firstAt === undefined ? null : new Date(result.firstAt).toISOString(),
      lastAt: result.lastAt === undefined ? null : new Date(result.lastAt).toISOString(),
      minutes: result.minutes.map((minute) => ({ ...minute, at: new Date(minute.at).toISOString() })),
      notes,
    },
    undefined,
    2,
  )

export const simulateCommand: LoadedCommand = {
  run: simulate,
  options,
  values: { policy: 'file', old: 'file', spf: 'file', output: ['text', 'json'] },
  takes: 'file',
}
