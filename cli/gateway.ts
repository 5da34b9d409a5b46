// `postscreen gateway`: runs the gateway until a stop signal.
import { milliseconds, parseDuration, seconds } from '../crds/values/duration.ts'
import { visibleLines } from '../crds/values/visible-text.ts'
import { type Endpoint, readHostPort, readListenEndpoint } from '../crds/values/endpoint.ts'
import { type Read, valueOf } from '../crds/values/read.ts'
import { LogBatch } from '../gateway/observability/log-batch.ts'
import { openLog } from '../gateway/observability/log.ts'
import type { Gateway } from '../gateway/process/gateway.ts'
import type { PrimaryOptions } from '../gateway/process/workers/primary.ts'
import { isNetworkChoice, networkChoices } from '../gateway/sockets/network.ts'
import { stopSignal } from '../runtime/stop-signal.ts'
import { readArguments, wrongArguments } from './arguments.ts'
import type { LoadedCommand } from './command.ts'
import { readResolverOption, resolverHelp, resolverOption } from './resolver-option.ts'

const name = 'postscreen gateway'

const help = `Usage: ${name} --policy FILE [OPTION]…

Screens mail clients according to a PostscreenPolicy and hands off clean clients to a mail server. Options override the policy.

  --policy FILE             the policy; it is read again when it changes and on SIGHUP
  --await-policy            start without a usable policy, and listen when there is one
  --listen ADDR:PORT        the address for clients; may be repeated; port 0 uses a free port
  --backend HOST:PORT[,…]   the mail servers that receive clean clients
  --admin ADDR:PORT         serve /healthz /readyz /metrics /status; *:PORT means all addresses (default: do not serve)
${resolverHelp(28)}
  --data-dir DIR            the directory of the temporary allowlist (default: in memory)
  --workers N               number of processes, at most one for each CPU core; they share the allowlist in --data-dir (1)
  --io auto|node            the sockets: those of Linux where they can be used, or those of Node (auto)
  --log-format json|postfix JSON records, or the log lines of postscreen (json)
  --log-level info|debug    debug: also log health checks (info)
  --drain-delay TIME        after SIGTERM, accept new clients for this time while reporting not ready, and for up to 30 s more
                            until no client has connected for a second; 0s: accept no new clients (0s)
  --drain-timeout TIME      the time limit for sessions after that (60s)
  --help                    show this text

Signals: SIGTERM and SIGINT stop accepting clients, wait for sessions to end, then exit; a second one exits at once. SIGHUP reads the policy, keys and certificates again.
`

