// The condition SPFCurrent: whether the gateways can read and use the SPF records of the senders that the policy
// permits (spec.access[].spf).
import { fieldsOf } from '../../crds/is-object.ts'
import type { SenderReport } from '../gateways/report.ts'
import { type Finding, finding } from './condition.ts'
import type { Observation } from './observation.ts'

/** A status with more senders would be too long to read. */
const sendersShown = 20

/** One sender with a fault, and on how many gateways. */
interface Fault {
  readonly report: SenderReport
  readonly on: number
}

/** A DNS failure does not count while the last result is in use. */
const passes = ({ state, reason, networks }: SenderReport): boolean =>
  state === 'Failing' && networks > 0 && (reason === 'DNSError' || reason === 'PartlyUnread')

const isFine = (report: SenderReport): boolean =>
  report.leftOut === '' && (report.state === 'Current' || report.state === 'Waiting' || passes(report))

function faultsOf(reports: readonly (readonly SenderReport[])[]): readonly Fault[] {
  const faulty = reports.flatMap((senders) => senders.filter((one) => !isFine(one)))
  const bySender = Map.groupBy(faulty, (one) => `${one.domain} ${whyOf(one)}`)
  return [...bySender.values()]
    .flatMap(([report, ...others]) => (report === undefined ? [] : [{ report, on: others.length + 1 }]))
    .toSorted((one, other) => one.report.domain.localeCompare(other.report.domain))
}

/** In words that stay the same while the fault lasts. */
function whyOf({ state, reason, why, leftOut, networks }: SenderReport): string {
  if (leftOut !== '') return `nothing is permitted: ${leftOut}`
  const rest = networks > 0 ? 'the last result stays permitted' : 'nothing is permitted'
  switch (state) {
    case 'Held':
      return `a large change waits for a second refresh (${why}); ${rest}`
    case 'NotExpandable':
      return 'nothing is permitted: all terms depend on the message or the client'
    case 'Empty':
      return 'nothing is permitted: the record names no networks'
    case 'Stale':
      return `${reason}: ${why}; not read completely for more than a day; ${rest}`
    default:
      return `${reason}: ${why}; ${rest}`
  }
}

function inWords({ report, on }: Fault, gateways: number): string {
  const where = on < gateways ? ` on ${on} of ${gateways} gateways` : ''
  const since = report.since === '' ? '' : ` since ${report.since}`
  return `${report.domain}${since}${where}: ${whyOf(report)}`
}

/** Also of a policy that is not valid. */
function hasSenders({ policy, compiled }: Observation): boolean {
  if (compiled !== undefined) return compiled.policy.spec.access.some(({ spf }) => spf !== undefined)
  const { access } = fieldsOf(policy['spec'])
  return Array.isArray(access) && access.some((entry) => fieldsOf(entry)['spf'] !== undefined)
}

/**
 * What the gateways have found about the senders; undefined for a policy without any. It does not affect Ready: clients
 * of these senders are tested.
 */
export function spfCurrent(seen: Observation): Finding | undefined {
  const { compiled, pods } = seen
  if (!hasSenders(seen)) return undefined
  if (compiled === undefined) return finding('Unknown', 'NotAccepted', 'The policy is not valid')
  const reports = pods.flatMap(({ report }) => (report?.senders === undefined || report.senders.length === 0 ? [] : [report.senders]))
  const faults = faultsOf(reports)
  if (faults.length > 0) {
    const shown = faults.slice(0, sendersShown).map((fault) => inWords(fault, reports.length))
    const more = faults.length - shown.length
    const words = [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('. ')
    const reason = faults.every(({ report }) => report.state === 'Held') ? 'ChangeHeld' : 'NotCurrent'
    return finding('False', reason, `${words}. "postscreen spf DOMAIN" shows what its record permits`)
  }
  if (reports.length === 0) return finding('Unknown', 'NoReport', 'No gateway has reported yet about the SPF records of senders')
  if (reports.some((senders) => senders.some(({ state }) => state === 'Waiting')))
    return finding('Unknown', 'NotRead', 'The gateways have not read the SPF records of all senders yet')
  return finding('True', 'Current', `The SPF records of all senders are current on ${reports.length} of ${pods.length} gateways`)
}
