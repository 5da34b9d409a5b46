// The generated parts of the chart's values.schema.json: the schema of `policy.spec`, with which Helm refuses a
// misspelt field before it sends anything to the cluster, and the descriptions of all values, which editors show.
import { specSchema } from '../../schema/fields.ts'
import { type StructuralNode, structural } from '../structural.ts'
import { sectionsOf } from './values-table.ts'

interface SchemaObject {
  readonly properties?: Readonly<Record<string, SchemaObject>>
  readonly [key: string]: unknown
}

interface ValuesSchema extends SchemaObject {
  readonly definitions: Readonly<Record<string, unknown>>
}

const copied = ['enum', 'minimum', 'maximum', 'minLength', 'maxLength', 'pattern', 'minItems', 'maxItems', 'maxProperties'] as const

/**
 * The JSON schema (draft 7) of a node. Defaults and CEL are left to the API server. Unknown fields, which a
 * structural schema prunes, are refused here.
 */
function draft7(node: StructuralNode): Readonly<Record<string, unknown>> {
  const kept = Object.fromEntries(copied.flatMap((key) => (node[key] === undefined ? [] : [[key, node[key]]])))
  const { description, properties, additionalProperties, items, required } = node
  const described = description === undefined ? {} : { description }
  if (node['x-kubernetes-int-or-string'] === true) return { ...described, ...kept, type: ['integer', 'string'] }
  return {
    type: node.type,
    ...described,
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

/** The schema with a new description at each of the paths. */
function withDescriptions(schema: SchemaObject, texts: ReadonlyMap<string, string>, path = ''): SchemaObject {
  const { description, properties, ...rest } = schema
  const text = texts.get(path) ?? description
  const inner = Object.entries(properties ?? {}).map(([name, value]) => [
    name,
    withDescriptions(value, texts, path === '' ? name : `${path}.${name}`),
  ])
  return {
    ...(text !== undefined && { description: text }),
    ...rest,
    ...(properties !== undefined && { properties: Object.fromEntries(inner) }),
  }
}

/**
 * Returns the file with the generated parts replaced. `backend` is not required, because the chart's own Postfix can be
 * it.
 * @param text the current file; throws a SyntaxError if it is not JSON
 * @param yaml the chart's values.yaml, whose comments become the descriptions
 */
export function withGeneratedParts(text: string, yaml: string): string {
  const schema = JSON.parse(text) as ValuesSchema
  const { required: _, ...spec } = draft7(structural(specSchema(), 'spec'))
  const texts = new Map(sectionsOf(yaml).flatMap(({ values }) => values.map((value) => [value.path, value.text] as const)))
  const described = withDescriptions(schema, texts)
  return `${JSON.stringify({ ...described, definitions: { ...schema.definitions, policySpec: spec } }, undefined, 2)}\n`
}
