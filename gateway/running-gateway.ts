// One gateway process at work: listeners, sessions, relays, allowlist and admin server, and the policy that is in force.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { newScreening } from './core/clients.ts'
import { bit } from './core/tests.ts'
import { type DnsblAnswer, type LogRecord, testNames } from './core/vocabulary.ts'
import { type InForce, inForce } from './in-force.ts'
import { type AdminServer, serveAdmin } from './io/admin.ts'
import { type Cleanup, startCleanup } from './io/allowlist/allowlist-cleanup.ts'
import { AllowlistInForce } from './io/allowlist/allowlist-in-force.ts'
import type { LocalAllowlist } from './io/allowlist/allowlist-store.ts'
import { Backends } from './io/backend/backends.ts'
import { messageOf } from './io/caught.ts'
import type { Connection, TlsResult, World } from './io/connection.ts'
import { DnsblResolver } from './io/dns/dnsbl-resolver.ts'
import { formatEndpoint, parseEndpoint } from './io/endpoint-text.ts'
import { Linger } from './io/linger.ts'
import { ListenError, listen } from './io/listener.ts'
import { Metrics } from './io/metrics.ts'
import type { LoadedPolicy, RefusedPolicy } from './io/policy/policy-file.ts'
import { type PolicyWatch, watchPolicy } from './io/policy/policy-watch.ts'
import { Reception } from './io/reception.ts'
import { type HandOff, type HandOffEvents, handOff } from './io/backend/relay.ts'
import type { Gateway } from './main.ts'
import type { GatewayOptions } from './options.ts'
import { type StatusParts, statusPage } from './status.ts'

/** DNSBL questions that are on their way at once. */
const maxInFlight = 8192
const pollMs = 20
/** Problems of one policy that are logged. */
const problemsLogged = 100
/** What is left to the last replies when the drain time is over. */
const lastRepliesMs = 2500

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }

/** The policy cannot be used; the message has every problem on a line of its own. */
export class PolicyRefused extends Error {
  constructor(file: string, problems: readonly { readonly path: string; readonly why: string }[]) {
    super(problems.map(({ path, why }) => `${file}: ${path}: ${why}`).join('\n'))
  }
}

export class RunningGateway implements Gateway {
  readonly #options: GatewayOptions
  readonly #localStore: LocalAllowlist
  readonly #allowlist: AllowlistInForce
  readonly #screening = newScreening()
  readonly #linger = new Linger(() => performance.now())
  readonly #relays = new Set<HandOff>()
  readonly #metrics: Metrics
  readonly #resolver: DnsblResolver
  readonly #reception: Reception
  #servers: readonly net.Server[] = []
  #adminServer: AdminServer | undefined
  #watch: PolicyWatch | undefined
  #cleanup: Cleanup | undefined
  #inForce: InForce | undefined
  #refused: StatusParts['refused']
  #backends: Backends | undefined
  #world: World | undefined
  #draining = false

