// The condition DNSBLHealthy: which DNS lists of the policy cannot be trusted, as the gateways have found in their
// tests.
import type { GatewayPod } from '../gateways/pods.ts'
import type { ListReport } from '../gateways/report.ts'
import { type Finding, finding } from './condition.ts'
import type { Observation } from './observation.ts'

/** A status with more lists would be too long to read. */
const listsShown = 20

/** One list with a fault, and on which gateways. */
interface Fault {
  readonly report: ListReport
  readonly on: number
}

function faultsOf(reports: readonly (readonly ListReport[])[]): readonly Fault[] {
  const faulty = reports.flatMap((lists) => lists.filter(({ state }) => state === 'suspended'))
  const byList = Map.groupBy(faulty, ({ list, reason }) => `${list} ${reason}`)
  return [...byList.values()]
    .flatMap(([report, ...others]) => (report === undefined ? [] : [{ report: earliest([report, ...others]), on: others.length + 1 }]))
    .toSorted((one, other) => one.report.list.localeCompare(other.report.list))
}

const earliest = (reports: readonly [ListReport, ...ListReport[]]): ListReport =>
  reports.reduce((first, one) => (one.since < first.since ? one : first))

function inWords({ report: { list, reason, family, since, answer, advice }, on }: Fault, gateways: number): string {
  const where = on < gateways ? ` on ${on} of ${gateways} gateways` : ''
  const clients = family === '' ? '' : ` for ${family} clients`
  return `${list}: ${reason}${clients} since ${since}${where} (answer: ${answer}): ${advice}`
}

/**
 * What the gateways have found about the DNS lists. It does not affect Ready: clients are screened without these lists.
 */
export function dnsblHealthy({ compiled, pods }: Observation): Finding {
  const dnsbl = compiled?.policy.spec.dnsbl
  if (dnsbl?.sites.length === 0) return finding('True', 'NoLists', 'The policy has no DNS lists')
  if (dnsbl?.selfTest === 0) return finding('Unknown', 'NotTested', 'DNS lists are not tested, because spec.dnsbl.selfTest is 0s')
  const reports = pods.flatMap(reportOf)
  const faults = faultsOf(reports.map(({ lists }) => lists))
  if (faults.length > 0)
    return unhealthy(
      faults,
      reports.map(({ lists }) => lists),
      dnsbl?.whenUnhealthy !== 'Keep',
    )
  if (reports.length === 0 && dnsbl === undefined) return finding('Unknown', 'NotAccepted', 'The policy is not valid')
  if (reports.length === 0) return finding('Unknown', 'NoReport', 'No gateway has reported yet about its DNS lists')
  if (reports.every(({ resolver }) => resolver === 'down'))
    return finding(
      'Unknown',
      'ResolverDown',
      'The DNS resolver of the gateways does not answer, so DNS lists cannot be tested: check dnsbl.resolvers',
    )
  if (reports.some(({ lists }) => lists.some(({ state }) => state === 'unknown')))
    return finding('Unknown', 'NotTested', 'The gateways have not tested all DNS lists yet')
  return finding(
    'True',
    'Healthy',
    `No DNS list has a fault on ${reports.length} of ${pods.length} gateways${untested(reports.flatMap(({ lists }) => lists))}`,
  )
}

function reportOf({ report }: GatewayPod): readonly { readonly lists: readonly ListReport[]; readonly resolver: string }[] {
  return report?.lists === undefined || report.lists.length === 0 ? [] : [{ lists: report.lists, resolver: report.resolver ?? '' }]
}

function unhealthy(faults: readonly Fault[], reports: readonly (readonly ListReport[])[], suspends: boolean): Finding {
  const shown = faults.slice(0, listsShown).map((fault) => inWords(fault, reports.length))
  const more = faults.length - shown.length
  const words = [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('; ')
  if (faults.every(({ report: { reason } }) => reason === 'ResolverRewrites')) return finding('False', 'ResolverRewrites', words)
  const isAll = suspends && reports.some((lists) => lists.every(({ state }) => state === 'suspended'))
  if (isAll) return finding('False', 'NoListLeft', `A gateway has no DNS list left, so the DNSBL test lets all clients pass. ${words}`)
  return finding('False', 'Unhealthy', suspends ? words : `These lists are still used (whenUnhealthy: Keep). ${words}`)
}

function untested(lists: readonly ListReport[]): string {
  const names = [...new Set(lists.filter(({ state }) => state === 'untested').map(({ list }) => list))].toSorted()
  return names.length === 0 ? '' : `. Without a test point: ${names.slice(0, listsShown).join(', ')}`
}
