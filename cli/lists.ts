// `postscreen lists`: tests DNS lists as the gateway does, and shows which of them can be trusted.
import { catalogue } from '../crds/dns-lists/catalogue.ts'
import { hostNameProblem } from '../crds/values/host.ts'
import { knownList } from '../crds/dns-lists/known-list.ts'
import { milliseconds, parseDuration } from '../crds/values/duration.ts'
import type { Endpoint } from '../crds/values/endpoint.ts'
import { visibleText } from '../crds/values/visible-text.ts'
import { compileRules } from '../gateway/core/rules.ts'
import { loadPolicy } from '../gateway/policy-files/policy-file.ts'
import { readArguments, wrongArguments } from './arguments.ts'
import { commandName } from './command-name.ts'
import type { LoadedCommand } from './command.ts'
import { failed } from './cluster/failed.ts'
import { atPolicy, meansCluster, type PlaceFlags, placeHelp, placeOptions, placeProblem } from './cluster/policy-place.ts'
import { hasFault, listsInCluster, listsText } from './lists/in-cluster.ts'
import { formatted, readOutput } from './output.ts'
import { type Checked, checkLists, type ListToCheck } from './lists/check.ts'
import { readResolverOption, resolverHelp, resolverOption } from './resolver-option.ts'
import { tableOf } from './lists/table.ts'

const name = commandName('lists')

const help = `Usage: ${name} check [DOMAIN…] [--policy FILE] [--resolver SERVER] [--timeout TIME] [-o FORM]
       ${name} check [DOMAIN…] -n NAMESPACE --policy-name NAME [-o FORM]

Tests DNS lists as the gateway does: first the DNS resolver, then each list at the addresses that it must contain and must not contain.
Without a DOMAIN and without a policy, it tests all lists of the built-in catalogue that need no key.

In a cluster (the default of kubectl postscreen) it shows what the gateways of a policy have found at their last tests, and asks no list itself:
lists answer other resolvers in another way.

  --policy FILE      test the lists of this policy, with its resolvers, keys and dnsbl.catalogue
${resolverHelp(21)}
  --timeout TIME     the time limit for each answer (5s)
${placeHelp}  -o, --output FORM  text (the default), wide, json or yaml

Exit codes: 0 if no list has a fault, 1 if one has, 2 for wrong arguments, 3 if the cluster or its gateways cannot be asked.
`

const forms = ['text', 'wide', 'json', 'yaml'] as const

const options = {
  ...placeOptions,
  help: { type: 'boolean', short: 'h' },
  policy: { type: 'string' },
  resolver: resolverOption,
  timeout: { type: 'string' },
  output: { type: 'string', short: 'o' },
} as const

interface Task {
  readonly lists: readonly ListToCheck[]
  readonly resolvers: readonly Endpoint[]
}

/** @returns the exit code */
export async function lists(args: readonly string[]): Promise<number> {
  const read = readArguments(name, help, { args: [...args], options, allowPositionals: true })
  if ('exit' in read) return read.exit
  const [verb, ...domains] = read.run.positionals
  const flags: Flags = read.run.values
  const { policy, resolver, timeout = '5s', output } = flags
  if (verb !== 'check') return wrongArguments(name, 'expected check')
  const form = readOutput(output, forms)
  if ('why' in form) return wrongArguments(name, form.why)
  const limit = parseDuration(timeout)
  if (limit === undefined || limit < 1 || limit > 300) return wrongArguments(name, '--timeout: expected a time from 1s to 5m')
  const bad = domains.find((domain) => hostNameProblem(domain) !== undefined)
  if (bad !== undefined) return wrongArguments(name, `${visibleText(bad)}: expected a domain name such as bl.example.org`)
  const servers = readResolverOption(resolver)
  if ('why' in servers) return wrongArguments(name, servers.why)
  const problem = placeProblem(flags, othersOf(flags))
  if (problem !== undefined) return wrongArguments(name, problem)
  if (meansCluster(flags, othersOf(flags).length > 0)) return inCluster(domains, flags)
  const task = policy === undefined ? withoutPolicy(domains) : ofPolicy(policy, domains)
  if (task === undefined) return 1
  const resolvers = servers.value.length > 0 ? servers.value : task.resolvers
  const checked = await checkLists(task.lists, resolvers, milliseconds(limit))
  print(checked, output)
  return checked.lists.some(({ state }) => state === 'faulty' || state === 'closed') ? 1 : 0
}

interface Flags extends PlaceFlags {
  readonly policy?: string
  readonly resolver?: readonly string[]
  readonly timeout?: string
  readonly output?: string
}

/** What is said of a test from this machine. */
const othersOf = ({ policy, resolver }: Flags): readonly string[] => [
  ...(policy === undefined ? [] : ['--policy']),
  ...(resolver === undefined ? [] : ['--resolver']),
]

async function inCluster(domains: readonly string[], flags: Flags): Promise<number> {
  try {
    return await atPolicy(flags, 'lists', async (place) => {
      const found = await listsInCluster(place, domains, (text) => console.error(visibleText(`${name}: warning: ${text}`)))
      const { output } = flags
      const text = output === 'json' || output === 'yaml' ? formatted(found, output) : `${listsText(found, Date.now()).join('\n')}\n`
      process.stdout.write(text)
      return hasFault(found) ? 1 : 0
    })
  } catch (error) {
    return failed(name, error)
  }
}

function withoutPolicy(domains: readonly string[]): Task {
  const open = catalogue.filter(({ kind, keyed, closed }) => kind !== 'names' && keyed !== true && closed === undefined)
  const named = domains.length > 0 ? domains : open.map(({ zone }) => zone)
  return { lists: named.map((domain) => ({ list: { domain }, known: knownList(domain), weights: [], shown: domain })), resolvers: [] }
}

/** The lists of a policy, or those of them that are named. Undefined: the policy has problems, which were printed. */
function ofPolicy(file: string, domains: readonly string[]): Task | undefined {
  const reading = loadPolicy(file)
  if ('problems' in reading) {
    for (const { path, why } of reading.problems) console.error(visibleText(`${file}: ${path}: ${why}`))
    return undefined
  }
  const { policy, tables, siteKeys, leftOut } = reading.loaded
  for (const { path, why } of leftOut) console.error(visibleText(`${file}: warning: ${path}: ${why}`))
  const { dnsbl } = compileRules(policy.spec, { hostname: 'localhost', tables, siteKeys, localTime: String })
  const wanted = dnsbl.lists.toReversed().filter(({ domain }) => domains.length === 0 || domains.includes(domain))
  const found = wanted.map((list) => ({
    list,
    known: dnsbl.known.get(list.domain) ?? knownList(list.domain),
    weights: dnsbl.sites.filter((site) => site.domain === list.domain && site.account === list.account).map(({ weight }) => weight),
    shown: dnsbl.replyMap.get(list.domain) ?? list.domain,
  }))
  return { lists: found, resolvers: policy.spec.dnsbl.resolvers }
}

function print(checked: Checked, output: string | undefined): void {
  if (output === 'json' || output === 'yaml') process.stdout.write(formatted(checked, output))
  else for (const line of tableOf(checked)) console.log(visibleText(line))
}

export const listsCommand: LoadedCommand = { run: lists, options, verbs: ['check'], values: { policy: 'file', output: forms } }
