// The status page of a gateway with several workers: the fields of one process, summed up, and a list of the workers.
import type { BackendStatus, TargetStatus } from '../../backend/backend-status.ts'
import { addressesOfWorkers } from '../../observability/address-status.ts'
import type { StatusPage } from '../../observability/status.ts'

/** One worker, as far as the primary knows it. */
export interface WorkerReport {
  readonly number: number
  readonly pid: number | undefined
  /** How often it has been started again. */
  readonly restarts: number
  /** Undefined if it does not run or does not answer. */
  readonly page: StatusPage | undefined
}

/** The state of the primary itself. */
export interface PrimaryReport {
  readonly version: string
  readonly uptimeSeconds: number
  readonly draining: boolean
}

type Counts = Readonly<Record<string, number>>

/** Adds up counts of the same name. */
function sum(parts: readonly Counts[]): Counts {
  const total: Record<string, number> = {}
  for (const part of parts) for (const [name, count] of Object.entries(part)) total[name] = (total[name] ?? 0) + count
  return total
}

const total = (pages: readonly StatusPage[], of: (page: StatusPage) => number): number => pages.reduce((count, page) => count + of(page), 0)

/** A process that is starting does not answer yet. */
const whyNoPage = (pid: number | undefined): string => (pid === undefined ? 'not running' : 'no answer')

/**
 * Why the gateway is not ready. It is ready when all running workers are: one that does not run gets no clients, so it
 * does not affect the others. A reason that holds only for some workers names them.
 */
export function notReadyOf({ draining }: PrimaryReport, workers: readonly WorkerReport[]): readonly string[] {
  const running = workers.filter(({ pid }) => pid !== undefined)
  const reasons = (running.length > 0 ? running : workers).flatMap(({ number, pid, page }) =>
    (page?.notReady ?? [whyNoPage(pid)]).map((reason) => ({ reason, number })),
  )
  const byReason = Map.groupBy(reasons, ({ reason }) => reason)
  if (draining) byReason.delete('draining')
  const texts = [...byReason].map(([reason, of]) =>
    of.length === workers.length ? reason : `${reason} (worker ${of.map(({ number }) => number).join(', ')})`,
  )
  return draining ? ['draining', ...texts] : texts
}

/** The policy that is active in all workers; null while they differ, or one does not run. */
function policyOf(workers: readonly WorkerReport[]): StatusPage['policy'] {
  const policies = workers.map(({ page }) => page?.policy ?? null)
  const [first] = policies
  if (first === null || first === undefined || !policies.every((policy) => policy?.hash === first.hash)) return null
  return policies.reduce((latest, policy) => (policy !== null && latest !== null && policy.loadedAt > latest.loadedAt ? policy : latest))
}

function refusedOf(pages: readonly StatusPage[]): StatusPage['refusedPolicy'] {
  return pages
    .map((page) => page.refusedPolicy)
    .reduce((latest, one) => (one !== null && (latest === null || one.at > latest.at) ? one : latest), null)
}

/** Each worker has its own results. An address works if one of the workers has seen it work. */
function targetOf(seen: readonly [TargetStatus, ...TargetStatus[]]): TargetStatus {
  const rank = { working: 0, misconfigured: 1, unknown: 2, failing: 3 }
  const best = seen.reduce((one, other) => (rank[other.state] < rank[one.state] ? other : one))
  const failed = seen.find(({ lastError }) => lastError !== undefined)
  return { ...best, lastError: best.lastError ?? failed?.lastError, sessions: seen.reduce((count, { sessions }) => count + sessions, 0) }
}

function backendsOf(pages: readonly StatusPage[]): readonly BackendStatus[] {
  const byName = Map.groupBy(
    pages.flatMap(({ backends }) => backends),
    ({ backend }) => backend,
  )
  return [...byName].map(([backend, seen]) => {
    const byLabel = Map.groupBy(
      seen.flatMap(({ addresses }) => addresses),
      ({ label }) => label,
    )
    const addresses = [...byLabel.values()].flatMap(([first, ...others]) => (first === undefined ? [] : [targetOf([first, ...others])]))
    return { backend, lookupError: seen.find(({ lookupError }) => lookupError !== undefined)?.lookupError, addresses }
  })
}

