// The DNS lists of a gateway process: asks them about clients, tests them, and reports on both.
import type { Endpoint } from '../../crds/values/endpoint.ts'
import { systemClock } from '../../runtime/clock.ts'
import { type DnsblList, type DnsblRules, judge } from '../core/dnsbl.ts'
import type { DnsblAnswer } from '../core/vocabulary.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { OpenDatagramSocket } from '../sockets/datagram-socket.ts'
import type { DnsTimes } from './dns-client.ts'
import { DnsblReports } from './dnsbl-reports.ts'
import { DnsblResolver, type DnsblStatus } from './dnsbl-resolver.ts'
import type { SiteStatus } from './dnsbl-status.ts'
import { givesFalseAnswers } from './list-faults.ts'
import { ListMonitor, type ListTestRules } from './list-monitor.ts'
import { type ListsReport, logChange, logResolver, reportOf } from './list-report.ts'
import { type ListChannel, type ListMessage, listName } from './list-sharing.ts'
import type { Ask } from './list-test.ts'
import { ShareWatch } from './share-watch.ts'
import { TrustedClients } from './trusted-clients.ts'
import type { StandingChange, WatchedList } from './watched-list.ts'

/** What a policy says about DNS lists. */
export interface ListPolicy {
  readonly dnsbl: DnsblRules
  readonly servers: readonly Endpoint[]
  readonly times: DnsTimes
  readonly tests: ListTestRules
}

export interface GatewayListsSettings {
  readonly policy: ListPolicy
  readonly log: Log
  readonly metrics: Metrics
  readonly maxInFlight: number
  readonly openSocket: OpenDatagramSocket
  readonly channel: ListChannel
  /** Clients whose pass is no longer valid. */
  readonly revoke: (keys: readonly string[]) => void
}

/** What holds for all clients is not logged again for those with IPv6. */
function withoutRepetition({ IPv4 }: WatchedList, changes: readonly StandingChange[]): readonly StandingChange[] {
  const all = changes.find(({ family }) => family === 'IPv4')
  return changes.filter((change) => change === all || (IPv4.standing !== 'suspended' && all?.after.standing !== change.after.standing))
}

export class GatewayLists {
  readonly resolver: DnsblResolver<DnsblRules>
  readonly #settings: GatewayListsSettings
  readonly #reports: DnsblReports
  readonly #monitor: ListMonitor
  readonly #shares: ShareWatch
  readonly #trusted = new TrustedClients()
  #policy: ListPolicy

  constructor(settings: GatewayListsSettings) {
    const { policy, log, metrics, maxInFlight, openSocket } = settings
    this.#settings = settings
    this.#policy = policy
    this.#reports = new DnsblReports(log, metrics, (domain) => this.#monitor.doubtAll(domain))
    this.resolver = new DnsblResolver({
      servers: policy.servers,
      ...policy.times,
      maxInFlight,
      openSocket,
      observe: (client, answer, rules) => this.#answered(client, answer, rules),
      standing: this.standing,
      completed: (client, answers, rules) => this.#lookedUp(client, answers, rules),
    })
    this.#monitor = this.#newMonitor()
    const ask: Ask = (name, flow) => this.resolver.ask(name, flow)
    this.#shares = new ShareWatch(
      ask,
      {
        suspect: (name, suspicion) => this.#monitor.suspect(name, suspicion),
        clear: (name) => this.#monitor.suspect(name, undefined),
        isSuspect: (name) => this.#monitor.isSuspect(name),
      },
      systemClock.now,
    )
    this.#reports.use(policy.dnsbl)
  }

  /** Whether the answers of a list about a client count; see DnsblAnswer. */
  readonly standing = (list: DnsblList, client: string): DnsblAnswer['standing'] => this.#monitor.standing(list, client)

  /** Begins the tests. */
  open(): void {
    const { dnsbl, tests } = this.#policy
    this.#shares.keep(new Set(dnsbl.lists.map(listName)))
    this.#monitor.use({ dnsbl, ...tests })
  }

  /** Uses the lists of a new policy. */
  use(policy: ListPolicy): void {
    this.#policy = policy
    this.resolver.updateServers(policy.servers)
    this.resolver.updateTimes(policy.times)
    this.#reports.use(policy.dnsbl)
    this.open()
  }

  /** A client has skipped tests because of these lists. @param key in the temporary allowlist */
  trusted(domains: readonly string[], key: string): void {
    this.#trusted.add(domains, key, Date.now())
  }

  /** A message of another process of this gateway. */
  hear(message: ListMessage): void {
    this.#monitor.hear(message)
  }

  status(): DnsblStatus {
    return this.resolver.status()
  }

  sites(): readonly SiteStatus[] {
    return this.#reports.sites()
  }

  health(): ListsReport {
    return reportOf(this.#monitor, (domain) => this.#nameOf(domain), this.#policy.tests.suspends)
  }

  /** By public name: 1 for each list that fails, 0 for the others. */
  failing(): Readonly<Record<string, number>> {
    const failing: Record<string, number> = { ...this.#reports.failing() }
    for (const { list, standing } of this.#monitor.lists()) if (standing === 'suspended') failing[this.#nameOf(list.domain)] = 1
    return failing
  }

  close(): void {
    this.#monitor.close()
    this.resolver.close()
  }

  #newMonitor(): ListMonitor {
    const { log, metrics, channel } = this.#settings
    return new ListMonitor({
      ask: (name, flow) => this.resolver.ask(name, flow),
      channel,
      events: {
        changed: (watched, changes, found) => this.#changed(watched, changes, found),
        resolver: (state, _, rewritten) => logResolver(log, state, rewritten),
        tested: (watched) => metrics.listTested(this.#nameOf(watched.list.domain), watched.standing),
      },
      now: systemClock.now,
      date: Date.now,
      random: Math.random,
      later: (call, ms) => {
        const timer = setTimeout(call, ms).unref()
        return () => clearTimeout(timer)
      },
    })
  }

  #answered(client: string, answer: DnsblAnswer, rules: DnsblRules): void {
    const verdict = judge(rules, answer)
    this.#reports.answered(client, answer, verdict, rules)
    if (verdict.is === 'listed') this.#monitor.listed(listName(answer))
    else if (verdict.is === 'error' && verdict.codes.length > 0) this.#monitor.doubt(listName(answer), client)
  }

  #lookedUp(client: string, answers: readonly DnsblAnswer[], rules: DnsblRules): void {
    const { everyMs, share } = this.#policy.tests
    if (everyMs > 0) this.#shares.lookedUp(client, answers, rules, share)
  }

  #changed(watched: WatchedList, changes: readonly StandingChange[], found: boolean): void {
    const { domain } = watched.list
    const { suspends } = this.#policy.tests
    for (const change of found ? withoutRepetition(watched, changes) : [])
      logChange(this.#settings.log, watched, change, { list: this.#nameOf(domain), suspends })
    if (changes.some(({ before, after }) => (before.standing === 'suspended') !== (after.standing === 'suspended')))
      this.#reports.forgive(domain)
    const fault = changes.find(({ before, after }) => before.standing !== 'suspended' && after.standing === 'suspended')
    if (fault?.after.fault !== undefined && suspends && watched.isAllow && givesFalseAnswers(fault.after.fault.reason))
      this.#settings.revoke(this.#trusted.take(domain, fault.before.provenAt))
  }

  #nameOf(domain: string): string {
    return this.#policy.dnsbl.replyMap.get(domain) ?? domain
  }
}
