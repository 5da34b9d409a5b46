// The DaemonSet of the gateway: one pod on each node.
import type { V1DaemonSet, V1DaemonSetUpdateStrategy } from '@kubernetes/client-node'
import type { Compiled } from '../compile/compile.ts'
import type { KubeObject } from '../kube/object.ts'
import { gatewayName, metadataOf, type Owner, selectorLabels } from './names.ts'
import type { GatewaySpec, OwnImage } from './pod.ts'
import { podTemplate } from './pod-template.ts'
import { hasNodePorts } from './workload.ts'

/**
 * One node after the other. Where ports of the node do not prevent it, the new pod is ready before the old one goes.
 */
const strategyOf = (gateway: GatewaySpec): V1DaemonSetUpdateStrategy => ({
  type: 'RollingUpdate',
  rollingUpdate: hasNodePorts(gateway) ? { maxUnavailable: 1, maxSurge: 0 } : { maxUnavailable: 0, maxSurge: 1 },
})

export function daemonSet(owner: Owner, gateway: GatewaySpec, compiled: Compiled, own: OwnImage): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: metadataOf(owner, gatewayName(owner.name)),
    spec: {
      revisionHistoryLimit: 3,
      updateStrategy: strategyOf(gateway),
      selector: { matchLabels: { ...selectorLabels(owner.name) } },
      template: podTemplate(owner.name, gateway, compiled, own),
    },
  } satisfies V1DaemonSet
}
