// The Deployment of the gateway: a new pod is ready before an old one goes, unless both need the same port of a node.
import type { V1Deployment } from '@kubernetes/client-node'
import type { Compiled } from '../compile/compile.ts'
import type { KubeObject } from '../kube/object.ts'
import { gatewayName, metadataOf, type Owner, selectorLabels } from './names.ts'
import type { GatewaySpec, OwnImage } from './pod.ts'
import { podTemplate } from './pod-template.ts'
import { hasNodePorts } from './workload.ts'

const newFirst = { maxUnavailable: 0, maxSurge: '25%' } as const
/** Where every node has a pod, there is no node for one more. */
const oneByOne = { maxUnavailable: 1, maxSurge: 0 } as const

export function deployment(owner: Owner, gateway: GatewaySpec, compiled: Compiled, own: OwnImage): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadataOf(owner, gatewayName(owner.name)),
    spec: {
      // With an autoscaler, the operator does not set the number.
      ...(gateway.autoscaling === undefined && { replicas: gateway.replicas }),
      revisionHistoryLimit: 3,
      progressDeadlineSeconds: 600,
      strategy: { type: 'RollingUpdate', rollingUpdate: hasNodePorts(gateway) ? oneByOne : newFirst },
      selector: { matchLabels: { ...selectorLabels(owner.name) } },
      template: podTemplate(owner.name, gateway, compiled, own),
    },
  } satisfies V1Deployment
}
