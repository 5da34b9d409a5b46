// A list of all fields of the policy: path, type, bounds, default, and their names in Postfix and Zimbra.
import * as z from 'zod'
import { policySpec } from './policy.schema.ts'
import {
  boundsKey,
  type Conversion,
  docKey,
  type FieldDoc,
  type formKey,
  type FormRule,
  kindKey,
  type PostfixNames,
  quantityPattern,
  type SecretKind,
  type Tenancy,
} from './field.ts'

/** The keywords that a node has in the JSON schema and in the structural schema of the CRD alike. */
export interface NodeKeywords {
  readonly type?: string
  readonly default?: unknown
  readonly enum?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly minItems?: number
  readonly maxItems?: number
  readonly maxProperties?: number
  readonly required?: readonly string[]
}

/** A node of the JSON schema that zod makes of the policy, with our own notes in it. */
export interface SchemaNode extends NodeKeywords {
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly additionalProperties?: SchemaNode | false
  readonly items?: SchemaNode
  readonly [docKey]?: FieldDoc
  readonly [kindKey]?: 'duration' | 'quantity' | 'manifest'
  readonly [formKey]?: readonly FormRule[]
  readonly [boundsKey]?: { readonly min: string; readonly max: string }
}

/** The JSON schema of spec as zod derives it: for the written form, with our notes, before it is made structural. */
export function specSchema(): SchemaNode {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- zod's type allows for every JSON schema; structural.ts refuses what is not listed above
  return z.toJSONSchema(policySpec, { target: 'openapi-3.0', io: 'input', reused: 'inline', override: withoutUnions }) as SchemaNode
}

/**
 * An amount may be a number or a text. Here it is a text with a mark; structural.ts writes the schema for both. A part
 * of a manifest has a mark too, and fields that this schema does not know.
 */
function withoutUnions({ jsonSchema }: { readonly jsonSchema: Record<string, unknown> }): void {
  if (jsonSchema[kindKey] === 'manifest') delete jsonSchema['additionalProperties']
  if (jsonSchema[kindKey] !== 'quantity') return
  delete jsonSchema['anyOf']
  Object.assign(jsonSchema, { type: 'string', pattern: quantityPattern, maxLength: 30 })
}

export type FieldType = 'object' | 'list' | 'map' | 'manifest' | 'duration' | 'quantity' | 'integer' | 'boolean' | 'choice' | 'text'

/** One field of the policy. */
export interface Field {
  /** Such as `spec.dnsbl.sites[].domain`. */
  readonly path: string
  readonly type: FieldType
  /** The words of a choice, or of the entries of a list of choices. */
  readonly values?: readonly string[]
  /** The unit of the parsed value. */
  readonly unit?: string
  /** In words, such as `1s to 5m` or `1 to 100`; undefined for a field without meaningful bounds. */
  readonly bounds?: string
  readonly required: boolean
  /** As it is written; undefined for a field without a default, and for objects. */
  readonly default?: unknown
  /** In words, for a default that is computed when the policy is read. */
  readonly computedDefault?: string
  readonly doc: string
  /** How the field differs from Postfix. */
  readonly differs?: string
  /**
   * Every Postfix parameter that sets the field, in order of precedence: the own name, older names, the inherited one.
   */
  readonly postfix: readonly string[]
  readonly postfixNames: PostfixNames
  readonly zimbra: readonly string[]
  readonly convert?: Conversion
  readonly tenancy?: Tenancy
  readonly secret?: SecretKind
}

/** The type of a node in words. */
export function typeOf(node: SchemaNode): FieldType {
  if (node[kindKey] !== undefined) return node[kindKey]
  if (node.enum) return 'choice'
  if (node.type === 'array') return 'list'
  if (node.type === 'object') return node.properties ? 'object' : 'map'
  return node.type === 'integer' || node.type === 'boolean' ? node.type : 'text'
}

function boundsOf(node: SchemaNode): string | undefined {
  const times = node[boundsKey]
  if (times) return `${times.min} to ${times.max}`
  if (node.minimum !== undefined) return `${node.minimum} to ${node.maximum}`
  if (node.type === 'array') return `${node.minItems ? `${node.minItems} to` : 'at most'} ${node.maxItems} entries`
  if (node.maxProperties !== undefined) return `at most ${node.maxProperties} entries`
  return undefined
}

/** The parameters of a field in one list, in order of precedence. */
const inOrder = (names: PostfixNames): readonly string[] =>
  [names.own, ...(names.old ?? []), names.inherits].filter((name) => name !== undefined)

const defined = <T extends object>(fields: T): Partial<{ [K in keyof T]: Exclude<T[K], undefined> }> =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- fromEntries forgets the names
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never

/** What is known about the field at a path. Every field has a doc; otherwise the schema is wrong. */
function fieldOf(path: string, node: SchemaNode, required: boolean): Field {
  const doc = node[docKey]
  if (!doc) throw new Error(`${path} has no doc`)
  const postfixNames = doc.postfix ?? {}
  const values = node.enum ?? node.items?.enum
  const fallback = typeOf(node) === 'object' ? undefined : node.default
  const { unit, computedDefault, differs, convert, tenancy, secret } = doc
  return {
    path,
    type: typeOf(node),
    required,
    doc: doc.doc,
    postfix: inOrder(postfixNames),
    postfixNames,
    zimbra: doc.zimbra ?? [],
    ...defined({ values, unit, bounds: boundsOf(node), default: fallback, computedDefault, differs, convert, tenancy, secret }),
  }
}

function* walk(path: string, node: SchemaNode): Generator<Field> {
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    const at = `${path}.${name}`
    yield fieldOf(at, child, node.required?.includes(name) ?? false)
    yield* walk(at, child)
    if (child.items) yield* walk(`${at}[]`, child.items)
  }
}

/** Every field of a policy in schema order, an object before its fields. */
export const fields = (): readonly Field[] => [...walk('spec', specSchema())]
