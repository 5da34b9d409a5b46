// Reads the logs of gateways, side by side: those that are there, and while they are followed also those that come.
import { StringDecoder } from 'node:string_decoder'
import { setTimeout as pause } from 'node:timers/promises'
import type { PodLogOptions } from '../../operator/kube/kube-client.ts'
import { KubeError } from '../../operator/kube/kube-error.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { type Gateway, gatewaysOf } from '../cluster/gateways.ts'
import { ClusterError, clusterError } from '../cluster/needs.ts'
import { type LogLine, LogLines } from './log-record.ts'

export interface LogReading {
  readonly cluster: Cluster
  /** Undefined: the gateways of all policies. */
  readonly policy: string | undefined
  readonly isFollowing: boolean
  readonly sinceSeconds: number | undefined
  readonly tailLines: number | undefined
  readonly signal: AbortSignal
  readonly take: (gateway: string, line: LogLine) => void
  /** Resolves when more can be taken. */
  readonly ready: () => Promise<void>
  /** Something about the reading itself: a gateway has come or gone. */
  readonly note: (text: string) => void
}

/** How often gateways are looked for, and a log is read again that broke off. */
const lookEveryMs = 5000
/** A longer line is skipped: no line of a gateway is as long. */
const longestLine = 1 << 20

/**
 * Reads until the logs end; following, until the signal. Rejects with a ClusterError if there is no gateway, or the
 * logs may not be read.
 */
export async function readLogs(reading: LogReading): Promise<void> {
  const { cluster, policy, isFollowing, signal } = reading
  const first = await loggingOf(cluster, policy)
  if (first.length === 0) throw new ClusterError('no gateway is running', 404)
  if (!isFollowing) return readMerged(reading, first)
  const known = new Map<string, Promise<void>>()
  const begin = (gateway: Gateway, isNew: boolean): void => {
    known.set(nameOf(gateway), followGateway(reading, gateway, isNew))
  }
  for (const gateway of first) begin(gateway, false)
  // A failure of one of them must not wait for the others.
  const failure = Promise.withResolvers<never>()
  for (const one of known.values()) one.catch((error: unknown) => failure.reject(error))
  failure.promise.catch(() => undefined)
  await Promise.race([failure.promise, watchGateways(reading, known, begin)])
  if (!signal.aborted) await Promise.all(known.values())
}

const nameOf = ({ namespace, name }: Gateway): string => `${namespace}/${name}`

/** A pod that has not started yet has no log. One that ends still writes. */
const loggingOf = async (cluster: Cluster, policy: string | undefined): Promise<readonly Gateway[]> =>
  (await gatewaysOf(cluster, policy)).filter(({ address, isEnding }) => address !== undefined || isEnding)

async function watchGateways(
  { cluster, policy, signal, note }: LogReading,
  known: Map<string, Promise<void>>,
  begin: (gateway: Gateway, isNew: boolean) => void,
): Promise<void> {
  let there = new Set(known.keys())
  while (!signal.aborted) {
    await pause(lookEveryMs, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return
    const found = await loggingOf(cluster, policy).catch(() => undefined)
    if (found === undefined) continue
    const names = new Set(found.map(nameOf))
    for (const gateway of found) {
      if (there.has(nameOf(gateway))) continue
      note(`${gateway.name} has started; ${count(names.size)} followed`)
      begin(gateway, true)
    }
    for (const name of there) if (!names.has(name)) note(`${name.split('/')[1]} is gone; ${count(names.size)} followed`)
    there = names
  }
}

const count = (gateways: number): string => (gateways === 1 ? '1 gateway is' : `${gateways} gateways are`)

/** The lines of all logs in the order of their times. Each log is in this order; milliseconds do not matter. */
async function readMerged(reading: LogReading, gateways: readonly Gateway[]): Promise<void> {
  const { cluster, sinceSeconds, tailLines, signal, take, ready } = reading
  const options: PodLogOptions = {
    container: 'gateway',
    ...(sinceSeconds !== undefined && { sinceSeconds }),
    ...(tailLines !== undefined && { tailLines }),
  }
  const heads = await Promise.all(
    gateways.map(async (gateway) => {
      const lines = linesOf(cluster.client.podLog(gateway.namespace, gateway.name, options, signal))
      return { gateway, lines, next: await nextOf(gateway, lines, signal) }
    }),
  )
  for (;;) {
    const there = heads.filter(({ next }) => next !== undefined)
    const [first] = there.toSorted((a, b) => (a.next?.time ?? 0) - (b.next?.time ?? 0))
    if (first?.next === undefined) return
    take(first.gateway.name, first.next)
    first.next = await nextOf(first.gateway, first.lines, signal)
    await ready()
  }
}

/** The next line; undefined at the end. */
async function nextOf({ namespace }: Gateway, lines: AsyncGenerator<LogLine>, signal: AbortSignal): Promise<LogLine | undefined> {
  try {
    const { value, done } = await lines.next()
    return done === true ? undefined : value
  } catch (error) {
    if (signal.aborted) return undefined
    throw clusterError({ verb: 'get', resource: 'pods/log', namespace }, error)
  }
}

/** Follows one log, again and again while the pod is there. */
async function followGateway(reading: LogReading, gateway: Gateway, isNew: boolean): Promise<void> {
  const { cluster, signal, sinceSeconds, tailLines, take } = reading
  const { namespace, name } = gateway
  const position = new Position()
  const since = isNew || sinceSeconds === undefined ? {} : { sinceSeconds }
  const tail = isNew ? {} : tailLines === undefined ? (sinceSeconds === undefined ? { tailLines: 0 } : {}) : { tailLines }
  let options: PodLogOptions = { container: 'gateway', ...since, ...tail }
  for (;;) {
    try {
      const log = cluster.client.podLog(namespace, name, { ...options, follow: true }, signal)
      for await (const line of linesOf(log)) if (position.isNew(line)) take(name, line)
    } catch (error) {
      if (signal.aborted) return
      if (!isPassing(error)) throw clusterError({ verb: 'get', resource: 'pods/log', namespace }, error)
      if (error instanceof KubeError && error.status === 404) return
    }
    await pause(lookEveryMs, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return
    options = { container: 'gateway', ...(position.time === undefined ? since : { sinceTime: new Date(position.time).toISOString() }) }
    position.rewind()
  }
}

/** The connection broke off, the API server is busy, or the pod is gone. */
const isPassing = (error: unknown): boolean =>
  error instanceof KubeError && (error.status === 0 || error.status === 404 || error.status >= 429)

/** Where a log was read to. A log is read again from a whole second: its first lines are known then. */
class Position {
  time: number | undefined
  #atTime = 0
  #skip = 0
  #from: number | undefined

  rewind(): void {
    this.#from = this.time
    this.#skip = this.#atTime
  }

  isNew({ time }: LogLine): boolean {
    if (this.#from !== undefined && time < this.#from) return false
    if (this.#from === time && this.#skip > 0) {
      this.#skip--
      return false
    }
    this.#atTime = this.time === time ? this.#atTime + 1 : 1
    this.time = time
    return true
  }
}

async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<LogLine> {
  const decoder = new StringDecoder('utf8')
  const reader = new LogLines(Date.now())
  let rest = ''
  for await (const piece of pieces) {
    const lines = (rest + decoder.write(Buffer.from(piece))).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > longestLine) rest = ''
    for (const text of lines) {
      const line = reader.read(text)
      if (line !== undefined) yield line
    }
  }
  const last = reader.read(rest)
  if (last !== undefined) yield last
}