const options = {
  policy: { type: 'string' },
  'await-policy': { type: 'boolean' },
  listen: { type: 'string', multiple: true },
  backend: { type: 'string', multiple: true },
  admin: { type: 'string' },
  resolver: resolverOption,
  'data-dir': { type: 'string' },
  workers: { type: 'string' },
  io: { type: 'string' },
  'log-format': { type: 'string' },
  'log-level': { type: 'string' },
  'drain-delay': { type: 'string' },
  'drain-timeout': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

interface Flags {
  readonly policy?: string
  readonly 'await-policy'?: boolean
  readonly listen?: string[]
  readonly backend?: string[]
  readonly admin?: string
  readonly resolver?: string[]
  readonly 'data-dir'?: string
  readonly workers?: string
  readonly io?: string
  readonly 'log-format'?: string
  readonly 'log-level'?: string
  readonly 'drain-delay'?: string
  readonly 'drain-timeout'?: string
}

/** What is wrong with the values, or undefined. */
function problemOf(flags: Flags): string | undefined {
  if (flags.policy === undefined) return 'expected a policy: --policy FILE'
  const format = flags['log-format'] ?? 'json'
  if (format !== 'json' && format !== 'postfix') return `--log-format must be json or postfix, not ${JSON.stringify(format)}`
  const level = flags['log-level'] ?? 'info'
  if (level !== 'info' && level !== 'debug') return `--log-level must be info or debug, not ${JSON.stringify(level)}`
  if (flags.io !== undefined && !isNetworkChoice(flags.io))
    return `--io must be ${networkChoices.join(' or ')}, not ${JSON.stringify(flags.io)}`
  for (const flag of ['drain-delay', 'drain-timeout'] as const) {
    const time = flags[flag]
    if (time !== undefined && parseDuration(time) === undefined)
      return `--${flag} must be a time such as 60s or 5m, not ${JSON.stringify(time)}`
  }
  return workersProblem(flags)
}

/**
 * In memory, each worker would have its own allowlist, so a client that one worker has tested would be tested again by
 * the others.
 */
function workersProblem({ workers = '1', 'data-dir': dataDir }: Flags): string | undefined {
  if (!/^[1-9][0-9]?$/.test(workers)) return `--workers must be a number from 1 to 99, not ${JSON.stringify(workers)}`
  if (workers !== '1' && dataDir === undefined) return '--workers needs --data-dir DIR, where the processes share the temporary allowlist'
  return undefined
}

/** The endpoints of the command line. Those that it does not give are empty. */
interface Endpoints {
  readonly listen: readonly Endpoint[]
  readonly backends: readonly Endpoint[]
  readonly admin: Endpoint | undefined
  readonly resolvers: readonly Endpoint[]
}

/**
 * Only the admin server accepts `*`. Clients connect over IPv4 and IPv6 on separate sockets, so that an IPv4 client
 * never appears with an IPv6 address.
 */
function readEndpoints(flags: Flags): Read<Endpoints> {
  const lists = [...(flags.listen ?? []), ...(flags.backend ?? [])]
  const star = lists.find((text) => text.startsWith('*'))
  if (star !== undefined)
    return { why: `${JSON.stringify(star)}: only --admin accepts *; for all addresses use --listen 0.0.0.0:PORT and --listen [::]:PORT` }
  const listen = readEach('listen', flags.listen, readListenEndpoint)
  const backends = readEach('backend', flags.backend, readHostPort)
  const admin = readEach('admin', flags.admin === undefined ? [] : [flags.admin], readListenEndpoint)
  const resolvers = readResolverOption(flags.resolver)
  for (const read of [listen, backends, admin, resolvers]) if ('why' in read) return read
  return { value: { listen: valueOf(listen), backends: valueOf(backends), admin: valueOf(admin)[0], resolvers: valueOf(resolvers) } }
}

/** The values of a flag that may be repeated, or what is wrong with the first text that is refused. */
function readEach(flag: string, texts: readonly string[] = [], read: (text: string) => Read<Endpoint>): Read<readonly Endpoint[]> {
  const values: Endpoint[] = []
  for (const text of texts) {
    const result = read(text)
    if ('why' in result) return { why: `--${flag} ${JSON.stringify(text)}: ${result.why}` }
    values.push(result.value)
  }
  return { value: values }
}

/** @returns the exit code, after the gateway has stopped */
export async function gateway(args: readonly string[]): Promise<number> {
  const read = readArguments(name, help, { args: [...args], options })
  if ('exit' in read) return read.exit
  const given = read.run.values as Flags
  const flags: Flags = { ...given, ...(given.backend === undefined ? {} : { backend: given.backend.flatMap((list) => list.split(',')) }) }
  const problem = problemOf(flags)
  if (problem !== undefined || flags.policy === undefined) return wrongArguments(name, problem ?? '')
  const endpoints = readEndpoints(flags)
  if ('why' in endpoints) return wrongArguments(name, endpoints.why)
  const out = new LogBatch(1)
  const logFormat = flags['log-format'] === 'postfix' ? 'postfix' : 'json'
  const logLevel = flags['log-level'] === 'debug' ? 'debug' : 'info'
  const log = openLog(logFormat, out, logLevel)
  try {
    const stop = stopSignal()
    const running = await start({
      workers: Number(flags.workers ?? 1),
      policyFile: flags.policy,
      log,
      logFormat,
      logLevel,
      lines: (text) => out.write(text),
      awaitPolicy: flags['await-policy'] ?? false,
      ...endpoints.value,
      ...optionsOf(flags),
    })
    process.on('SIGHUP', () => running.reload())
    await Promise.race([stop, running.failed])
    log.info('draining')
    await running.drain(msOf(flags['drain-timeout'] ?? '60s'), msOf(flags['drain-delay'] ?? '0s'))
    log.info('stopped')
    await log.flush()
    return 0
  } catch (error) {
    await log.flush()
    console.error(visibleLines(`${name}: ${error instanceof Error ? error.message : String(error)}`))
    return 1
  }
}

/** Milliseconds of a time that has been checked. */
const msOf = (text: string): number => milliseconds(parseDuration(text) ?? seconds(0))

/** The options that have no default of their own. */
function optionsOf(flags: Flags): Partial<PrimaryOptions> {
  return {
    ...(flags.io === undefined || !isNetworkChoice(flags.io) ? {} : { io: flags.io }),
    ...(flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] }),
  }
}

/** Loads the modules on demand: a primary process accepts no clients, so most of the gateway would only use memory. */
async function start(asked: PrimaryOptions): Promise<Gateway> {
  if (asked.workers === 1) {
    const { startGateway } = await import('../gateway/main.ts')
    return startGateway(asked)
  }
  const { startWorkers } = await import('../gateway/process/workers/primary.ts')
  return startWorkers(asked)
}

export const gatewayCommand: LoadedCommand = {
  run: gateway,
  options,
  values: {
    ...{ policy: 'file', 'data-dir': 'folder', io: networkChoices },
    ...{ 'log-format': ['json', 'postfix'], 'log-level': ['info', 'debug'] },
  },
}
