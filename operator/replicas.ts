// Hands the number of pods over to an autoscaler. An applied Deployment without `replicas` would lose the field, and
// the API server's default is 1.
// So another field manager takes the field first, as Kubernetes documents it: https://kubernetes.io/docs/reference/using-api/server-side-apply/#transferring-ownership
import { fieldManager } from './desired/names.ts'
import type { KubeClient } from './kube/kube-client.ts'
import { fieldsOf, isObject } from '../crds/is-object.ts'
import type { KubeObject } from './kube/object.ts'
import { resourceOf } from './kube/resource.ts'

/** The field manager that owns `replicas` from the handover until the autoscaler first changes the number. */
export const replicasHolder = 'postscreen-operator-replicas'

/** The number of pods that a Deployment should have. Objects of other kinds have no such number. */
export const replicasOf = ({ kind, spec }: KubeObject): number => {
  if (kind !== 'Deployment') return Infinity
  const { replicas } = fieldsOf(spec)
  return typeof replicas === 'number' ? replicas : 1
}

/** Whether applying the object would remove the field. */
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
 * Must be called before a Deployment without `replicas` is applied. Afterwards the field stays when the Deployment is
 * applied: with the previous number, or with `least` if that is larger. Rejects with a conflict if the Deployment
 * changes meanwhile; a retry then succeeds.
 */
export async function handOverReplicas(client: KubeClient, want: KubeObject, least: number): Promise<void> {
  const { namespace = '', name } = want.metadata
  // The copies from the watches have no managedFields, and may be older than the autoscaler's last change.
  const found = await client.get(resourceOf(want), namespace, name)
  const { uid, resourceVersion } = found?.metadata ?? {}
  if (found === undefined || uid === undefined || resourceVersion === undefined) return
  const replicas = replicasOf(found)
  if (replicas >= least && !isOurs(found)) return
  const metadata = { name, namespace, uid, resourceVersion }
  const held = { apiVersion: want.apiVersion, kind: want.kind, metadata, spec: { replicas: Math.max(replicas, least) } }
  await client.apply(held, { fieldManager: replicasHolder, force: true })
}
