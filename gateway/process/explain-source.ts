// What /explain of a serving gateway is made of.
import type { GatewayAllowlist } from '../allowlist/gateway-allowlist.ts'
import type { SharedStatus } from '../allowlist/allowlist-valkey.ts'
import type { Screening } from '../core/clients.ts'
import type { GatewayLists } from '../dns/gateway-lists.ts'
import type { ExplainSource } from '../observability/explain/explain-page.ts'
import type { RecentSessions } from '../observability/explain/recent-sessions.ts'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { Network } from '../sockets/network.ts'
import type { ActivePolicy } from './active-policy.ts'

export interface ExplainParts {
  readonly active: ActivePolicy
  readonly screening: Screening
  readonly listening: readonly Endpoint[]
  readonly network: Network
  readonly lists: GatewayLists
  readonly allowlist: GatewayAllowlist
  readonly isFull: boolean
  readonly recent: RecentSessions
}

export function explainSourceOf({ active, lists, allowlist, recent, network, ...rest }: ExplainParts): ExplainSource {
  const { policy, hash, leftOut, rules, tls, reception, dnsServers: servers, dnsTimes: times } = active
  return {
    ...{ policy, hash, leftOut, rules, ...rest },
    tlsReady: tls !== undefined,
    dns: { servers, times, openSocket: network.openDatagramSocket, standing: lists.standing },
    allowlist: { name: allowlist.store.name, problem: allowlistProblem(allowlist.status) },
    recall: (key) => allowlist.get(key),
    isHealthCheck: reception.isHealthCheck,
    needsHeader: reception.needsHeader,
    listHealth: lists.health().lists,
    sessionsKept: recent.most,
    sessions: (isMeant, most) => recent.of(isMeant, most),
  }
}

function allowlistProblem(status: SharedStatus | undefined): string | undefined {
  if (status?.up !== false) return undefined
  return 'problem' in status ? String(status.problem) : 'it does not answer'
}
