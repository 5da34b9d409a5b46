// Prometheus metrics: postscreen's events counted. No label ever holds an address or anything else that a client can
// choose.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, Gauge, Histogram, type MetricObjectWithValues, type MetricValue, Registry } from 'prom-client'
import type { AddressReport } from '../core/client-address/address-watch.ts'
import type { DnsblVerdict } from '../core/dnsbl.ts'
import type { Outcome } from '../core/outcome-names.ts'
import type { HandOffPoint, LogRecord } from '../core/vocabulary.ts'
import type { ConnectionStatus } from '../smtp/capacity.ts'
import type { BanStatus } from '../bans/ban-keeper.ts'
import type { Standing } from '../dns/list-health.ts'
import type { ListsReport } from '../dns/list-report.ts'
import type { SharedStatus, StoreObserver } from '../allowlist/allowlist-valkey.ts'
import { observeAddresses } from './address-metrics.ts'
import { type BackendMetrics, backendMetrics, type ProbeResult } from './backend-metrics.ts'
import { observeBans } from './ban-metrics.ts'
import { type DnsblMetrics, dnsblMetrics, observeListHealth } from './dnsbl-metrics.ts'
import { LiveNumbers } from './live/live-numbers.ts'
import { countedAs, counters, outcomeCounter, outcomeCounters } from './session-metrics.ts'
import { observeProcess } from '../../runtime/process-metrics.ts'
import { spfMetrics } from './spf-metrics.ts'
import type { SenderReport } from '../spf/sender-report.ts'
import { applyErrors, generationGauge, servedGauges } from './served-metrics.ts'
import type { SkippedLines } from '../policy-files/loaded-policy.ts'

/** Numbers that are read when the metrics are requested. */
export interface Levels {
  /** Sessions by phase, `relay` included. */
  sessions(): Readonly<Record<string, number>>
  allowlistEntries(): number
  /** Undefined while no shared store is in use. */
  sharedAllowlist(): SharedStatus | undefined
  stress(): boolean
  /** Backend addresses by state; empty while there is no policy. */
  backends(): Readonly<Record<string, number>>
  /** 1 for each DNS list that fails, 0 for the others. */
  failingLists(): Readonly<Record<string, number>>
  /** What the tests of the DNS lists have found. */
  listHealth(): ListsReport
  /** Undefined while there is no policy. */
  connections(): ConnectionStatus | undefined
  clientAddresses(): AddressReport
  /** Undefined without bans in the policy. */
  bans(): BanStatus | undefined
  /** The senders whose SPF records the policy uses. */
  senders(): readonly SenderReport[]
  /** Optional parts of the policy that are left out. */
  leftOut(): number
}

const lookupBuckets = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5]

/** From a second to a day: mail servers come back after minutes. */
const reconnectBuckets = [1, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400]

interface Tally {
  readonly short: string
  readonly values: readonly string[]
  count: number
}

/** All metrics of one process as data. */
export type MetricValues = readonly MetricObjectWithValues<MetricValue<string>>[]

const lagResolutionMs = 20

/** All metrics of one gateway. */
export class Metrics {
  readonly #registry = new Registry()
  /**
   * By what countedAs gives. Counting is a plain addition; prom-client's labelled counters, which cost more than all
   * the rest of it, are filled when asked for.
   */
  readonly #tallies = new Map<string, Tally>()
  readonly #lag = monitorEventLoopDelay({ resolution: lagResolutionMs })
  /** For the shared allowlist. */
  readonly allowlistStore: StoreObserver
  readonly #dnsbl: DnsblMetrics
  readonly #backend: BackendMetrics
  readonly #starttls: Counter
  readonly #probes: Counter
  readonly #spfRefreshes: Counter
  readonly #generation: Gauge
  readonly #served: ReturnType<typeof servedGauges>
  readonly #applyErrors: Counter
  readonly #reconnectDelay: Histogram
  /** For the live page. */
  readonly live = new LiveNumbers()

  constructor(version: string, levels: Levels) {
    const registers = [this.#registry]
    for (const [short, { name, help, labels }] of Object.entries(counters)) {
      const counter: Counter = new Counter({ name, help, labelNames: [...labels], registers, collect: () => this.#fill(short, counter) })
    }
    const counter = (name: string, help: string, labelNames: string[]): Counter => new Counter({ name, help, labelNames, registers })
    this.#dnsbl = dnsblMetrics(registers)
    this.#backend = backendMetrics(registers)
    this.#starttls = counter(
      'postscreen_starttls_total',
      'TLS sessions of clients under test: handshakes by their result, and those that broke after it.',
      ['result'],
    )
    this.#probes = counter('postscreen_probes_total', 'Health checks that were answered.', ['answer'])
    this.#generation = generationGauge(registers)
    this.#applyErrors = applyErrors(registers)
    this.#served = servedGauges(registers)
    this.#spfRefreshes = spfMetrics(registers, () => levels.senders())
    this.allowlistStore = this.#observeSharedAllowlist(levels)
    this.#reconnectDelay = new Histogram({
      name: 'postscreen_reconnect_delay_seconds',
      help: 'Time until a client that was asked to come back has done so.',
      buckets: reconnectBuckets,
      registers,
    })
    // Each exists from the start, so that its first session shows as an increase.
    for (const what of outcomeCounters) this.#tally(what)
    this.#observeLevels(version, levels)
  }

