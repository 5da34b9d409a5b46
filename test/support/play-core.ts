// Plays a scenario against the core alone: hours take milliseconds, and every time in the log is exact.

import { parsePolicy } from '../../crds/policy.ts'
import { apiVersion, kind } from '../../crds/schema/policy.schema.ts'
import { compileRules } from '../../gateway/core/rules.ts'
import type { Rules } from '../../gateway/core/rules.ts'
import { CoreConnection } from './core-connection.ts'
import { stillOpen, timedOut } from './player.ts'
import type { SharedPolicy } from './policy-file.ts'
import { absoluteRecord, relativeRecord, sameRecord } from './relative-record.ts'
import type { Seen, SessionFile, Step } from './session-file.ts'
import { addressesOf } from './session-file.ts'
import { VirtualWorld } from './virtual-world.ts'

/** Epoch seconds at which every scenario starts. */
const start = 1_700_000_000
/** What the sessions may still do when the last client has left. */
const afterMs = 20_000
const firstPort = 40_001

/** The core never sees a PROXY header: scenarios under such a policy are not for it. */
export function isForCore(policy: SharedPolicy): boolean {
  return !JSON.stringify(policy.policy).includes('"proxyProtocol"')
}

/** The rules of a shared policy. Throws with the problems of a bad one. */
export function rulesOf(shared: SharedPolicy): Rules {
  const spec = { hostname: 'mx.example.test', backend: { addresses: ['127.0.0.1:25'] }, ...shared.policy }
  const parsed = parsePolicy({ apiVersion, kind, metadata: { name: shared.name }, spec })
  if ('problems' in parsed) throw new Error(`${shared.name}: ${JSON.stringify(parsed.problems)}`)
  return compileRules(parsed.policy.spec, { hostname: 'mx.example.test', localTime: () => 'Jan  1 00:00:00', tables: new Map() })
}

/** Plays the scenario in a world of its own. */
export function playCore(file: SessionFile, shared: SharedPolicy): Seen {
  const world = new VirtualWorld(rulesOf(shared), start * 1000)
  for (const [address, record] of file.remembered) world.allowlist.set(address, absoluteRecord(record, start))
  const connections = new Map<string, CoreConnection>()
  const names = new Map<string, string>()
  const views = new Map<number, readonly string[]>()
  for (const step of file.steps) {
    if (step.do === 'connect') {
      const port = firstPort + names.size
      names.set(`:${port}`, `:${step.on}`)
      names.set(`]${port}`, `]${step.on}`)
      const ends = { client: { address: step.from, port }, server: { address: step.to, port: 25 } }
      connections.set(step.on, new CoreConnection(world, ends, !('backend' in shared.policy)))
      world.passTime(world.now)
      continue
    }
    const connection = connections.get(step.on)
    if (connection === undefined) throw new Error(`line ${step.at + 1}: there is no connection "${step.on}"`)
    const seen = play(world, connection, step)
    if (seen !== undefined) views.set(step.at, seen)
    world.passTime(world.now)
  }
  for (const connection of connections.values()) {
    connection.end()
    world.passTime(world.now)
  }
  world.passTime(world.now + afterMs)
  // Lines that postscreen has no words for are empty; the others as their bytes, like all that is read from a file.
  const log = world.log.filter((line) => line !== '').map((line) => Buffer.from(named(line, names)).toString('latin1'))
  return { views, log, remembers: rememberedBy(world, file) }
}

function play(world: VirtualWorld, connection: CoreConnection, step: Exclude<Step, { do: 'connect' }>): string[] | undefined {
  switch (step.do) {
    case 'send':
      connection.send(step.text)
      return undefined
    case 'sleep':
      world.passTime(world.now + step.seconds * 1000)
      return undefined
    case 'half':
    case 'close':
    case 'reset':
      connection.end()
      return undefined
    case 'line':
      return connection.read(step.seconds, (lines) => lines.length > 0)
    case 'replies':
      return connection.read(step.seconds, (lines) => lines.filter((line) => !/^\d{3}-/.test(line)).length >= step.count)
    case 'quiet':
      return connection.read(step.seconds, () => false).filter((line) => line !== timedOut)
    case 'end':
      return connection.read(step.seconds, () => false).map((line) => (line === timedOut ? stillOpen : line))
    case 'tls':
      return connection.tls()
  }
}

function named(line: string, names: ReadonlyMap<string, string>): string {
  return line.replace(/[:\]]4\d{4}/g, (port) => names.get(port) ?? port)
}

function rememberedBy(world: VirtualWorld, file: SessionFile): string[] {
  if (file.remembersAt === undefined) return []
  return addressesOf(file).flatMap((address) => {
    const record = world.allowlist.get(address)
    if (record === undefined) return []
    const want = file.remembers.find((line) => line.startsWith(`${address} `))
    if (want !== undefined && sameRecord(want.slice(address.length + 1), record, start)) return [want]
    return [`${address} ${relativeRecord(record, start)}`]
  })
}
