// The objects that a list and a watch have returned, by their keys.

import { type KubeObject, keyOf, type ResourceKey } from './object.ts'

export interface ReadonlyStore {
  get(key: ResourceKey): KubeObject | undefined
  /** All objects, in no order. */
  list(): readonly KubeObject[]
  readonly size: number
}

/** A change for a key: its object, or undefined after it was removed. */
export interface Change {
  readonly key: ResourceKey
  readonly object: KubeObject | undefined
}

interface Entry {
  readonly object: KubeObject
  /** The resource version of the object as it was received: the stored part may not have it. */
  readonly resourceVersion: string | undefined
}

export class ObjectStore implements ReadonlyStore {
  readonly #objects = new Map<ResourceKey, Entry>()
  readonly #keep: (object: KubeObject) => KubeObject | undefined

  constructor(keep: (object: KubeObject) => KubeObject | undefined) {
    this.#keep = keep
  }

  get(key: ResourceKey): KubeObject | undefined {
    return this.#objects.get(key)?.object
  }

  list(): readonly KubeObject[] {
    return Array.from(this.#objects.values(), ({ object }) => object)
  }

  get size(): number {
    return this.#objects.size
  }

  /**
   * Adds or replaces an object. undefined if nothing changed: the store has the same version, or the object is not to
   * be kept and was not in the store.
   */
  put(object: KubeObject): Change | undefined {
    const key = keyOf(object)
    const { resourceVersion } = object.metadata
    const known = this.#objects.get(key)
    if (known !== undefined && resourceVersion !== undefined && known.resourceVersion === resourceVersion) return undefined
    const kept = this.#keep(object)
    if (kept === undefined) return this.remove(key)
    this.#objects.set(key, { object: kept, resourceVersion })
    return { key, object: kept }
  }

  /** undefined if the object was not in the store. */
  remove(key: ResourceKey): Change | undefined {
    return this.#objects.delete(key) ? { key, object: undefined } : undefined
  }

  /**
   * Removes every object whose key is not among `keys`. Used after a complete list, which has the keys of all existing
   * objects.
   */
  retain(keys: ReadonlySet<ResourceKey>): Change[] {
    const gone = Array.from(this.#objects.keys()).filter((key) => !keys.has(key))
    return gone.flatMap((key) => this.remove(key) ?? [])
  }
}

/**
 * Whether one resource version is later than another. Decimal numbers are compared (KEP-5504: they are comparable
 * within one resource). Other versions cannot be compared, so the one that came last counts as later.
 */
export function isLaterVersion(version: string, than: string): boolean {
  if (!/^[0-9]+$/.test(version) || !/^[0-9]+$/.test(than)) return version !== than
  return version.length === than.length ? version > than : version.length > than.length
}
