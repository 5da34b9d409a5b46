// Hands the number of pods over to an autoscaler. An applied Deployment without `replicas` would lose the field, and
// the API server's default is 1.
// So another field manager takes the field first, as Kubernetes documents it: https://kubernetes.io/docs/reference/using-api/server-side-apply/#transferring-ownership
import { fieldManager } from './desired/names.ts'
import type { KubeClient } from './kube/kube-client.ts'
import { fieldsOf, isObject } from '../crds/is-object.ts'
import type { KubeObject } from './kube/object.ts'
import { resourceOf } from './kube/resource.ts'

/** Owns `replicas` from the handover until the autoscaler first changes the number. */
export const replicasHolder = 'postscreen-operator-replicas'

/** How many pods a Deployment should have. Other kinds have as many as anything asks for. */
export const replicasOf = ({ kind, spec }: KubeObject): number => {
  if (kind !== 'Deployment') return Infinity
  const { replicas } = fieldsOf(spec)
  return typeof replicas === 'number' ? replicas : 1
}

/** Whether the operator's own apply would remove the field. */
function isOurs({ metadata }: KubeObject): boolean {
  const { managedFields } = metadata
  const entries = Array.isArray(managedFields) ? managedFields.filter(isObject) : []
  return entries.some(
    ({ manager, operation, subresource, fieldsV1 }) =>
      manager === fieldManager &&
      operation === 'Apply' &&
      subresource === undefined &&
      fieldsOf(fieldsOf(fieldsV1)['f:spec'])['f:replicas'] !== undefined,
  )
}

/**
 * To be called before a Deployment without `replicas` is applied. Afterwards the field stays when it is: with the
 * number of before, or with `least` where that is more. Rejects with a conflict when the Deployment changes meanwhile;
 * a later try succeeds.
 */
export async function handOverReplicas(client: KubeClient, want: KubeObject, least: number): Promise<void> {
  const { namespace = '', name } = want.metadata
  // The watches' copy is without managedFields, and it may be older than the autoscaler's last change.
  const found = await client.get(resourceOf(want), namespace, name)
  const { uid, resourceVersion } = found?.metadata ?? {}
  if (found === undefined || uid === undefined || resourceVersion === undefined) return
  const replicas = replicasOf(found)
  if (replicas >= least && !isOurs(found)) return
  const metadata = { name, namespace, uid, resourceVersion }
  const held = { apiVersion: want.apiVersion, kind: want.kind, metadata, spec: { replicas: Math.max(replicas, least) } }
  await client.apply(held, { fieldManager: replicasHolder, force: true })
}
