// Finds what a policy has at the path of a field.
import { isObject } from './is-object.ts'

export interface Found {
  readonly path: readonly PropertyKey[]
  readonly value: unknown
}

/**
 * @param value of the object in which the first step is
 * @param steps to the field; `[]` at the end of one stands for every entry of a list
 * @returns each value that is there, with its path
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
