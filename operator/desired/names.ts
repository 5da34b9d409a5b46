// The names, labels and owners of a policy's objects.
import type { KubeObject } from '../kube/object.ts'

export const fieldManager = 'postscreen-operator'

/** The label that links an object to its policy. */
export const policyLabel = 'postscreen.dev/policy'

export const annotation = {
  hash: 'postscreen.dev/policy-hash',
  generation: 'postscreen.dev/policy-generation',
  /**
   * On objects that we apply: a digest of what was applied. It shows whether a field that is no longer wanted still
   * exists.
   */
  applied: 'postscreen.dev/applied',
  /** On pods: changed so that the kubelet updates their volumes at once. */
  refresh: 'postscreen.dev/policy-refresh',
  /** On pods: the form of the pod. */
  template: 'postscreen.dev/template',
  /** On a policy: `true` stops changes. */
  pause: 'postscreen.dev/pause',
} as const

export const policyConfigMap = (policy: string): string => `${policy}-policy`
export const tablesConfigMap = (policy: string, index: number): string => `${policy}-tables-${index}`
/** The name of the Deployment, the Service and the objects that belong to them. */
export const gatewayName = (policy: string): string => `${policy}-gateway`

/** The labels that select the gateway's pods. They never change for a policy. */
export const selectorLabels = (policy: string): Readonly<Record<string, string>> => ({
  'app.kubernetes.io/name': 'postscreen',
  'app.kubernetes.io/instance': policy,
  'app.kubernetes.io/component': 'gateway',
})

export const managedBy = { 'app.kubernetes.io/managed-by': fieldManager } as const

/** The recommended labels (https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/). */
export const labels = (policy: string): Readonly<Record<string, string>> => ({
  ...selectorLabels(policy),
  'app.kubernetes.io/part-of': 'postscreen',
  ...managedBy,
  [policyLabel]: policy,
})

/** The owner of an object: the garbage collector removes the object together with the policy. */
export interface Owner {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly apiVersion: string
  readonly kind: string
}

export function ownerOf({ apiVersion, kind, metadata }: KubeObject): Owner {
  return { apiVersion, kind, name: metadata.name, namespace: metadata.namespace ?? '', uid: metadata.uid ?? '' }
}

/** The metadata of every object of a policy. */
export function metadataOf(owner: Owner, name: string, more: { readonly labels?: object; readonly annotations?: object } = {}) {
  const { apiVersion, kind, uid } = owner
  return {
    name,
    namespace: owner.namespace,
    labels: { ...more.labels, ...labels(owner.name) },
    ...(more.annotations !== undefined && Object.keys(more.annotations).length > 0 && { annotations: { ...more.annotations } }),
    ownerReferences: [{ apiVersion, kind, name: owner.name, uid, controller: true }],
  }
}
