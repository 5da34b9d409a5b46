// `postscreen bans`: shows the networks that gateways refuse because they kept failing, adds one, or ends a ban.
import { visibleLines, visibleText } from '../crds/values/visible-text.ts'
import { parseDuration } from '../crds/values/duration.ts'
import type { BanChange, BanEntry } from '../gateway/bans/ban-page.ts'
import { codeOf, messageOf } from '../runtime/caught.ts'
import { readPolicy } from './allowlist/options.ts'
import { localTime, timeLeft } from './allowlist/table.ts'
import { bansInCluster, changeInPods } from './bans/in-cluster.ts'
import { failed } from './cluster/failed.ts'
import { atPolicy, meansCluster, type PlaceFlags, placeHelp, placeOptions, placeProblem, type PolicyPlace } from './cluster/policy-place.ts'
import { formatted, readOutput } from './output.ts'
import { readArguments, wrongArguments } from './arguments.ts'
import { commandName } from './command-name.ts'
import type { LoadedCommand } from './command.ts'
import { type BanPlace, gatewayPlace, valkeyPlace } from './bans/place.ts'
import { inColumns } from './columns.ts'
import { defaultGateway, gatewayBase, gatewayUrlProblem } from './gateway-url.ts'

const name = commandName('bans')

const help = `Usage: ${name} list [PLACE] [-o text|wide|json|yaml]
       ${name} add [PLACE] ADDRESS… [--for 1h]     ban the networks of these addresses
       ${name} remove [PLACE] ADDRESS…             end their bans, and forget their failures

Shows and changes the bans of networks that keep failing (spec.bans of the policy). A network is what the policy bans: bans.prefix gives its size,
and an address stands for its network. PLACE is one of
  --gateway URL    a gateway's admin server (default: ${defaultGateway}, as in a pod). It lets only programs on the same machine or in
                   the same pod make changes
  -n NAMESPACE --policy-name NAME   all gateways of a policy in a cluster (the default of kubectl postscreen): list adds them up; add and remove
                   print what to run in the pods, since a gateway accepts changes only from there
  --policy FILE    the Valkey server that all gateways of a policy share (allowlist.store: Valkey), with its secrets next to the policy file

  --for TIME       how long the ban lasts, at most bans.max (default: bans.for)
${placeHelp}
Gateways with a shared Valkey learn a change within seconds; without it, change each gateway.
Exit codes: 0 done, 1 there is no such ban, or the place cannot be used, 2 wrong arguments, 3 if the cluster or its gateways
cannot be asked, or the change must be made in the pods.
`

const options = {
  ...placeOptions,
  gateway: { type: 'string' },
  policy: { type: 'string' },
  for: { type: 'string' },
  output: { type: 'string', short: 'o' },
  help: { type: 'boolean', short: 'h' },
} as const

const forms = ['text', 'wide', 'json', 'yaml'] as const

interface Flags extends PlaceFlags {
  readonly gateway?: string
  readonly policy?: string
  readonly for?: string
  readonly output?: string
}

/** @returns the exit code; see the help */
export async function bans(args: readonly string[]): Promise<number> {
  const read = readArguments(name, help, { args: [...args], options, allowPositionals: true })
  if ('exit' in read) return read.exit
  const [verb = '', ...words] = read.run.positionals
  const flags: Flags = read.run.values
  const problem = problemOf(verb, words, flags)
  if (problem !== undefined) return wrongArguments(name, visibleText(problem))
  if (meansCluster(flags, flags.gateway !== undefined || flags.policy !== undefined)) return inCluster(verb, words, flags)
  try {
    const place = await openPlace(flags)
    try {
      return verb === 'list' ? await list(place, flags) : await change(place, changesOf(verb, words, flags))
    } finally {
      await place.close()
    }
  } catch (error) {
    if (codeOf(error) === 'EPIPE') return 0
    console.error(visibleLines(`${name}: ${messageOf(error)}`))
    return 1
  }
}

async function inCluster(verb: string, words: readonly string[], flags: Flags): Promise<number> {
  try {
    return await atPolicy(flags, 'bans', async (place) => {
      if (verb === 'list') return listOfGateways(place, flags)
      const length = flags.for === undefined ? [] : ['--for', flags.for]
      throw await changeInPods(place, [verb, ...words, ...length])
    })
  } catch (error) {
    return failed(name, error)
  }
}

