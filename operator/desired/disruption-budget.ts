// How many gateways may be taken down at a time on purpose, such as by `kubectl drain`.
import type { V1PodDisruptionBudget } from '@kubernetes/client-node'
import type { KubeObject } from '../kube/object.ts'
import { gatewayName, metadataOf, type Owner, selectorLabels } from './names.ts'
import type { GatewaySpec } from './pod.ts'

export function disruptionBudget(owner: Owner, { disruptionBudget: { maxUnavailable } }: GatewaySpec): KubeObject {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: metadataOf(owner, gatewayName(owner.name)),
    spec: {
      maxUnavailable,
      selector: { matchLabels: { ...selectorLabels(owner.name) } },
      // A pod that is not ready serves no clients: it must not block the drain of a node.
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    },
  } satisfies V1PodDisruptionBudget
}
