// Makes the number of gateways follow the load.
import type { V2HorizontalPodAutoscaler, V2MetricSpec } from '@kubernetes/client-node'
import type { KubeObject } from '../kube/object.ts'
import { gatewayName, metadataOf, type Owner } from './names.ts'
import type { GatewaySpec } from './pod.ts'

type Autoscaling = NonNullable<GatewaySpec['autoscaling']>

/**
 * Up goes by Kubernetes' default: at once, twice as many or four more every 15 s. That is quicker than metrics are read
 * and pods are ready.
 */
const behavior = {
  // A removed pod loses its allowlist (unless it is shared), so the number of pods is reduced slowly.
  scaleDown: { stabilizationWindowSeconds: 600 },
}

/**
 * As the API server writes it back (resource.Quantity): another form would be applied again at each change of the
 * autoscaler's status.
 */
function quantityOf(count: number): string {
  if (count % 1_000_000 === 0) return `${count / 1_000_000}M`
  return count % 1000 === 0 ? `${count / 1000}k` : String(count)
}

const byCPU = (averageUtilization: number): V2MetricSpec => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
})

/** The pod's sessions of all phases: the metrics adapter has added them up. */
const bySessions = (average: number): V2MetricSpec => ({
  type: 'Pods',
  pods: { metric: { name: 'postscreen_active_sessions' }, target: { type: 'AverageValue', averageValue: quantityOf(average) } },
})

/**
 * Of two the one that asks for more pods counts. Processor time comes last: API servers that keep autoscaling/v1 give
 * it back so.
 */
function metricsOf({ targetCPUUtilization, targetActiveSessions }: Autoscaling): V2MetricSpec[] {
  return [
    ...(targetActiveSessions === 0 ? [] : [bySessions(targetActiveSessions)]),
    ...(targetCPUUtilization === 0 ? [] : [byCPU(targetCPUUtilization)]),
  ]
}

export function autoscaler(owner: Owner, autoscaling: Autoscaling): KubeObject {
  const { minReplicas, maxReplicas } = autoscaling
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: metadataOf(owner, gatewayName(owner.name)),
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: gatewayName(owner.name) },
      minReplicas,
      maxReplicas,
      metrics: metricsOf(autoscaling),
      behavior,
    },
  } satisfies V2HorizontalPodAutoscaler
}