async function listOfGateways(place: PolicyPlace, flags: Flags): Promise<number> {
  const { bans: found, asked } = await bansInCluster(place, (text) => console.error(visibleText(`${name}: warning: ${text}`)))
  print(found, flags, asked === 1 ? undefined : (network) => `${found.find((ban) => ban.network === network)?.gateways.length} of ${asked}`)
  return 0
}

function problemOf(verb: string, words: readonly string[], flags: Flags): string | undefined {
  const { gateway, policy, output, for: time } = flags
  if (verb !== 'list' && verb !== 'add' && verb !== 'remove') return 'expected one of list, add, remove'
  if (verb === 'list' && words[0] !== undefined) return `unexpected argument ${words[0]}`
  if (verb !== 'list' && words.length === 0) return 'expected an address'
  if (gateway !== undefined && policy !== undefined) return 'expected one of --gateway URL and --policy FILE'
  const notUrl = gateway === undefined ? undefined : gatewayUrlProblem(gateway)
  if (notUrl !== undefined) return notUrl
  if (output !== undefined && verb !== 'list') return '--output can be used only with list'
  const form = readOutput(output, forms)
  if ('why' in form) return form.why
  const others = (['gateway', 'policy'] as const).filter((flag) => flags[flag] !== undefined).map((flag) => `--${flag}`)
  const place = placeProblem(flags, others)
  if (place !== undefined) return place
  if (time !== undefined && verb !== 'add') return '--for can be used only with add'
  if (time !== undefined && !parseDuration(time)) return `--for must be a time such as 30m or 12h, not ${JSON.stringify(time)}`
  return undefined
}

async function openPlace({ gateway = defaultGateway, policy }: Flags): Promise<BanPlace> {
  return policy === undefined ? gatewayPlace(gatewayBase(gateway)) : await valkeyPlace(policy, readPolicy(policy))
}

function changesOf(verb: string, words: readonly string[], flags: Flags): readonly BanChange[] {
  const seconds = flags.for === undefined ? undefined : parseDuration(flags.for)
  return words.map((network) => {
    if (verb === 'remove') return { do: 'remove', network }
    return { do: 'add', network, ...(seconds !== undefined && { seconds }) }
  })
}

/** The first change that is refused for its form ends the command. */
async function change(place: BanPlace, changes: readonly BanChange[]): Promise<number> {
  let refused = 0
  for (const one of changes) {
    const { code, text } = await place.change(one)
    if (code === 400) return wrongArguments(name, visibleText(text))
    console.error(visibleText(text))
    if (code !== 200) refused++
  }
  return refused === 0 ? 0 : 1
}

async function list(place: BanPlace, flags: Flags): Promise<number> {
  print(await place.list(), flags)
  return 0
}

/** @param gatewaysOf how many gateways have the ban of this network, if there are several */
function print(entries: readonly BanEntry[], { output }: Flags, gatewaysOf?: (network: string) => string): void {
  if (output === 'json' || output === 'yaml') process.stdout.write(formatted({ bans: entries }, output))
  else
    process.stdout.write(
      rows(entries, gatewaysOf)
        .map((line) => `${visibleText(line)}\n`)
        .join(''),
    )
}

/** The bans that end last come first. */
function rows(entries: readonly BanEntry[], gatewaysOf?: (network: string) => string): readonly string[] {
  const now = Date.now() / 1000
  const cells = entries
    .toSorted((a, b) => (a.until < b.until ? 1 : a.until > b.until ? -1 : 0))
    .map(({ network, until, nth, by, refused }) => {
      const end = Date.parse(until) / 1000
      return [
        network,
        localTime(end),
        timeLeft(end - now),
        by === 'administrator' ? by : `ban ${nth}`,
        String(refused),
        ...(gatewaysOf === undefined ? [] : [gatewaysOf(network)]),
      ]
    })
  return inColumns([
    ['NETWORK', 'UNTIL', 'LEFT', 'MADE BY', ...(gatewaysOf === undefined ? ['REFUSED HERE'] : ['REFUSED', 'GATEWAYS'])],
    ...cells,
  ])
}

export const bansCommand: LoadedCommand = {
  run: bans,
  options,
  verbs: ['list', 'add', 'remove'],
  values: { policy: 'file', output: forms },
}
