// Mixed load for a long time with a fault every few seconds: of the Valkey, of DNS, of one backend or another, of the policy file. In the end everything must be as flat as it was.
import { setTimeout as sleep } from 'node:timers/promises'
import { slope } from '../laboratory/figures.ts'
import { openFiles } from '../laboratory/process-use.ts'
import { askReport } from '../laboratory/reported.ts'
import { untilQuiet } from '../laboratory/status.ts'
import { Arrivals, type Kind, type Tally } from '../laboratory/arrivals.ts'
import type { Fleet } from './fleet.ts'
import { legitimate, zombies } from '../laboratory/mixed-clients.ts'
import { addressAlarms, listAlarms, listEpisodes, listsFoundHealthy, untilListsWork, watchFor } from './visible-faults.ts'
import { type Fault, rewrite, soakFaults } from './soak-faults.ts'
import { type Scene, type SceneOptions, setUpScene } from './soak-scene.ts'

export interface FaultySoakOptions {
  readonly seconds: number
  readonly perSecond: number
  /** Between the beginnings of two faults. */
  readonly everyMs: number
  readonly say?: (text: string) => void
  /** Those of `soakFaults` where left out. */
  readonly faults?: readonly Fault[]
  /** Beside the usual clients. */
  readonly strangers?: readonly Kind[]
  readonly scene?: SceneOptions
}

/** One look at the gateways: the larger value of the two. */
export interface Look {
  readonly seconds: number
  readonly sessions: number
  readonly rss: number
  /** Live objects and what they hold outside, after a garbage collection. */
  readonly live: number
  readonly files: number
  readonly timers: number
}

export interface FaultySoakOutcome {
  readonly tallies: ReadonlyMap<string, Tally>
  readonly sessions: number
  readonly faults: Readonly<Record<string, number>>
  readonly looks: readonly Look[]
  /** Bytes of live objects that each session leaves, in the second half: in the first, the table of clients seen lately fills (20,000). */
  readonly liveGrowth: number
  readonly rssGrowth: number
  /**
   * What the gateways have more at the end than at the start: sessions, lookups, timers, sockets, files. Empty if all
   * is well.
   */
  readonly left: Readonly<Record<string, number>>
  readonly internalErrors: number
  /** Episodes that a gateway should have shown and did not, or showed and should not have, with counts. */
  readonly unseen: Readonly<Record<string, number>>
  /** Of DNS lists, in the log of each gateway: every one has a line at either end. */
  readonly episodes: readonly { readonly begun: number; readonly ended: number }[]
  /** Lines that say that a DNS list cannot be trusted. */
  readonly listAlarms: readonly string[]
  /** Lines that say that the addresses of clients are lost. */
  readonly addressAlarms: readonly string[]
  readonly listsFoundHealthy: number
  /** Good clients that came while a fault lasted that may defer them. */
  readonly deferrable: number
}

const warmUpMs = 3000
const looksWanted = 20
/** No client waits longer than ten seconds for the slow DNS server; the rest is for a machine that is busy. */
const quietMs = 60_000
/** What is still there then is left: the longest that a connection may end slowly is a minute. */
const leftMs = 2 * quietMs

