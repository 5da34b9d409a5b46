// What a running gateway offers to the program that started it: one process (gateway-process.ts) or several
// (workers/primary.ts).
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { BanAnswer, BanChange, BanPage } from '../bans/ban-page.ts'
import type { BanMessage } from '../bans/ban-sharing.ts'
import type { ProbeMessage } from '../backend/probe-sharing.ts'
import type { ExplainPage, ExplainQuery, RememberedSessions } from '../observability/explain/explain-page.ts'
import type { LiveReport } from '../observability/live/live-report.ts'
import type { SessionQuery } from '../observability/live/live-pages.ts'
import type { ReconnectMessage } from '../observability/live/reconnects.ts'
import type { SessionLine } from '../observability/live/session-line.ts'
import type { RecentSession } from '../observability/explain/recent-sessions.ts'
import type { ListMessage } from '../dns/list-sharing.ts'
import type { MetricValues } from '../observability/metrics.ts'
import type { SpfMessage } from '../spf/spf-sharing.ts'
import type { StatusPage } from '../observability/status.ts'

export interface Gateway {
  /** The address and port of each listening socket, also where port 0 was requested. */
  readonly listening: readonly Endpoint[]
  /** ADDR:PORT of the admin server. */
  readonly admin: string | undefined
  /** Rejects when a gateway that was started without a policy gets one and cannot open its ports. Never resolves. */
  readonly failed: Promise<never>
  /** Reads the policy and certificates again, as SIGHUP requests. */
  reload(): void
  /**
   * Is no longer ready, but accepts clients for `delayMs` more (none when left out). Then stops accepting, lets
   * sessions and relays end for at most `timeoutMs`, tells the other clients to come again later, and closes
   * everything.
   */
  drain(timeoutMs: number, delayMs?: number): Promise<void>
}

/** A gateway in this process, which can be queried without its admin server. */
export interface LocalGateway extends Gateway {
  /** Resolves with its addresses when it listens, which with `awaitPolicy` may be much later. */
  readonly listens: Promise<readonly Endpoint[]>
  status(): StatusPage
  metricValues(): Promise<MetricValues>
  /**
   * What decides about an address or a network. Undefined before the first policy, and for a subject that is neither.
   */
  explain(query: ExplainQuery): Promise<ExplainPage | undefined>
  /** The sessions of an address or network that this process remembers. */
  recentSessions(subject: string): RememberedSessions | undefined
  /** Another worker reports on backends or asks about them. */
  hearOfBackends(message: ProbeMessage): void
  /** Another worker reports on DNS lists or asks about them. */
  hearOfLists(message: ListMessage): void
  /** The bans that hold now. Undefined when there is no policy, or one without bans. */
  bans(): BanPage | undefined
  /** An administrator's change. */
  changeBans(change: BanChange): BanAnswer
  /** Another worker tells of senders or asks about them. */
  hearOfSenders(message: SpfMessage): void
  /** Another worker tells of bans or asks about them. */
  hearOfBans(message: BanMessage): void
  /** Another worker tells of clients that were told to come back. */
  hearOfReconnects(message: ReconnectMessage): void
  /** For the live page. @param after the number of the last session that is known */
  liveReport(after: number): LiveReport
  searchSessions(query: SessionQuery): readonly SessionLine[]
  findSession(id: string): RecentSession | undefined
}
