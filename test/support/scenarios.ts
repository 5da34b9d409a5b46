// All scenarios of test/sessions, and the order in which a real server plays them: many at a time, each client address by itself.

import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Listener, PlayedLive } from './play-live.ts'
import { playLive, seenLive } from './play-live.ts'
import { Player } from './player.ts'
import type { SharedPolicy } from './policy-file.ts'
import { sessionsFolder, sharedPolicies } from './policy-file.ts'
import { absoluteRecord } from './relative-record.ts'
import type { DriverName, Seen, SessionFile } from './session-file.ts'
import { parseSession, withSeen } from './session-file.ts'

export interface Scenario extends SessionFile {
  readonly name: string
  readonly path: string
}

/** How many scenarios play at a time: few enough that a busy machine still keeps what was sent apart apart. */
const playersAtOnce = 24

/** Every scenario that `driver` plays; the variable ONLY picks those whose file name contains it. */
export function scenariosFor(driver: DriverName): Scenario[] {
  const only = process.env['ONLY'] ?? ''
  return allScenarios().filter((scenario) => !scenario.differs.has(driver) && scenario.name.includes(only))
}

/** Every scenario, by file name. */
export function allScenarios(): Scenario[] {
  const files = readdirSync(sessionsFolder).filter((file) => file.endsWith('.session'))
  return files.toSorted().map((file) => {
    const path = join(sessionsFolder, file)
    try {
      return { name: basename(file, '.session'), path, ...parseSession(readFileSync(path, 'utf8')) }
    } catch (error) {
      throw new Error(`${file}: ${String(error)}`, { cause: error })
    }
  })
}

/** The policies that scenarios use. */
export function policiesOf(scenarios: readonly Scenario[]): SharedPolicy[] {
  const used = new Set(scenarios.map((scenario) => scenario.policy))
  return [...sharedPolicies().values()].filter((policy) => used.has(policy.name))
}

/** What the allowlist of a policy must hold at the start: address -> record, its times counted from now. */
export function presetsOf(scenarios: readonly Scenario[], policy: SharedPolicy): Record<string, string> {
  const now = Math.floor(Date.now() / 1000)
  const presets = scenarios.filter((scenario) => scenario.policy === policy.name).flatMap((scenario) => [...scenario.remembered])
  return Object.fromEntries(presets.map(([address, record]) => [address, absoluteRecord(record, now)]))
}

/** Plays all against real listeners, then waits until the logs are complete. Gives what each has seen, or the error of its client. */
export async function playAll(
  scenarios: readonly Scenario[],
  listenerOf: (policy: string) => Listener,
): Promise<ReadonlyMap<string, Seen | Error>> {
  const played = new Map<string, PlayedLive | Error>()
  const playOne = async (scenario: Scenario): Promise<void> => {
    const result = await playLive(scenario, listenerOf(scenario.policy)).catch(
      (error: unknown) => new Error(String(error), { cause: error }),
    )
    played.set(scenario.name, result)
  }
  await wakeUp([...new Set(scenarios.map((scenario) => listenerOf(scenario.policy)))])
  const queues = inOrder(scenarios).values()
  const worker = async (): Promise<void> => {
    for (const queue of queues) for (const scenario of queue) await playOne(scenario)
  }
  await Promise.all(Array.from({ length: playersAtOnce }, worker))
  await logsComplete([...new Set(scenarios.map((scenario) => scenario.policy))].map(listenerOf))
  const seen = new Map<string, Seen | Error>()
  for (const scenario of scenarios) {
    const result = played.get(scenario.name)
    if (result === undefined || result instanceof Error) seen.set(scenario.name, result ?? new Error('was not played'))
    else seen.set(scenario.name, await seenLive(scenario, result, listenerOf(scenario.policy)))
  }
  return seen
}

/** Plays scenarios on servers that it starts and ends itself. */
export type PlayRound = (scenarios: readonly Scenario[]) => Promise<ReadonlyMap<string, Seen | Error>>

/** Whether a scenario came out as its file says. */
export function asWritten(scenario: Scenario, seen: Seen | Error | undefined): boolean {
  return seen !== undefined && !(seen instanceof Error) && withSeen(scenario, seen) === readFileSync(scenario.path, 'utf8')
}

/** A machine on which our own timers were this late, in milliseconds, did not keep the clients' times either. */
const lateMs = 100
const mostReplays = 4

/**
 * Plays all. Scenarios with another result are played again, alone and on fresh servers, since a busy machine merges
 * packets, and a real postscreen loses DNS lookups on it. If the machine has stalled then, the result is not a proof:
 * they are played again, a few times at most.
 */
export async function playSteadily(scenarios: readonly Scenario[], play: PlayRound): Promise<ReadonlyMap<string, Seen | Error>> {
  const seen = new Map(await play(scenarios))
  for (let replay = 1; replay <= mostReplays; replay++) {
    const otherwise = scenarios.filter((scenario) => !asWritten(scenario, seen.get(scenario.name)))
    if (otherwise.length === 0) break
    console.log(`played again alone: ${otherwise.map((scenario) => scenario.name).join(', ')}`)
    const late = monitorEventLoopDelay({ resolution: 10 })
    late.enable()
    const again = await play(withCompany(otherwise, scenarios))
    late.disable()
    for (const { name } of otherwise) seen.set(name, again.get(name) ?? new Error('was not played'))
    if (late.max / 1e6 < lateMs) break
  }
  return seen
}

/** Scenarios with the same memory of clients go along. */
function withCompany(some: readonly Scenario[], all: readonly Scenario[]): Scenario[] {
  const policies = new Set(some.filter((scenario) => scenario.alone).map((scenario) => scenario.policy))
  return all.filter((scenario) => some.includes(scenario) || (scenario.alone && policies.has(scenario.policy)))
}

/** Postfix starts a process when its first client comes; that should not be a scenario's. */
async function wakeUp(listeners: readonly Listener[]): Promise<void> {
  for (const listener of listeners) {
    const player = await Player.connect({ host: '127.0.0.1', port: listener.port, from: '127.0.0.1' })
    await player.close()
  }
  await sleep(500)
}

/** Queues that may run side by side. A scenario that plays alone keeps its policy to itself; longest queues first. */
function inOrder(scenarios: readonly Scenario[]): Scenario[][] {
  const alone = new Set(scenarios.filter((scenario) => scenario.alone).map((scenario) => scenario.policy))
  const queues = Map.groupBy(scenarios, (scenario) =>
    alone.has(scenario.policy) ? scenario.policy : `${scenario.policy}/${scenario.name}`,
  )
  return [...queues.values()].toSorted((a, b) => b.length - a.length)
}

/** Waits until no listener has logged anything for a while. */
async function logsComplete(listeners: readonly Listener[]): Promise<void> {
  const count = (): number => listeners.reduce((sum, listener) => sum + listener.log.count, 0)
  for (let before = -1, quiet = 0; quiet < 5;) {
    quiet = count() === before ? quiet + 1 : 0
    before = count()
    await sleep(100)
  }
}
