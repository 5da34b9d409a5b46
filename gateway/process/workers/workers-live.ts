// What a gateway with several workers shows on its live page: the reports and the sessions of all of them.
import type { RecentSession } from '../../observability/explain/recent-sessions.ts'
import { type SessionQuery, sessionsFound } from '../../observability/live/live-pages.ts'
import type { ReportOf } from '../../observability/live/live-state.ts'
import type { SessionLine } from '../../observability/live/session-line.ts'
import type { AskedWorker } from './workers-explain.ts'

/** Of the workers that answer. @param after the last session that is known of each worker */
export async function liveReportsOfWorkers(
  workers: readonly AskedWorker[],
  after: ReadonlyMap<number, number>,
): Promise<readonly ReportOf[]> {
  const all = await Promise.all(
    workers.map(async ({ number, process }) => ({
      worker: number,
      report: await process?.ask({ what: 'live', after: after.get(number) ?? 0 }),
    })),
  )
  return all.flatMap(({ worker, report }) => (report === undefined ? [] : [{ worker, report }]))
}

/** The newest first, each with the number of its worker. */
export async function searchSessionsOfWorkers(workers: readonly AskedWorker[], query: SessionQuery): Promise<readonly SessionLine[]> {
  const all = await Promise.all(
    workers.map(async ({ number, process }) => {
      const found = await process?.ask({ what: 'searchSessions', query })
      return (found ?? []).map((line) => ({ ...line, worker: number }))
    }),
  )
  return all
    .flat()
    .toSorted((a, b) => b.decidedAt - a.decidedAt)
    .slice(0, sessionsFound)
}

export async function findSessionOfWorkers(workers: readonly AskedWorker[], session: string): Promise<RecentSession | undefined> {
  const found = await Promise.all(workers.map(async ({ process }) => process?.ask({ what: 'findSession', session })))
  return found.find((one) => one !== undefined)
}
