// Every node of the policy's schema, entries of lists and values of maps too.
import type { SchemaNode } from '../../../crds/schema/fields.ts'

export interface VisitedNode {
  /** Such as `spec.dnsbl.sites[].domain`; `{}` stands for the values of a map. */
  readonly path: string
  readonly node: SchemaNode
}

/** The node itself and all below it. */
export function* schemaNodes(node: SchemaNode, path: string): Generator<VisitedNode> {
  yield { path, node }
  for (const [name, child] of Object.entries(node.properties ?? {})) yield* schemaNodes(child, `${path}.${name}`)
  if (node.items) yield* schemaNodes(node.items, `${path}[]`)
  if (node.additionalProperties) yield* schemaNodes(node.additionalProperties, `${path}{}`)
}
