// Where the effective forms of two policies differ, field by field.
import { isDeepStrictEqual } from 'node:util'
import type { PostscreenPolicy } from '../../crds/schema/policy.schema.ts'
import { isObject } from '../../crds/is-object.ts'
import { type Effective, effectiveFields } from './effective.ts'

export interface FieldDifference {
  /** Such as `spec.greet.wait`. */
  readonly path: string
  /** Undefined: the field is not set, and has no default. */
  readonly before: Effective | undefined
  readonly after: Effective | undefined
  /** Of a list, what is only in one of them, as it is written. */
  readonly removed?: readonly unknown[]
  readonly added?: readonly unknown[]
}

/** A policy: as it is written, and as it is read. */
export interface WrittenPolicy {
  readonly spec: unknown
  readonly policy: PostscreenPolicy
}

/** The fields that mean something else, in the order of the schema. `60s` and `1m` mean the same. */
export function differencesOf(before: WrittenPolicy, after: WrittenPolicy): readonly FieldDifference[] {
  const [old, fresh] = [effectiveFields(before.spec), effectiveFields(after.spec)]
  const paths = [...new Set([...old.keys(), ...fresh.keys()])]
  return paths.flatMap((path): readonly FieldDifference[] => {
    const [was, is] = [old.get(path), fresh.get(path)]
    if (isDeepStrictEqual(was?.value, is?.value)) return []
    const read = [valueAt(before.policy.spec, path), valueAt(after.policy.spec, path)] as const
    if (read[0] !== undefined && isDeepStrictEqual(read[0], read[1])) return []
    return [{ path: `spec.${path}`, before: was, after: is, ...listChange(was?.value, is?.value) }]
  })
}

function valueAt(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((inside, name) => (isObject(inside) ? inside[name] : undefined), value)
}

/** Of two lists: a multiset difference, so that a moved entry is neither removed nor added. */
function listChange(was: unknown, is: unknown): Pick<FieldDifference, 'removed' | 'added'> {
  if (!Array.isArray(was ?? []) || !Array.isArray(is ?? []) || (was === undefined && is === undefined)) return {}
  if (!Array.isArray(was) && !Array.isArray(is)) return {}
  const [old, fresh]: readonly unknown[][] = [Array.isArray(was) ? was : [], Array.isArray(is) ? is : []]
  return { removed: without(old ?? [], fresh ?? []), added: without(fresh ?? [], old ?? []) }
}

function without(from: readonly unknown[], taken: readonly unknown[]): readonly unknown[] {
  const left = [...taken]
  return from.filter((one) => {
    const at = left.findIndex((other) => isDeepStrictEqual(one, other))
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}
