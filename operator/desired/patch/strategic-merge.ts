// The strategic merge of Kubernetes (`kubectl patch --type strategic`), pure. It creates no field with a null value and
// no directive, and merging the same patch again changes nothing.
import { isDeepStrictEqual } from 'node:util'
import { isObject } from '../../../crds/is-object.ts'
import { formatPath, type Problem } from '../../../crds/problems.ts'
import { type ListRule, listRuleOf } from './list-rules.ts'

type Fields = Readonly<Record<string, unknown>>
type Path = readonly (string | number)[]
type KeyedRule = ListRule & { readonly is: 'keyed' }

export interface Merged {
  readonly object: Fields
  /** The object is as if these parts of the patch did not exist. */
  readonly problems: readonly Problem[]
}

/**
 * Merges a patch into an object.
 * @param kind of the object: lists are merged as the API server does for this kind
 * @param place the path of the patch, for problems
 */
export function strategicMerge(object: Fields, patch: Fields, kind: string, place: Path = []): Merged {
  const merge = new Merge(kind, place)
  const merged = merge.object(object, patch, [])
  return { object: isObject(merged) ? merged : {}, problems: merge.problems }
}

/** Stands for a field that is removed. */
const removed = Symbol('removed')

/** The path of a list without the positions of entries, as listRuleOf reads it. */
const placeOf = (path: Path): string =>
  path
    .map((step) => (typeof step === 'number' ? '[]' : `.${step}`))
    .join('')
    .slice(1)

class Merge {
  readonly problems: Problem[] = []
  readonly #kind: string
  readonly #place: Path

  constructor(kind: string, place: Path) {
    this.#kind = kind
    this.#place = place
  }

  object(into: Fields, patch: Fields, path: Path): Fields | typeof removed {
    const { $patch: directive = 'merge', $retainKeys: retained, ...fields } = patch
    if (directive === 'delete') return removed
    if (directive !== 'merge' && directive !== 'replace') {
      this.#refuse([...path, '$patch'], 'must be merge, replace or delete')
      return into
    }
    const result = new Map(Object.entries(directive === 'replace' ? {} : this.#retained(into, retained, fields, path)))
    for (const [name, value] of Object.entries(fields)) {
      if (name.startsWith('$'))
        this.#refuse([...path, name], 'is not supported; expected one of $patch, $retainKeys, or null to remove a field')
      else {
        const merged = value === null ? removed : this.#value(result.get(name), value, [...path, name])
        if (merged === removed) result.delete(name)
        else result.set(name, merged)
      }
    }
    return Object.fromEntries(result)
  }

  /** `$retainKeys` lists the fields that may remain, such as the one kind of a volume. */
  #retained(into: Fields, retained: unknown, patch: Fields, path: Path): Fields {
    if (retained === undefined) return into
    if (!Array.isArray(retained) || !Object.keys(patch).every((name) => retained.includes(name))) {
      this.#refuse([...path, '$retainKeys'], 'must be a list with the name of every field of the patch')
      return into
    }
    return Object.fromEntries(Object.entries(into).filter(([name]) => retained.includes(name)))
  }

  #value(have: unknown, patch: unknown, path: Path): unknown {
    if (Array.isArray(patch)) {
      if (have === undefined || Array.isArray(have)) return this.#list(have ?? [], patch, path)
      this.#refuse(path, isObject(have) ? 'must be an object with fields' : 'must not be a list')
      return have
    }
    if (isObject(patch)) {
      if (have === undefined || isObject(have)) return this.object(have ?? {}, patch, path)
      this.#refuse(path, Array.isArray(have) ? 'must be a list' : 'must not be an object')
      return have
    }
    if (have === undefined || typeof have !== 'object') return patch
    this.#refuse(path, Array.isArray(have) ? 'must be a list, or null to remove it' : 'must be an object with fields, or null to remove it')
    return have
  }

  #list(have: readonly unknown[], patch: readonly unknown[], path: Path): readonly unknown[] {
    const rule = listRuleOf(this.#kind, placeOf(path))
    const isReplaced = rule.is === 'atomic' || patch.some((entry) => isObject(entry) && entry['$patch'] === 'replace')
    const base = isReplaced ? [] : have
    const entries = patch.map((entry, at) => [at, entry] as const).filter(([, entry]) => !isReplaceMark(entry))
    if (rule.is === 'keyed') return this.#keyed(base, entries, rule, path)
    const added = entries.flatMap(([at, entry]) => this.#entry(undefined, entry, [...path, at]))
    return added.reduce<readonly unknown[]>(
      (list, entry) => (rule.is === 'set' && list.some((other) => isDeepStrictEqual(other, entry)) ? list : [...list, entry]),
      base,
    )
  }

  #keyed(have: readonly unknown[], entries: readonly (readonly [number, unknown])[], rule: KeyedRule, path: Path): readonly unknown[] {
    const result = [...have]
    const named = new Set<string>()
    for (const [at, entry] of entries) {
      const key = this.#keyOf(entry, rule, [...path, at])
      if (key === undefined) continue
      if (named.has(key)) this.#refuse([...path, at], `has the same ${rule.by[0]} as an earlier entry of the patch`)
      named.add(key)
      const place = result.findIndex((one) => isObject(one) && keyIn(one, rule) === key)
      const merged = this.#entry(result[place], entry, [...path, at])
      result.splice(place === -1 ? result.length : place, place === -1 ? 0 : 1, ...merged)
    }
    return result
  }

  /** No entry if the patch deletes it. */
  #entry(have: unknown, entry: unknown, path: Path): readonly unknown[] {
    if (entry === null) {
      this.#refuse(path, 'must not be null; use $patch: delete')
      return []
    }
    const merged = this.#value(have, entry, path)
    return merged === removed ? [] : [merged]
  }

  #keyOf(entry: unknown, rule: KeyedRule, path: Path): string | undefined {
    const key = isObject(entry) ? keyIn(entry, rule) : undefined
    if (key === undefined) this.#refuse(path, `must be an object with ${rule.by[0]}: the entries of this list are merged by it`)
    return key
  }

  #refuse(path: Path, why: string): void {
    this.problems.push({ path: formatPath([...this.#place, ...path]), why })
  }
}

/** `$patch: replace` as an entry of its own: the other entries replace the list. */
const isReplaceMark = (entry: unknown): boolean => isObject(entry) && entry['$patch'] === 'replace' && Object.keys(entry).length === 1

/** The key of an entry as one text; undefined if its first field is missing. */
function keyIn(entry: Fields, { by, defaults }: KeyedRule): string | undefined {
  const [first = ''] = by
  if (typeof entry[first] !== 'string' && typeof entry[first] !== 'number') return undefined
  return JSON.stringify(by.map((field) => entry[field] ?? defaults[field] ?? ''))
}
