// Slow-loris clients by the thousands, from processes of their own: they say a command letter by letter and stay. Meanwhile clients of the access list come.
import { type ChildProcess, fork } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { quantile } from '../laboratory/figures.ts'
import { gatewayFlags } from '../laboratory/gateway-flags.ts'
import { startMailSink } from '../laboratory/mail-sink.ts'
import { openFilesLimit } from '../laboratory/open-files-limit.ts'
import { cpuMicros, openFiles, residentBytes } from '../laboratory/process-use.ts'
import { permits, permitted, polite } from '../laboratory/scripts.ts'
import { startGatewayProcess } from '../peers/gateway.ts'
import { statusOf } from '../laboratory/status.ts'
import { Arrivals, type Kind } from '../laboratory/arrivals.ts'

/** What a process of lorises is told, and what it tells. */
export interface LorisOrder {
  readonly port: number
  readonly first: number
  readonly count: number
  /** Between two letters of one client. */
  readonly everyMs: number
}

export interface LorisState {
  /** Connections that have heard the gateway. */
  readonly heard: number
  readonly gone: number
}

export interface SlowLorisOptions {
  readonly lorises: number
  readonly seconds: number
  readonly everyMs: number
  readonly goodPerSecond: number
  /** The gateway's defaults for limits of sessions instead of none: it then is under stress and sends lorises away. */
  readonly usualLimits?: boolean
  readonly say?: (text: string) => void
}

export interface SlowLorisOutcome {
  readonly filesLimit: number
  /** Lorises that the gateway has in its dummy engine or greet wait when the good clients begin, and in the end. */
  readonly lorises: readonly [number, number]
  /** Files that the gateway has open meanwhile. */
  readonly files: number
  readonly residentBytes: number
  /** Of one core, while the good clients come; percent. */
  readonly cpu: number
  readonly good: { readonly came: number; readonly served: number; readonly wrong: Readonly<Record<string, number>> }
  /** Milliseconds from the call of a good client to its greeting: alone, and with the lorises. */
  readonly aloneMs: { readonly p50: number; readonly p99: number }
  readonly greetingMs: { readonly p50: number; readonly p99: number; readonly longest: number }
  /** The longest that the good clients' own process stood still meanwhile. */
  readonly pausedMs: number
}

const program = fileURLToPath(new URL('loris-clients.ts', import.meta.url))
const perProcess = 7000
const aloneSeconds = 4
const comingPatienceMs = 120_000

const spec = {
  hostname: 'mx.example.test',
  access: permits,
  greet: { action: 'Enforce', wait: '1s', stressWait: '1s' },
  deepTests: { pipelining: { enabled: true } },
} as const
const unlimited = { limits: { connectionsPerClient: 0, preQueue: 100_000, postQueue: 100_000 } } as const

export async function slowLoris(options: SlowLorisOptions): Promise<SlowLorisOutcome> {
  const { lorises, seconds, everyMs, goodPerSecond, usualLimits = false, say = () => undefined } = options
  const sink = await startMailSink('header')
  const flags = ['--backend', `127.0.0.1:${sink.port}`]
  const gateway = await startGatewayProcess({ spec: usualLimits ? spec : { ...spec, ...unlimited }, flags, nodeFlags: gatewayFlags })
  const kinds: readonly Kind[] = [
    { what: 'good', share: 1, client: (nth) => ({ from: permitted(nth), script: polite }), heard: /^221 /m, patienceMs: 30_000 },
  ]
  const { port } = gateway
  const visit = async (forSeconds: number) => {
    const arrivals = new Arrivals({ kinds, perSecond: goodPerSecond, port: () => port })
    await sleep(forSeconds * 1000)
    await arrivals.stop()
    return { tally: arrivals.tallies.get('good'), pausedMs: arrivals.longestPauseMs }
  }
  const { tally: alone } = await visit(aloneSeconds)
  const crowd = startLorises(port, lorises, everyMs)
  const began = performance.now()
  await crowd.heard(lorises, comingPatienceMs)
  say(`${lorises} lorises came within ${((performance.now() - began) / 1000).toFixed(1)} s`)
  // All have seen the greeting, and begin to drip.
  await sleep(3000)
  const inTheBeginning = await screened(gateway.admin)
  const files = openFiles(gateway.pid)
  const cpuBefore = cpuMicros(gateway.pid)
  const goodBegan = performance.now()
  const { tally: good, pausedMs } = await visit(seconds)
  const cpu = (cpuMicros(gateway.pid) - cpuBefore) / 10 / (performance.now() - goodBegan)
  const inTheEnd = await screened(gateway.admin)
  const resident = residentBytes(gateway.pid)
  crowd.stop()
  await gateway.stop()
  sink.stop()
  const words = good?.firstWordMs ?? []
  return {
    filesLimit: openFilesLimit(),
    lorises: [inTheBeginning, inTheEnd],
    files,
    residentBytes: resident,
    cpu,
    good: { came: good?.came ?? 0, served: good?.well ?? 0, wrong: Object.fromEntries(good?.wrong ?? []) },
    aloneMs: { p50: quantile(alone?.firstWordMs ?? [], 0.5), p99: quantile(alone?.firstWordMs ?? [], 0.99) },
    greetingMs: { p50: quantile(words, 0.5), p99: quantile(words, 0.99), longest: Math.max(...words) },
    pausedMs,
  }
}

async function screened(admin: string): Promise<number> {
  const { sessions } = await statusOf(admin)
  return (sessions['early'] ?? 0) + (sessions['smtp'] ?? 0)
}

/** Starts the processes. */
function startLorises(port: number, count: number, everyMs: number) {
  const processes = Array.from({ length: Math.ceil(count / perProcess) }, (_, i) => i)
  const states = new Map<ChildProcess, LorisState>()
  for (const i of processes) {
    const child = fork(program, { execArgv: [] })
    states.set(child, { heard: 0, gone: 0 })
    child.on('message', (state: LorisState) => states.set(child, state))
    const order: LorisOrder = { port, first: i * perProcess, count: Math.min(perProcess, count - i * perProcess), everyMs }
    child.send(order)
  }
  const sum = (): number => [...states.values()].reduce((total, { heard }) => total + heard, 0)
  return {
    /** Waits until so many have heard something. */
    heard: async (enough: number, patienceMs: number): Promise<void> => {
      for (const deadline = performance.now() + patienceMs; sum() < enough; await sleep(50)) {
        if (performance.now() > deadline) throw new Error(`only ${sum()} of ${enough} slow clients have heard the gateway`)
      }
    },
    stop: (): void => {
      for (const child of states.keys()) child.kill('SIGKILL')
    },
  }
}
