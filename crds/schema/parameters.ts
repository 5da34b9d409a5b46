// Maps each Postfix parameter and Zimbra attribute to the fields that it sets, and says how its value is converted.
// Derived from the schema.
import { type Field, fields } from './fields.ts'
import type { Conversion } from './field.ts'

/**
 * own: the parameter itself. old: an earlier name, used if the own one is not set. inherits: its value is the default
 * of the own one.
 */
export type Standing = 'own' | 'old' | 'inherits'

/** How one parameter or attribute sets one field. */
export interface ParameterUse {
  readonly field: Field
  readonly standing: Standing
  readonly convert: Conversion
}

/**
 * From the name of a parameter or attribute to the fields that it sets: usually one, two if a time has a stress value.
 */
export type ParameterUses = ReadonlyMap<string, readonly ParameterUse[]>

function collect(namesOf: (field: Field) => readonly (readonly [string, Standing])[]): ParameterUses {
  const uses = new Map<string, readonly ParameterUse[]>()
  for (const field of fields()) {
    for (const [name, standing] of namesOf(field)) {
      if (!field.convert) throw new Error(`${field.path} has a parameter but no conversion`)
      uses.set(name, [...(uses.get(name) ?? []), { field, standing, convert: field.convert }])
    }
  }
  return uses
}

/** Every Postfix parameter that sets a field, with all its uses in schema order. */
export const postfixParameters = (): ParameterUses =>
  collect(({ postfixNames: { own, old, inherits } }) => [
    ...(own === undefined ? [] : [[own, 'own'] as const]),
    ...(old ?? []).map((name) => [name, 'old'] as const),
    ...(inherits === undefined ? [] : [[inherits, 'inherits'] as const]),
  ])

/** Every Zimbra attribute that sets a field. The second attribute of a field is an older form, as with Postfix. */
export const zimbraAttributes = (): ParameterUses =>
  collect(({ zimbra }) => zimbra.map((name, at) => [name, at === 0 ? 'own' : 'old'] as const))
