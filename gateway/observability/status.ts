// The status page: what a person or the operator wants to know of one gateway, as plain data.
import type { Screening } from '../core/clients.ts'
import type { InForce } from '../process/in-force.ts'
import { adviceOn, type ConnectionStatus } from '../smtp/capacity.ts'
import { openFiles } from '../process/open-files.ts'
import type { AllowlistStore } from '../allowlist/allowlist-store.ts'
import type { SharedStatus } from '../allowlist/allowlist-valkey.ts'
import type { BackendStatus } from '../backend/backend-status.ts'
import type { DnsblStatus } from '../dns/dnsbl-resolver.ts'
import type { SiteStatus } from '../dns/dnsbl-status.ts'
import type { RefusedPolicy, SkippedLines } from '../policy-files/policy-file.ts'

/** Where the page's numbers come from. */
export interface StatusParts {
  readonly version: string
  readonly inForce: InForce | undefined
  /** The newest policy that could not be used, while it has not been replaced by a good one. */
  readonly refused: ({ readonly at: Date } & RefusedPolicy) | undefined
  /** Since when the policy in force has been kept in the data directory, if it comes from there. */
  readonly keptAt: string | undefined
  readonly skipped: readonly SkippedLines[]
  readonly notReady: readonly string[]
  readonly draining: boolean
  readonly listening: readonly string[]
  readonly sessions: Readonly<Record<string, number>>
  readonly screening: Screening
  /** Undefined while there is no policy. */
  readonly connections: ConnectionStatus | undefined
  readonly store: AllowlistStore
  readonly sharedAllowlist: SharedStatus | undefined
  readonly dnsbl: DnsblStatus
  readonly lists: readonly SiteStatus[]
  readonly backends: readonly BackendStatus[]
}

/** What `/status` shows. */
export type StatusPage = ReturnType<typeof statusPage>

/** Makes the page. A list is called by its alias where the policy has one: its domain may hold a key. */
export function statusPage(parts: StatusParts) {
  const { inForce, dnsbl, store } = parts
  return {
    version: parts.version,
    uptimeSeconds: Math.round(process.uptime()),
    ready: parts.notReady.length === 0,
    notReady: parts.notReady,
    draining: parts.draining,
    listening: parts.listening,
    policy: inForce === undefined ? null : policyStatus(inForce, parts),
    leftOut: (inForce?.leftOut ?? []).slice(0, problemsShown).map(({ path, why }) => ({ path, why })),
    refusedPolicy: parts.refused === undefined ? null : refusedStatus(parts.refused),
    sessions: parts.sessions,
    queues: { check: parts.screening.checkQueue, post: parts.screening.postQueue, stress: parts.screening.stress },
    connections: parts.connections === undefined ? null : connectionStatus(parts.connections),
    allowlist: { kind: store.kind, name: store.name, entries: store.size(), ...parts.sharedAllowlist },
    dnsbl: {
      sites: parts.lists.map((list) => siteStatus(list, aliasOf(inForce, list.domain))),
      servers: dnsbl.servers,
      flights: dnsbl.flights,
      inFlight: dnsbl.inFlight,
      waiting: dnsbl.waiting,
    },
    backends: parts.backends,
    tls: inForce?.tls?.info ?? null,
  }
}

function connectionStatus({ open, limit, refused, isFull }: ConnectionStatus) {
  return {
    open,
    limit: Number.isFinite(limit.connections) ? limit.connections : null,
    limitedBy: limit.by,
    refused,
    full: isFull,
    /** What to do, while clients are refused. */
    advice: isFull ? `further clients are refused with 421, since all connections are in use: ${adviceOn(limit)}` : null,
    openFiles: openFiles() ?? null,
    maxOpenFiles: limit.openFiles ?? null,
  }
}

function policyStatus({ policy, hash, loadedAt }: InForce, { keptAt, skipped }: StatusParts) {
  const { name, namespace, generation } = policy.metadata
  return {
    name,
    namespace: namespace ?? null,
    generation: generation ?? null,
    hash,
    mode: policy.spec.mode,
    loadedAt: loadedAt.toISOString(),
    /** Not null: the policy file cannot be used since the start, and this is the last good policy, kept in the data directory at that time. */
    keptAt: keptAt ?? null,
    skippedLines: skipped.map(({ table, lines, first }) => ({ table, lines, first })),
  }
}

/** Problems beyond some dozens do not help anybody, and the operator reads this page every few seconds. */
const problemsShown = 50

function refusedStatus({ at, hash, generation, problems }: RefusedPolicy & { readonly at: Date }) {
  return {
    at: at.toISOString(),
    hash: hash ?? null,
    generation: generation ?? null,
    problems: problems.slice(0, problemsShown).map(({ path, why }) => ({ path, why })),
    furtherProblems: Math.max(0, problems.length - problemsShown),
  }
}

function siteStatus(status: SiteStatus, site: string) {
  const { listed, unweighted, clean, error, timeout, lastAt, lastOutcome, lastError, failing } = status
  const failingNow = failing === undefined ? null : { since: new Date(failing.since).toISOString(), why: failing.why }
  return { site, lastAt: time(lastAt), listed, unweighted, clean, error, timeout, lastOutcome, lastError, failing: failingNow }
}

function aliasOf(inForce: InForce | undefined, domain: string): string {
  return inForce?.rules.dnsbl.replyMap.get(domain) ?? domain
}

const time = (epochMs: number): string | null => (epochMs > 0 ? new Date(epochMs).toISOString() : null)
