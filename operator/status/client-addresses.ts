// The condition ClientAddressPreserved: whether the gateways see the addresses of clients, and which setting of the
// policy or its Service to change if not.
import { likelyCause } from '../../crds/client-address-cause.ts'
import { gatewayName } from '../desired/names.ts'
import type { AddressReport } from '../gateways/report.ts'
import type { GatewayPod } from '../gateways/pods.ts'
import { type Finding, finding } from './condition.ts'
import type { Observation } from './observation.ts'

/** As in the gateway: this share of the connections shows that addresses are lost. */
const lostShare = 0.9

type Reporting = GatewayPod & { readonly addresses: AddressReport }

/**
 * What the gateways have found about the addresses of clients. It does not affect Ready: mail flows, and no private
 * address reaches a mail server.
 */
export function clientAddressPreserved({ compiled, pods, policy }: Observation): Finding {
  const reporting = pods.flatMap((pod): Reporting[] =>
    pod.report?.addresses === undefined ? [] : [{ ...pod, addresses: pod.report.addresses }],
  )
  const hosts = new Set(pods.flatMap(({ host }) => host ?? []))
  const losing = reporting.filter(({ addresses }) => addresses.preserved === false || areNodes(addresses, hosts))
  const [first] = losing
  if (first !== undefined && compiled !== undefined) {
    const { reason, advice } = likelyCause(
      compiled.policy.spec,
      first.addresses.addresses.map(({ address }) => address),
    )
    const on = losing.length < reporting.length ? ` on ${losing.length} of ${reporting.length} gateways` : ''
    const service = compiled.policy.spec.gateway === undefined ? '' : `Service ${gatewayName(policy.metadata.name)}: `
    return finding('False', reason, `Addresses of clients are lost${on}: ${evidence(first, pods, hosts)}. ${service}${advice}`)
  }
  if (reporting.length === 0) return finding('Unknown', 'NoReport', 'No gateway has reported yet about the addresses of clients')
  const sure = reporting.filter(({ addresses }) => addresses.preserved === true)
  if (sure.length === 0) {
    const { enough } = reporting[0]?.addresses ?? { enough: 0 }
    return finding('Unknown', 'TooFewConnections', `No gateway has had enough connections yet for an answer (at least ${enough})`)
  }
  return finding('True', 'Preserved', `Clients have different addresses on ${sure.length} of ${pods.length} gateways`)
}

/** Nodes may have public addresses, of which a gateway knows nothing. */
function areNodes({ addresses, connections, enough }: AddressReport, hosts: ReadonlySet<string>): boolean {
  const ofNodes = addresses.reduce((sum, one) => sum + (hosts.has(one.address) ? one.connections : 0), 0)
  return connections >= enough && ofNodes >= lostShare * connections
}

/** Which addresses have almost all connections, and whose they are. Without counts, which would change all the time. */
function evidence({ addresses: { addresses, network } }: Reporting, pods: readonly GatewayPod[], hosts: ReadonlySet<string>): string {
  const named = addresses.map(({ address }) => address).toSorted()
  const some = named.length === 0 ? '' : ` (such as ${named.join(', ')})`
  if (named.some((address) => hosts.has(address))) return `almost all connections come from addresses of nodes${some}`
  if (named.some((address) => pods.some((pod) => pod.address !== undefined && areNear(address, pod.address))))
    return `almost all connections come from the pod network${some}`
  return network === '' ? `almost all connections come from private addresses${some}` : `almost all connections come from ${network}${some}`
}

/** Pods of a cluster usually share the first half of an IPv4 address, or a /48 of IPv6. */
function areNear(one: string, other: string): boolean {
  const head = (address: string): string =>
    address.includes(':') ? address.split(':').slice(0, 3).join(':') : address.split('.').slice(0, 2).join('.')
  return one.includes(':') === other.includes(':') && head(one) === head(other)
}
