// The effective form of a policy: as it is written, with every default filled in.
import { isObject } from '../../crds/is-object.ts'
import { type SchemaNode, specSchema } from '../../crds/schema/fields.ts'

/** A value of the policy, and whether it is only there as a default. */
export interface Effective {
  readonly value: unknown
  readonly isDefault: boolean
}

/** By path, such as `greet.wait`. Lists and maps are values; objects are not. */
export type EffectiveFields = ReadonlyMap<string, Effective>

/** The fields of a spec in the order of the schema. */
export function effectiveFields(spec: unknown): EffectiveFields {
  const fields = new Map<string, Effective>()
  collect(spec, specSchema(), '', fields)
  return fields
}

/** Objects that a policy may leave out, such as `gateway`, have their defaults only if they are there. */
function collect(value: unknown, node: SchemaNode, path: string, fields: Map<string, Effective>): void {
  for (const [name, inner] of Object.entries(node.properties ?? {})) {
    const here = path === '' ? name : `${path}.${name}`
    const written = isObject(value) ? value[name] : undefined
    const isWritten = written !== undefined && written !== null
    if (inner.properties === undefined) {
      const fallback = inner.default
      if (isWritten) fields.set(here, { value: written, isDefault: false })
      else if (fallback !== undefined) fields.set(here, { value: fallback, isDefault: true })
    } else if (isWritten) collect(written, inner, here, fields)
    else if (inner.default !== undefined) collect(inner.default, inner, here, fields)
  }
}
