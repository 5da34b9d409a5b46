// Reads the events of a watch from the lines of its answer, within limits.

import { KubeError, kubeErrorOf } from './kube-error.ts'
import { isObject } from '../../crds/is-object.ts'
import { isKubeObject, type KubeObject } from './object.ts'
import type { Resource } from './resource.ts'

/** An ERROR event does not become a WatchEvent: it ends the watch with a KubeError. */
export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubeObject }
  /** All changes up to this resource version have been sent. */
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string }

/**
 * The events of a watch's answer, one JSON object in each line. Ends when the answer ends. Throws a KubeError for an
 * ERROR event, for a line that is too long or is not an event, and for an end in the middle of a line. Keeps at most
 * `lineLimit` bytes and one piece in memory.
 */
export async function* watchEvents(
  pieces: AsyncIterable<Uint8Array>,
  resource: Resource,
  lineLimit: number,
): AsyncGenerator<WatchEvent, void> {
  for await (const line of jsonLines(pieces, lineLimit, `watch ${resource.plural}`)) yield eventOf(line, resource)
}

async function* jsonLines(pieces: AsyncIterable<Uint8Array>, limit: number, what: string): AsyncGenerator<unknown, void> {
  let held: Uint8Array[] = []
  let heldBytes = 0
  for await (const piece of pieces) {
    let start = 0
    for (let end = piece.indexOf(0x0a); end !== -1; end = piece.indexOf(0x0a, start)) {
      const rest = piece.subarray(start, end)
      if (heldBytes + rest.length > limit) throw tooLong(what, limit)
      yield parsed(held.length === 0 ? rest : Buffer.concat([...held, rest]), what)
      held = []
      heldBytes = 0
      start = end + 1
    }
    if (start < piece.length) {
      held.push(piece.subarray(start))
      heldBytes += piece.length - start
    }
    if (heldBytes > limit) throw tooLong(what, limit)
  }
  if (heldBytes > 0) throw new KubeError(`${what}: the answer ended in the middle of an event`, { status: 0, reason: 'NoConnection' })
}

function parsed(line: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString('utf8'))
  } catch {
    // The message of JSON.parse quotes its input.
    throw badAnswer(`${what}: a line is not JSON`)
  }
}

function eventOf(event: unknown, resource: Resource): WatchEvent {
  const what = `watch ${resource.plural}`
  if (!isObject(event)) throw badAnswer(`${what}: a line is not an event`)
  const { type, object } = event
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type, object: objectOf(object, resource, what) }
    case 'BOOKMARK':
      return { type, resourceVersion: bookmarkOf(object, what) }
    case 'ERROR':
      throw kubeErrorOf(what, 0, object)
    default:
      throw badAnswer(`${what}: an event of an unknown type`)
  }
}

/** The object of a bookmark has a kind and a resource version, but no name. */
function bookmarkOf(object: unknown, what: string): string {
  const metadata = isObject(object) ? object['metadata'] : undefined
  const version = isObject(metadata) ? metadata['resourceVersion'] : undefined
  if (typeof version !== 'string' || version === '') throw badAnswer(`${what}: a bookmark without a resource version`)
  return version
}

/**
 * An object of the requested kind. The items of a list of a built-in kind have no kind and apiVersion, and objects with
 * only metadata are called PartialObjectMetadata, so all get the names of the resource. Throws a KubeError (BadAnswer).
 */
export function objectOf(value: unknown, { apiVersion, kind }: Resource, what: string): KubeObject {
  if (!isObject(value)) throw badAnswer(`${what}: an object is not valid`)
  const named = value['kind'] === undefined || value['kind'] === 'PartialObjectMetadata' ? { ...value, apiVersion, kind } : value
  if (!isKubeObject(named) || named.kind !== kind) throw badAnswer(`${what}: an object is not a ${kind}, or has no name`)
  return named
}

export function badAnswer(message: string): KubeError {
  return new KubeError(message, { status: 0, reason: 'BadAnswer' })
}

function tooLong(what: string, limit: number): KubeError {
  return new KubeError(`${what}: an event of more than ${limit} bytes`, { status: 0, reason: 'TooLarge' })
}
