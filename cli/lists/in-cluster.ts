// The state of the DNS lists as the gateways of a policy have found it: nothing is asked from this machine, because
// lists answer other resolvers in another way.
import { fieldsOf, isObject } from '../../crds/is-object.ts'
import { visibleText } from '../../crds/values/visible-text.ts'
import { oneLine } from '../../operator/gateways/one-line.ts'
import { ageOf } from '../../operator/overview/attention.ts'
import { inColumns } from '../columns.ts'
import { gatewayJson } from '../cluster/gateways.ts'
import { ClusterError } from '../cluster/needs.ts'
import { askGateways, type PolicyPlace } from '../cluster/policy-place.ts'

/** A list in one state, and the gateways that say so. */
export interface ListInCluster {
  readonly list: string
  /** As in `dnsbl.lists` of the page /status. */
  readonly state: string
  readonly used: boolean
  /** The earliest, in RFC 3339. */
  readonly since: string
  readonly family: string | undefined
  readonly reason: string | undefined
  readonly answer: string | undefined
  readonly advice: string | undefined
  readonly gateways: readonly string[]
}

export interface ListsInCluster {
  readonly asked: number
  /** Gateways whose DNS resolver does not work, and what their test has found. */
  readonly resolvers: readonly { readonly gateway: string; readonly resolver: string }[]
  readonly lists: readonly ListInCluster[]
}

type Fields = Readonly<Record<string, unknown>>

/** Rejects with a ClusterError. @param domains only these lists; empty: all */
export async function listsInCluster(
  place: PolicyPlace,
  domains: readonly string[],
  warn: (text: string) => void,
): Promise<ListsInCluster> {
  const answers = await askGateways(place, async (gateway) => dnsblOf(await gatewayJson(place.cluster, gateway, 'status')), warn)
  const found = answers.flatMap(({ gateway, answer }) => listOf(answer['lists']).map((list) => ({ gateway, list: listOfGateway(list) })))
  const wanted = found.filter(({ list }) => domains.length === 0 || domains.includes(list.list))
  const bySame = Map.groupBy(wanted, ({ list: { list, state, used, reason } }) => JSON.stringify([list, state, used, reason]))
  const lists = [...bySame.values()].flatMap((some): readonly ListInCluster[] => {
    const first = some.toSorted((a, b) => (a.list.since < b.list.since ? -1 : 1))[0]
    return first === undefined ? [] : [{ ...first.list, gateways: some.map(({ gateway }) => gateway) }]
  })
  return {
    asked: answers.length,
    resolvers: answers.flatMap(({ gateway, answer }) => {
      const resolver = text(answer['resolver']) ?? ''
      return resolver === 'works' || resolver === '' ? [] : [{ gateway, resolver }]
    }),
    lists: lists.toSorted((a, b) => (a.list < b.list ? -1 : a.list > b.list ? 1 : b.gateways.length - a.gateways.length)),
  }
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? oneLine(value) : undefined)
const listOf = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.slice(0, 1000).filter(isObject) : [])

function dnsblOf(status: unknown): Fields {
  const { dnsbl, version } = fieldsOf(status)
  if (typeof version !== 'string' || !isObject(dnsbl)) throw new ClusterError('does not answer like a gateway of this version', 200)
  return dnsbl
}

function listOfGateway({ list, state, used, since, family, reason, answer, advice }: Fields): Omit<ListInCluster, 'gateways'> {
  return {
    ...{ list: text(list) ?? '', state: text(state) ?? '', used: used !== false, since: text(since) ?? '' },
    ...{ family: text(family), reason: text(reason), answer: text(answer), advice: text(advice) },
  }
}

/** Whether something needs attention. */
export const hasFault = ({ lists, resolvers }: ListsInCluster): boolean =>
  resolvers.length > 0 || lists.some(({ state, used, reason }) => state === 'suspended' || !used || reason !== undefined)

/** The lines of the table, and what to do below it. @param now epoch milliseconds */
export function listsText({ asked, resolvers, lists }: ListsInCluster, now: number): readonly string[] {
  const rows = lists.map(({ list, state, used, since, family, reason, answer, gateways }) => [
    list,
    `${state}${family === undefined ? '' : ` (${family})`}`,
    used ? 'yes' : 'no',
    Number.isNaN(Date.parse(since)) ? '-' : ageOf(now - Date.parse(since)),
    `${gateways.length} of ${asked}`,
    reason ?? '-',
    answer ?? '-',
  ])
  const advice = new Set(lists.flatMap((one) => (one.advice === undefined ? [] : [`${one.list}: ${one.advice}`])))
  const found = resolvers.map(({ gateway, resolver }) =>
    resolver === 'down'
      ? `The DNS resolver of gateway ${gateway} does not answer: nothing can be said about its lists.`
      : `The DNS resolver of gateway ${gateway} answers with addresses for names that do not exist: no list can be used with it.`,
  )
  const table =
    rows.length === 0
      ? ['The gateways use no DNS list of these names.']
      : inColumns([['LIST', 'STATE', 'USED', 'FOR', 'GATEWAYS', 'REASON', 'ANSWER'], ...rows])
  return [...found, ...table, ...(advice.size > 0 ? ['', ...advice] : [])].map(visibleText)
}
