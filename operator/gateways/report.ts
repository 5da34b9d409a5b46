// The parts of a gateway's status page that the operator uses. A pod is not trusted: unexpected values are left out.
import type { Problem } from '../../crds/problems.ts'
import { fieldsOf, isObject } from '../../crds/is-object.ts'
import { oneLine } from './one-line.ts'

export interface BackendReport {
  readonly name: string
  readonly reachable: boolean
  /** The reason, if one is known. */
  readonly why: string
  /** The first of its addresses that does not do what the policy expects, and what to do about it. */
  readonly misconfigured?: string
}

/** One DNS list. */
export interface ListReport {
  readonly list: string
  readonly state: string
  /** When the state began. */
  readonly since: string
  /** The family of clients that is concerned; empty: all. */
  readonly family: string
  /** Empty: no fault. */
  readonly reason: string
  readonly answer: string
  readonly advice: string
}

/** One sender whose SPF record the policy uses. */
export interface SenderReport {
  readonly domain: string
  readonly state: string
  /** Permitted networks. */
  readonly networks: number
  /** Of the problem; empty: none. */
  readonly reason: string
  /** Of the problem, or of the change that is held. */
  readonly why: string
  /** When the problem or the change was first seen; empty: neither. */
  readonly since: string
  /** Why its networks are not permitted, although they are known; empty: they are. */
  readonly leftOut: string
}

/** What a gateway has found about the addresses of its clients. */
export interface AddressReport {
  /** Undefined while it has had too few connections. */
  readonly preserved: boolean | undefined
  /** The network that has almost all connections; empty for private addresses, or if addresses are not lost. */
  readonly network: string
  readonly connections: number
  readonly enough: number
  /** Those with the most connections. */
  readonly addresses: readonly { readonly address: string; readonly connections: number }[]
}

export interface GatewayReport {
  /** Of the active policy. */
  readonly hash: string | undefined
  /** Since when the active policy has been kept, if the gateway could not use its policy file since its start. */
  readonly keptAt?: string
  /** Of the newest policy, if it could not be used. */
  readonly refused: { readonly hash: string | undefined; readonly problems: readonly Problem[] } | undefined
  readonly backends: readonly BackendReport[]
  /** What the gateway runs without: optional parts of the policy, and DNS lists that give no usable answers. */
  readonly without?: readonly string[]
  /** The DNS lists of the policy, as the gateway has tested them. */
  readonly lists?: readonly ListReport[]
  /** What the gateway has found about its DNS resolver: works, down or rewrites. */
  readonly resolver?: string
  readonly senders?: readonly SenderReport[]
  readonly addresses?: AddressReport
  /** The gateway refuses clients because it has reached its limit of connections; what to do about it. */
  readonly full?: string
}

const most = 20
const bounded = (value: unknown): string => (typeof value === 'string' ? oneLine(value) : '')
const listOf = (value: unknown): readonly Readonly<Record<string, unknown>>[] =>
  Array.isArray(value) ? value.slice(0, most).filter(isObject) : []
const hashOf = (value: unknown): string | undefined => {
  const hash = isObject(value) ? bounded(value['hash']) : ''
  return /^[0-9a-f]{64}$/.test(hash) ? hash : undefined
}

const reasonOf = (address: Readonly<Record<string, unknown>>): string => `${bounded(address['label'])}: ${bounded(address['lastError'])}`

const keptAtOf = (policy: unknown): { readonly keptAt?: string } =>
  isObject(policy) && typeof policy['keptAt'] === 'string' ? { keptAt: bounded(policy['keptAt']) } : {}

function backendOf(backend: Readonly<Record<string, unknown>>): BackendReport {
  const addresses = listOf(backend['addresses'])
  const failing = addresses.find(({ lastError }) => typeof lastError === 'string')
  const wrong = addresses.find(({ state }) => state === 'misconfigured')
  return {
    name: bounded(backend['backend']),
    reachable: addresses.some(({ state }) => state === 'working'),
    why: bounded(backend['lookupError']) || (failing === undefined ? '' : reasonOf(failing)),
    ...(wrong !== undefined && { misconfigured: reasonOf(wrong) }),
  }
}

function withoutOf(fields: Readonly<Record<string, unknown>>): Pick<GatewayReport, 'without'> {
  const parts = listOf(fields['leftOut']).map(({ path, why }) => `${bounded(path)}: ${bounded(why)}`)
  const lists = listOf(fieldsOf(fields['dnsbl'])['sites']).flatMap(({ site, failing }) =>
    isObject(failing) ? [`DNS list ${bounded(site)} fails: ${bounded(failing['why'])}`] : [],
  )
  return parts.length + lists.length === 0 ? {} : { without: [...parts, ...lists] }
}

/** A policy has at most so many DNS lists. */
const mostLists = 100

function listsOf(dnsbl: Readonly<Record<string, unknown>>): Pick<GatewayReport, 'lists' | 'resolver'> {
  const { lists, resolver } = dnsbl
  if (!Array.isArray(lists)) return {}
  const read = ({ list, state, since, family, reason, answer, advice }: Readonly<Record<string, unknown>>): ListReport => ({
    list: bounded(list),
    state: bounded(state),
    since: bounded(since),
    family: bounded(family),
    reason: bounded(reason),
    answer: bounded(answer),
    advice: bounded(advice),
  })
  return { lists: lists.slice(0, mostLists).filter(isObject).map(read), resolver: bounded(resolver) }
}

const countOf = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : 0)

function addressesOf(page: unknown): Pick<GatewayReport, 'addresses'> {
  if (!isObject(page)) return {}
  const { preserved, network, connections, enough, addresses } = page
  const read = (one: Readonly<Record<string, unknown>>) => ({ address: bounded(one['address']), connections: countOf(one['connections']) })
  return {
    addresses: {
      preserved: typeof preserved === 'boolean' ? preserved : undefined,
      network: bounded(network),
      connections: countOf(connections),
      enough: countOf(enough),
      addresses: listOf(addresses).map(read),
    },
  }
}

/** A policy has at most so many senders. */
const mostSenders = 50

function sendersOf(spf: unknown): Pick<GatewayReport, 'senders'> {
  if (!Array.isArray(spf)) return {}
  const read = ({ domain, state, networks, problem, held, leftOut }: Readonly<Record<string, unknown>>): SenderReport => {
    const { why, since } = fieldsOf(problem ?? held)
    return {
      domain: bounded(domain),
      state: bounded(state),
      networks: countOf(networks),
      reason: bounded(fieldsOf(problem)['reason']),
      why: bounded(why),
      since: bounded(since),
      leftOut: bounded(leftOut),
    }
  }
  return { senders: spf.slice(0, mostSenders).filter(isObject).map(read) }
}

/** @param page the JSON of `/status`, of any form */
export function readReport(page: unknown): GatewayReport {
  const fields = fieldsOf(page)
  const refused = fields['refusedPolicy']
  const connections = fieldsOf(fields['connections'])
  const problems = isObject(refused) ? listOf(refused['problems']).map(({ path, why }) => ({ path: bounded(path), why: bounded(why) })) : []
  return {
    hash: hashOf(fields['policy']),
    ...keptAtOf(fields['policy']),
    refused: isObject(refused) ? { hash: hashOf(refused), problems } : undefined,
    backends: listOf(fields['backends']).map(backendOf),
    ...withoutOf(fields),
    ...listsOf(fieldsOf(fields['dnsbl'])),
    ...sendersOf(fields['spf']),
    ...addressesOf(fields['clientAddress']),
    ...(connections['full'] === true && { full: bounded(connections['advice']) }),
  }
}
