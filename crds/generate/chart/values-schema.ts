// The generated part of the chart's values.schema.json: the schema of `policy.spec`. With it, Helm refuses a misspelt
// field before it sends anything to the cluster.
import { specSchema } from '../../schema/fields.ts'
import { type StructuralNode, structural } from '../structural.ts'

interface ValuesSchema {
  readonly definitions: Readonly<Record<string, unknown>>
  readonly [key: string]: unknown
}

const copied = ['enum', 'minimum', 'maximum', 'minLength', 'maxLength', 'pattern', 'minItems', 'maxItems', 'maxProperties'] as const

/**
 * The JSON schema (draft 7) of a node. Defaults, notes and CEL are left to the API server. Unknown fields, which a
 * structural schema prunes, are refused here.
 */
function draft7(node: StructuralNode): Readonly<Record<string, unknown>> {
  const kept = Object.fromEntries(copied.flatMap((key) => (node[key] === undefined ? [] : [[key, node[key]]])))
  if (node['x-kubernetes-int-or-string'] === true) return { ...kept, type: ['integer', 'string'] }
  const { properties, additionalProperties, items, required } = node
  return {
    type: node.type,
    ...kept,
    ...(required !== undefined && { required }),
    ...(properties !== undefined && {
      additionalProperties: false,
      properties: Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, draft7(inner)])),
    }),
    ...(additionalProperties !== undefined && { additionalProperties: draft7(additionalProperties) }),
    ...(items !== undefined && { items: draft7(items) }),
  }
}

/**
 * Returns the file with the generated part replaced. `backend` is not required, because the chart's own Postfix can be
 * it.
 * @param text the current file; throws a SyntaxError if it is not JSON
 */
export function withPolicySpec(text: string): string {
  const schema = JSON.parse(text) as ValuesSchema
  const { required: _, ...spec } = draft7(structural(specSchema(), 'spec'))
  return `${JSON.stringify({ ...schema, definitions: { ...schema.definitions, policySpec: spec } }, undefined, 2)}\n`
}