  #observeLevels(version: string, levels: Levels): void {
    const registers = [this.#registry]
    new Gauge({ name: 'postscreen_build_info', help: 'The version.', labelNames: ['version'], registers, aggregator: 'first' }).set(
      { version },
      1,
    )
    const gauge = (name: string, help: string, read: () => number): void => {
      const made: Gauge = new Gauge({ name, help, registers, aggregator: 'max', collect: () => made.set(read()) })
    }
    gauge('postscreen_allowlist_entries', 'Clients on the temporary allowlist.', () => levels.allowlistEntries())
    gauge('postscreen_stress_mode', '1 while waits are short because of many connections.', () => (levels.stress() ? 1 : 0))
    gauge('postscreen_policy_parts_left_out', 'Optional parts of the policy that the gateway goes on without.', () => levels.leftOut())
    observeProcess(registers)
    this.#lag.enable()
    gauge('postscreen_event_loop_lag_seconds', 'Longest delay of the event loop since the last scrape.', () => {
      // It measures the time between two of its own ticks.
      const seconds = this.#lag.max / 1e9 - lagResolutionMs / 1000
      this.#lag.reset()
      return Math.max(0, seconds)
    })
    this.#observeConnections(levels)
    observeAddresses(registers, () => levels.clientAddresses())
    observeBans(registers, () => levels.bans())
    this.#observeCounts({ name: 'postscreen_active_sessions', help: 'Sessions by phase.' }, 'phase', () => levels.sessions())
    // Each worker has its own results for the same addresses.
    const backends = {
      name: 'postscreen_backends',
      help: 'Addresses of mail servers by what is known of them.',
      aggregator: 'max',
    } as const
    this.#observeCounts(backends, 'state', () => levels.backends())
    const lists = { name: 'postscreen_dnsbl_list_failing', help: '1 while a DNS list gives no usable answers.', aggregator: 'max' } as const
    this.#observeCounts(lists, 'zone_id', () => levels.failingLists())
    observeListHealth(registers, () => levels.listHealth())
  }

  #observeConnections({ connections }: Levels): void {
    const registers = [this.#registry]
    const gauge = (name: string, help: string, read: (status: ConnectionStatus) => number): void => {
      const collect = (): void => {
        const status = connections()
        made.set(status === undefined ? 0 : read(status))
      }
      const made: Gauge = new Gauge({ name, help, registers, collect })
    }
    gauge('postscreen_client_connections', 'Client connections in whatever state, health checks too.', ({ open }) => open)
    gauge('postscreen_client_connections_limit', 'How many there may be.', ({ limit }) => limit.connections)
    const collect = (): void => {
      refused.reset()
      refused.inc(connections()?.refused ?? 0)
    }
    const help = 'Clients that read 421 since there were as many connections as there may be.'
    const refused: Counter = new Counter({ name: 'postscreen_client_connections_refused_total', help, registers, collect })
  }

