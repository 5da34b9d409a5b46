// The whole state of a gateway for its live page, as one value: what /live answers, and what a viewer gets first.
import { outcomes } from '../../core/outcome-names.ts'
import { addAnswers, type AnswerFigures } from './answer-windows.ts'
import type { LiveReport } from './live-report.ts'
import { addHours, type HourAndDay } from './minute-counts.ts'
import { addReconnects, type ReconnectFigures } from './reconnects.ts'
import { addNetworks, networksShown, type RefusedNetwork } from './refused-networks.ts'
import type { SessionLine } from './session-line.ts'
import type { Mark } from './live-numbers.ts'
import type { BanEntry } from '../../bans/ban-page.ts'

/** The report of one process; `worker`: its number, where there are several. */
export interface ReportOf {
  readonly worker: number | undefined
  readonly report: LiveReport
}

/** Where each state began, in epoch milliseconds. */
export interface SinceWhen {
  readonly notReady: number | null
  readonly draining: number | null
}

export interface LiveState {
  /** Epoch milliseconds. */
  readonly at: number
  /** The order of the counts. */
  readonly outcomes: readonly string[]
  readonly hour: HourAndDay | null
  readonly marks: readonly Mark[]
  readonly lists: readonly AnswerFigures[]
  readonly mailServers: readonly AnswerFigures[]
  readonly networks: readonly RefusedNetwork[]
  readonly reconnects: ReconnectFigures
  readonly busiest: LiveReport['busiest']
  readonly policy: LiveReport['policy']
  readonly since: SinceWhen & { readonly stress: number | null }
  readonly process: LiveReport['process'] & { readonly processes: number }
  readonly viewers: { readonly now: number; readonly most: number }
  readonly bans: readonly BanEntry[] | null
  /** What /status answers. */
  readonly status: object
  /** The newest first; only those that are new where a viewer has had the others. */
  readonly sessions: readonly SessionLine[]
  /** New sessions that are not in `sessions`. */
  readonly sessionsLeftOut: number
}

export interface StateParts {
  readonly at: number
  readonly reports: readonly ReportOf[]
  readonly since: SinceWhen
  readonly viewers: LiveState['viewers']
  readonly bans: readonly BanEntry[] | undefined
  readonly status: object
  /** How many sessions, minutes and bans are shown at most. */
  readonly sessionsAtMost: number
}

const bansShown = 20

/** Combines the reports of all processes. */
export function liveState({ at, reports, since, viewers, bans, status, sessionsAtMost }: StateParts): LiveState {
  const all = reports.map(({ report }) => report)
  const numbers = all.map((report) => report.numbers)
  const { sessions, leftOut } = newestOf(reports, sessionsAtMost)
  const began = numbers.map(({ stressSince }) => stressSince).filter((time) => time !== null)
  return {
    at,
    outcomes,
    hour: addHours(numbers.map(({ hour }) => hour)) ?? null,
    marks: marksOf(numbers.flatMap(({ marks }) => marks)),
    lists: addAnswers(numbers.map(({ lists }) => lists)),
    mailServers: addAnswers(numbers.map(({ mailServers }) => mailServers)),
    networks: addNetworks(
      numbers.map(({ networks }) => networks),
      networksShown,
    ),
    reconnects: addReconnects(all.map(({ reconnects }) => reconnects)),
    busiest: busiestOfAll(all),
    policy: all.find(({ policy }) => policy !== null)?.policy ?? null,
    since: { ...since, stress: began.length === 0 ? null : Math.min(...began) },
    process: processOf(all),
    viewers,
    bans: bans?.slice(-bansShown).toReversed() ?? null,
    status,
    sessions,
    sessionsLeftOut: leftOut,
  }
}

function newestOf(reports: readonly ReportOf[], most: number): { readonly sessions: readonly SessionLine[]; readonly leftOut: number } {
  const lines = reports.flatMap(({ worker, report }) =>
    report.tail.sessions.map((line) => (worker === undefined ? line : { ...line, worker })),
  )
  const sessions = lines.toSorted((a, b) => b.decidedAt - a.decidedAt).slice(0, most)
  const leftOut = reports.reduce((sum, { report }) => sum + report.tail.leftOut, lines.length - sessions.length)
  return { sessions, leftOut }
}

/** Workers load the same policy within moments. */
const sameMomentMs = 5000

function marksOf(marks: readonly Mark[]): readonly Mark[] {
  const inOrder = marks.toSorted((a, b) => a.at - b.at)
  return inOrder.filter(
    ({ at, is, text }, i) => !inOrder.slice(0, i).some((other) => other.is === is && other.text === text && at - other.at < sameMomentMs),
  )
}

/** A client has connections to several workers. */
function busiestOfAll(all: readonly LiveReport[]): LiveState['busiest'] {
  const sums = new Map<string, number>()
  for (const { client, connections } of all.flatMap(({ busiest }) => busiest)) sums.set(client, (sums.get(client) ?? 0) + connections)
  return [...sums].map(([client, connections]) => ({ client, connections })).toSorted((a, b) => b.connections - a.connections)
}

function processOf(all: readonly LiveReport[]): LiveState['process'] {
  const sum = (of: (report: LiveReport) => number): number => all.reduce((total, report) => total + of(report), 0)
  return {
    cpuSeconds: sum(({ process }) => process.cpuSeconds),
    memoryBytes: sum(({ process }) => process.memoryBytes),
    uptimeSeconds: Math.max(0, ...all.map(({ process }) => process.uptimeSeconds)),
    processes: all.length,
  }
}
