// The condition SPFCurrent: whether the gateways can read and use the SPF records of the senders that the policy
// permits (spec.access[].spf).
import { fieldsOf } from '../../crds/is-object.ts'
import { senderFault } from '../../crds/sender-fault.ts'
import type { SenderReport } from '../gateways/report.ts'
import { type Finding, finding } from './condition.ts'
import type { Observation } from './observation.ts'

/** A status with more senders would be too long to read. */
const sendersShown = 20

/** One sender with a fault, and on how many gateways. */
interface Fault {
  readonly report: SenderReport
  readonly why: string
  readonly on: number
}

function faultsOf(reports: readonly (readonly SenderReport[])[]): readonly Fault[] {
  const faulty = reports.flat().flatMap((report) => {
    const why = senderFault(report)
    return why === undefined ? [] : [{ report, why }]
  })
  const bySender = Map.groupBy(faulty, ({ report, why }) => `${report.domain} ${why}`)
  return [...bySender.values()]
    .flatMap(([first, ...others]) => (first === undefined ? [] : [{ ...first, on: others.length + 1 }]))
    .toSorted((one, other) => one.report.domain.localeCompare(other.report.domain))
}

function inWords({ report, why, on }: Fault, gateways: number): string {
  const where = on < gateways ? ` on ${on} of ${gateways} gateways` : ''
  const since = report.since === '' ? '' : ` since ${report.since}`
  return `${report.domain}${since}${where}: ${why}`
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