/** Workers tell each other what they learn about keywords, but one that has just started may not know it yet. */
function ehloOf(pages: readonly StatusPage[]): StatusPage['ehlo'] {
  const all = pages.map(({ ehlo }) => ehlo).filter((ehlo) => ehlo !== null)
  const families = all.flatMap((ehlo) => Object.entries(ehlo))
  const known = families.filter(([, { promise }]) => promise !== null)
  return all.length === 0 ? null : Object.fromEntries([...families, ...known])
}

type Connections = NonNullable<StatusPage['connections']>

function connectionsOf(pages: readonly StatusPage[]): StatusPage['connections'] {
  const all = pages.map(({ connections }) => connections).filter((one) => one !== null)
  if (all.length === 0) return null
  const add = (of: (one: Connections) => number): number => all.reduce((count, one) => count + of(one), 0)
  // The limit of open files applies to each process: the fullest one is shown.
  const fullest = all.reduce((one, other) => ((other.openFiles ?? 0) > (one.openFiles ?? 0) ? other : one))
  return {
    ...fullest,
    open: add(({ open }) => open),
    limit: all.some(({ limit }) => limit === null) ? null : add(({ limit }) => limit ?? 0),
    refused: add(({ refused }) => refused),
    full: all.some(({ full }) => full),
    advice: all.find(({ advice }) => advice !== null)?.advice ?? null,
  }
}

type SiteStatus = StatusPage['dnsbl']['sites'][number]

function siteOf(seen: readonly [SiteStatus, ...SiteStatus[]]): SiteStatus {
  const latest = seen.reduce((one, other) => ((other.lastAt ?? '') > (one.lastAt ?? '') ? other : one))
  const add = (of: (site: SiteStatus) => number): number => seen.reduce((count, site) => count + of(site), 0)
  return {
    ...latest,
    listed: add(({ listed }) => listed),
    unweighted: add(({ unweighted }) => unweighted),
    clean: add(({ clean }) => clean),
    error: add(({ error }) => error),
    timeout: add(({ timeout }) => timeout),
    lastError: latest.lastError ?? seen.find(({ lastError }) => lastError !== undefined)?.lastError,
    failing: latest.failing ?? seen.find(({ failing }) => failing !== null)?.failing ?? null,
  }
}

type ListHealth = StatusPage['dnsbl']['lists'][number]

/** Of each list of the policy, what a worker knows: the worst, if they differ. */
function listsOf(pages: readonly StatusPage[]): ListHealth[] {
  const rank = { suspended: 0, unknown: 3, untested: 2, healthy: 1 }
  const [first] = pages.map(({ dnsbl }) => dnsbl.lists)
  return (first ?? []).map((list, at) =>
    pages
      .flatMap(({ dnsbl }) => dnsbl.lists[at] ?? [])
      .filter((other) => other.list === list.list)
      .reduce((worst, one) => (rank[one.state] < rank[worst.state] ? one : worst), list),
  )
}

function dnsblOf(pages: readonly StatusPage[]): StatusPage['dnsbl'] {
  const bySite = Map.groupBy(
    pages.flatMap(({ dnsbl }) => dnsbl.sites),
    ({ site }) => site,
  )
  return {
    // One worker tests for all. Others may not have heard of it yet.
    resolver: pages.find(({ dnsbl }) => dnsbl.resolver !== 'works')?.dnsbl.resolver ?? 'works',
    lists: listsOf(pages),
    sites: [...bySite.values()].flatMap(([first, ...others]) => (first === undefined ? [] : [siteOf([first, ...others])])),
    // Each worker has its own sockets to them, and its own results.
    servers: pages.flatMap(({ dnsbl }) => dnsbl.servers),
    flights: total(pages, ({ dnsbl }) => dnsbl.flights),
    inFlight: total(pages, ({ dnsbl }) => dnsbl.inFlight),
    waiting: total(pages, ({ dnsbl }) => dnsbl.waiting),
  }
}

