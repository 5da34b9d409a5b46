// The Deployment of the gateway: a new pod is ready before an old one goes.
import { createHash } from 'node:crypto'
import type { V1Deployment } from '@kubernetes/client-node'
import type { Compiled } from '../compile/compile.ts'
import type { KubeObject } from '../kube/object.ts'
import { annotation, gatewayName, labels, metadataOf, type Owner, selectorLabels } from './names.ts'
import { type GatewaySpec, type OwnImage, podSpec } from './pod.ts'

/** A short name for the form of a pod. Pods of the same form have the same name. */
const templateName = (template: object): string => createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 12)

export function deployment(owner: Owner, gateway: GatewaySpec, compiled: Compiled, own: OwnImage): KubeObject {
  const spec = podSpec(owner.name, gateway, compiled, own)
  const form = { labels: { ...gateway.podLabels, ...labels(owner.name) }, annotations: { ...gateway.podAnnotations }, spec }
  const annotations = { ...form.annotations, [annotation.template]: templateName(form) }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadataOf(owner, gatewayName(owner.name)),
    spec: {
      // With an autoscaler, the operator does not set the number.
      ...(gateway.autoscaling === undefined && { replicas: gateway.replicas }),
      revisionHistoryLimit: 3,
      progressDeadlineSeconds: 600,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: '25%' } },
      selector: { matchLabels: { ...selectorLabels(owner.name) } },
      template: { metadata: { labels: form.labels, annotations }, spec },
    },
  } satisfies V1Deployment
}
