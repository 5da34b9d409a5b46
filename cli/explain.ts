// `postscreen explain`: says what happens to a client and why, from a policy, a gateway, or all gateways of a cluster.
import { canonicalAddress } from '../crds/values/address.ts'
import { visibleLines, visibleText } from '../crds/values/visible-text.ts'
import { valueOf } from '../crds/values/read.ts'
import { codeOf, messageOf } from '../runtime/caught.ts'
import { readArguments, wrongArguments } from './arguments.ts'
import { commandName } from './command-name.ts'
import type { LoadedCommand } from './command.ts'
import type { AskAll, GatewayAnswer } from './explain/answer.ts'
import { openCluster } from './cluster/cluster.ts'
import { onePolicy } from './cluster/policies.ts'
import { meansCluster, type PlaceFlags, placeHelp, placeOptions, placeProblem } from './cluster/policy-place.ts'
import { clusterAsk } from './explain/ask-cluster.ts'
import { askGateway } from './explain/ask-gateway.ts'
import { differencesOf } from './explain/differences.ts'
import { exitCodeOf, exitCodes, worstOf } from './explain/exit-code.ts'
import { subjectsOf, wordWhy } from './explain/subjects.ts'
import { textOf } from './explain/text.ts'
import { defaultGateway, gatewayBase, gatewayUrlProblem } from './gateway-url.ts'
import { formatted, readOutput } from './output.ts'
import { readResolverOption, resolverHelp, resolverOption } from './resolver-option.ts'

const name = commandName('explain')

const help = `Usage: ${name} ADDRESS [PLACE] [OPTION]…

Says what happens now to a client that behaves well, and why: the access rule that matches, its record in the temporary allowlist, what every
DNS list answers, the score, limits, the verdict, and the recent sessions that the gateways remember. ADDRESS is an address, a network such
as 192.0.2.0/24, or a host name. PLACE is one of
  --gateway URL                        a gateway's admin server (default: ${defaultGateway}, as in a pod and for the demo)
  -n NAMESPACE --policy-name NAME      all gateways of a policy in a cluster, and where they differ (the default of kubectl postscreen)
  --policy FILE                        a policy file, without a gateway: no sessions and no limits are known

  --server ADDRESS       the server address that the client connects to, for allowlist.interfaces
  --data-dir DIR         with --policy: the data directory of a gateway, for its allowlist
${resolverHelp(25, 'with --policy: ')}
${placeHelp}  -o, --output text|wide|json|yaml   (text)

In a cluster it needs the verb list on postscreenpolicies and pods, and get on pods/proxy.
Exit codes: ${exitCodes.handedOff} the client is handed off to a mail server, ${exitCodes.notExplained} nothing could be explained, ${exitCodes.wrongArguments} wrong arguments, ${exitCodes.refused} it is refused,
${exitCodes.deferred} it is told to come again or is a health check, ${exitCodes.differ} the gateways do not agree. Of several addresses, the first of 1, 5, 3 and 4 that applies.
A network has no verdict: ${exitCodes.handedOff}.
`

const options = {
  ...placeOptions,
  gateway: { type: 'string' },
  policy: { type: 'string' },
  server: { type: 'string' },
  'data-dir': { type: 'string' },
  resolver: resolverOption,
  output: { type: 'string', short: 'o' },
  help: { type: 'boolean', short: 'h' },
} as const

const forms = ['text', 'wide', 'json', 'yaml'] as const

interface Flags extends PlaceFlags {
  readonly gateway?: string
  readonly policy?: string
  readonly server?: string
  readonly 'data-dir'?: string
  readonly resolver?: readonly string[]
  readonly output?: string
}

/** @returns the exit code; see the help */
export async function explain(args: readonly string[]): Promise<number> {
  const read = readArguments(name, help, { args: [...args], options, allowPositionals: true })
  if ('exit' in read) return read.exit
  const flags = read.run.values as Flags
  const [word, ...more] = read.run.positionals
  if (word === undefined || more.length > 0) return wrongArguments(name, `expected one ADDRESS, which ${wordWhy}`)
  const problem = problemOf(flags)
  if (problem !== undefined) return wrongArguments(name, problem)
  const found = await subjectsOf(word)
  if ('why' in found) {
    if (found.isArgument) return wrongArguments(name, visibleText(found.why))
    console.error(visibleText(`${name}: ${found.why}`))
    return exitCodes.notExplained
  }
  try {
    const { ask, close } = await openPlace(flags)
    try {
      return await explainAll(found.subjects, ask, flags)
    } finally {
      await close()
    }
  } catch (error) {
    if (codeOf(error) === 'EPIPE') return exitCodes.handedOff
    console.error(visibleLines(`${name}: ${messageOf(error)}`))
    return exitCodes.notExplained
  }
}

