// One gateway process at work: listeners, sessions, relays, allowlist and admin server, and the policy that is in force.
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AdminServer } from '../../runtime/admin-server.ts'
import { gatewayBackends } from '../backend/gateway-backends.ts'
import { newScreening } from '../core/clients.ts'
import { bit } from '../core/tests.ts'
import type { DnsblRules } from '../core/dnsbl.ts'
import { type LogRecord, testNames } from '../core/vocabulary.ts'
import { DnsblReports } from '../dns/dnsbl-reports.ts'
import { LeftOut } from '../policy-files/left-out.ts'
import { Doors } from './doors.ts'
import { type InForce, inForce } from './in-force.ts'
import { serveAdmin } from '../observability/admin.ts'
import { type Cleanup, startCleanup } from '../allowlist/allowlist-cleanup.ts'
import { GatewayAllowlist } from '../allowlist/gateway-allowlist.ts'
import type { LocalAllowlist } from '../allowlist/allowlist-store.ts'
import type { Backends } from '../backend/backends.ts'
import type { ProbeMessage } from '../backend/probe-sharing.ts'
import type { ConnectionStatus } from '../smtp/capacity.ts'
import type { Connection, World } from '../smtp/connection.ts'
import { DnsblResolver } from '../dns/dnsbl-resolver.ts'
import { parseEndpoint, type Endpoint } from '../../crds/values/endpoint.ts'
import { Linger } from '../smtp/linger.ts'
import { Metrics, type MetricValues } from '../observability/metrics.ts'
import type { LoadedPolicy } from '../policy-files/policy-file.ts'
import { Probes } from '../smtp/health-checks.ts'
import { Reception } from '../smtp/reception.ts'
import { type TlsResult, tlsWarnings } from '../smtp/tls-session.ts'
import type { LocalGateway } from '../main.ts'
import { type GatewayOptions, listensOn } from './options.ts'
import { PolicyFeed } from '../policy-files/policy-feed.ts'
import { Relays } from '../backend/running-relays.ts'
import { type StatusPage, type StatusParts, statusPage } from '../observability/status.ts'
import { version } from '../../runtime/version.ts'

/** DNSBL questions that are on their way at once. */
const maxInFlight = 8192
const pollMs = 20
/** Behind the drain delay: nobody has come for this long, so that nobody is sent here any more; and how long that is waited for at most. */
const nobodyForMs = 1000
const lateClientsMs = 30_000
/** What is left to the last replies when the drain time is over. */
const lastRepliesMs = 2500

export class RunningGateway implements LocalGateway {
  readonly #options: GatewayOptions
  readonly #localStore: LocalAllowlist
  readonly #allowlist: GatewayAllowlist
  readonly #screening = newScreening()
  readonly #linger = new Linger(() => performance.now())
  readonly #relays: Relays
  readonly #doors: Doors
  readonly #failure = Promise.withResolvers<never>()
  readonly #listens = Promise.withResolvers<readonly string[]>()
  readonly #metrics: Metrics
  readonly #resolver: DnsblResolver<DnsblRules>
  readonly #lists: DnsblReports
  readonly #leftOut: LeftOut
  readonly #reception: Reception
  readonly #feed: PolicyFeed
  #adminServer: AdminServer | undefined
  #cleanup: Cleanup | undefined
  #inForce: InForce | undefined
  #backends: Backends | undefined
  #world: World | undefined
  #draining = false

