// What a watch says: the lines of its answer, read within limits.

import { KubeError, kubeErrorOf } from './kube-error.ts'
import { isObject } from '../../crds/is-object.ts'
import { isKubeObject, type KubeObject } from './object.ts'
import type { Resource } from './resource.ts'

/** An ERROR event is none of these: it ends the watch with a KubeError. */
export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubeObject }
  /** Everything up to this resource version has been told. */
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string }

/**
 * The events of a watch's answer, one JSON object a line. Ends when the answer does; throws a KubeError for an ERROR
 * event, for a line that is too long or makes no sense, and for an end in the middle of a line. Holds no more than
 * `lineLimit` bytes and one piece.
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
    // The message of JSON.parse quotes what it read.
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

/** A bookmark's object has a kind and a resource version, but no name. */
function bookmarkOf(object: unknown, what: string): string {
  const metadata = isObject(object) ? object['metadata'] : undefined
  const version = isObject(metadata) ? metadata['resourceVersion'] : undefined
  if (typeof version !== 'string' || version === '') throw badAnswer(`${what}: a bookmark without a resource version`)
  return version
}

/**
 * An object of the kind that was asked for. The items of a list of a built-in kind come without kind and apiVersion,
 * and those of which only the metadata was asked for are called PartialObjectMetadata: all get the names of the
 * resource. Throws a KubeError (BadAnswer).
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
