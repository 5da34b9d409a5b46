// Why the addresses of clients are probably lost, and which setting keeps them, as far as a policy shows it. The
// gateways and the operator both say it.
import type { PolicySpec } from './schema/policy.schema.ts'

export type LossCause = 'ExternalTrafficPolicyCluster' | 'ProxyHeaderMissing' | 'ProxyHidesClients' | 'AddressesHidden'

export interface LikelyCause {
  /** One CamelCase word. */
  readonly reason: LossCause
  /** What to change. */
  readonly advice: string
}

const expected = 'If these are hosts of your own, list them in spec.clientAddress.internal'

/** @param addresses that have the most connections: load balancers or nodes */
export function likelyCause({ listen: { proxyProtocol }, gateway }: PolicySpec, addresses: readonly string[]): LikelyCause {
  const { reason, advice } = causeOf(proxyProtocol.mode, gateway?.service, addresses.join(', '))
  return { reason, advice: `${advice}. ${expected}` }
}

type Service = NonNullable<PolicySpec['gateway']>['service']

function causeOf(mode: PolicySpec['listen']['proxyProtocol']['mode'], service: Service | undefined, addresses: string): LikelyCause {
  if (mode === 'Required')
    return {
      reason: 'ProxyHidesClients',
      advice:
        'the PROXY headers name these addresses, so the proxy that sends them does not see its clients: set externalTrafficPolicy: Local on the Service of the proxy, or let the load balancer in front of it send it a PROXY header',
    }
  if (service !== undefined && service.type !== 'ClusterIP' && service.externalTrafficPolicy === 'Cluster')
    return {
      reason: 'ExternalTrafficPolicyCluster',
      advice:
        mode === 'None'
          ? 'nodes replace the addresses of clients: set spec.gateway.service.externalTrafficPolicy: Local'
          : 'nodes replace the addresses of clients and of the load balancer, so its PROXY headers are not expected: set spec.gateway.service.externalTrafficPolicy: Local',
    }
  if (mode === 'TrustedNetworks')
    return {
      reason: 'ProxyHeaderMissing',
      advice: `connections from these addresses have no PROXY header, or the headers name them: add load balancers to spec.listen.proxyProtocol.trustedNetworks (${addresses}), and check that the proxy sees the addresses of its clients`,
    }
  const header = `let the load balancer or proxy send a PROXY header, and set spec.listen.proxyProtocol with mode: TrustedNetworks and its addresses in trustedNetworks (now ${addresses})`
  if (service === undefined)
    return {
      reason: 'AddressesHidden',
      advice: `what is in front of the gateway replaces the addresses of clients: set externalTrafficPolicy: Local on its Service, or ${header}`,
    }
  const before = service.type === 'ClusterIP' ? 'the Service has the type ClusterIP' : 'externalTrafficPolicy is Local already'
  return {
    reason: 'ProxyHeaderMissing',
    advice: `${before}, so something in front of the Service replaces the addresses of clients: ${header}`,
  }
}
