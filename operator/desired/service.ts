// The Service that clients connect to.
import type { V1Service } from '@kubernetes/client-node'
import type { KubeObject } from '../kube/object.ts'
import { gatewayName, metadataOf, type Owner, selectorLabels } from './names.ts'
import type { GatewaySpec } from './pod.ts'

export function service(owner: Owner, gateway: GatewaySpec): KubeObject {
  const { type, port, nodePort, externalTrafficPolicy, loadBalancerClass, loadBalancerSourceRanges, ipFamilyPolicy, ipFamilies } =
    gateway.service
  const { annotations, labels } = gateway.service
  const external = type !== 'ClusterIP'
  const balanced = type === 'LoadBalancer'
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadataOf(owner, gatewayName(owner.name), { labels, annotations }),
    spec: {
      type,
      selector: { ...selectorLabels(owner.name) },
      ports: [{ name: 'smtp', port, targetPort: 'smtp', protocol: 'TCP', ...(external && nodePort > 0 && { nodePort }) }],
      ...(external && { externalTrafficPolicy }),
      ...(balanced && loadBalancerClass !== '' && { loadBalancerClass }),
      ...(balanced && loadBalancerSourceRanges.length > 0 && { loadBalancerSourceRanges: [...loadBalancerSourceRanges] }),
      ipFamilyPolicy,
      ...(ipFamilies.length > 0 && { ipFamilies: [...ipFamilies] }),
    },
  } satisfies V1Service
}
