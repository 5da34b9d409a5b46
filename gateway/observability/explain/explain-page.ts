// The page /explain of a gateway: what decides about an address or a network, as plain data.
import { networkInterfaces } from 'node:os'
import type { Problem } from '../../../crds/problems.ts'
import type { PolicySpec, PostscreenPolicy } from '../../../crds/schema/policy.schema.ts'
import { canonicalAddress, parseAddress } from '../../../crds/values/address.ts'
import type { Endpoint } from '../../../crds/values/endpoint.ts'
import { type Network, readNetwork } from '../../../crds/values/network.ts'
import type { Read } from '../../../crds/values/read.ts'
import { version } from '../../../runtime/version.ts'
import type { Screening } from '../../core/clients.ts'
import { explain, type Explanation } from '../../core/explain/explanation.ts'
import { explainNetwork, keysIn, type NetworkExplanation } from '../../core/explain/network-explanation.ts'
import type { Rules } from '../../core/rules.ts'
import type { ListReport } from '../../dns/list-report.ts'
import { askLists, type DnsAccess } from './ask-lists.ts'
import type { RecentSession } from './recent-sessions.ts'
import { type ReverseNames, reverseNames } from './reverse-name.ts'

/** What is asked. */
export type Subject = { readonly is: 'address'; readonly address: string } | { readonly is: 'network'; readonly network: Network }

/** `server` is the address that the client connects to; without it one of the gateway's. */
export interface ExplainQuery {
  readonly subject: string
  readonly server?: string
}

/** What a gateway has to explain with. */
export interface ExplainSource {
  readonly policy: PostscreenPolicy
  readonly hash: string
  readonly leftOut: readonly Problem[]
  readonly rules: Rules
  readonly screening: Screening
  readonly tlsReady: boolean
  readonly listening: readonly Endpoint[]
  readonly dns: DnsAccess
  readonly allowlist: { readonly name: string; readonly problem: string | undefined }
  recall(key: string): string | undefined | Promise<string | undefined>
  isHealthCheck(address: string): boolean
  needsHeader(address: string): boolean
  readonly isFull: boolean
  /** What the tests of DNS lists have found. */
  readonly listHealth: readonly ListReport[]
  readonly sessionsKept: number
  sessions(isMeant: (address: string) => boolean, most: number): readonly RecentSession[]
}

/** Sessions of one worker. */
export interface RememberedSessions {
  readonly kept: number
  readonly sessions: readonly (RecentSession & { readonly worker?: number })[]
}

export interface UnhealthyList {
  readonly list: string
  /** RFC 3339. */
  readonly since: string
  readonly reason: string
  /** What the list has answered at its test. */
  readonly answer: string
  readonly advice: string
  /** It is used nevertheless (dnsbl.whenUnhealthy: Keep). */
  readonly used: boolean
}

/** The page. Exactly one of `address` and `network` is there. */
export interface ExplainPage {
  readonly version: string
  /** RFC 3339. */
  readonly at: string
  readonly policy: {
    readonly name: string
    readonly namespace: string | null
    readonly generation: number | null
    readonly hash: string
    readonly mode: PolicySpec['mode']
  }
  /** Optional parts of the policy that are not in use. */
  readonly leftOut: readonly Problem[]
  readonly allowlist: { readonly name: string; readonly problem: string | null }
  readonly address?: Explanation & { readonly ptr: ReverseNames; readonly needsProxyHeader: boolean }
  readonly network?: NetworkExplanation
  /** DNS lists that a test has found to be faulty: since when, why, and what to do. */
  readonly unhealthyLists: readonly UnhealthyList[]
  readonly recent: RememberedSessions
}

export const subjectWhy = 'must be an address or a network such as 192.0.2.1, 2001:db8::1 or 192.0.2.0/24'
const sessionsShown = 20
const partsShown = 50

/** Reads what is asked; an IPv4-mapped address counts as IPv4. */
export function readSubject(text: string): Read<Subject> {
  const address = canonicalAddress(text)
  if (address !== undefined) return { value: { is: 'address', address } }
  if (!text.includes('/')) return { why: subjectWhy }
  const read = readNetwork(text)
  return 'why' in read ? read : { value: { is: 'network', network: read.value } }
}

