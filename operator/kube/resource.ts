// The kinds that the operator uses, and their paths at the API server.

/** One kind, as the API server names it. */
export interface Resource {
  /** `v1` or `group/version`. */
  readonly apiVersion: string
  readonly kind: string
  readonly plural: string
  readonly namespaced: true
}

const resource = (apiVersion: string, kind: string, plural: string): Resource => ({ apiVersion, kind, plural, namespaced: true })

/** Every kind that the operator reads or writes. */
export const resources = {
  PostscreenPolicy: resource('postscreen.dev/v1alpha1', 'PostscreenPolicy', 'postscreenpolicies'),
  ConfigMap: resource('v1', 'ConfigMap', 'configmaps'),
  Pod: resource('v1', 'Pod', 'pods'),
  Service: resource('v1', 'Service', 'services'),
  ServiceAccount: resource('v1', 'ServiceAccount', 'serviceaccounts'),
  Deployment: resource('apps/v1', 'Deployment', 'deployments'),
  DaemonSet: resource('apps/v1', 'DaemonSet', 'daemonsets'),
  StatefulSet: resource('apps/v1', 'StatefulSet', 'statefulsets'),
  PodDisruptionBudget: resource('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets'),
  NetworkPolicy: resource('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies'),
  HorizontalPodAutoscaler: resource('autoscaling/v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers'),
  Lease: resource('coordination.k8s.io/v1', 'Lease', 'leases'),
  Event: resource('events.k8s.io/v1', 'Event', 'events'),
} as const satisfies Readonly<Record<string, Resource>>

const byKind: ReadonlyMap<string, Resource> = new Map(
  Object.values(resources).map((one) => [`${one.apiVersion} ${one.kind}`, one] as const),
)

/** The resource of an object. Throws for a kind that is not in the table, which is a bug. */
export function resourceOf(object: { readonly apiVersion: string; readonly kind: string }): Resource {
  const found = byKind.get(`${object.apiVersion} ${object.kind}`)
  if (found === undefined) throw new Error(`no such resource: ${object.apiVersion} ${object.kind}`)
  return found
}

/**
 * The path of a collection or an object, without the server's own prefix:
 * `/apis/apps/v1/namespaces/mail/deployments/mx/status`. Without a namespace, it is the collection across all
 * namespaces. Throws for a name that would change the path.
 */
export function pathOf({ apiVersion, plural }: Resource, namespace?: string, name?: string, subresource?: string): string {
  const parts = [apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`]
  if (namespace !== undefined) parts.push('namespaces', segment(namespace))
  parts.push(plural)
  if (name !== undefined) parts.push(segment(name))
  if (subresource !== undefined) parts.push(segment(subresource))
  return parts.join('/')
}

/** apimachinery's IsValidPathSegmentName: no `.`, no `..`, no `/`, no `%`. */
function segment(name: string): string {
  if (name === '' || name === '.' || name === '..' || /[/%]/.test(name))
    throw new Error(`${JSON.stringify(name.slice(0, 100))} is not a valid name`)
  return encodeURIComponent(name)
}
