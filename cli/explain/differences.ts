// Where the gateways of a policy differ about one address.
import type { ExplainPage } from '../../gateway/observability/explain/explain-page.ts'
import type { GatewayAnswer } from './answer.ts'

/** One thing that is not the same at all gateways. */
export interface Difference {
  readonly of: string
  readonly values: readonly { readonly value: string; readonly gateways: readonly string[] }[]
}

type View = readonly [of: string, value: (page: ExplainPage) => string]

/** An answer counts as the same with another TTL or delay. */
const views: readonly View[] = [
  ['policy', ({ policy }) => `generation ${policy.generation ?? '?'}, ${policy.hash.slice(0, 12)}`],
  [
    'verdict',
    ({ address }) =>
      address === undefined ? '' : [address.verdict.outcome, address.verdict.reply].filter((part) => part !== undefined).join(' '),
  ],
  ['access list', ({ address, network }) => JSON.stringify(address?.access ?? network?.parts)],
  ['allowlist', ({ address, network }) => JSON.stringify(address === undefined ? network?.allowlist : [address.allowlist])],
  ['score', ({ address }) => String(address?.dnsbl.score)],
  ['ban', ({ address }) => (address?.ban?.isBanned === true ? `${address.ban.network} is banned` : 'none')],
  ['address', ({ address }) => (address?.clientAddress.isLost === true ? 'lost' : 'not lost')],
  ['stress mode', ({ address }) => String(address?.stress)],
]

/** Every list is compared too, by what it answered. */
const listViews = (answers: readonly GatewayAnswer[]): readonly View[] => {
  const names = new Set(answers.flatMap(({ page }) => page?.address?.dnsbl.lists.map(({ list }) => list) ?? []))
  return [...names].map((name) => [
    `DNS list ${name}`,
    ({ address }) =>
      (address?.dnsbl.lists ?? [])
        .filter(({ list }) => list === name)
        .map(({ verdict, addresses }) => [verdict, ...addresses.toSorted()].join(' '))
        .join('; '),
  ])
}

/** Only gateways that have answered are compared. */
export function differencesOf(answers: readonly GatewayAnswer[]): readonly Difference[] {
  const pages = answers.flatMap(({ gateway, page }) => (page === undefined ? [] : [{ gateway, page }]))
  return [...views, ...listViews(answers)].flatMap(([of, valueOf]) => {
    const byValue = Map.groupBy(pages, ({ page }) => valueOf(page))
    if (byValue.size < 2) return []
    return [{ of, values: [...byValue].map(([value, some]) => ({ value, gateways: some.map(({ gateway }) => gateway) })) }]
  })
}
