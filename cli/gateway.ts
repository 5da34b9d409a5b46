// `postscreen gateway`: runs the gateway until it is told to stop.
import { parseDuration } from '../crds/values/duration.ts'
import { visibleLines } from '../crds/values/visible-text.ts'
import { parseEndpoint, readHostPort, readResolver } from '../crds/values/endpoint.ts'
import type { Read } from '../crds/values/read.ts'
import { LogBatch } from '../gateway/observability/log-batch.ts'
import { openLog } from '../gateway/observability/log.ts'
import type { Gateway } from '../gateway/main.ts'
import type { PrimaryOptions } from '../gateway/process/workers/primary.ts'
import { stopSignal } from '../runtime/stop-signal.ts'
import { readArguments, wrongArguments } from './arguments.ts'

const name = 'postscreen gateway'

const help = `Usage: ${name} --policy FILE [OPTION]…

Screens mail clients by a PostscreenPolicy and hands clean ones on to a Postfix. Options win over the policy.

  --policy FILE             the policy; read again when it changes and on SIGHUP
  --await-policy            start also without a policy that can be used; listen once there is one
  --listen ADDR:PORT        where clients connect; may be given several times, port 0 takes a free one
  --backend HOST:PORT[,…]   where clean clients go
  --admin ADDR:PORT         /healthz /readyz /metrics /status; without it there is none; *:PORT is all addresses
  --resolver ADDR[:PORT]    DNS server for the DNSBLs; may be given several times
  --data-dir DIR            where the temporary allowlist is kept; without it, in memory
  --workers N               processes that share the work and, in --data-dir, the allowlist; one for each processor at most (1)
  --log-format json|postfix JSON records, or the lines that postscreen would write (json)
  --log-level info|debug    debug: health checks too (info)
  --drain-delay TIME        how long clients are still taken after SIGTERM, when it is no longer ready, and on until none
                            has come for a second, up to 30 s; 0s takes none (0s)
  --drain-timeout TIME      how long sessions may go on after that (60s)
  --help                    this text

Signals: SIGTERM and SIGINT stop accepting, wait for sessions to end, then exit; a second one exits at once. SIGHUP reads policy, keys and certificates again.
`

const options = {
  policy: { type: 'string' },
  'await-policy': { type: 'boolean' },
  listen: { type: 'string', multiple: true },
  backend: { type: 'string', multiple: true },
  admin: { type: 'string' },
  resolver: { type: 'string', multiple: true },
  'data-dir': { type: 'string' },
  workers: { type: 'string' },
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
  readonly 'log-format'?: string
  readonly 'log-level'?: string
  readonly 'drain-delay'?: string
  readonly 'drain-timeout'?: string
}

/** What is wrong with the values, or undefined. */
function problemOf(flags: Flags): string | undefined {
  if (flags.policy === undefined) return 'name the policy: --policy FILE'
  const format = flags['log-format'] ?? 'json'
  if (format !== 'json' && format !== 'postfix') return `--log-format must be json or postfix, not ${JSON.stringify(format)}`
  const level = flags['log-level'] ?? 'info'
  if (level !== 'info' && level !== 'debug') return `--log-level must be info or debug, not ${JSON.stringify(level)}`
  for (const flag of ['drain-delay', 'drain-timeout'] as const) {
    const time = flags[flag]
    if (time !== undefined && parseDuration(time) === undefined)
      return `--${flag} must be a time such as 60s or 5m, not ${JSON.stringify(time)}`
  }
  return workersProblem(flags) ?? endpointProblem(flags)
}

/** In memory each worker would have an allowlist of its own: a client that one of them has tested would be tested again by the others. */
function workersProblem({ workers = '1', 'data-dir': dataDir }: Flags): string | undefined {
  if (!/^[1-9][0-9]?$/.test(workers)) return `--workers must be a number from 1 to 99, not ${JSON.stringify(workers)}`
  if (workers !== '1' && dataDir === undefined) return '--workers takes --data-dir DIR: that is where they share the temporary allowlist'
  return undefined
}

/** Only the admin server takes `*`: clients come by IPv4 and IPv6 on sockets of their own, so that an IPv4 client is never seen by an IPv6 address. */
function endpointProblem(flags: Flags): string | undefined {
  const star = [...(flags.listen ?? []), ...(flags.backend ?? [])].find((text) => text.startsWith('*'))
  if (star !== undefined)
    return `${JSON.stringify(star)}: only --admin takes *; for all addresses give --listen 0.0.0.0:PORT and --listen [::]:PORT`
  const places = [...(flags.listen ?? []), ...(flags.admin === undefined ? [] : [flags.admin])]
  const bad = places.find((text) => parseEndpoint(text) === undefined)
  if (bad !== undefined) return `${JSON.stringify(bad)} is not of the form ADDR:PORT, such as 192.0.2.1:25 or [2001:db8::1]:25`
  return problemIn('backend', flags.backend, readHostPort) ?? problemIn('resolver', flags.resolver, readResolver)
}

function problemIn(flag: string, texts: readonly string[] | undefined, read: (text: string) => Read<unknown>): string | undefined {
  for (const text of texts ?? []) {
    const result = read(text)
    if ('why' in result) return `--${flag} ${JSON.stringify(text)}: ${result.why}`
  }
  return undefined
}

/** @returns the exit code, when the gateway has stopped */
export async function gateway(args: readonly string[]): Promise<number> {
  const read = readArguments(name, help, { args: [...args], options })
  if ('exit' in read) return read.exit
  const given = read.run.values as Flags
  const flags: Flags = { ...given, ...(given.backend === undefined ? {} : { backend: given.backend.flatMap((list) => list.split(',')) }) }
  const problem = problemOf(flags)
  if (problem !== undefined || flags.policy === undefined) return wrongArguments(name, problem ?? '')
  const out = new LogBatch(1)
  const logFormat = flags['log-format'] === 'postfix' ? 'postfix' : 'json'
  const logLevel = flags['log-level'] === 'debug' ? 'debug' : 'info'
  const log = openLog(logFormat, out, logLevel)
  const seconds = (flag: 'drain-delay' | 'drain-timeout', fallback: number): number => parseDuration(flags[flag] ?? '') ?? fallback
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
      ...(flags.listen === undefined ? {} : { listen: flags.listen }),
      ...(flags.backend === undefined ? {} : { backends: flags.backend }),
      ...(flags.admin === undefined ? {} : { admin: flags.admin }),
      ...(flags.resolver === undefined ? {} : { resolvers: flags.resolver }),
      ...(flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] }),
    })
    process.on('SIGHUP', () => running.reload())
    await Promise.race([stop, running.failed])
    log.info('draining')
    await running.drain(seconds('drain-timeout', 60) * 1000, seconds('drain-delay', 0) * 1000)
    log.info('stopped')
    await log.flush()
    return 0
  } catch (error) {
    await log.flush()
    console.error(visibleLines(`${name}: ${error instanceof Error ? error.message : String(error)}`))
    return 1
  }
}

/** Loads what is needed: a primary process takes no clients, so most of the gateway would only lie in its memory. */
async function start(asked: PrimaryOptions): Promise<Gateway> {
  if (asked.workers === 1) {
    const { startGateway } = await import('../gateway/main.ts')
    return startGateway(asked)
  }
  const { startWorkers } = await import('../gateway/process/workers/primary.ts')
  return startWorkers(asked)
}
