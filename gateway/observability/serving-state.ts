// What the status page and the metrics show of a gateway's service, read when they are requested.
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { AllowlistStore, LocalAllowlist } from '../allowlist/allowlist-store.ts'
import type { SharedStatus } from '../allowlist/allowlist-valkey.ts'
import type { BanStatus } from '../bans/ban-keeper.ts'
import type { BackendStatus } from '../backend/backend-status.ts'
import type { PromisesStatus } from '../backend/keyword-status.ts'
import { newScreening, type Screening } from '../core/clients.ts'
import type { DnsblStatus } from '../dns/dnsbl-resolver.ts'
import type { SiteStatus } from '../dns/dnsbl-status.ts'
import type { ExplainSource } from './explain/explain-page.ts'
import type { ListsReport } from '../dns/list-report.ts'
import type { SenderReport } from '../spf/sender-report.ts'
import type { ActivePolicy } from '../process/active-policy.ts'
import type { ConnectionStatus } from '../smtp/capacity.ts'
import type { Levels } from './metrics.ts'

export interface ServingState {
  /** Undefined before the first policy that can be used. */
  readonly policy: ActivePolicy | undefined
  readonly listening: readonly Endpoint[]
  /** Why clients should go elsewhere, draining aside. */
  notReady(): readonly string[]
  /** Sessions by phase, `relay` included. */
  sessions(): Readonly<Record<string, number>>
  readonly screening: Screening
  connections(): ConnectionStatus | undefined
  readonly store: AllowlistStore
  /** Numbers of a shared store, or what keeps the gateway's own from being written. */
  sharedAllowlist(): SharedStatus | undefined
  dnsbl(): DnsblStatus
  lists(): readonly SiteStatus[]
  /** What the tests of the DNS lists have found. */
  listHealth(): ListsReport
  /** 1 for each DNS list that fails, 0 for the others. */
  failingLists(): Readonly<Record<string, number>>
  /** Undefined without bans in the policy. */
  banStatus(): BanStatus | undefined
  /** The senders whose SPF records the policy uses. */
  senders(): readonly SenderReport[]
  backends(): readonly BackendStatus[]
  /** What is promised in EHLO replies; null where sessions are not continued at a backend. */
  ehlo(): PromisesStatus | null
  /** Backend addresses by state. */
  backendCounts(): Readonly<Record<string, number>>
  /** What explains the gateway's treatment of an address; undefined before the first policy. */
  explainSource(): ExplainSource | undefined
}

/** Sessions by phase before there are any. */
export const noSessions = { header: 0, recall: 0, early: 0, smtp: 0, replay: 0, handoff: 0, relay: 0, closing: 0 }

/** The state of a gateway that has no policy yet. */
export function stateBeforePolicy(store: LocalAllowlist): ServingState {
  return {
    policy: undefined,
    listening: [],
    notReady: () => ['no policy yet'],
    sessions: () => noSessions,
    screening: newScreening(),
    connections: () => undefined,
    store,
    sharedAllowlist: () => store.problem?.(),
    dnsbl: () => ({ servers: [], flights: 0, inFlight: 0, waiting: 0 }),
    lists: () => [],
    listHealth: () => ({ resolver: 'works', lists: [] }),
    failingLists: () => ({}),
    banStatus: () => undefined,
    senders: () => [],
    backends: () => [],
    ehlo: () => null,
    explainSource: () => undefined,
    backendCounts: () => ({}),
  }
}

/** The numbers of the state that are metrics. */
export function levelsOf(state: () => ServingState): Levels {
  return {
    sessions: () => state().sessions(),
    allowlistEntries: () => state().store.size(),
    sharedAllowlist: () => state().sharedAllowlist(),
    stress: () => state().screening.stress,
    backends: () => state().backendCounts(),
    failingLists: () => state().failingLists(),
    listHealth: () => state().listHealth(),
    connections: () => state().connections(),
    clientAddresses: () => state().screening.addresses.report,
    bans: () => state().banStatus(),
    senders: () => state().senders(),
    leftOut: () => state().policy?.leftOut.length ?? 0,
  }
}
