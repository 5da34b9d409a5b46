// Tests DNS lists once, for `postscreen lists check`.
import type { KnownList } from '../../crds/dns-lists/known-list.ts'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import { systemClock } from '../../runtime/clock.ts'
import type { DnsblList } from '../../gateway/core/dnsbl.ts'
import { DnsClient } from '../../gateway/dns/dns-client.ts'
import { dnsServers } from '../../gateway/dns/dns-servers.ts'
import { type FaultReason, faultText } from '../../gateway/dns/list-faults.ts'
import { type Ask, randomLabel, testList, testResolver } from '../../gateway/dns/list-test.ts'
import type { ListVerdict, ResolverState } from '../../gateway/dns/list-verdict.ts'

export interface ListToCheck {
  readonly list: DnsblList
  readonly known: KnownList
  /** Those of the policy's sites. */
  readonly weights: readonly number[]
  /** Its public name. */
  readonly shown: string
}

export interface CheckedList {
  readonly list: string
  readonly weights: readonly number[]
  readonly state: 'healthy' | 'untested' | 'unclear' | 'faulty' | 'closed'
  /** The family of clients that has the fault, if the other one has none. */
  readonly family?: 'IPv6'
  readonly reason?: FaultReason
  /** What the list answered, or why nothing can be said. */
  readonly answer?: string
  /** What it means and what to do. */
  readonly advice?: string
}

export interface Checked {
  readonly resolver: ResolverState
  readonly lists: readonly CheckedList[]
}

const mostInFlight = 100
/** A single lost answer is not a fault. */
const tries = 3

/** @param resolvers none: those of this machine. @param timeoutMs for each answer */
export async function checkLists(lists: readonly ListToCheck[], resolvers: readonly Endpoint[], timeoutMs: number): Promise<Checked> {
  const client = new DnsClient({ ...dnsServers(resolvers), timeoutMs, maxInFlight: mostInFlight, now: systemClock.now })
  const ask: Ask = (name, flow) => new Promise((resolve) => client.ask(name, flow, resolve))
  try {
    const resolver = testResolver(ask, randomLabel(Math.random))
    const checked = await Promise.all(lists.map((one) => checkList(ask, one, resolver)))
    return { resolver: (await resolver).state, lists: checked }
  } finally {
    client.close()
  }
}

async function checkList(ask: Ask, one: ListToCheck, resolver: ReturnType<typeof testResolver>): Promise<CheckedList> {
  const { list, known, weights, shown } = one
  const named = { list: shown, weights }
  const closed = known.facts?.closed
  if (closed !== undefined) return { ...named, state: 'closed', advice: closed }
  if (known.facts?.kind === 'names')
    return { ...named, state: 'faulty', reason: 'DomainOnlyZone', advice: faultText('DomainOnlyZone', false) }
  const test = async (turn: number) => testList(ask, { list, known, turn }, resolver)
  let { IPv4, IPv6 } = await test(0)
  for (let turn = 1; turn < tries && [IPv4, IPv6].some(isSoft); turn++) ({ IPv4, IPv6 } = await test(turn))
  const isKeyed = list.key !== undefined
  const onlyIPv6 = known.IPv4.listed.length === 0 && known.IPv4.notListed.length === 0
  if (IPv6 !== undefined && (onlyIPv6 || (IPv6.is === 'faulty' && IPv4.is !== 'faulty')))
    return { ...named, family: 'IPv6', ...shownVerdict(IPv6, isKeyed) }
  return { ...named, ...shownVerdict(IPv4, isKeyed) }
}

const isSoft = (verdict: ListVerdict | undefined): boolean => verdict?.is === 'faulty' && verdict.kind === 'soft'

function shownVerdict(verdict: ListVerdict, isKeyed: boolean): Pick<CheckedList, 'state' | 'reason' | 'answer' | 'advice'> {
  switch (verdict.is) {
    case 'healthy':
      return { state: 'healthy', ...(verdict.note !== undefined && { answer: verdict.note }) }
    case 'untested':
      return { state: 'untested', answer: 'it has no test point' }
    case 'unclear':
      return { state: 'unclear', answer: verdict.why }
    case 'faulty':
      return { state: 'faulty', reason: verdict.reason, answer: verdict.answer, advice: faultText(verdict.reason, isKeyed) }
  }
}