/** Whether an address belongs to what is asked. */
export function isPartOf(subject: Subject): (address: string) => boolean {
  if (subject.is === 'address') return (address) => address === subject.address
  const { family, first, last } = subject.network
  return (text) => {
    const address = parseAddress(text)
    return address !== undefined && address.family === family && first <= address.value && address.value <= last
  }
}

/** The sessions that the gateway remembers. */
export function recentOf(
  { sessions, sessionsKept }: Pick<ExplainSource, 'sessions' | 'sessionsKept'>,
  subject: Subject,
): RememberedSessions {
  return { kept: sessionsKept, sessions: sessions(isPartOf(subject), sessionsShown) }
}

/** Makes the page. Takes as long as the greet wait if a DNS list does not answer. */
export async function explainPage(source: ExplainSource, subject: Subject, server?: string): Promise<ExplainPage> {
  const { policy, hash, leftOut, allowlist } = source
  const { name, namespace, generation } = policy.metadata
  const explained =
    subject.is === 'address'
      ? { address: await explainOne(source, subject.address, server) }
      : { network: await explainAll(source, subject.network) }
  return {
    version,
    at: new Date().toISOString(),
    policy: { name, namespace: namespace ?? null, generation: generation ?? null, hash, mode: policy.spec.mode },
    leftOut: leftOut.slice(0, partsShown).map(({ path, why }) => ({ path, why })),
    allowlist: { name: allowlist.name, problem: allowlist.problem ?? null },
    ...explained,
    unhealthyLists: unhealthy(source.listHealth),
    recent: recentOf(source, subject),
  }
}

function unhealthy(lists: readonly ListReport[]): readonly UnhealthyList[] {
  return lists
    .filter(({ state }) => state === 'suspended')
    .map(({ list, since, reason = '', answer = '', advice = '', used }) => ({
      list,
      since: new Date(since).toISOString(),
      reason,
      answer,
      advice,
      used,
    }))
}

async function explainOne(
  source: ExplainSource,
  address: string,
  server: string | undefined,
): Promise<NonNullable<ExplainPage['address']>> {
  const { rules, screening, dns, policy, tlsReady, isFull } = source
  const waitMs = screening.stress ? rules.greetWait.stress : rules.greetWait.normal
  const [record, answers, ptr] = await Promise.all([
    source.recall(rules.allowlistKey(address)),
    askLists(address, rules.dnsbl, dns, waitMs),
    reverseNames(address, dns.servers, Math.min(waitMs, dns.times.timeoutMs)),
  ])
  const explained = explain({
    address,
    spec: policy.spec,
    rules,
    screening,
    answers,
    record,
    tlsReady,
    isFull,
    server: serverOf(source.listening, address, server),
    isHealthCheck: source.isHealthCheck(address),
    now: Date.now(),
  })
  return { ...explained, ptr, needsProxyHeader: source.needsHeader(address) }
}

/** Where the client connects to: the listening socket of its family, or an address of the machine for a wildcard. */
function serverOf(listening: readonly Endpoint[], client: string, server: string | undefined): Endpoint {
  const isOfFamily = ({ address }: { readonly address: string }): boolean => address.includes(':') === client.includes(':')
  const [{ address, port } = { address: '0.0.0.0', port: 25 }] = [...listening.filter(isOfFamily), ...listening]
  const own = Object.values(networkInterfaces()).flatMap((all) => all ?? [])
  const isWildcard = address === '0.0.0.0' || address === '::'
  const outer = isWildcard ? own.find((one) => !one.internal && isOfFamily(one))?.address : undefined
  return { address: server ?? outer ?? address, port }
}

async function explainAll(source: ExplainSource, network: Network): Promise<NetworkExplanation> {
  const { rules, screening, policy } = source
  const keys = keysIn(network, rules)
  const found = await Promise.all((keys ?? []).map(async (key) => [key, await source.recall(key)] as const))
  const records = new Map(found.flatMap(([key, record]) => (record === undefined ? [] : [[key, record] as const])))
  return explainNetwork({
    network,
    spec: policy.spec,
    rules,
    screening,
    records: keys === undefined ? undefined : records,
    now: Date.now(),
  })
}