/** They have one allowlist; the counters of a shared store are per worker. */
function allowlistOf(pages: readonly StatusPage[]): StatusPage['allowlist'] | null {
  const [first] = pages
  if (first === undefined) return null
  const { allowlist } = first
  if (allowlist.up === undefined) return allowlist
  const add = (of: 'pendingWrites' | 'droppedWrites' | 'nearCacheHits'): number => total(pages, (page) => page.allowlist[of] ?? 0)
  return {
    ...allowlist,
    up: pages.every((page) => page.allowlist.up !== false),
    pendingWrites: add('pendingWrites'),
    droppedWrites: add('droppedWrites'),
    nearCacheHits: add('nearCacheHits'),
  }
}

/** They have the same bans; what was dropped and what waits is counted by each. */
function bansOf(pages: readonly StatusPage[]): StatusPage['bans'] {
  const all = pages.map(({ bans }) => bans).filter((bans) => bans !== null)
  if (all.length === 0) return null
  return {
    active: Math.max(...all.map(({ active }) => active)),
    failing: Math.max(...all.map(({ failing }) => failing)),
    dropped: all.reduce((count, { dropped }) => count + dropped, 0),
    waiting: all.reduce((count, { waiting }) => count + waiting, 0),
  }
}

/** One worker reads for all. Another one may not have heard of it yet: the one that knows most is shown. */
function spfOf(pages: readonly StatusPage[]): StatusPage['spf'] {
  const byDomain = Map.groupBy(
    pages.flatMap(({ spf }) => spf),
    ({ domain }) => domain,
  )
  return [...byDomain.values()].flatMap((seen) =>
    seen.slice(0, 1).map((first) => seen.reduce((best, one) => ((one.goodAt ?? '') > (best.goodAt ?? '') ? one : best), first)),
  )
}

function workerStatus({ number, pid, restarts, page }: WorkerReport): object {
  const known = { number, pid: pid ?? null, restarts }
  if (page === undefined) return { ...known, ready: false, notReady: [whyNoPage(pid)] }
  const { uptimeSeconds, ready, notReady, policy, sessions, queues } = page
  return { ...known, uptimeSeconds, ready, notReady, policyHash: policy?.hash ?? null, sessions, queues }
}

/** What `/status` shows. */
export function workersStatusPage(primary: PrimaryReport, workers: readonly WorkerReport[]): object {
  const pages = workers.map(({ page }) => page).filter((page) => page !== undefined)
  const notReady = notReadyOf(primary, workers)
  return {
    version: primary.version,
    uptimeSeconds: primary.uptimeSeconds,
    ready: notReady.length === 0,
    notReady,
    draining: primary.draining,
    sockets: pages[0]?.sockets ?? { of: 'node', reason: null },
    listening: pages.find(({ listening }) => listening.length > 0)?.listening ?? [],
    policy: policyOf(workers),
    deepTests: pages.find(({ deepTests }) => deepTests !== null)?.deepTests ?? null,
    leftOut: pages.find(({ leftOut }) => leftOut.length > 0)?.leftOut ?? [],
    refusedPolicy: refusedOf(pages),
    sessions: sum(pages.map(({ sessions }) => sessions)),
    queues: {
      check: total(pages, ({ queues }) => queues.check),
      post: total(pages, ({ queues }) => queues.post),
      stress: pages.some(({ queues }) => queues.stress),
    },
    connections: connectionsOf(pages),
    clientAddress: addressesOfWorkers(pages.flatMap(({ clientAddress }) => clientAddress ?? [])),
    allowlist: allowlistOf(pages),
    dnsbl: dnsblOf(pages),
    bans: bansOf(pages),
    spf: spfOf(pages),
    backends: backendsOf(pages),
    ehlo: ehloOf(pages),
    tls: pages[0]?.tls ?? null,
    workers: workers.map(workerStatus),
  } satisfies Record<keyof StatusPage, unknown> & { readonly workers: unknown }
}
