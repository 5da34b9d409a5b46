// Makes the number of gateways follow the load.
import type { V2HorizontalPodAutoscaler, V2MetricSpec } from '@kubernetes/client-node'
import type { KubeObject } from '../kube/object.ts'
import { gatewayName, metadataOf, type Owner } from './names.ts'
import type { GatewaySpec } from './pod.ts'
import type { WorkloadKind } from './workload.ts'

type Autoscaling = NonNullable<GatewaySpec['autoscaling']>

/**
 * Scaling up follows Kubernetes' default: at once, twice as many pods or four more every 15 s. That is quicker than
 * metrics are read and pods become ready.
 */
const behavior = {
  // A removed pod loses its allowlist (unless it is shared), so the number of pods is reduced slowly.
  scaleDown: { stabilizationWindowSeconds: 600 },
}

/**
 * The notation in which the API server returns it (resource.Quantity). Another notation would be applied again at each
 * change of the autoscaler's status.
 */
function quantityOf(count: number): string {
  if (count % 1_000_000 === 0) return `${count / 1_000_000}M`
  return count % 1000 === 0 ? `${count / 1000}k` : String(count)
}

const byCPU = (averageUtilization: number): V2MetricSpec => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
})

/** The pod's sessions in all phases: the metrics adapter has added them up. */
const bySessions = (average: number): V2MetricSpec => ({
  type: 'Pods',
  pods: { metric: { name: 'postscreen_active_sessions' }, target: { type: 'AverageValue', averageValue: quantityOf(average) } },
})

/**
 * With two metrics, the one that asks for more pods counts. CPU is last because API servers that store autoscaling/v1
 * return it in this order.
 */
function metricsOf({ targetCPUUtilization, targetActiveSessions }: Autoscaling): V2MetricSpec[] {
  return [
    ...(targetActiveSessions === 0 ? [] : [bySessions(targetActiveSessions)]),
    ...(targetCPUUtilization === 0 ? [] : [byCPU(targetCPUUtilization)]),
  ]
}

export function autoscaler(owner: Owner, autoscaling: Autoscaling, kind: WorkloadKind): KubeObject {
  const { minReplicas, maxReplicas } = autoscaling
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: metadataOf(owner, gatewayName(owner.name)),
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind, name: gatewayName(owner.name) },
      minReplicas,
      maxReplicas,
      metrics: metricsOf(autoscaling),
      behavior,
    },
  } satisfies V2HorizontalPodAutoscaler
}
