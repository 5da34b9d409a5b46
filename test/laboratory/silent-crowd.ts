// Silent connections that stay: how soon all are accepted, what each takes, and what is left when they have gone.
import type { GatewayProcess } from '../peers/gateway.ts'
import { hold } from './clients.ts'
import { openFiles, residentBytes } from './process-use.ts'
import { askReport, type SelfReport } from './reported.ts'
import { clean, mute } from './scripts.ts'
import { untilQuiet } from './status.ts'

/** Where clients wait: before the greeting, or in the dummy engine for their first command. */
export type Waiting = 'greet wait' | 'dummy engine'

/** A policy under which clients may be silent for minutes. */
export function silentSpec(waiting: Waiting): object {
  const limits = { preQueue: 200_000 }
  if (waiting === 'greet wait') return { limits, greet: { wait: '5m', stressWait: '5m' } }
  return { limits, greet: { banner: '' }, deepTests: { pipelining: { enabled: true } } }
}

export interface CrowdOutcome {
  /** Until the last one has heard the gateway's first line. */
  readonly acceptedMs: number
  /** Resident memory, beyond what it was before they came, for each. */
  readonly bytesEach: number
  /** Live JavaScript objects for each. */
  readonly heapBytesEach: number
  /** Clients that the gateway sent away. */
  readonly sentAway: number
  /** What is left of them: sessions, sockets, timers, files, live objects. Empty if all is well. */
  readonly left: Readonly<Record<string, number>>
  /** Live objects more than before they came. */
  readonly keptHeapBytes: number
  readonly residentBytesBefore: number
  readonly residentBytesAfter: number
}

/** Lets `count` clients come, stay for a second, and go. */
export async function silentCrowd(gateway: GatewayProcess, count: number, leave: 'end' | 'reset'): Promise<CrowdOutcome> {
  const before = await askReport(gateway.pid)
  const filesBefore = openFiles(gateway.pid)
  const residentBytesBefore = residentBytes(gateway.pid)
  const began = performance.now()
  const held = hold(gateway.port, count, (index) => ({ from: clean(index), script: mute }))
  await held.untilHeard(60_000)
  const acceptedMs = performance.now() - began
  const during = await askReport(gateway.pid)
  const bytesEach = (residentBytes(gateway.pid) - residentBytesBefore) / count
  const sentAway = held.gone.length
  await held.leave(leave)
  const quiet = await untilQuiet(gateway.admin)
  const { report: after, more } = await untilLike(gateway.pid, before, filesBefore)
  return {
    acceptedMs,
    bytesEach,
    heapBytesEach: (during.heapUsed - before.heapUsed) / count,
    sentAway,
    left: { ...quiet, ...more },
    keptHeapBytes: after.heapUsed - before.heapUsed,
    residentBytesBefore,
    residentBytesAfter: residentBytes(gateway.pid),
  }
}

/** Waits until the process has no more sockets, timers and files than before; what it has more after half a minute is in `more`. */
async function untilLike(
  pid: number,
  before: SelfReport,
  filesBefore: number,
): Promise<{ report: SelfReport; more: Readonly<Record<string, number>> }> {
  for (const deadline = performance.now() + 30_000; ;) {
    const report = await askReport(pid)
    const moreOf = (name: string): number => (report.resources[name] ?? 0) - (before.resources[name] ?? 0)
    const all = { sockets: moreOf('TCPSocketWrap'), timers: moreOf('Timeout'), files: openFiles(pid) - filesBefore }
    const more = Object.fromEntries(Object.entries(all).filter(([, number]) => number > 0))
    if (Object.keys(more).length === 0 || performance.now() > deadline) return { report, more }
  }
}