  #observeCounts(
    gauge: { readonly name: string; readonly help: string; readonly aggregator?: 'max' },
    label: string,
    read: () => Readonly<Record<string, number>>,
  ): void {
    const collect = (): void => {
      made.reset()
      for (const [value, count] of Object.entries(read())) made.set({ [label]: value }, count)
    }
    const made: Gauge = new Gauge({ ...gauge, labelNames: [label], registers: [this.#registry], collect })
  }

  #observeSharedAllowlist({ sharedAllowlist }: Levels): StoreObserver {
    const registers = [this.#registry]
    const gauge = (name: string, help: string, aggregator: 'min' | 'sum', read: (status: SharedStatus | undefined) => number): void => {
      const made: Gauge = new Gauge({ name, help, registers, aggregator, collect: () => made.set(read(sharedAllowlist())) })
    }
    const counter = (name: string, help: string, read: (status: SharedStatus | undefined) => number): void => {
      const collect = (): void => {
        made.reset()
        made.inc(read(sharedAllowlist()))
      }
      const made: Counter = new Counter({ name, help, registers, collect })
    }
    gauge('postscreen_allowlist_store_up', '1 while the temporary allowlist answers and can be written.', 'min', (shared) =>
      shared?.up === false ? 0 : 1,
    )
    gauge(
      'postscreen_allowlist_pending_writes',
      'Records on their way to the shared store, or to a data directory that cannot be written.',
      'sum',
      (shared) => shared?.pendingWrites ?? 0,
    )
    counter('postscreen_allowlist_dropped_writes_total', 'Records given up on that way.', (shared) => shared?.droppedWrites ?? 0)
    counter('postscreen_allowlist_near_cache_hits_total', 'Clients known without asking it.', (shared) => shared?.nearCacheHits ?? 0)
    const seconds = new Histogram({
      name: 'postscreen_allowlist_store_seconds',
      help: 'How long clients waited for the shared store.',
      buckets: lookupBuckets,
      registers,
    })
    const errors = new Counter({
      name: 'postscreen_allowlist_store_errors_total',
      help: 'Failures of the shared store.',
      labelNames: ['reason'],
      registers,
    })
    return { lookedUp: (time) => seconds.observe(time), failed: (reason) => errors.inc({ reason }) }
  }

  /** Counts one event of a session. */
  event(record: LogRecord, audit: boolean): void {
    for (const what of countedAs(record, audit ? 'audit' : 'enforce')) this.#tally(what).count++
    if (record.event === 'DNSBL') this.#dnsbl.score.observe(record.rank)
    this.live.event(record)
  }

  /** A session is over or handed off. */
  decided(outcome: Outcome, audit: boolean, address: string): void {
    this.#tally(outcomeCounter(outcome, audit)).count++
    this.live.decided(outcome, address)
  }

  /** A client that was asked to come back has done so. */
  cameBack(seconds: number): void {
    this.#reconnectDelay.observe(seconds)
  }

  #tally(what: string): Tally {
    const known = this.#tallies.get(what)
    if (known !== undefined) return known
    const [short = '', ...values] = what.split('|')
    const tally = { short, values, count: 0 }
    this.#tallies.set(what, tally)
    return tally
  }

  #fill(metric: string, counter: Counter): void {
    counter.reset()
    for (const { short, values, count } of this.#tallies.values()) if (short === metric) counter.labels(...values).inc(count)
  }

  /** @param site the public name of the list; its domain may contain a key */
  dnsblAnswer(verdict: DnsblVerdict, site: string): void {
    this.#dnsbl.queried(site, verdict.is)
    if (verdict.is !== 'suspended')
      this.live.listAnswered(site, 'error' in verdict ? 'failed' : verdict.is === 'listed' ? 'listed' : 'answers')
    if ('error' in verdict) this.#dnsbl.errors.inc({ zone_id: site, kind: verdict.error.kind })
  }

  /** @param site the public name of the list */
  listTested(site: string, standing: Standing): void {
    this.#dnsbl.tests.inc({ zone_id: site, result: standing })
  }

  /** @param list the public name of a list that has answered; undefined without a usable answer */
  dnsblAnswered(seconds: number, list: string | undefined): void {
    this.#dnsbl.seconds.observe(seconds)
    if (list !== undefined) this.live.listTook(list, seconds)
  }

  /** A client was handed off. @param replySeconds in the same session: from its command to the backend's reply */
  relayStarted(backend: string, at: HandOffPoint, greetingSeconds: number, replySeconds?: number): void {
    this.live.mailServerGreeted(backend, greetingSeconds)
    this.#backend.connect.observe(greetingSeconds)
    if (replySeconds !== undefined) this.#backend.replay.observe(replySeconds)
    this.#backend.handOffs.inc({ at: at.startsWith('STARTTLS') ? 'STARTTLS' : at })
    if (at === 'STARTTLS, not tested') this.#backend.untested.inc()
  }

  backendFailed(how: 'connect' | 'send'): void {
    this.#backend.errors.inc({ reason: how })
  }

  backendProbed(result: ProbeResult): void {
    this.#backend.probes.inc({ result })
  }

  relayEnded(toBackend: number, toClient: number): void {
    this.#backend.relayBytes.inc({ direction: 'to_backend' }, toBackend)
    this.#backend.relayBytes.inc({ direction: 'to_client' }, toClient)
  }

  starttls(result: 'established' | 'failed' | 'broken'): void {
    this.#starttls.inc({ result })
  }

  probeAnswered(answer: 'ready' | 'unready'): void {
    this.#probes.inc({ answer })
  }

  /** @param problem the reason why not all of a sender's record was read */
  senderRefreshed(domain: string, problem: string | undefined): void {
    this.#spfRefreshes.inc({ domain, result: problem ?? 'Complete' })
  }

  policyInForce(policy: string, generation: number): void {
    this.#generation.reset()
    this.#generation.set({ policy }, generation)
    this.live.mark('policy', `policy ${generation === 0 ? policy : generation}`)
  }

  policyServed(skipped: readonly SkippedLines[], kept: boolean): void {
    this.#served.kept.set(kept ? 1 : 0)
    this.#served.skippedLines.reset()
    for (const { table, lines } of skipped) this.#served.skippedLines.set({ table }, lines)
  }

  policyRefused(): void {
    this.#applyErrors.inc()
  }

  /** For the metrics of several workers, which are combined as `aggregator` says. */
  values(): Promise<MetricValues> {
    return this.#registry.getMetricsAsJSON()
  }

  /** The exposition text and its content type. */
  async text(): Promise<{ readonly type: string; readonly text: string }> {
    return { type: this.#registry.contentType, text: await this.#registry.metrics() }
  }
}
