// Merges the patches of a policy into the objects of its gateway, and finds what they must not change.
import { isDeepStrictEqual } from 'node:util'
import { fieldsOf } from '../../../crds/is-object.ts'
import type { Problem } from '../../../crds/problems.ts'
import { contained } from '../../containment.ts'
import type { KubeObject } from '../../kube/object.ts'
import type { GatewaySpec } from '../pod.ts'
import { type Guard, guardsOf, stepsInWords, valueAt } from './guards.ts'
import { strategicMerge } from './strategic-merge.ts'

type Patches = NonNullable<GatewaySpec['patch']>

/** `PodDisruptionBudget` is patched by the field `podDisruptionBudget`. */
const fieldOf = (kind: string): string => kind.slice(0, 1).toLowerCase() + kind.slice(1)

const patchOf = (patches: Patches, kind: string): unknown => fieldsOf(patches)[fieldOf(kind)]

/** The object with the patch for its kind. The patch has no problems (see patchProblems). */
export function patched(object: KubeObject, patches: Patches | undefined): KubeObject {
  const patch = patches && patchOf(patches, object.kind)
  if (patch === undefined) return object
  const merged = strategicMerge(object, fieldsOf(patch), object.kind).object
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the guards keep apiVersion, kind and name
  return merged as KubeObject
}

/** Annotations by which the operator remembers what it has done. */
const ownPrefix = 'postscreen.dev/'
const annotationPlaces = [
  ['metadata', 'annotations'],
  ['spec', 'template', 'metadata', 'annotations'],
] as const

/**
 * The part of the path that the patch has removed: one problem for all that is below it. Undefined if it has removed
 * nothing.
 */
function removedAt(path: Guard['path'], before: unknown, after: unknown): Guard['path'] | undefined {
  const lengths = path.map((_, at) => at + 1)
  const length = lengths.find(
    (count) => valueAt(before, path.slice(0, count)) !== undefined && valueAt(after, path.slice(0, count)) === undefined,
  )
  return length === undefined || length === path.length ? undefined : path.slice(0, length)
}

function guardProblem({ path, keeps, instead }: Guard, before: unknown, after: unknown): Problem | undefined {
  const [had, has] = [valueAt(before, path), valueAt(after, path)]
  if (keeps === 'same' ? isDeepStrictEqual(has, had) : contained(had, has)) return undefined
  const removed = removedAt(path, before, after)
  if (removed !== undefined) return { path: stepsInWords(removed), why: 'must not be removed: the gateway needs it' }
  return { path: stepsInWords(path), why: instead }
}

function annotationProblems(before: unknown, after: unknown): readonly Problem[] {
  return annotationPlaces.flatMap((path) => {
    const [had, has] = [fieldsOf(valueAt(before, path)), fieldsOf(valueAt(after, path))]
    const names = new Set([...Object.keys(had), ...Object.keys(has)])
    const changed = [...names].filter((name) => name.startsWith(ownPrefix) && had[name] !== has[name])
    return changed.map((name) => ({ path: stepsInWords([...path, name]), why: 'is set by the operator; use annotations with other names' }))
  })
}

/** What the patches of a policy must not do to one of its objects, each with its path and what to use instead. */
export function patchProblems(object: KubeObject, patches: Patches, policy: string): readonly Problem[] {
  const patch = patchOf(patches, object.kind)
  if (patch === undefined) return []
  const place = ['spec', 'gateway', 'patch', fieldOf(object.kind)]
  const { object: merged, problems } = strategicMerge(object, fieldsOf(patch), object.kind, place)
  const found = [
    ...guardsOf(object, policy).map((guard) => guardProblem(guard, object, merged)),
    ...annotationProblems(object, merged),
  ].filter((problem) => problem !== undefined)
  const byPath = new Map(found.map(({ path, why }) => [path, { path: `${place.join('.')}.${path}`, why }]))
  return [...problems, ...byPath.values()]
}
