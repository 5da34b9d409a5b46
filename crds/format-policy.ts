// Writes a policy manifest as YAML, in schema order. Only fields that were set are written.
import { dump } from 'js-yaml'
import { type SchemaNode, specSchema } from './schema/fields.ts'
import { isObject } from './is-object.ts'
import type { PostscreenPolicyInput } from './schema/policy.schema.ts'

/**
 * The same value with the fields of its objects in schema order. Unknown fields, which a test of the output would find,
 * come last.
 */
function inSchemaOrder(value: unknown, node: SchemaNode | undefined): unknown {
  if (Array.isArray(value)) return value.map((entry) => inSchemaOrder(entry, node?.items))
  if (!isObject(value)) return value
  const known = Object.keys(node?.properties ?? {}).filter((name) => name in value)
  const names = [...known, ...Object.keys(value).filter((name) => !known.includes(name))]
  const set = names.filter((name) => value[name] !== undefined)
  return Object.fromEntries(set.map((name) => [name, inSchemaOrder(value[name], node?.properties?.[name])]))
}

/** Made once: to derive it takes far longer than to write a manifest. Only its order of fields is read. */
let schema: SchemaNode | undefined

/**
 * The YAML text of a manifest, safe for YAML 1.1 readers such as kubectl. Does not check the manifest or add defaults.
 */
export function formatPolicy({ apiVersion, kind, metadata, spec }: PostscreenPolicyInput): string {
  return dump({ apiVersion, kind, metadata, spec: inSchemaOrder(spec, (schema ??= specSchema())) }, { lineWidth: 120, noRefs: true })
}
