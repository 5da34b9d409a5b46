// The fields that every Kubernetes object has, and its key.
import { isObject } from '../../crds/is-object.ts'

/** metav1.OwnerReference. */
export interface OwnerReference {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
  readonly controller?: boolean
  readonly blockOwnerDeletion?: boolean
}

/** The fields of metav1.ObjectMeta that are used here. Times are RFC 3339. */
export interface ObjectMeta {
  readonly name: string
  readonly namespace?: string
  readonly uid?: string
  readonly resourceVersion?: string
  readonly generation?: number
  readonly creationTimestamp?: string
  readonly deletionTimestamp?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly ownerReferences?: readonly OwnerReference[]
  readonly [field: string]: unknown
}

/** Any object. The other fields of its kind (spec, status, data) are unknown until they are checked. */
export interface KubeObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: ObjectMeta
  readonly [field: string]: unknown
}

/** `namespace/name`. */
export type ResourceKey = `${string}/${string}`

/** The key of an object in a namespace. */
export function keyOf(object: { readonly metadata: { readonly name: string; readonly namespace?: string } }): ResourceKey {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name}`
}

/** The two parts of a key. Neither can contain a slash. */
export function splitKey(key: string): { readonly namespace: string; readonly name: string } {
  const slash = key.indexOf('/')
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}

/** Whether a value from the network is an object with a name; only then is it treated as a KubeObject. */
export function isKubeObject(value: unknown): value is KubeObject {
  if (!isObject(value) || typeof value['apiVersion'] !== 'string' || typeof value['kind'] !== 'string') return false
  const metadata = value['metadata']
  return (
    isObject(metadata) && isText(metadata['name']) && isOptionalText(metadata['namespace']) && isOptionalText(metadata['resourceVersion'])
  )
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function isOptionalText(value: unknown): boolean {
  return value === undefined || typeof value === 'string'
}