function problemOf(flags: Flags): string | undefined {
  const places = otherPlaces(flags)
  if (places.length > 1) return `expected one of --gateway URL, -n NAMESPACE --policy-name NAME, --policy FILE, not ${places.join(' and ')}`
  const problem = placeProblem(flags, places)
  if (problem !== undefined) return problem
  for (const flag of ['data-dir', 'resolver'] as const)
    if (flags[flag] !== undefined && flags.policy === undefined) return `--${flag} can be used only with --policy`
  const { server, output, gateway = defaultGateway } = flags
  if (server !== undefined && canonicalAddress(server) === undefined)
    return `--server ${JSON.stringify(server)}: must be an address such as 192.0.2.1`
  const form = readOutput(output, forms)
  if ('why' in form) return form.why
  const resolvers = readResolverOption(flags.resolver)
  return 'why' in resolvers ? resolvers.why : gatewayUrlProblem(gateway)
}

/** The flags of places outside a cluster. */
const otherPlaces = (flags: Flags): readonly string[] =>
  (['gateway', 'policy'] as const).filter((flag) => flags[flag] !== undefined).map((flag) => `--${flag}`)

interface OpenedPlace {
  readonly ask: AskAll
  close(): Promise<void>
}

async function openPlace(flags: Flags): Promise<OpenedPlace> {
  const { policy, gateway = defaultGateway } = flags
  if (policy !== undefined) {
    // Loaded only here: asking a gateway needs none of its modules.
    const { policyAsk } = await import('./explain/ask-policy.ts')
    const warn = (text: string): void => console.error(visibleText(`${name}: warning: ${text}`))
    return await policyAsk({ file: policy, dataDir: flags['data-dir'], resolvers: valueOf(readResolverOption(flags.resolver)), warn })
  }
  if (!meansCluster(flags, otherPlaces(flags).length > 0)) return { ask: askGateway(gatewayBase(gateway)), close: () => Promise.resolve() }
  const cluster = openCluster(flags, 'explain')
  try {
    const { metadata } = await onePolicy(cluster, flags['policy-name'])
    const place = { namespace: metadata.namespace ?? '', policy: metadata.name, isInside: cluster.isInside }
    return { ask: await clusterAsk({ client: cluster.client, ...place }), close: () => cluster.close() }
  } catch (error) {
    await cluster.close()
    throw error
  }
}

interface Result {
  readonly subject: string
  readonly answers: readonly GatewayAnswer[]
}

async function explainAll(subjects: readonly string[], ask: AskAll, { server, output }: Flags): Promise<number> {
  const results: Result[] = []
  for (const subject of subjects) {
    const answers = await ask(subject, server)
    results.push({ subject, answers })
    if (!isData(output)) print(subject, answers, results.length > 1)
  }
  const code = worstOf(results.map(({ answers }) => exitCodeOf(answers)))
  if (isData(output)) {
    const explained = results.map(({ subject, answers }) => ({
      subject,
      exitCode: exitCodeOf(answers),
      answers,
      differences: differencesOf(answers),
    }))
    process.stdout.write(formatted({ exitCode: code, explained }, output))
  }
  return code
}

const isData = (output: string | undefined): output is 'json' | 'yaml' => output === 'json' || output === 'yaml'

function print(subject: string, answers: readonly GatewayAnswer[], isFurther: boolean): void {
  const text = textOf(subject, answers, differencesOf(answers))
  if (answers.every(({ page }) => page === undefined)) process.stderr.write(`${name}: ${text}`)
  else process.stdout.write(`${isFurther ? '\n' : ''}${text}`)
}

export const explainCommand: LoadedCommand = {
  run: explain,
  options,
  values: { policy: 'file', 'data-dir': 'folder', output: forms },
}