export async function faultySoak(options: FaultySoakOptions): Promise<FaultySoakOutcome> {
  const { seconds, perSecond, everyMs, say = () => undefined, faults = soakFaults, strangers = [] } = options
  const kinds = [...zombies, ...legitimate, ...strangers]
  const scene = await setUpScene(options.scene)
  const { fleet } = scene
  const come = (): Arrivals => new Arrivals({ kinds, perSecond, port: () => fleet.endpoints.port() })
  const warmingUp = come()
  await sleep(warmUpMs)
  await warmingUp.stop()
  const before = await holdings(scene)
  const began = performance.now()
  const elapsed = (): number => (performance.now() - began) / 1000
  const arrivals = come()
  const counts: Record<string, number> = {}
  const looks: Look[] = []
  const unseen: Record<string, number> = {}
  let deferrable = 0
  for (const fault of inShuffledTurns(faults)) {
    // On a busy machine a first turn may take longer than that.
    if (elapsed() > seconds && Object.keys(counts).length === faults.length) break
    counts[fault.what] = (counts[fault.what] ?? 0) + 1
    const visible = watchFor(fault, scene)
    const cameBefore = arrivals.came
    await fault.strike(scene)
    await sleep(everyMs * 0.6)
    for (const what of await visible.missing()) unseen[what] = (unseen[what] ?? 0) + 1
    await fault.mend(scene)
    await sleep(everyMs * 0.4)
    if (fault.defers === true) deferrable += arrivals.came - cameBefore
    if (elapsed() * looksWanted < seconds * (looks.length + 1)) continue
    const one = await look(fleet, elapsed(), arrivals.came)
    looks.push(one)
    say(lookLine(one))
  }
  rewrite(scene, 'well')
  await untilListsWork(scene)
  await arrivals.stop()
  const left = await leftOver(scene, before)
  const episodes = listEpisodes(scene)
  const alarms = { listAlarms: listAlarms(scene), addressAlarms: addressAlarms(scene), listsFoundHealthy: await listsFoundHealthy(scene) }
  const internalErrors = fleet.gateways.filter((gateway) => gateway.output().includes('internal error')).length
  await scene.stop()
  const later = looks.slice(Math.floor(looks.length / 2))
  const growth = (of: (one: Look) => number): number => slope(later.map((one) => ({ x: one.sessions / fleet.gateways.length, y: of(one) })))
  return {
    tallies: arrivals.tallies,
    sessions: arrivals.came,
    faults: counts,
    looks,
    liveGrowth: growth(({ live }) => live),
    rssGrowth: growth(({ rss }) => rss),
    left,
    internalErrors,
    unseen,
    deferrable,
    episodes,
    ...alarms,
  }
}

/** Each fault once before any comes again, in another order each time; without end. */
function* inShuffledTurns(faults: readonly Fault[]): Generator<Fault> {
  for (;;)
    yield* faults
      .map((fault) => ({ fault, lot: Math.random() }))
      .toSorted((a, b) => a.lot - b.lot)
      .map(({ fault }) => fault)
}

export function lookLine({ seconds, sessions, rss, live, files, timers }: Look): string {
  const mb = (bytes: number): string => (bytes / 1e6).toFixed(1)
  return `${seconds.toFixed(0).padStart(5)} s, ${sessions} sessions: ${mb(rss)} MB resident, ${mb(live)} MB live, ${files} files, ${timers} timers`
}

async function look(fleet: Fleet, seconds: number, sessions: number): Promise<Look> {
  const each = await Promise.all(
    fleet.gateways.map(async ({ pid }) => {
      const { rss, heapUsed, external, resources } = await askReport(pid)
      return { rss, live: heapUsed + external, files: openFiles(pid), timers: resources['Timeout'] ?? 0 }
    }),
  )
  const largest = (of: (one: (typeof each)[number]) => number): number => Math.max(...each.map(of))
  const files = largest((one) => one.files)
  return {
    seconds,
    sessions,
    rss: largest(({ rss }) => rss),
    live: largest(({ live }) => live),
    files,
    timers: largest(({ timers }) => timers),
  }
}

type Holdings = ReadonlyMap<string, number>

/** What the gateways hold when there are no clients: the sum of both. */
async function holdings({ fleet }: Scene): Promise<Holdings> {
  const sums = new Map<string, number>()
  const add = (name: string, count: number): void => void sums.set(name, (sums.get(name) ?? 0) + count)
  await fleet.endpoints.pause()
  for (const { admin, pid } of fleet.gateways) {
    for (const [name, count] of Object.entries(await untilQuiet(admin, quietMs))) add(name, count)
    const { resources } = await askReport(pid)
    for (const name of ['TCPSocketWrap', 'UDPWRAP', 'Timeout']) add(name, resources[name] ?? 0)
    add('files', openFiles(pid))
  }
  fleet.endpoints.resume()
  return sums
}

/** What they have more than before, once it no longer shrinks. */
async function leftOver(scene: Scene, before: Holdings): Promise<Readonly<Record<string, number>>> {
  for (const deadline = performance.now() + leftMs; ; await sleep(500)) {
    const now = await holdings(scene)
    const more = [...now].map(([name, count]) => [name, count - (before.get(name) ?? 0)] as const).filter(([, count]) => count > 0)
    if (more.length === 0 || performance.now() > deadline) return Object.fromEntries(more)
  }
}
