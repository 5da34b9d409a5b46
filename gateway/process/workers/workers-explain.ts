// What a gateway with several workers explains: one worker asks the DNS lists and judges, and each tells of its recent
// sessions.
import type { ExplainPage, ExplainQuery, RememberedSessions } from '../../observability/explain/explain-page.ts'
import type { WorkerProcess } from './worker-process.ts'

/** A worker that may not run now. */
export interface AskedWorker {
  readonly number: number
  readonly process: Pick<WorkerProcess, 'ask'> | undefined
}

/** Longer than the longest greet wait, which a DNS list without an answer takes. */
const patienceMs = 320_000
const sessionsShown = 20

/** Undefined if no worker has a policy. Rejects if none answers. */
export async function explainWithWorkers(workers: readonly AskedWorker[], query: ExplainQuery): Promise<ExplainPage | undefined> {
  const running = workers.filter(({ process }) => process !== undefined)
  const [first, ...others] = running
  if (first === undefined) throw new Error('no worker is running')
  const [page, ...recent] = await Promise.all([
    first.process?.ask({ what: 'explain', query }, patienceMs),
    ...others.map((worker) => recentOf(worker, query.subject)),
  ])
  return page && { ...page, recent: together([{ number: first.number, recent: page.recent }, ...recent]) }
}

interface OfWorker {
  readonly number: number
  readonly recent: RememberedSessions | undefined
}

async function recentOf({ number, process }: AskedWorker, subject: string): Promise<OfWorker> {
  return { number, recent: await process?.ask({ what: 'recentSessions', subject }) }
}

/** The newest sessions of all, each with the number of its worker. */
function together(all: readonly OfWorker[]): RememberedSessions {
  const sessions = all.flatMap(({ number, recent }) => (recent?.sessions ?? []).map((session) => ({ ...session, worker: number })))
  return {
    kept: all.reduce((sum, { recent }) => sum + (recent?.kept ?? 0), 0),
    sessions: sessions.toSorted((a, b) => (a.began < b.began ? 1 : a.began > b.began ? -1 : 0)).slice(0, sessionsShown),
  }
}
