// What one gateway process tells for the live page, as plain data: workers send it to the process that has the page.
import { namesIn } from '../../core/tests.ts'
import type { NewSessions } from '../explain/recent-sessions.ts'
import type { ActivePolicy } from '../../process/active-policy.ts'
import type { Screening } from '../../core/clients.ts'
import type { CountedNumbers } from './live-numbers.ts'
import type { ReconnectCounts } from './reconnects.ts'

/** The policy in force, as far as the page shows it. Times in milliseconds. */
export interface PolicyFacts {
  readonly name: string
  readonly namespace: string | null
  readonly generation: number | null
  readonly hash: string
  readonly mode: string
  readonly hostname: string
  /** Epoch milliseconds. */
  readonly loadedAt: number
  readonly greetWaitMs: number
  readonly tests: readonly { readonly test: string; readonly action: string }[]
  readonly handoff: string
  readonly threshold: number
  readonly lists: readonly { readonly list: string; readonly weight: number }[]
  readonly accessEntries: number
  readonly limits: { readonly connectionsPerClient: number; readonly preQueue: number; readonly postQueue: number }
  readonly showEnvelopes: boolean
  readonly sessionsKept: number
}

export interface LiveReport {
  readonly numbers: CountedNumbers
  readonly reconnects: ReconnectCounts
  /** Clients with the most connections now, most first. */
  readonly busiest: readonly { readonly client: string; readonly connections: number }[]
  readonly policy: PolicyFacts | null
  readonly tail: NewSessions
  readonly process: { readonly cpuSeconds: number; readonly memoryBytes: number; readonly uptimeSeconds: number }
}

const busiestShown = 10

export function policyFacts({ policy: { spec, metadata }, rules, hash, loadedAt }: ActivePolicy, screening: Screening): PolicyFacts {
  const { name, namespace, generation } = metadata
  const weights = rules.dnsbl.sites.map(({ domain, weight }) => ({ list: rules.dnsbl.replyMap.get(domain) ?? domain, weight }))
  const { connectionsPerClient, preQueue, postQueue } = spec.limits
  return {
    ...{ name, namespace: namespace ?? null, generation: generation ?? null, hash, mode: spec.mode, hostname: rules.hostname },
    loadedAt: loadedAt.getTime(),
    greetWaitMs: screening.stress ? rules.greetWait.stress : rules.greetWait.normal,
    tests: namesIn(rules.enabled).map((test) => ({ test, action: rules.action[test] })),
    handoff: spec.deepTests.handoff,
    threshold: spec.dnsbl.threshold,
    lists: weights,
    accessEntries: spec.access.length,
    limits: { connectionsPerClient, preQueue, postQueue },
    showEnvelopes: spec.admin.showEnvelopes,
    sessionsKept: spec.explain.recentSessions,
  }
}

/** The clients with the most connections, relayed ones included. */
export function busiestOf({ clients, relays }: Screening): LiveReport['busiest'] {
  const counts = new Map(relays)
  for (const [key, { concurrency }] of clients) counts.set(key, (counts.get(key) ?? 0) + concurrency)
  const top: { readonly client: string; readonly connections: number }[] = []
  for (const [client, connections] of counts) {
    if (top.length === busiestShown && connections <= (top.at(-1)?.connections ?? 0)) continue
    const at = top.findIndex((other) => other.connections < connections)
    top.splice(at === -1 ? top.length : at, 0, { client, connections })
    top.length = Math.min(top.length, busiestShown)
  }
  return top
}

export const processFigures = (): LiveReport['process'] => {
  const { user, system } = process.cpuUsage()
  return { cpuSeconds: (user + system) / 1e6, memoryBytes: process.memoryUsage.rss(), uptimeSeconds: Math.round(process.uptime()) }
}
