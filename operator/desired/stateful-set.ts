// The StatefulSet of the gateway: each pod has a volume of its own, which its successor gets.
import type { V1PersistentVolumeClaimSpec, V1StatefulSet } from '@kubernetes/client-node'
import type { Compiled } from '../compile/compile.ts'
import type { KubeObject } from '../kube/object.ts'
import { gatewayName, labels, metadataOf, type Owner, selectorLabels } from './names.ts'
import { dataVolume, type GatewaySpec, type OwnImage } from './pod.ts'
import { podTemplate } from './pod-template.ts'

export type Persistence = NonNullable<GatewaySpec['persistence']>

const claimOf = ({ size, storageClassName, accessMode }: Persistence): V1PersistentVolumeClaimSpec => ({
  accessModes: [accessMode],
  resources: { requests: { storage: size } },
  ...(storageClassName !== '' && { storageClassName }),
})

/**
 * Pods need no order: each serves clients alone. In a rollout, a pod ends before its successor begins, because both
 * have the same volume.
 */
export function statefulSet(
  owner: Owner,
  gateway: GatewaySpec & { readonly persistence: Persistence },
  compiled: Compiled,
  own: OwnImage,
): KubeObject {
  const { persistence } = gateway
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: metadataOf(owner, gatewayName(owner.name)),
    spec: {
      // With an autoscaler, the operator does not set the number.
      ...(gateway.autoscaling === undefined && { replicas: gateway.replicas }),
      revisionHistoryLimit: 3,
      serviceName: gatewayName(owner.name),
      podManagementPolicy: 'Parallel',
      updateStrategy: { type: 'RollingUpdate' },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: persistence.whenDeleted, whenScaled: persistence.whenScaled },
      selector: { matchLabels: { ...selectorLabels(owner.name) } },
      template: podTemplate(owner.name, gateway, compiled, own),
      volumeClaimTemplates: [{ metadata: { name: dataVolume, labels: { ...labels(owner.name) } }, spec: claimOf(persistence) }],
    },
  } satisfies V1StatefulSet
}
