// Renderings of the same chart or policy with other values, compared object by object: only what differs is worth reading.
import { isDeepStrictEqual } from 'node:util'
import { isObject } from '../../crds/is-object.ts'
import type { KubeObject } from '../../operator/kube/object.ts'

const absent = '(not there)'

/**
 * What `objects` have otherwise than `base`, by object and path, with the new value; an object that `base` lacks is there whole.
 * Items of a list are known by their names where all have one, else the list counts as one value.
 */
export function differingObjects(base: readonly KubeObject[], objects: readonly KubeObject[]): Readonly<Record<string, unknown>> {
  const before = byName(base)
  const after = byName(objects)
  const changed = [...after].flatMap(([name, object]) => {
    const old = before.get(name)
    if (old === undefined) return [[`${name} (new)`, object] as const]
    const paths = differingPaths(old, object)
    return paths.length === 0 ? [] : [[name, Object.fromEntries(paths)] as const]
  })
  const removed = [...before.keys()].filter((name) => !after.has(name)).map((name) => [name, absent] as const)
  return Object.fromEntries([...changed, ...removed])
}

const byName = (objects: readonly KubeObject[]): ReadonlyMap<string, KubeObject> =>
  new Map(
    objects.map((object) => [
      [object.kind, object.metadata.namespace, object.metadata.name].filter((part) => part !== undefined).join(' '),
      object,
    ]),
  )

type Paths = readonly (readonly [path: string, value: unknown])[]

function differingPaths(before: unknown, after: unknown, path = ''): Paths {
  if (isDeepStrictEqual(before, after)) return []
  if (isObject(before) && isObject(after)) return withinRecords(before, after, (name) => (path === '' ? name : `${path}.${name}`))
  const [old, now] = [itemsByName(before), itemsByName(after)]
  if (old !== undefined && now !== undefined && sameOrder(old, now)) return withinRecords(old, now, (name) => `${path}[${name}]`)
  return [[path, after]]
}

function withinRecords(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
  at: (name: string) => string,
): Paths {
  const removed = Object.keys(before).filter((name) => !(name in after))
  return [
    ...Object.entries(after).flatMap(([name, value]): Paths =>
      name in before ? differingPaths(before[name], value, at(name)) : [[at(name), value]],
    ),
    ...removed.map((name) => [at(name), absent] as const),
  ]
}

/** Undefined: the value is not a list of items with names, each its own. */
function itemsByName(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (!Array.isArray(value)) return undefined
  const named = value.flatMap((item): [string, unknown][] =>
    isObject(item) && typeof item['name'] === 'string' ? [[item['name'], item]] : [],
  )
  return named.length === value.length && new Set(named.map(([name]) => name)).size === named.length ? Object.fromEntries(named) : undefined
}

/** The items that both have come in the same order. */
function sameOrder(before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>): boolean {
  const common = (names: readonly string[]): readonly string[] => names.filter((name) => name in before && name in after)
  return isDeepStrictEqual(common(Object.keys(before)), common(Object.keys(after)))
}
