// Finds the values of a policy at the path of a field.
import { isObject } from './is-object.ts'

export interface Found {
  readonly path: readonly PropertyKey[]
  readonly value: unknown
}

/**
 * @param value the object in which the first step starts
 * @param steps the path to the field; `[]` at the end of a step stands for every entry of a list
 * @returns each value that exists, with its path
 */
export function* valuesAt(value: unknown, [step, ...rest]: readonly string[], path: readonly PropertyKey[] = []): Generator<Found> {
  if (step === undefined) {
    if (value !== undefined) yield { path, value }
    return
  }
  if (!isObject(value)) return
  const name = step.replace('[]', '')
  const inner = value[name]
  if (!step.endsWith('[]')) yield* valuesAt(inner, rest, [...path, name])
  else if (Array.isArray(inner)) for (const [at, entry] of inner.entries()) yield* valuesAt(entry, rest, [...path, name, at])
}
