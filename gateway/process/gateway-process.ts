// One gateway process: follows the policy, has an admin server, and serves clients once there is a policy (serving.ts).
import type { AdminServer } from '../../runtime/admin-server.ts'
import { type Endpoint, formatEndpoint } from '../../crds/values/endpoint.ts'
import { version } from '../../runtime/version.ts'
import type { LocalAllowlist } from '../allowlist/allowlist-store.ts'
import { type BanAnswer, type BanChange, type BanPage, noBans } from '../bans/ban-page.ts'
import type { BanMessage } from '../bans/ban-sharing.ts'
import type { ProbeMessage } from '../backend/probe-sharing.ts'
import { serveAdmin } from '../observability/admin.ts'
import {
  explainPage,
  type ExplainPage,
  type ExplainQuery,
  readSubject,
  recentOf,
  type RememberedSessions,
} from '../observability/explain/explain-page.ts'
import type { RecentSession } from '../observability/explain/recent-sessions.ts'
import { filterOf, LivePages, type LiveSource, type SessionQuery, sessionsFound } from '../observability/live/live-pages.ts'
import { busiestOf, type LiveReport, policyFacts, processFigures } from '../observability/live/live-report.ts'
import type { ReconnectMessage } from '../observability/live/reconnects.ts'
import type { SessionLine } from '../observability/live/session-line.ts'
import { Metrics, type MetricValues } from '../observability/metrics.ts'
import { levelsOf, type ServingState, stateBeforePolicy } from '../observability/serving-state.ts'
import { type StatusPage, statusPage } from '../observability/status.ts'
import { LeftOut } from '../policy-files/left-out.ts'
import type { ListMessage } from '../dns/list-sharing.ts'
import type { SpfMessage } from '../spf/spf-sharing.ts'
import type { LoadedPolicy } from '../policy-files/loaded-policy.ts'
import { PolicyFeed } from '../policy-files/policy-feed.ts'
import { activePolicy } from './active-policy.ts'
import type { LocalGateway } from './gateway.ts'
import type { ChosenNetwork } from '../sockets/choose-network.ts'
import type { GatewayOptions } from './options.ts'
import { Serving } from './serving.ts'

export class GatewayProcess implements LocalGateway {
  readonly #options: GatewayOptions
  readonly #store: LocalAllowlist
  readonly #sockets: ChosenNetwork
  readonly #metrics: Metrics
  readonly #feed: PolicyFeed
  readonly #leftOut: LeftOut
  readonly #beforePolicy: ServingState
  readonly #failure = Promise.withResolvers<never>()
  readonly #listens = Promise.withResolvers<readonly Endpoint[]>()
  #adminServer: AdminServer | undefined
  /** Undefined until there is a policy. */
  #serving: Serving | undefined
  #draining = false
  #drainingSince: number | null = null
  readonly #live: LivePages

