// `postscreen bans`: shows the networks that gateways refuse because they kept failing, adds one, or ends a ban.
import { visibleLines, visibleText } from '../crds/values/visible-text.ts'
import { parseDuration } from '../crds/values/duration.ts'
import type { BanChange, BanEntry } from '../gateway/bans/ban-page.ts'
import { codeOf, messageOf } from '../runtime/caught.ts'
import { readPolicy } from './allowlist/options.ts'
import { localTime, timeLeft } from './allowlist/table.ts'
import { readArguments, wrongArguments } from './arguments.ts'
import { commandName } from './command-name.ts'
import type { LoadedCommand } from './command.ts'
import { type BanPlace, gatewayPlace, valkeyPlace } from './bans/place.ts'
import { inColumns } from './columns.ts'
import { defaultGateway, gatewayBase, gatewayUrlProblem } from './gateway-url.ts'

const name = commandName('bans')

const help = `Usage: ${name} list [PLACE] [-o text|json]
       ${name} add [PLACE] ADDRESS… [--for 1h]     ban the networks of these addresses
       ${name} remove [PLACE] ADDRESS…             end their bans, and forget their failures

Shows and changes the bans of networks that keep failing (spec.bans of the policy). A network is what the policy bans: bans.prefix gives its size,
and an address stands for its network. PLACE is one of
  --gateway URL    a gateway's admin server (default: ${defaultGateway}, as in a pod). It lets only programs on the same machine or in
                   the same pod make changes
  --policy FILE    the Valkey server that all gateways of a policy share (allowlist.store: Valkey), with its secrets next to the policy file

  --for TIME       how long the ban lasts, at most bans.max (default: bans.for)

Gateways with a shared Valkey learn a change within seconds; without it, change each gateway.
Exit codes: 0 done, 1 there is no such ban, or the place cannot be used, 2 wrong arguments.
`

const options = {
  gateway: { type: 'string' },
  policy: { type: 'string' },
  for: { type: 'string' },
  output: { type: 'string', short: 'o' },
  help: { type: 'boolean', short: 'h' },
} as const

type Flags = { readonly [K in Exclude<keyof typeof options, 'help'>]?: string | undefined }

/** @returns the exit code; see the help */
export async function bans(args: readonly string[]): Promise<number> {
  const read = readArguments(name, help, { args: [...args], options, allowPositionals: true })
  if ('exit' in read) return read.exit
  const [verb = '', ...words] = read.run.positionals
  const flags: Flags = read.run.values
  const problem = problemOf(verb, words, flags)
  if (problem !== undefined) return wrongArguments(name, visibleText(problem))
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

function problemOf(verb: string, words: readonly string[], flags: Flags): string | undefined {
  const { gateway, policy, output, for: time } = flags
  if (verb !== 'list' && verb !== 'add' && verb !== 'remove') return 'expected one of list, add, remove'
  if (verb === 'list' && words[0] !== undefined) return `unexpected argument ${words[0]}`
  if (verb !== 'list' && words.length === 0) return 'expected an address'
  if (gateway !== undefined && policy !== undefined) return 'expected one of --gateway URL and --policy FILE'
  const notUrl = gateway === undefined ? undefined : gatewayUrlProblem(gateway)
  if (notUrl !== undefined) return notUrl
  if (output !== undefined && verb !== 'list') return '--output can be used only with list'
  if (output !== undefined && output !== 'text' && output !== 'json') return `--output must be text or json, not ${JSON.stringify(output)}`
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
  let failed = 0
  for (const one of changes) {
    const { code, text } = await place.change(one)
    if (code === 400) return wrongArguments(name, visibleText(text))
    console.error(visibleText(text))
    if (code !== 200) failed++
  }
  return failed === 0 ? 0 : 1
}

async function list(place: BanPlace, { output }: Flags): Promise<number> {
  const entries = await place.list()
  if (output === 'json') process.stdout.write(`${JSON.stringify({ bans: entries }, undefined, 2)}\n`)
  else
    process.stdout.write(
      rows(entries)
        .map((line) => `${visibleText(line)}\n`)
        .join(''),
    )
  return 0
}

/** The bans that end last come first. */
function rows(entries: readonly BanEntry[]): readonly string[] {
  const now = Date.now() / 1000
  const cells = entries
    .toSorted((a, b) => (a.until < b.until ? 1 : a.until > b.until ? -1 : 0))
    .map(({ network, until, nth, by, refused }) => {
      const end = Date.parse(until) / 1000
      return [network, localTime(end), timeLeft(end - now), by === 'administrator' ? by : `ban ${nth}`, String(refused)]
    })
  return inColumns([['NETWORK', 'UNTIL', 'LEFT', 'MADE BY', 'REFUSED HERE'], ...cells])
}

export const bansCommand: LoadedCommand = {
  run: bans,
  options,
  verbs: ['list', 'add', 'remove'],
  values: { policy: 'file', output: ['text', 'json'] },
}
