// What sessions use of the gateway: allowlist, DNS lists, relays, metrics and log. One object for each policy, since a
// session keeps the policy under which it began.
import type { SecureContext } from 'node:tls'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { GatewayAllowlist } from '../allowlist/gateway-allowlist.ts'
import type { Backends } from '../backend/backends.ts'
import type { JoinedBackend, RelayEvents, RelayRequest } from '../backend/relay-request.ts'
import type { Relays } from '../backend/running-relays.ts'
import type { OnReplayed, ReplayRequest } from '../backend/session-replay.ts'
import type { Screening } from '../core/clients.ts'
import type { Outcome } from '../core/outcome-names.ts'
import type { Rules } from '../core/rules.ts'
import type { EhloPromises } from '../core/ehlo-keywords-offered.ts'
import type { DnsblAnswer, HandOffPoint, LogRecord } from '../core/vocabulary.ts'
import type { DnsblLookup } from '../dns/dnsbl-resolver.ts'
import type { GatewayLists } from '../dns/gateway-lists.ts'
import type { Log } from '../observability/log.ts'
import type { Reconnects } from '../observability/live/reconnects.ts'
import type { RecentSessions } from '../observability/explain/recent-sessions.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Connection, SessionServices } from '../smtp/connection.ts'
import type { Connections } from '../smtp/connections.ts'
import type { Linger } from '../smtp/linger.ts'
import { type TlsResult, tlsWarnings } from '../smtp/tls-session.ts'
import type { WaitQueues } from '../smtp/wait-queues.ts'
import type { ActivePolicy } from './active-policy.ts'

/** What stays the same for all policies. */
export interface GatewayServices {
  readonly screening: Screening
  readonly linger: Linger
  readonly waits: WaitQueues
  readonly allowlist: GatewayAllowlist
  readonly lists: GatewayLists
  readonly relays: Relays
  readonly connections: Connections
  readonly reconnects: Reconnects
  readonly recent: RecentSessions
  readonly metrics: Metrics
  readonly log: Log
}

export class PolicySessionServices implements SessionServices {
  readonly screening: Screening
  readonly linger: Linger
  readonly waits: WaitQueues
  readonly rules: Rules
  readonly tls: SecureContext | undefined
  readonly #gateway: GatewayServices
  readonly #backends: Backends

  constructor(gateway: GatewayServices, { rules, tls }: ActivePolicy, backends: Backends) {
    this.screening = gateway.screening
    this.linger = gateway.linger
    this.waits = gateway.waits
    this.rules = rules
    this.tls = tls?.context
    this.#gateway = gateway
    this.#backends = backends
  }

  now(): number {
    return Date.now()
  }

  recall(key: string): string | undefined | Promise<string | undefined> {
    return this.#gateway.allowlist.get(key)
  }

  remember(key: string, record: string, trusting?: readonly string[]): void {
    this.#gateway.allowlist.put(key, record)
    if (trusting !== undefined) this.#gateway.lists.trusted(trusting, key)
  }

  lookup(client: string, { dnsbl }: Rules, listener: (answer: DnsblAnswer, complete: boolean) => void): DnsblLookup {
    const { lists, metrics } = this.#gateway
    const began = performance.now()
    return lists.resolver.lookup(client, dnsbl, (answer, complete) => {
      const { domain, error } = answer
      metrics.dnsblAnswered((performance.now() - began) / 1000, error === undefined ? (dnsbl.replyMap.get(domain) ?? domain) : undefined)
      listener(answer, complete)
    })
  }

  relay(sessionId: string, request: RelayRequest, events: RelayEvents): void {
    this.#gateway.relays.start(sessionId, request, this.#backends, events)
  }

  get promises(): EhloPromises {
    return this.#backends.latest.keywords
  }

  replay(sessionId: string, request: ReplayRequest, onReplayed: OnReplayed): () => void {
    return this.#gateway.relays.replay(sessionId, request, this.#backends, onReplayed)
  }

  relayJoined(sessionId: string, request: RelayRequest, joined: JoinedBackend, at: HandOffPoint, events: RelayEvents): void {
    this.#gateway.relays.startJoined(sessionId, request, joined, at, events)
  }

  log(sessionId: string, record: LogRecord): void {
    this.#gateway.metrics.event(record, this.rules.audit)
    this.#gateway.log.session(sessionId, record)
    if (record.event === 'CONNECT' && this.#gateway.reconnects.waiting > 0) this.#cameBack(record.client)
  }

  #cameBack({ address }: Endpoint): void {
    this.#gateway.reconnects.came(this.rules.allowlistKey(address), this.now())
  }

  decided(sessionId: string, { address }: Endpoint, outcome: Outcome): void {
    const { metrics, reconnects, recent } = this.#gateway
    metrics.decided(outcome, this.rules.audit, address)
    recent.decided(sessionId, outcome, this.rules.audit)
    if (outcome === 'comeBack' && !this.rules.audit) reconnects.told(this.rules.allowlistKey(address), this.now())
  }

  count(record: LogRecord): void {
    this.#gateway.metrics.event(record, this.rules.audit)
  }

  tlsResult(sessionId: string, client: Endpoint, result: TlsResult): void {
    this.#gateway.metrics.starttls(result.is)
    if (result.is === 'established') return
    const event = result.is === 'failed' ? 'TLS HANDSHAKE FAILED' : 'TLS SESSION FAILED'
    this.#gateway.log.tls(sessionId, event, client, tlsWarnings(result.trouble, client))
  }

  ended(connection: Connection): void {
    this.#gateway.connections.forget(connection)
  }

  bug(sessionId: string, error: unknown): void {
    this.#gateway.log.sessionWarning(sessionId, `internal error: ${error instanceof Error ? error.stack : String(error)}`)
  }
}
