// The status page of one gateway process, for people and for the operator, as plain data.
import { formatEndpoint } from '../../crds/values/endpoint.ts'
import type { ActivePolicy } from '../process/active-policy.ts'
import { addressStatus } from './address-status.ts'
import { adviceOn, type ConnectionStatus } from '../smtp/capacity.ts'
import { deepTests, namesIn } from '../core/tests.ts'
import { openFiles } from '../../runtime/open-files.ts'
import type { ListsReport } from '../dns/list-report.ts'
import type { SiteStatus } from '../dns/dnsbl-status.ts'
import type { RefusedPolicy, SkippedLines } from '../policy-files/loaded-policy.ts'
import type { ServingState } from './serving-state.ts'
import type { ChosenNetwork } from '../sockets/choose-network.ts'

/** Where the page's contents come from. */
export interface StatusParts {
  readonly version: string
  readonly sockets: ChosenNetwork
  readonly draining: boolean
  readonly notReady: readonly string[]
  /** The newest policy that could not be used, while it has not been replaced by a good one. */
  readonly refused: ({ readonly at: Date } & RefusedPolicy) | undefined
  /** Since when the active policy has been kept in the data directory, if it comes from there. */
  readonly keptAt: string | undefined
  readonly skipped: readonly SkippedLines[]
  readonly serving: ServingState
}

/** What `/status` shows. */
export type StatusPage = ReturnType<typeof statusPage>

/** Makes the page. A list is called by its alias where the policy has one: its domain may hold a key. */
export function statusPage(parts: StatusParts) {
  const { serving } = parts
  const { policy, screening, store } = serving
  const connections = serving.connections()
  const { servers, flights, inFlight, waiting } = serving.dnsbl()
  return {
    version: parts.version,
    uptimeSeconds: Math.round(process.uptime()),
    ready: parts.notReady.length === 0,
    notReady: parts.notReady,
    draining: parts.draining,
    listening: serving.listening.map(formatEndpoint),
    /** Which sockets are used, and why they are not those of Linux, which take less CPU time. */
    sockets: { of: parts.sockets.network.name, reason: parts.sockets.reason ?? null },
    policy: policy === undefined ? null : policyStatus(policy, parts),
    deepTests: policy === undefined ? null : deepTestsStatus(policy),
    leftOut: (policy?.leftOut ?? []).slice(0, problemsShown).map(({ path, why }) => ({ path, why })),
    refusedPolicy: parts.refused === undefined ? null : refusedStatus(parts.refused),
    sessions: serving.sessions(),
    queues: { check: screening.checkQueue, post: screening.postQueue, stress: screening.stress },
    connections: connections === undefined ? null : connectionStatus(connections),
    /** Whether the addresses of clients are lost. */
    clientAddress: policy === undefined ? null : addressStatus(screening.addresses.report, policy.policy.spec),
    allowlist: { kind: store.kind, name: store.name, entries: store.size(), ...serving.sharedAllowlist() },
    dnsbl: {
      ...listHealth(serving.listHealth()),
      sites: serving.lists().map((list) => siteStatus(list, aliasOf(policy, list.domain))),
      servers,
      flights,
      inFlight,
      waiting,
    },
    /** Null without bans in the policy. */
    bans: serving.banStatus() ?? null,
    /** Empty without spf in spec.access. */
    spf: serving.senders(),
    backends: serving.backends(),
    ehlo: serving.ehlo(),
    tls: policy?.tls?.info ?? null,
  }
}

function connectionStatus({ open, limit, refused, isFull }: ConnectionStatus) {
  return {
    open,
    limit: Number.isFinite(limit.connections) ? limit.connections : null,
    limitedBy: limit.by,
    refused,
    full: isFull,
    /** How to raise the limit, while clients are refused. */
    advice: isFull ? `further clients are refused with 421, since all connections are in use: ${adviceOn(limit)}` : null,
    openFiles: openFiles() ?? null,
    maxOpenFiles: limit.openFiles ?? null,
  }
}

function policyStatus({ policy, hash, loadedAt }: ActivePolicy, { keptAt, skipped }: StatusParts) {
  const { name, namespace, generation } = policy.metadata
  return {
    name,
    namespace: namespace ?? null,
    generation: generation ?? null,
    hash,
    mode: policy.spec.mode,
    loadedAt: loadedAt.toISOString(),
    /**
     * Not null: the policy file cannot be used since the start, and this is the last good policy, kept in the data
     * directory at that time.
     */
    keptAt: keptAt ?? null,
    skippedLines: skipped.map(({ table, lines, first }) => ({ table, lines, first })),
  }
}

/** Which clients the tests after the greeting cannot test. */
function deepTestsStatus({ policy: { spec }, rules }: ActivePolicy) {
  const { handoff, tls } = spec.deepTests
  const enabled = namesIn(rules.enabled & deepTests)
  const isLimited = enabled.length > 0 && rules.smtp.tlsPassesThrough
  return { enabled, handoff, tls, note: isLimited ? untestedWithTls : null }
}

const untestedWithTls =
  'clients that use STARTTLS are handed off before these tests are finished, and any client can do so; postscreen_untested_handoffs_total counts them. Set smtpd_forbid_unauth_pipelining and smtpd_forbid_bare_newline at the mail servers, which test inside TLS'

/** More problems would not help, and the operator reads this page every few seconds. */
const problemsShown = 50

function refusedStatus({ at, hash, generation, problems }: RefusedPolicy & { readonly at: Date }) {
  return {
    at: at.toISOString(),
    hash: hash ?? null,
    generation: generation ?? null,
    problems: problems.slice(0, problemsShown).map(({ path, why }) => ({ path, why })),
    furtherProblems: problems.slice(problemsShown).reduce((sum, { standsFor }) => sum + (standsFor ?? 1), 0),
  }
}

function siteStatus(status: SiteStatus, site: string) {
  const { listed, unweighted, clean, error, timeout, lastAt, lastOutcome, lastError, failing } = status
  const failingNow = failing === undefined ? null : { since: new Date(failing.since).toISOString(), why: failing.why }
  return { site, lastAt: time(lastAt), listed, unweighted, clean, error, timeout, lastOutcome, lastError, failing: failingNow }
}

function listHealth({ resolver, lists }: ListsReport) {
  return {
    /** What the test of the DNS resolver has found: works, down or rewrites. */
    resolver,
    lists: lists.map(({ list, state, since, family, reason, answer, advice, used, note }) => ({
      list,
      state,
      since: new Date(since).toISOString(),
      family: family ?? null,
      reason: reason ?? null,
      answer: answer ?? null,
      advice: advice ?? null,
      used,
      note: note ?? null,
    })),
  }
}

function aliasOf(policy: ActivePolicy | undefined, domain: string): string {
  return policy?.rules.dnsbl.replyMap.get(domain) ?? domain
}

const time = (epochMs: number): string | null => (epochMs > 0 ? new Date(epochMs).toISOString() : null)