  constructor(options: GatewayOptions, store: LocalAllowlist) {
    this.#options = options
    this.#localStore = store
    this.#metrics = new Metrics(version, {
      sessions: () => this.#sessionsByPhase(),
      allowlistEntries: () => this.#allowlist.store.size(),
      sharedAllowlist: () => this.#allowlist.status,
      stress: () => this.#screening.stress,
      backends: () => this.#backends?.counts() ?? {},
      failingLists: () => this.#lists.failing(),
      connections: () => this.#connections(),
      leftOut: () => this.#inForce?.leftOut.length ?? 0,
    })
    this.#lists = new DnsblReports(options.log, this.#metrics)
    this.#leftOut = new LeftOut(options.log)
    this.#allowlist = new GatewayAllowlist({
      local: store,
      rules: () => this.#cleanupRules(),
      isWrittenByOthers: options.worker !== undefined,
      observer: this.#metrics.allowlistStore,
      info: (text) => options.log.info(text),
      warn: (text) => options.log.warning(text),
    })
    this.#relays = new Relays(options.log, this.#metrics)
    this.#doors = new Doors(options.log, options.worker !== undefined)
    // Nobody has to ask.
    this.#failure.promise.catch(() => undefined)
    this.#resolver = new DnsblResolver({
      servers: [],
      timeoutMs: 10_000,
      queryTimeoutMs: 1500,
      attempts: 2,
      maxInFlight,
      observe: (client, answer, rules) => this.#lists.answered(client, answer, rules),
    })
    this.#feed = new PolicyFeed(options, {
      apply: (loaded) => this.#apply(loaded),
      refused: () => this.#metrics.policyRefused(),
      serves: (skipped, kept) => this.#metrics.policyServed(skipped, kept),
    })
    this.#reception = new Reception({
      world: () => present(this.#world),
      rules: () => present(this.#inForce).reception,
      linger: this.#linger,
      probes: new Probes({
        rules: () => present(this.#inForce).rules,
        isReady: () => this.#notReady().length === 0,
        log: options.log,
        counted: (answer) => this.#metrics.probeAnswered(answer),
      }),
      log: options.log,
      relayed: () => this.#relays.size - this.#screening.postQueue,
      idPrefix: `${randomBytes(4).toString('hex')}-`,
    })
  }

  get listening(): readonly string[] {
    return this.#doors.listening
  }

  get admin(): string | undefined {
    return this.#adminServer?.address
  }

  get failed(): Promise<never> {
    return this.#failure.promise
  }

  get listens(): Promise<readonly string[]> {
    return this.#listens.promise
  }

  status(): StatusPage {
    return statusPage(this.#statusParts())
  }

  metricValues(): Promise<MetricValues> {
    return this.#metrics.values()
  }

  hearOfBackends(message: ProbeMessage): void {
    if (message.is === 'news') this.#backends?.hear(message.news)
    else this.#backends?.asked(message.label, message.urgent)
  }

  /** Takes the first policy, then opens the doors; with `awaitPolicy` both may come later. */
  async open(): Promise<void> {
    if (this.#options.awaitPolicy !== true) {
      await this.#feed.start()
      await this.#openAdmin()
      await this.#serve()
      return
    }
    await this.#openAdmin()
    this.#feed
      .start()
      .then(() => this.#serve())
      .catch(async (error: unknown) => {
        await this.drain(0)
        this.#failure.reject(error)
      })
  }

  async #openAdmin(): Promise<void> {
    const { log, admin } = this.#options
    const endpoint = admin === undefined ? undefined : parseEndpoint(admin)
    if (endpoint === undefined) return
    this.#adminServer = await serveAdmin(endpoint, {
      notReady: () => this.#notReady(),
      metrics: () => this.#metrics.text(),
      status: () => this.status(),
    })
    log.info(`admin server on ${this.#adminServer.address}`)
  }

  async #serve(): Promise<void> {
    const { log } = this.#options
    if (this.#draining) return
    this.#startCleanup()
    await this.#allowlist.ready()
    await this.#doors.open(listensOn(this.#options, present(this.#inForce).policy.spec), this.#reception.accept)
    // SIGTERM may have come meanwhile.
    if (this.#draining) {
      this.#doors.close()
      return
    }
    log.info(`listening on ${this.listening.join(', ')}`)
    this.#listens.resolve(this.listening)
  }

  /** Workers have one allowlist, and their timers would all be due at once: the first one cleans for all. */
  #startCleanup(): void {
    const { log, worker } = this.#options
    if (worker !== undefined && worker.number !== 1) return
    this.#cleanup = startCleanup({
      store: this.#localStore,
      rules: () => this.#cleanupRules(),
      info: (text) => log.info(text),
      warn: (text) => log.warning(text),
    })
  }

  reload(): void {
    this.#feed.reload()
  }

  async drain(timeoutMs: number, delayMs = 0): Promise<void> {
    this.#draining = true
    if (delayMs > 0 && this.listening.length > 0) await sleep(delayMs)
    const deadline = performance.now() + timeoutMs
    if (delayMs > 0) await this.#clientsHaveGoneElsewhere(Math.min(deadline, performance.now() + lateClientsMs))
    this.#doors.close()
    await until(() => this.#quiet(), deadline)
    this.#relays.giveUpWaiting('the gateway shuts down')
    this.#reception.shutDown()
    await until(() => this.#linger.size === 0, performance.now() + lastRepliesMs)
    this.#linger.close()
    this.#relays.cut()
    await this.#feed.close()
    this.#backends?.close()
    this.#resolver.close()
    this.#adminServer?.close()
    await this.#cleanup?.stop()
    await this.#allowlist.close()
  }

  /** Whoever still comes tells that endpoints or a load balancer have not caught up yet; a closed door would cost him his session. */
  async #clientsHaveGoneElsewhere(deadline: number): Promise<void> {
    let seen = this.#reception.clients
    let since = performance.now()
    const nobodyCame = (): boolean => {
      const now = performance.now()
      if (this.#reception.clients !== seen) since = now
      seen = this.#reception.clients
      return now - since >= nobodyForMs
    }
    await until(nobodyCame, deadline)
  }

  #quiet(): boolean {
    return (
      this.#reception.connections.size === 0 && this.#reception.waitingForHeader === 0 && this.#relays.size === 0 && this.#linger.size === 0
    )
  }

  #notReady(): readonly string[] {
    const reasons: string[] = []
    if (this.#draining) reasons.push('draining')
    if (this.#inForce === undefined) return [...reasons, 'no policy yet']
    if (this.listening.length === 0 && !this.#draining) reasons.push('not listening yet')
    if (this.#backends?.worthwhile() !== true) reasons.push(this.#backends?.whyNotWorthwhile() ?? 'no backend is reachable')
    return reasons
  }

  #apply(loaded: LoadedPolicy): void {
    const next = inForce(loaded, this.#options, this.#inForce)
    const backends = gatewayBackends(next.backends, this.#options, () => this.#doors.places, this.#metrics, this.#backends)
    this.#backends = backends
    this.#resolver.updateServers(next.dnsServers)
    this.#resolver.updateTimes(next.dnsTimes)
    this.#inForce = next
    this.#lists.use(next.rules.dnsbl)
    this.#leftOut.are(next.leftOut)
    this.#allowlist.use(next.sharedStore)
    this.#world = this.#makeWorld(next, backends)
    this.#cleanup?.reschedule()
    const { name, generation } = next.policy.metadata
    this.#metrics.policyInForce(name, generation ?? 0)
    if ((this.#options.listen ?? []).length === 0 && this.#doors.areElsewhere(next.policy.spec.listen.addresses)) {
      this.#options.log.warning('spec.listen.addresses has changed; that takes effect when the gateway is started again')
    }
    this.#options.log.info(`policy ${name} is in force`, { policy: name, generation, hash: next.hash, mode: next.policy.spec.mode })
  }

  #cleanupRules(): { interval: number; retention: number; enabled: readonly boolean[] } {
    const { policy, rules } = present(this.#inForce)
    const { cleanupInterval, retention } = policy.spec.allowlist
    return { interval: cleanupInterval, retention, enabled: testNames.map((name) => (rules.enabled & bit[name]) !== 0) }
  }

  #makeWorld({ rules, tls }: InForce, backends: Backends): World {
    const { log } = this.#options
    return {
      screening: this.#screening,
      linger: this.#linger,
      rules,
      tls: tls?.context,
      now: Date.now,
      recall: (key) => this.#allowlist.get(key),
      remember: (key, record) => this.#allowlist.put(key, record),
      lookup: (client, { dnsbl }, listener) => {
        const began = performance.now()
        return this.#resolver.lookup(client, dnsbl, (answer, complete) => {
          this.#metrics.dnsblAnswered((performance.now() - began) / 1000)
          listener(answer, complete)
        })
      },
      relay: (sessionId, request, events) => this.#relays.start(sessionId, request, backends, events),
      log: (sessionId, record) => this.#happened(sessionId, record, rules.audit),
      tlsResult: (sessionId, client, result) => this.#tlsResult(sessionId, client, result),
      ended: (connection: Connection) => this.#reception.forget(connection),
      bug: (sessionId, error) => log.sessionWarning(sessionId, `internal error: ${error instanceof Error ? error.stack : String(error)}`),
    }
  }

  #happened(sessionId: string, record: LogRecord, audit: boolean): void {
    this.#metrics.event(record, audit)
    this.#options.log.session(sessionId, record)
  }

  #tlsResult(sessionId: string, client: Endpoint, result: TlsResult): void {
    this.#metrics.starttls(result.is)
    if (result.is === 'established') return
    const event = result.is === 'failed' ? 'TLS HANDSHAKE FAILED' : 'TLS SESSION FAILED'
    this.#options.log.tls(sessionId, event, client, tlsWarnings(result.trouble, client))
  }

  #sessionsByPhase(): Record<string, number> {
    const counts: Record<string, number> = { header: this.#reception.waitingForHeader, recall: 0, early: 0, smtp: 0, handoff: 0 }
    for (const { session } of this.#reception.connections) counts[session.phase] = (counts[session.phase] ?? 0) + 1
    counts['relay'] = this.#relays.size - (counts['handoff'] ?? 0)
    counts['closing'] = this.#linger.size
    return counts
  }

  #connections(): ConnectionStatus | undefined {
    return this.#inForce === undefined ? undefined : this.#reception.capacity.status
  }

  #statusParts(): StatusParts {
    return {
      version,
      inForce: this.#inForce,
      refused: this.#feed.refused,
      keptAt: this.#feed.keptAt,
      skipped: this.#feed.skipped,
      notReady: this.#notReady(),
      draining: this.#draining,
      listening: this.listening,
      sessions: this.#sessionsByPhase(),
      screening: this.#screening,
      connections: this.#connections(),
      store: this.#allowlist.store,
      sharedAllowlist: this.#allowlist.status,
      dnsbl: this.#resolver.status(),
      lists: this.#lists.sites(),
      backends: this.#backends?.status() ?? [],
    }
  }
}

/** What must have been set by now. */
function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the gateway has no policy yet')
  return value
}

async function until(done: () => boolean, deadline: number): Promise<void> {
  while (!done() && performance.now() < deadline) await sleep(pollMs)
}
