// `postscreen spf`: prints which networks the SPF records of domains permit, as access[].spf of a policy would.
import type { Seconds } from '../crds/values/duration.ts'
import { milliseconds, parseDuration } from '../crds/values/duration.ts'
import { type Endpoint, readResolver } from '../crds/values/endpoint.ts'
import { hostNameProblem } from '../crds/values/host.ts'
import { visibleText } from '../crds/values/visible-text.ts'
import { spfBounds } from '../gateway/core/spf/spf-bounds.ts'
import { DnsClient } from '../gateway/dns/dns-client.ts'
import { dnsServers } from '../gateway/dns/dns-servers.ts'
import { type AskDns, resolveSpf } from '../gateway/spf/resolve-spf.ts'
import { systemClock } from '../runtime/clock.ts'
import { readArguments, wrongArguments } from './arguments.ts'
import { commandName } from './command-name.ts'
import type { LoadedCommand } from './command.ts'
import { type ExpandedDomain, expandedDomain, textOf } from './spf/expanded-domain.ts'

const name = commandName('spf')

const help = `Usage: ${name} DOMAIN… [--resolver ADDRESS[:PORT]] [--timeout TIME] [-o text|json]

Prints the networks that the SPF record of each DOMAIN permits, with the rules and limits of access[].spf in a policy, and what is left
out and why.

  --resolver ADDRESS the DNS server to use (repeatable). Default: those of this machine
  --timeout TIME     the time limit for each answer (10s)
  -o, --output FORM  text (the default) or json

Exit codes: 0 if every domain permits a network, 1 if one does not, 2 for wrong arguments.
`

const options = {
  help: { type: 'boolean', short: 'h' },
  resolver: { type: 'string', multiple: true },
  timeout: { type: 'string', default: '10s' },
  output: { type: 'string', short: 'o', default: 'text' },
} as const

const mostInFlight = 100

/** @returns the exit code */
export async function spf(args: readonly string[]): Promise<number> {
  const read = readArguments(name, help, { args: [...args], options, allowPositionals: true })
  if ('exit' in read) return read.exit
  const { positionals: domains, values } = read.run
  const { resolver = [], timeout, output } = values
  if (domains.length === 0) return wrongArguments(name, 'expected a domain such as example.com')
  const bad = domains.find((domain) => hostNameProblem(domain) !== undefined)
  if (bad !== undefined) return wrongArguments(name, `${visibleText(bad)}: expected a domain such as example.com`)
  if (output !== 'text' && output !== 'json') return wrongArguments(name, '--output: expected text or json')
  const limit = parseDuration(timeout)
  if (limit === undefined || limit < 1 || limit > 300) return wrongArguments(name, '--timeout: expected a time from 1s to 5m')
  const servers: Endpoint[] = []
  for (const written of resolver) {
    const server = readResolver(written)
    if ('why' in server) return wrongArguments(name, `--resolver: ${server.why}`)
    servers.push(server.value)
  }
  const expanded = await expandAll(domains, servers, limit)
  if (output === 'json') console.log(JSON.stringify({ domains: expanded }, undefined, 2))
  else for (const line of expanded.flatMap(textOf)) console.log(visibleText(line))
  return expanded.every(({ networks }) => networks.length > 0) ? 0 : 1
}

/** One domain after the other, so that a list of them is not a burst of questions. */
async function expandAll(domains: readonly string[], servers: readonly Endpoint[], limit: Seconds): Promise<readonly ExpandedDomain[]> {
  const client = new DnsClient({ ...dnsServers(servers), timeoutMs: milliseconds(limit), maxInFlight: mostInFlight, now: systemClock.now })
  const ask: AskDns = (domain, type) => new Promise((resolve) => client.ask(domain, 'spf', resolve, type))
  const expanded: ExpandedDomain[] = []
  try {
    for (const written of domains) {
      const domain = written.toLowerCase()
      // oxlint-disable-next-line no-await-in-loop -- see above
      expanded.push(expandedDomain(domain, await resolveSpf(domain, { ask, bounds: spfBounds, now: systemClock.now })))
    }
  } finally {
    client.close()
  }
  return expanded
}

export const spfCommand: LoadedCommand = { run: spf, options }
