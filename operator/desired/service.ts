// The Service that clients connect to.
import type { V1Service, V1ServicePort } from '@kubernetes/client-node'
import type { PolicySpec } from '../../crds/schema/policy.schema.ts'
import type { KubeObject } from '../kube/object.ts'
import { gatewayName, metadataOf, type Owner, selectorLabels } from './names.ts'
import type { GatewaySpec } from './pod.ts'
import { smtpPortName, smtpPorts } from './ports.ts'
import { maskedText } from '../../crds/values/network.ts'

/** The ports that `listen.addresses` names after the first one, except the Service's own port. */
const furtherPorts = (spec: PolicySpec, own: number): V1ServicePort[] =>
  smtpPorts(spec).flatMap((port, index) =>
    index === 0 || port === own ? [] : [{ name: smtpPortName(index), port, targetPort: smtpPortName(index), protocol: 'TCP' }],
  )

export function service(owner: Owner, spec: PolicySpec, gateway: GatewaySpec): KubeObject {
  const { type, port, nodePort, externalTrafficPolicy, loadBalancerClass, loadBalancerSourceRanges, ipFamilyPolicy, ipFamilies } =
    gateway.service
  const { annotations, labels, externalIPs, loadBalancerIP, allocateLoadBalancerNodePorts, sessionAffinity } = gateway.service
  const onNodes = type !== 'ClusterIP'
  const external = onNodes || externalIPs.length > 0
  const balanced = type === 'LoadBalancer'
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadataOf(owner, gatewayName(owner.name), { labels, annotations }),
    spec: {
      type,
      selector: { ...selectorLabels(owner.name) },
      ports: [
        { name: 'smtp', port, targetPort: 'smtp', protocol: 'TCP', ...(onNodes && nodePort > 0 && { nodePort }) },
        ...furtherPorts(spec, port),
      ],
      ...(external && { externalTrafficPolicy }),
      ...(balanced && loadBalancerClass !== '' && { loadBalancerClass }),
      ...(balanced && loadBalancerSourceRanges.length > 0 && { loadBalancerSourceRanges: loadBalancerSourceRanges.map(maskedText) }),
      ...(balanced && loadBalancerIP !== '' && { loadBalancerIP }),
      // What is the default of Kubernetes is set only to change it.
      ...(balanced && !allocateLoadBalancerNodePorts && { allocateLoadBalancerNodePorts }),
      ...(externalIPs.length > 0 && { externalIPs: [...externalIPs] }),
      ...(sessionAffinity !== 'None' && { sessionAffinity }),
      ipFamilyPolicy,
      ...(ipFamilies.length > 0 && { ipFamilies: [...ipFamilies] }),
    },
  } satisfies V1Service
}
