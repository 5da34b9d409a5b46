// Makes the number of gateways follow the load.
import type { V2HorizontalPodAutoscaler } from '@kubernetes/client-node'
import type { KubeObject } from '../kube/object.ts'
import { gatewayName, metadataOf, type Owner } from './names.ts'
import type { GatewaySpec } from './pod.ts'

/** A pod that goes forgets who passed on it (unless the allowlist is shared), so pods are taken away slowly. */
const calmSeconds = 600

export function autoscaler(owner: Owner, autoscaling: NonNullable<GatewaySpec['autoscaling']>): KubeObject {
  const { minReplicas, maxReplicas, targetCPUUtilization } = autoscaling
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: metadataOf(owner, gatewayName(owner.name)),
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: gatewayName(owner.name) },
      minReplicas,
      maxReplicas,
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: targetCPUUtilization } } }],
      behavior: { scaleDown: { stabilizationWindowSeconds: calmSeconds } },
    },
  } satisfies V2HorizontalPodAutoscaler
}