  /** @param store the gateway's own allowlist; closed with the gateway */
  constructor(options: GatewayOptions, store: LocalAllowlist, sockets: ChosenNetwork) {
    this.#options = options
    this.#store = store
    this.#sockets = sockets
    this.#beforePolicy = stateBeforePolicy(store)
    this.#metrics = new Metrics(
      version,
      levelsOf(() => this.#state),
    )
    this.#leftOut = new LeftOut(options.log)
    this.#feed = new PolicyFeed(options, {
      apply: (loaded) => this.#apply(loaded),
      refused: () => this.#metrics.policyRefused(),
      serves: (skipped, kept) => this.#metrics.policyServed(skipped, kept),
    })
    this.#live = new LivePages(this.#liveSource())
    // It is optional to wait for it.
    this.#failure.promise.catch(() => undefined)
  }

  get #state(): ServingState {
    return this.#serving ?? this.#beforePolicy
  }

  get listening(): readonly Endpoint[] {
    return this.#state.listening
  }

  get admin(): string | undefined {
    return this.#adminServer?.address
  }

  get failed(): Promise<never> {
    return this.#failure.promise
  }

  get listens(): Promise<readonly Endpoint[]> {
    return this.#listens.promise
  }

  status(): StatusPage {
    const { refused, keptAt, skipped } = this.#feed
    const state = { draining: this.#draining, notReady: this.#notReady(), serving: this.#state }
    return statusPage({ version, sockets: this.#sockets, refused, keptAt, skipped, ...state })
  }

  metricValues(): Promise<MetricValues> {
    return this.#metrics.values()
  }

  async explain({ subject, server }: ExplainQuery): Promise<ExplainPage | undefined> {
    const source = this.#state.explainSource()
    const read = readSubject(subject)
    return source === undefined || 'why' in read ? undefined : await explainPage(source, read.value, server)
  }

  recentSessions(subject: string): RememberedSessions | undefined {
    const source = this.#state.explainSource()
    const read = readSubject(subject)
    return source === undefined || 'why' in read ? undefined : recentOf(source, read.value)
  }

  hearOfBackends(message: ProbeMessage): void {
    this.#serving?.hearOfBackends(message)
  }

  hearOfLists(message: ListMessage): void {
    this.#serving?.hearOfLists(message)
  }

  bans(): BanPage | undefined {
    return this.#serving?.bans()
  }

  changeBans(change: BanChange): BanAnswer {
    return this.#serving?.changeBans(change) ?? noBans
  }

  hearOfSenders(message: SpfMessage): void {
    this.#serving?.hearOfSenders(message)
  }

  hearOfBans(message: BanMessage): void {
    this.#serving?.hearOfBans(message)
  }

  hearOfReconnects(message: ReconnectMessage): void {
    this.#serving?.reconnects.hear(message)
  }

  liveReport(after: number): LiveReport {
    const { screening, policy } = this.#state
    return {
      numbers: this.#metrics.live.read(),
      reconnects: this.#serving?.reconnects.read(Date.now()) ?? { told: 0, came: 0, delays: [] },
      busiest: busiestOf(screening),
      policy: policy === undefined ? null : policyFacts(policy, screening),
      tail: this.#serving?.recent.newest(after, sessionsFound) ?? { last: 0, leftOut: 0, sessions: [] },
      process: processFigures(),
    }
  }

  searchSessions(query: SessionQuery): readonly SessionLine[] {
    return this.#serving?.recent.search(filterOf(query), sessionsFound) ?? []
  }

  findSession(id: string): RecentSession | undefined {
    return this.#serving?.recent.find(id)
  }

  #liveSource(): LiveSource {
    const drainingSince = (): number | null => this.#drainingSince
    return {
      status: () => this.status(),
      notReady: () => this.#notReady(),
      get drainingSince() {
        return drainingSince()
      },
      reports: (after) => Promise.resolve([{ worker: undefined, report: this.liveReport(after.get(0) ?? 0) }]),
      bans: () => this.bans(),
      search: (query) => this.searchSessions(query),
      find: (id) => this.findSession(id),
    }
  }

  reload(): void {
    this.#feed.reload()
  }

  /** Takes the first policy, then listens; with `awaitPolicy` both may come later. */
  async open(): Promise<void> {
    if (this.#options.awaitPolicy !== true) {
      await this.#feed.start()
      await this.#openAdmin()
      await this.#listen()
      return
    }
    await this.#openAdmin()
    this.#feed
      .start()
      .then(() => this.#listen())
      .catch(async (error: unknown) => {
        await this.drain(0)
        this.#failure.reject(error)
      })
  }

  async #openAdmin(): Promise<void> {
    const { log, admin } = this.#options
    if (admin === undefined) return
    this.#adminServer = await serveAdmin(admin, {
      notReady: () => this.#notReady(),
      metrics: () => this.#metrics.text(),
      status: () => this.status(),
      explain: (query) => this.explain(query),
      bans: () => this.bans(),
      changeBans: (change) => this.changeBans(change),
      live: this.#live,
    })
    log.info(`admin server on ${this.#adminServer.address}`)
  }

  async #listen(): Promise<void> {
    if (this.#draining || (await this.#serving?.open()) !== true) return
    const { network, reason } = this.#sockets
    this.#options.log.info(`listening on ${this.listening.map(formatEndpoint).join(', ')}`, { sockets: network.name })
    if (reason !== undefined) this.#options.log.info(`the sockets are those of Node, which take more CPU time: ${reason}`)
    this.#listens.resolve(this.listening)
  }

  #notReady(): readonly string[] {
    return [...(this.#draining ? ['draining'] : []), ...this.#state.notReady()]
  }

  #apply(loaded: LoadedPolicy): void {
    const { log } = this.#options
    const next = activePolicy(loaded, this.#options, this.#serving?.policy)
    if (this.#serving === undefined) this.#serving = new Serving(next, this.#options, this.#store, this.#metrics, this.#sockets.network)
    else this.#serving.update(next)
    this.#leftOut.are(next.leftOut)
    const { name, generation } = next.policy.metadata
    this.#metrics.policyInForce(name, generation ?? 0)
    log.info(`policy ${name} is in force`, { policy: name, generation, hash: next.hash, mode: next.policy.spec.mode })
  }

  async drain(timeoutMs: number, delayMs = 0): Promise<void> {
    this.#draining = true
    this.#drainingSince ??= Date.now()
    await this.#serving?.drain(timeoutMs, delayMs)
    await this.#feed.close()
    this.#live.close()
    this.#adminServer?.close()
    await (this.#serving ?? this.#store).close()
  }
}
