// The service of one gateway process under a policy: listeners, sessions, relays, allowlist and DNS lists. There is
// none before the first policy.
import type { Endpoint } from '../../crds/values/endpoint.ts'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Cleanup, startCleanup } from '../allowlist/allowlist-cleanup.ts'
import type { AllowlistStore, LocalAllowlist } from '../allowlist/allowlist-store.ts'
import type { SharedStatus } from '../allowlist/allowlist-valkey.ts'
import { GatewayAllowlist } from '../allowlist/gateway-allowlist.ts'
import { BanKeeper, type BanStatus } from '../bans/ban-keeper.ts'
import { type BanAnswer, banEntry, type BanChange, type BanPage, changeBans } from '../bans/ban-page.ts'
import type { BanMessage } from '../bans/ban-sharing.ts'
import type { BackendStatus } from '../backend/backend-status.ts'
import { type Backends, tellBackends } from '../backend/backends.ts'
import { type PromisesStatus, promisesStatus } from '../backend/keyword-status.ts'
import { gatewayBackends } from '../backend/gateway-backends.ts'
import type { ProbeMessage } from '../backend/probe-sharing.ts'
import { Relays } from '../backend/running-relays.ts'
import { newScreening, type Screening } from '../core/clients.ts'
import type { DnsblStatus } from '../dns/dnsbl-resolver.ts'
import type { SiteStatus } from '../dns/dnsbl-status.ts'
import { GatewayLists } from '../dns/gateway-lists.ts'
import type { ListsReport } from '../dns/list-report.ts'
import { alone, type ListMessage } from '../dns/list-sharing.ts'
import { sendersOf } from '../core/spf/senders-of-policy.ts'
import { GatewaySenders } from '../spf/gateway-senders.ts'
import type { SenderReport } from '../spf/sender-report.ts'
import type { SpfMessage } from '../spf/spf-sharing.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Log } from '../observability/log.ts'
import type { Network } from '../sockets/network.ts'
import type { ExplainSource } from '../observability/explain/explain-page.ts'
import { Reconnects } from '../observability/live/reconnects.ts'
import { RecentSessions } from '../observability/explain/recent-sessions.ts'
import { noSessions, type ServingState } from '../observability/serving-state.ts'
import type { ConnectionStatus } from '../smtp/capacity.ts'
import { HealthChecks } from '../smtp/health-checks.ts'
import { Linger } from '../smtp/linger.ts'
import { Reception } from '../smtp/reception.ts'
import { WaitQueues } from '../smtp/wait-queues.ts'
import { type ActivePolicy, cleanupRules, haveSameAddresses, listPolicy, withSenders } from './active-policy.ts'
import { until, untilClientsStop } from './drain.ts'
import { explainSourceOf } from './explain-source.ts'
import { Listeners } from './listeners.ts'
import { type GatewayOptions, listensOn } from './options.ts'
import { PolicySessionServices } from './session-services.ts'

/** DNSBL questions that are on their way at once. */
const maxInFlight = 8192
/** How long late clients are waited for after the drain delay. */
const lateClientsMs = 30_000
/** The time for the last replies when the drain time is over. */
const lastRepliesMs = 2500

export class Serving implements ServingState {
  readonly #options: GatewayOptions
  readonly #localStore: LocalAllowlist
  readonly #metrics: Metrics
  readonly #network: Network
  readonly #allowlist: GatewayAllowlist
  readonly screening: Screening
  readonly #linger = new Linger(() => performance.now())
  readonly #waits = new WaitQueues(() => performance.now())
  readonly #relays: Relays
  readonly #listeners: Listeners
  readonly #lists: GatewayLists
  readonly #reception: Reception
  readonly #bans: BanKeeper
  readonly recent = new RecentSessions()
  readonly reconnects: Reconnects
  readonly #senders: GatewaySenders
  /** Of sessions. */
  readonly #log: Log
  #cleanup: Cleanup | undefined
  #policy: ActivePolicy
  #backends: Backends
  #services: PolicySessionServices
  #draining = false

