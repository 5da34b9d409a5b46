// `postscreen gateway`: runs the gateway until it is told to stop.
import { parseDuration } from '../crds/duration.ts'
import { parseEndpoint } from '../gateway/io/endpoint-text.ts'
import { openLog } from '../gateway/io/log.ts'
import { type Gateway, startGateway } from '../gateway/main.ts'
import { readArguments, wrongArguments } from './arguments.ts'

const name = 'postscreen gateway'

const help = `Usage: ${name} --policy FILE [OPTION]…

Screens mail clients by a PostscreenPolicy and hands clean ones on to a Postfix. Options win over the policy.

  --policy FILE             the policy; read again when it changes and on SIGHUP
  --listen ADDR:PORT        where clients connect; may be given several times, port 0 takes a free one
  --backend HOST:PORT[,…]   where clean clients go
  --admin ADDR:PORT         /healthz /readyz /metrics /status; without it there is none
  --resolver ADDR[:PORT]    DNS server for the DNSBLs; may be given several times
  --data-dir DIR            where the temporary allowlist is kept; without it, in memory
  --log-format json|postfix JSON records, or the lines that postscreen would write (json)
  --drain-timeout TIME      how long sessions may go on after SIGTERM (60s)
  --help                    this text

Signals: SIGTERM and SIGINT stop accepting, wait for sessions to end, then exit; a second one exits at once. SIGHUP reads policy and certificates again.
`

const options = {
  policy: { type: 'string' },
  listen: { type: 'string', multiple: true },
  backend: { type: 'string', multiple: true },
  admin: { type: 'string' },
  resolver: { type: 'string', multiple: true },
  'data-dir': { type: 'string' },
  'log-format': { type: 'string' },
  'drain-timeout': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

interface Flags {
  readonly policy?: string
  readonly listen?: string[]
  readonly backend?: string[]
  readonly admin?: string
  readonly resolver?: string[]
  readonly 'data-dir'?: string
  readonly 'log-format'?: string
  readonly 'drain-timeout'?: string
}

/** What is wrong with the values, or undefined. */
function problemOf(flags: Flags): string | undefined {
  if (flags.policy === undefined) return 'name the policy: --policy FILE'
  const format = flags['log-format'] ?? 'json'
  if (format !== 'json' && format !== 'postfix') return `--log-format must be json or postfix, not ${JSON.stringify(format)}`
  const drain = flags['drain-timeout']
  if (drain !== undefined && parseDuration(drain) === undefined)
    return `--drain-timeout must be a time such as 60s or 5m, not ${JSON.stringify(drain)}`
  const endpoints = [...(flags.listen ?? []), ...(flags.backend ?? []), ...(flags.admin === undefined ? [] : [flags.admin])]
  const bad =
    endpoints.find((text) => parseEndpoint(text) === undefined) ?? flags.resolver?.find((text) => parseEndpoint(text, 53) === undefined)
  return bad === undefined ? undefined : `${JSON.stringify(bad)} is not of the form ADDR:PORT, such as 192.0.2.1:25 or [2001:db8::1]:25`
}

/** @returns the exit code, when the gateway has stopped */
export async function gateway(args: readonly string[]): Promise<number> {
  const read = readArguments(name, help, { args: [...args], options })
  if ('exit' in read) return read.exit
  const given = read.run.values as Flags
  const flags: Flags = { ...given, ...(given.backend === undefined ? {} : { backend: given.backend.flatMap((list) => list.split(',')) }) }
  const problem = problemOf(flags)
  if (problem !== undefined || flags.policy === undefined) return wrongArguments(name, problem ?? '')
  const log = openLog(flags['log-format'] === 'postfix' ? 'postfix' : 'json')
  try {
    const running = await startGateway({
      policyFile: flags.policy,
      log,
      ...(flags.listen === undefined ? {} : { listen: flags.listen }),
      ...(flags.backend === undefined ? {} : { backends: flags.backend }),
      ...(flags.admin === undefined ? {} : { admin: flags.admin }),
      ...(flags.resolver === undefined ? {} : { resolvers: flags.resolver }),
      ...(flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] }),
    })
    await untilStopped(running)
    log.info('draining')
    await running.drain((parseDuration(flags['drain-timeout'] ?? '60s') ?? 60) * 1000)
    log.info('stopped')
    await log.flush()
    return 0
  } catch (error) {
    await log.flush()
    console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`)
    return 1
  }
}

/** SIGHUP reloads; the first SIGTERM or SIGINT ends the wait, the second the process. */
function untilStopped(running: Gateway): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const stop = (): void => {
    process.off('SIGTERM', stop).off('SIGINT', stop)
    resolve()
  }
  process.on('SIGTERM', stop).on('SIGINT', stop)
  process.on('SIGHUP', () => running.reload())
  return promise
}
