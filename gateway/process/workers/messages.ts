// The messages between the primary process and its workers, as JSON over Node's channel to a child process.
import type { Endpoint } from '../../../crds/values/endpoint.ts'
import type { BanMessage } from '../../bans/ban-sharing.ts'
import type { ProbeMessage } from '../../backend/probe-sharing.ts'
import type { ExplainPage, ExplainQuery, RememberedSessions } from '../../observability/explain/explain-page.ts'
import type { RecentSession } from '../../observability/explain/recent-sessions.ts'
import type { SessionQuery } from '../../observability/live/live-pages.ts'
import type { LiveReport } from '../../observability/live/live-report.ts'
import type { ReconnectMessage } from '../../observability/live/reconnects.ts'
import type { SessionLine } from '../../observability/live/session-line.ts'
import type { ListMessage } from '../../dns/list-sharing.ts'
import type { BanAnswer, BanChange, BanPage } from '../../bans/ban-page.ts'
import type { MetricValues } from '../../observability/metrics.ts'
import type { LogFormat, LogLevel } from '../../observability/log.ts'
import type { GatewayOptions, WorkerPlace } from '../options.ts'
import type { SpfMessage } from '../../spf/spf-sharing.ts'
import type { StatusPage } from '../../observability/status.ts'

/** The options of a worker. */
export interface WorkerOptions extends Omit<
  GatewayOptions,
  'log' | 'admin' | 'worker' | 'backendProbes' | 'listTests' | 'bans' | 'reconnects' | 'senders'
> {
  readonly worker: WorkerPlace
  /** Whether it probes the backends, tests the DNS lists and reads SPF records, until it gets another order. */
  readonly prober: boolean
  readonly logFormat: LogFormat
  readonly logLevel: LogLevel
}

/** What a worker can be asked for, with the type of the answer. */
export interface Answers {
  readonly status: StatusPage
  readonly metrics: MetricValues
  readonly explain: ExplainPage | undefined
  readonly recentSessions: RememberedSessions | undefined
  readonly bans: BanPage | undefined
  readonly changeBans: BanAnswer
  readonly live: LiveReport
  readonly searchSessions: readonly SessionLine[]
  readonly findSession: RecentSession | undefined
}

/** What is asked, and about what. */
export type Question =
  | { readonly what: 'status' | 'metrics' }
  | { readonly what: 'explain'; readonly query: ExplainQuery }
  | { readonly what: 'recentSessions'; readonly subject: string }
  | { readonly what: 'bans' }
  | { readonly what: 'changeBans'; readonly change: BanChange }
  | { readonly what: 'live'; readonly after: number }
  | { readonly what: 'searchSessions'; readonly query: SessionQuery }
  | { readonly what: 'findSession'; readonly session: string }

export type ToWorker =
  | { readonly is: 'start'; readonly options: WorkerOptions }
  | { readonly is: 'ask'; readonly id: number; readonly question: Question }
  | { readonly is: 'reload' }
  /** From now on this worker probes the backends, tests the DNS lists and reads SPF records. */
  | { readonly is: 'prober' }
  /** A message of another worker. */
  | { readonly is: 'backends'; readonly message: ProbeMessage }
  | { readonly is: 'lists'; readonly message: ListMessage }
  | { readonly is: 'bans'; readonly message: BanMessage }
  | { readonly is: 'reconnects'; readonly message: ReconnectMessage }
  | { readonly is: 'senders'; readonly message: SpfMessage }
  | { readonly is: 'drain'; readonly timeoutMs: number; readonly delayMs: number }

export type FromWorker =
  /** For the other workers. */
  | { readonly is: 'backends'; readonly message: ProbeMessage }
  | { readonly is: 'lists'; readonly message: ListMessage }
  | { readonly is: 'bans'; readonly message: BanMessage }
  | { readonly is: 'reconnects'; readonly message: ReconnectMessage }
  | { readonly is: 'senders'; readonly message: SpfMessage }
  | { readonly is: 'listening'; readonly endpoints: readonly Endpoint[] }
  /** It cannot continue and ends. */
  | { readonly is: 'failed'; readonly why: string }
  | { readonly is: 'answer'; readonly id: number; readonly value: Answers[keyof Answers] }
