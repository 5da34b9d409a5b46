// `postscreen spf`: prints which networks the SPF records of domains permit, as access[].spf of a policy would.
import { milliseconds, parseDuration } from '../crds/values/duration.ts'
import type { Endpoint } from '../crds/values/endpoint.ts'
import { hostNameProblem } from '../crds/values/host.ts'
import { visibleText } from '../crds/values/visible-text.ts'
import { sendersOf } from '../gateway/core/spf/senders-of-policy.ts'
import { dnsServers } from '../gateway/dns/dns-servers.ts'
import { loadPolicy } from '../gateway/policy-files/policy-file.ts'
import { readArguments, wrongArguments } from './arguments.ts'
import { commandName } from './command-name.ts'
import type { LoadedCommand } from './command.ts'
import { readResolverOption, resolverHelp, resolverOption } from './resolver-option.ts'
import { spfBounds } from '../gateway/core/spf/spf-bounds.ts'
import { permittedBy } from '../gateway/core/spf/sender.ts'
import { expandDomains, networksOf } from './spf/expand-domains.ts'
import { expandedDomain, isComplete, textOf } from './spf/expanded-domain.ts'

const name = commandName('spf')

const help = `Usage: ${name} [DOMAIN…] [--policy FILE] [--resolver SERVER] [--timeout TIME] [-o text|json]

Prints the networks that the SPF record of each DOMAIN permits, with the rules and limits of access[].spf in a policy, and what is left
out and why.

  --policy FILE      the domains in spec.access of this policy, and its resolvers
${resolverHelp(21)}
  --timeout TIME     the time limit for each answer (10s)
  -o, --output FORM  text (the default) or json

Exit codes: 0 if every domain permits a network and was read completely, 1 if one does not or was not, 2 for wrong arguments.
`

const options = {
  help: { type: 'boolean', short: 'h' },
  policy: { type: 'string' },
  resolver: resolverOption,
  timeout: { type: 'string', default: '10s' },
  output: { type: 'string', short: 'o', default: 'text' },
} as const

/** @returns the exit code */
export async function spf(args: readonly string[]): Promise<number> {
  const read = readArguments(name, help, { args: [...args], options, allowPositionals: true })
  if ('exit' in read) return read.exit
  const { positionals, values } = read.run
  const { policy, resolver, timeout, output } = values
  const bad = positionals.find((domain) => hostNameProblem(domain) !== undefined)
  if (bad !== undefined) return wrongArguments(name, `${visibleText(bad)}: expected a domain such as example.com`)
  if (positionals.length === 0 && policy === undefined)
    return wrongArguments(name, 'expected a domain such as example.com, or --policy FILE')
  if (output !== 'text' && output !== 'json') return wrongArguments(name, '--output: expected text or json')
  const limit = parseDuration(timeout)
  if (limit === undefined || limit < 1 || limit > 300) return wrongArguments(name, '--timeout: expected a time from 1s to 5m')
  const servers = readResolverOption(resolver)
  if ('why' in servers) return wrongArguments(name, servers.why)
  const ofPolicy = policy === undefined ? { domains: [], resolvers: [] } : readSenders(policy)
  if (ofPolicy === undefined) return 1
  const domains = [...new Set([...positionals.map((domain) => domain.toLowerCase()), ...ofPolicy.domains])]
  const { servers: asked, queryTimeoutMs, attempts } = dnsServers(servers.value.length > 0 ? servers.value : ofPolicy.resolvers)
  const times = { timeoutMs: milliseconds(limit), queryTimeoutMs, attempts }
  if (domains.length === 0) console.error(visibleText(`${policy}: spec.access has no spf entry`))
  const found = await expandDomains(domains, { servers: asked, times })
  const { leftOut } = permittedBy(networksOf(ofPolicy.domains, found), spfBounds)
  const expanded = [...found].map(([domain, one]) => expandedDomain(domain, one, leftOut.get(domain)))
  if (output === 'json') console.log(JSON.stringify({ domains: expanded }, undefined, 2))
  else for (const line of expanded.flatMap(textOf)) console.log(visibleText(line))
  return expanded.every(isComplete) ? 0 : 1
}

interface PolicySenders {
  readonly domains: readonly string[]
  readonly resolvers: readonly Endpoint[]
}

/** Undefined: the policy has problems, which were printed. */
function readSenders(file: string): PolicySenders | undefined {
  const reading = loadPolicy(file, 'elsewhere')
  if ('problems' in reading) {
    for (const { path, why } of reading.problems) console.error(visibleText(`${file}: ${path}: ${why}`))
    return undefined
  }
  const { access, dnsbl } = reading.loaded.policy.spec
  return { domains: sendersOf(access).map(({ domain }) => domain), resolvers: dnsbl.resolvers }
}

export const spfCommand: LoadedCommand = { run: spf, options, values: { policy: 'file', output: ['text', 'json'] } }