  constructor(options: GatewayOptions, store: LocalAllowlist) {
    this.#options = options
    this.#localStore = store
    this.#metrics = new Metrics(version, {
      sessions: () => this.#sessionsByPhase(),
      allowlistEntries: () => this.#allowlist.store.size(),
      sharedAllowlist: () => this.#allowlist.shared,
      stress: () => this.#screening.stress,
    })
    this.#allowlist = new AllowlistInForce({
      local: store,
      rules: () => this.#cleanupRules(),
      observer: this.#metrics.allowlistStore,
      info: (text) => options.log.info(text),
      warn: (text) => options.log.warning(text),
    })
    this.#resolver = new DnsblResolver({
      servers: [],
      timeoutMs: 10_000,
      queryTimeoutMs: 1500,
      attempts: 2,
      maxInFlight,
      observe: (client, answer) => this.#answered(client, answer),
    })
    this.#reception = new Reception({
      world: () => present(this.#world),
      rules: () => present(this.#inForce).reception,
      linger: this.#linger,
      warn: (session, text) => options.log.sessionWarning(session, text),
      idPrefix: `${randomBytes(4).toString('hex')}-`,
    })
  }

  get listening(): readonly string[] {
    return this.#servers.map(boundTo)
  }

  get admin(): string | undefined {
    return this.#adminServer?.address
  }

  /** Takes the first policy, then opens the doors. */
  async open(): Promise<void> {
    const { log, admin } = this.#options
    await this.#firstPolicy()
    this.#cleanup = startCleanup({
      store: this.#localStore,
      rules: () => this.#cleanupRules(),
      info: (text) => log.info(text),
      warn: (text) => log.warning(text),
    })
    const adminEndpoint = admin === undefined ? undefined : parseEndpoint(admin)
    if (adminEndpoint !== undefined) {
      this.#adminServer = await serveAdmin(adminEndpoint, {
        notReady: () => this.#notReady(),
        metrics: () => this.#metrics.text(),
        status: () => statusPage(this.#statusParts()),
      })
      log.info(`admin server on ${this.#adminServer.address}`)
    }
    await this.#allowlist.ready()
    this.#servers = await this.#listen()
    log.info(`listening on ${this.listening.join(', ')}`)
  }

  reload(): void {
    this.#watch?.reload()
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true
    const deadline = performance.now() + timeoutMs
    for (const server of this.#servers) server.close()
    await until(() => this.#quiet(), deadline)
    this.#reception.shutDown()
    await until(() => this.#linger.size === 0, performance.now() + lastRepliesMs)
    this.#linger.close()
    // Relays that outlast the drain time are cut, a message in flight with them: its sender has no answer to DATA yet and will send it again.
    for (const { client } of this.#relays) client.destroy()
    this.#watch?.close()
    this.#backends?.close()
    this.#resolver.close()
    this.#adminServer?.close()
    await this.#cleanup?.stop()
    await this.#allowlist.close()
  }

  #quiet(): boolean {
    return (
      this.#reception.connections.size === 0 && this.#reception.waitingForHeader === 0 && this.#relays.size === 0 && this.#linger.size === 0
    )
  }

  #notReady(): readonly string[] {
    const reasons: string[] = []
    if (this.#draining) reasons.push('draining')
    if (this.#servers.length === 0) reasons.push('not listening yet')
    if (this.#backends?.reachable() !== true) reasons.push('no backend is reachable')
    return reasons
  }

  #firstPolicy(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#watch = watchPolicy(this.#options.policyFile, {
      onPolicy: (loaded) => {
        this.#apply(loaded)
        resolve()
      },
      onRefused: (refused) => {
        if (this.#inForce === undefined) reject(new PolicyRefused(this.#options.policyFile, refused.problems))
        else this.#refuse(refused)
      },
    })
    return promise
  }

  #refuse(refused: RefusedPolicy): void {
    this.#refused = { at: new Date(), ...refused }
    this.#metrics.policyRefused()
    const { log } = this.#options
    const { problems, hash, generation } = refused
    const result = this.#inForce === undefined ? 'there is none yet' : 'the last good one stays'
    for (const { path, why } of problems.slice(0, problemsLogged))
      log.warning(`policy refused, ${result}: ${path}: ${why}`, { path, why, hash, generation })
    if (problems.length > problemsLogged) log.warning(`policy refused, ${result}: ${problems.length - problemsLogged} more problems`)
  }

  #apply(loaded: LoadedPolicy): void {
    const next = inForce(loaded, this.#options)
    const backends = new Backends(next.backends, this.#backends)
    this.#backends?.close()
    this.#backends = backends
    this.#resolver.updateServers(next.dnsServers)
    this.#resolver.updateTimes(next.dnsTimes)
    this.#inForce = next
    this.#refused = undefined
    this.#allowlist.use(next.sharedStore)
    this.#world = this.#makeWorld(next, backends)
    this.#cleanup?.reschedule()
    const { name, generation } = next.policy.metadata
    this.#metrics.policyInForce(name, generation ?? 0)
    const listensElsewhere = this.#servers.length > 0 && (this.#options.listen ?? []).length === 0
    if (listensElsewhere && !sameAddresses(next.policy.spec.listen.addresses, this.#asked)) {
      this.#options.log.warning('spec.listen.addresses has changed; that takes effect when the gateway is started again')
    }
    this.#options.log.info(`policy ${name} is in force`, { policy: name, generation, hash: next.hash, mode: next.policy.spec.mode })
  }

  #asked: readonly string[] = []

  async #listen(): Promise<net.Server[]> {
    const { listen: flags, log } = this.#options
    this.#asked = flags !== undefined && flags.length > 0 ? flags : present(this.#inForce).policy.spec.listen.addresses
    const endpoints = this.#asked.map((text) => parseEndpoint(text)).filter((endpoint) => endpoint !== undefined)
    const opened = await Promise.allSettled(endpoints.map((endpoint) => listen(endpoint, this.#reception.accept)))
    const servers = opened.filter((result) => result.status === 'fulfilled').map((result) => result.value)
    const failures = opened.filter((result) => result.status === 'rejected').map((result): unknown => result.reason)
    const fatal = failures.find((reason) => servers.length === 0 || !lacksIPv6(reason))
    if (fatal !== undefined) {
      for (const server of servers) server.close()
      throw fatal
    }
    for (const reason of failures) log.warning(messageOf(reason))
    return servers
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
        return this.#resolver.lookup(client, dnsbl.lists, (answer, complete) => {
          this.#metrics.dnsblAnswered((performance.now() - began) / 1000)
          listener(answer, complete)
        })
      },
      relay: (sessionId, request, events) => this.#relay(sessionId, request, backends, events),
      log: (sessionId, record) => this.#happened(sessionId, record, rules.audit),
      tlsResult: (sessionId, result) => this.#tlsResult(sessionId, result),
      ended: (connection: Connection) => this.#reception.forget(connection),
      bug: (sessionId, error) => log.sessionWarning(sessionId, `internal error: ${error instanceof Error ? error.stack : String(error)}`),
    }
  }

  #happened(sessionId: string, record: LogRecord, audit: boolean): void {
    this.#metrics.event(record, audit)
    this.#options.log.session(sessionId, record)
  }

  #answered(client: string, answer: DnsblAnswer): void {
    const site = this.#inForce?.rules.dnsbl.replyMap.get(answer.domain) ?? answer.domain
    this.#metrics.dnsblAnswer(answer, site)
    this.#options.log.dnsbl(client, answer, present(this.#inForce).rules.dnsbl.timeout)
  }

  #tlsResult(sessionId: string, result: TlsResult): void {
    this.#metrics.starttls(result.is)
    if (result.is === 'failed') this.#options.log.sessionWarning(sessionId, `TLS handshake failed: ${result.why}`)
  }

  #relay(sessionId: string, request: HandOff, backends: Backends, events: HandOffEvents): void {
    const began = performance.now()
    const { log } = this.#options
    this.#relays.add(request)
    handOff(request, backends, {
      onHandedOff: (backend) => {
        this.#metrics.handedOn((performance.now() - began) / 1000)
        log.relay(sessionId, 'HANDED ON', request.clientEndpoint, { backend })
        events.onHandedOff(backend)
      },
      onFailed: (how, reason, arrived) => {
        this.#relays.delete(request)
        this.#metrics.backendFailed(how)
        log.sessionWarning(sessionId, `cannot ${how === 'connect' ? 'connect' : 'pass connection'} to service smtpd: ${reason}`)
        events.onFailed(how, reason, arrived)
      },
      onEnd: (stats) => {
        this.#relays.delete(request)
        this.#metrics.relayed(stats.toBackend, stats.toClient)
        log.relay(sessionId, 'RELAY ENDED', request.clientEndpoint, { ...stats, seconds: Math.round(performance.now() - began) / 1000 })
        events.onEnd(stats)
      },
    })
  }

  #sessionsByPhase(): Record<string, number> {
    const counts: Record<string, number> = { header: this.#reception.waitingForHeader, recall: 0, early: 0, smtp: 0, handoff: 0 }
    for (const { session } of this.#reception.connections) counts[session.phase] = (counts[session.phase] ?? 0) + 1
    counts['relay'] = this.#relays.size - (counts['handoff'] ?? 0)
    counts['closing'] = this.#linger.size
    return counts
  }

  #statusParts(): StatusParts {
    return {
      version,
      inForce: this.#inForce,
      refused: this.#refused,
      notReady: this.#notReady(),
      listening: this.listening,
      sessions: this.#sessionsByPhase(),
      screening: this.#screening,
      store: this.#allowlist.store,
      sharedAllowlist: this.#allowlist.shared,
      dnsbl: this.#resolver.status(),
      backends: this.#backends?.status() ?? [],
    }
  }
}

/** What must have been set by now. */
function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the gateway has no policy yet')
  return value
}

function boundTo(server: net.Server): string {
  const { address, port } = server.address() as net.AddressInfo
  return formatEndpoint({ address, port })
}

/** A machine without IPv6 is no reason not to listen on IPv4: the default is both. */
function lacksIPv6(reason: unknown): boolean {
  return reason instanceof ListenError && reason.address === '::' && ['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(reason.code)
}

function sameAddresses(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((address) => b.includes(address))
}

async function until(done: () => boolean, deadline: number): Promise<void> {
  while (!done() && performance.now() < deadline) await sleep(pollMs)
}