  constructor(policy: ActivePolicy, options: GatewayOptions, store: LocalAllowlist, metrics: Metrics, network: Network) {
    this.#policy = policy
    this.#options = options
    this.#localStore = store
    this.#metrics = metrics
    this.#network = network
    this.screening = newScreening(options.worker?.of)
    this.#log = this.recent.remembering(options.log)
    this.reconnects = new Reconnects({
      send: (message) => options.reconnects?.send(message),
      cameAfter: (seconds) => metrics.cameBack(seconds),
    })
    this.#keepSessions(policy)
    this.#listeners = new Listeners(network, options.log, options.worker !== undefined)
    this.#backends = this.#newBackends(policy, undefined)
    this.#relays = new Relays(this.#log, metrics)
    this.#lists = new GatewayLists({
      policy: listPolicy(policy),
      log: options.log,
      metrics,
      maxInFlight,
      openSocket: network.openDatagramSocket,
      channel: options.listTests ?? alone,
      revoke: (keys) => this.#revoke(keys),
    })
    this.#allowlist = this.#newAllowlist()
    this.#reception = this.#newReception()
    this.#services = this.#newServices()
    this.#allowlist.use(policy.sharedStore)
    this.#bans = this.#newBans()
    this.#senders = this.#newSenders()
    this.#followBans()
    this.#senders.use(sendersOf(policy.policy.spec.access))
    this.#lists.open()
  }

  /** These clients have a pass because of a list that has answered falsely. */
  #revoke(keys: readonly string[]): void {
    if (keys.length === 0) return
    for (const key of keys) this.#allowlist.remove(key)
    this.#options.log.info(`${keys.length} clients that passed because of this list will be tested again`, { clients: keys.length })
  }

  #newBans(): BanKeeper {
    const { log, bans: channel } = this.#options
    return new BanKeeper({
      table: this.screening.bans,
      connection: () => this.#allowlist.connection,
      channel,
      info: (text, fields) => log.info(text, fields),
      warn: (text) => log.warning(text),
    })
  }

  #newSenders(): GatewaySenders {
    const { log, dataDir, senders: channel } = this.#options
    return new GatewaySenders({
      ask: (name, type) => this.#lists.resolver.ask(name, 'spf', type),
      ...{ channel, dataDir, log, metrics: this.#metrics },
      connection: () => this.#allowlist.connection,
      isShared: () => this.#policy.sharedStore !== undefined,
      changed: (networks) => {
        this.#policy = withSenders(this.#policy, networks)
        this.#services = this.#newServices()
      },
    })
  }

  #followBans(): void {
    const { rules, sharedStore } = this.#policy
    this.#bans.use(rules.bans, sharedStore !== undefined)
  }

  #newBackends(policy: ActivePolicy, previous: Backends | undefined): Backends {
    const options = { ...policy.backends, connect: this.#network.connect }
    return gatewayBackends(options, this.#options, () => this.#listeners.listening, this.#metrics, previous)
  }

  /** Workers keep them together. */
  #keepSessions({ policy, rules }: ActivePolicy): void {
    const most = Math.ceil(policy.spec.explain.recentSessions / (this.#options.worker?.of ?? 1))
    this.recent.keep(most, {
      nameOf: (domain) => rules.dnsbl.replyMap.get(domain) ?? domain,
      showsEnvelopes: policy.spec.admin.showEnvelopes,
    })
  }

  #newAllowlist(): GatewayAllowlist {
    const { log, worker } = this.#options
    return new GatewayAllowlist({
      local: this.#localStore,
      rules: () => cleanupRules(this.#policy),
      isWrittenByOthers: worker !== undefined,
      observer: this.#metrics.allowlistStore,
      info: (text) => log.info(text),
      warn: (text) => log.warning(text),
    })
  }

  #newReception(): Reception {
    const { log } = this.#options
    return new Reception({
      services: () => this.#services,
      rules: () => this.#policy.reception,
      linger: this.#linger,
      healthChecks: new HealthChecks({
        rules: () => this.#policy.rules,
        isReady: () => !this.#draining && this.notReady().length === 0,
        log,
        counted: (answer) => this.#metrics.probeAnswered(answer),
      }),
      log,
      relayed: () => this.#relays.size - this.screening.postQueue,
      idPrefix: `${randomBytes(4).toString('hex')}-`,
    })
  }

  #newServices(): PolicySessionServices {
    const gateway = {
      screening: this.screening,
      linger: this.#linger,
      waits: this.#waits,
      allowlist: this.#allowlist,
      lists: this.#lists,
      relays: this.#relays,
      connections: this.#reception.connections,
      reconnects: this.reconnects,
      recent: this.recent,
      metrics: this.#metrics,
      log: this.#log,
    }
    return new PolicySessionServices(gateway, this.#policy, this.#backends)
  }

  /**
   * Takes the place of the policy so far; sessions keep the one under which they began. Throws, with nothing changed,
   * when that fails.
   */
  update(policy: ActivePolicy): void {
    this.#backends = this.#newBackends(policy, this.#backends)
    if (!haveSameAddresses(policy, this.#policy)) this.screening.addresses.reset()
    this.#policy = withSenders(policy, this.#senders.networks)
    this.#lists.use(listPolicy(policy))
    this.#allowlist.use(policy.sharedStore)
    this.#followBans()
    this.#keepSessions(policy)
    this.#services = this.#newServices()
    this.#senders.use(sendersOf(policy.policy.spec.access))
    this.#cleanup?.reschedule()
    const { listen: flags = [], log } = this.#options
    if (flags.length === 0 && this.#listeners.areElsewhere(policy.policy.spec.listen.addresses))
      log.warning('spec.listen.addresses has changed; that takes effect when the gateway is started again')
  }

  /**
   * Opens the listeners once the allowlist can be used.
   * @returns whether it listens: not where it has begun to drain meanwhile
   */
  async open(): Promise<boolean> {
    if (this.#draining) return false
    this.#startCleanup()
    await this.#allowlist.ready()
    await this.#listeners.open(listensOn(this.#options, this.#policy.policy.spec), this.#reception.accept)
    // SIGTERM may have come meanwhile.
    if (this.#draining) this.#listeners.close()
    return !this.#draining
  }

  /** Workers have one allowlist, and their timers would all be due at once: the first one cleans for all. */
  #startCleanup(): void {
    const { log, worker } = this.#options
    if (worker !== undefined && worker.number !== 1) return
    this.#cleanup = startCleanup({
      store: this.#localStore,
      rules: () => cleanupRules(this.#policy),
      info: (text) => log.info(text),
      warn: (text) => log.warning(text),
    })
  }

  /** See `Gateway.drain`. Afterwards there are no clients; `close` closes the rest. */
  async drain(timeoutMs: number, delayMs: number): Promise<void> {
    this.#draining = true
    if (delayMs > 0 && this.listening.length > 0) await sleep(delayMs)
    const deadline = performance.now() + timeoutMs
    if (delayMs > 0)
      await untilClientsStop(() => this.#reception.connections.clients, Math.min(deadline, performance.now() + lateClientsMs))
    this.#listeners.close()
    await until(() => this.#isIdle(), deadline)
    this.#relays.giveUpWaiting('the gateway shuts down')
    this.#reception.shutDown()
    await until(() => this.#linger.size === 0, performance.now() + lastRepliesMs)
    this.#linger.close()
    this.#relays.cut()
  }

  #isIdle(): boolean {
    const { connections, waitingForHeader } = this.#reception
    return connections.screened.size === 0 && waitingForHeader === 0 && this.#relays.size === 0 && this.#linger.size === 0
  }

  async close(): Promise<void> {
    this.#bans.close()
    await this.#senders.close()
    this.#backends.close()
    this.#lists.close()
    await this.#cleanup?.stop()
    await this.#allowlist.close()
  }

  /** Undefined when the policy has no bans. */
  bans(): BanPage | undefined {
    return this.#policy.rules.bans && { bans: this.screening.bans.list(Date.now()).map(banEntry) }
  }

  /** Undefined when the policy has no bans. */
  changeBans(change: BanChange): BanAnswer | undefined {
    const { bans } = this.#policy.rules
    return bans && changeBans(this.screening.bans, bans, change, Date.now())
  }

  hearOfBans(message: BanMessage): void {
    this.#bans.hear(message)
  }

  banStatus(): BanStatus | undefined {
    return this.#bans.status
  }

  /** Another worker reports on backends or asks about them. */
  hearOfBackends(message: ProbeMessage): void {
    tellBackends(this.#backends, message)
  }

  /** Another worker tells of senders or asks about them. */
  hearOfSenders(message: SpfMessage): void {
    this.#senders.hear(message)
  }

  /** Another worker reports on DNS lists or asks about them. */
  hearOfLists(message: ListMessage): void {
    this.#lists.hear(message)
  }

  get policy(): ActivePolicy {
    return this.#policy
  }

  get listening(): readonly Endpoint[] {
    return this.#listeners.listening
  }

  notReady(): readonly string[] {
    const reasons: string[] = []
    if (this.listening.length === 0 && !this.#draining) reasons.push('not listening yet')
    if (!this.#backends.worthwhile()) reasons.push(this.#backends.whyNotWorthwhile())
    return reasons
  }

  sessions(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = { ...noSessions, header: this.#reception.waitingForHeader, closing: this.#linger.size }
    for (const { session } of this.#reception.connections.screened) counts[session.phase] = (counts[session.phase] ?? 0) + 1
    counts['relay'] = this.#relays.size - (counts['handoff'] ?? 0) - (counts['replay'] ?? 0)
    return counts
  }

  connections(): ConnectionStatus {
    return this.#reception.capacity.status
  }

  get store(): AllowlistStore {
    return this.#allowlist.store
  }

  sharedAllowlist(): SharedStatus | undefined {
    return this.#allowlist.status
  }

  dnsbl(): DnsblStatus {
    return this.#lists.status()
  }

  lists(): readonly SiteStatus[] {
    return this.#lists.sites()
  }

  listHealth(): ListsReport {
    return this.#lists.health()
  }

  failingLists(): Readonly<Record<string, number>> {
    return this.#lists.failing()
  }

  explainSource(): ExplainSource {
    const { screening, listening, recent } = this
    return explainSourceOf({
      ...{ active: this.#policy, screening, listening, recent, network: this.#network },
      ...{ lists: this.#lists, allowlist: this.#allowlist, isFull: this.connections().isFull },
    })
  }

  senders(): readonly SenderReport[] {
    return this.#senders.reports()
  }

  backends(): readonly BackendStatus[] {
    return this.#backends.status()
  }

  ehlo(): PromisesStatus | null {
    return promisesStatus(this.#backends.keywords)
  }

  backendCounts(): Readonly<Record<string, number>> {
    return this.#backends.counts()
  }
}
