// Whether an object in the cluster already contains everything that we want, so that it need not be applied again.
import { createHash } from 'node:crypto'
import { isObject } from '../crds/is-object.ts'
import type { KubeObject } from './kube/object.ts'

/** Entries with a name are found by their name, as the API server merges them; others by their position. */
function entriesContained(want: readonly unknown[], have: readonly unknown[]): boolean {
  const named = want.length > 0 && want.every((entry) => isObject(entry) && typeof entry['name'] === 'string')
  if (named) return want.every((entry) => have.some((other) => contained(entry, other)))
  return want.length === have.length && want.every((entry, at) => contained(entry, have[at]))
}

/**
 * Whether `have` contains every field of `want` with the same value. Other fields belong to other writers or are
 * defaults, and server-side apply does not change them. A different notation of the same quantity counts as a
 * difference; applying it once more then changes nothing.
 */
export function contained(want: unknown, have: unknown): boolean {
  if (Array.isArray(want)) return Array.isArray(have) && entriesContained(want, have)
  if (isObject(want)) return isObject(have) && Object.entries(want).every(([field, value]) => contained(value, have[field]))
  return want === have
}

const mark = 'sha256:'
/** Applying this twice gives the same result: a digest is not digested again. Base64 contains no colon. */
const digest = (text: string): string => (text.startsWith(mark) ? text : mark + createHash('sha256').update(text).digest('base64'))

/**
 * The object with digests in place of the large contents of a ConfigMap: enough to notice a difference, and small
 * enough to keep.
 */
export function slimConfigMap(object: KubeObject): KubeObject {
  const binary = object['binaryData']
  if (!isObject(binary)) return object
  return { ...object, binaryData: Object.fromEntries(Object.entries(binary).map(([name, value]) => [name, digest(String(value))])) }
}
