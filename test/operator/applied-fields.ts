// Server-side apply as far as the operator depends on it: who owns which field, what an apply takes away, and what metadata.managedFields says.
import { isDeepStrictEqual } from 'node:util'
import { isObject } from '../../crds/is-object.ts'
import type { KubeObject } from '../../operator/kube/object.ts'

type Fields = Readonly<Record<string, unknown>>
/** Steps to a field as JSON; lists are one field. */
type Path = string

interface Owned {
  readonly manager: string
  readonly operation: 'Apply' | 'Update'
  readonly paths: Set<Path>
}

function* leaves(value: unknown, steps: readonly string[]): Generator<[Path, unknown]> {
  if (isObject(value) && Object.keys(value).length > 0) {
    for (const [field, inner] of Object.entries(value)) yield* leaves(inner, [...steps, field])
  } else if (steps.length > 0) yield [JSON.stringify(steps), value]
}

/** The fields that have managers, flat. */
function managed({ metadata: { labels, annotations, ownerReferences }, apiVersion: _a, kind: _k, status: _s, ...fields }: KubeObject) {
  const metadata = Object.fromEntries(Object.entries({ labels, annotations, ownerReferences }).filter(([, value]) => value !== undefined))
  return new Map(leaves({ ...fields, metadata }, []))
}

function without(value: unknown, [step, ...rest]: readonly string[]): unknown {
  if (!isObject(value) || step === undefined) return value
  if (rest.length > 0) return step in value ? { ...value, [step]: without(value[step], rest) } : value
  const { [step]: _, ...others } = value
  return others
}

const merge = (into: unknown, from: unknown): unknown =>
  isObject(into) && isObject(from)
    ? { ...into, ...Object.fromEntries(Object.entries(from).map(([field, value]) => [field, merge(into[field], value)])) }
    : from

function fieldsV1(paths: ReadonlySet<Path>): Fields {
  let fields: Fields = {}
  for (const path of paths) {
    const nested = (JSON.parse(path) as string[]).reduceRight<Fields>((inner, step) => ({ [`f:${step}`]: inner }), {})
    fields = merge(fields, nested) as Fields
  }
  return fields
}

/** The managers of the fields of one object. */
export class FieldManagers {
  #owned: Owned[] = []

  /** What the object is after an apply; `found` is what it was. */
  apply(object: KubeObject, found: KubeObject | undefined, manager: string): KubeObject {
    const next = managed(object)
    const before = this.#owned.find((one) => one.manager === manager && one.operation === 'Apply')
    const others = this.#owned.filter((one) => one !== before)
    const kept = [...(before?.paths ?? [])].filter((path) => !next.has(path) && !others.some(({ paths }) => paths.has(path)))
    const base = kept.reduce<unknown>((left, path) => without(left, JSON.parse(path) as string[]), found ?? {})
    const had = found === undefined ? new Map<Path, unknown>() : managed(found)
    // Force: a manager that applied another value no longer owns the field.
    for (const { paths } of others) for (const [path, value] of next) if (!isDeepStrictEqual(had.get(path), value)) paths.delete(path)
    this.#owned = [...others, { manager, operation: 'Apply', paths: new Set(next.keys()) }]
    return merge(base, object) as KubeObject
  }

  /** A client has written the whole object. */
  update(object: KubeObject, found: KubeObject | undefined, manager: string): void {
    const [next, had] = [managed(object), found === undefined ? new Map<Path, unknown>() : managed(found)]
    const changed = [...next].filter(([path, value]) => !isDeepStrictEqual(had.get(path), value)).map(([path]) => path)
    for (const { paths } of this.#owned) for (const path of paths) if (changed.includes(path) || !next.has(path)) paths.delete(path)
    this.#owned.push({ manager, operation: 'Update', paths: new Set(changed) })
  }

  /** metadata.managedFields; the last entry is the latest. */
  get managedFields(): readonly Fields[] {
    const time = (at: number): string => new Date(Date.UTC(2026, 0, 1) + at * 1000).toISOString()
    return this.#owned
      .filter(({ paths }) => paths.size > 0)
      .map(({ manager, operation, paths }, at) => ({
        manager,
        operation,
        time: time(at),
        fieldsType: 'FieldsV1',
        fieldsV1: fieldsV1(paths),
      }))
  }
}
