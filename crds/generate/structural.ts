// Makes a structural schema, as the API server requires it in a CRD, from the JSON schema that zod derives. It removes
// our notes, adds descriptions, complete defaults and CEL rules, and refuses what the API server would refuse. This is
// not done in zod's `override` hook, because the hook sees inner schemas before their notes.
import type { NodeKeywords, SchemaNode } from '../schema/fields.ts'
import { rules } from '../schema/rules.ts'
import { boundsKey, docKey, type FieldDoc, formKey, kindKey } from '../schema/field.ts'
import { transitions } from '../schema/transitions.ts'

/** A CEL rule as a CRD has it. */
export interface Validation {
  readonly rule: string
  readonly message: string
  readonly fieldPath?: string
}

/**
 * A node of a structural schema (apiextensions.k8s.io/v1 JSONSchemaProps). Only the parts that we use. `type` is
 * missing only with x-kubernetes-int-or-string.
 */
export interface StructuralNode extends NodeKeywords {
  readonly description?: string
  readonly format?: string
  readonly properties?: Readonly<Record<string, StructuralNode>>
  readonly additionalProperties?: StructuralNode
  readonly items?: StructuralNode
  readonly 'x-kubernetes-int-or-string'?: true
  readonly 'x-kubernetes-preserve-unknown-fields'?: true
  readonly 'x-kubernetes-list-type'?: string
  readonly 'x-kubernetes-list-map-keys'?: readonly string[]
  readonly 'x-kubernetes-validations'?: readonly Validation[]
}

/** The keywords of zod's JSON schema that are copied unchanged. */
const kept = new Set(
  'type enum minimum maximum minLength maxLength pattern minItems maxItems maxProperties required x-kubernetes-list-type'.split(' '),
)

/** The other keywords that may appear. Any further keyword has no structural form, or is not handled yet. */
const rewritten = new Set(['default', 'properties', 'additionalProperties', 'items', docKey, kindKey, boundsKey, formKey])

function refuseUnknown(path: string, node: SchemaNode): void {
  const strange = Object.keys(node).filter((key) => !kept.has(key) && !rewritten.has(key))
  if (strange.length > 0) throw new Error(`${path}: ${strange.join(', ')} has no structural form`)
  if (node.type === undefined) throw new Error(`${path}: no type`)
  if (node.properties && node.additionalProperties) throw new Error(`${path}: properties and additionalProperties`)
}

const names = (label: string, list: readonly (string | undefined)[]): readonly string[] => {
  const given = list.filter((name) => name !== undefined)
  return given.length > 0 ? [`${label}: ${given.join(', ')}.`] : []
}

/** The description for `kubectl explain`: the doc text, the default, and the names in Postfix and Zimbra. */
function describe(doc: FieldDoc, node: SchemaNode): string {
  const { own, old = [], inherits } = doc.postfix ?? {}
  const fallback = doc.computedDefault ?? (node.properties || node.default === undefined ? undefined : writtenDefault(node.default))
  return [
    doc.doc,
    ...(fallback === undefined ? [] : [`Default: ${fallback}.`]),
    ...names('Postfix', [own, ...old]),
    ...names('Inherits in Postfix', [inherits]),
    ...names('Zimbra', doc.zimbra ?? []),
    ...(doc.differs === undefined ? [] : [`Differs: ${doc.differs}`]),
  ].join(' ')
}

/** A default in the form for a sentence. */
export const writtenDefault = (value: unknown): string =>
  value === '' ? 'empty' : typeof value === 'string' ? value : JSON.stringify(value)

/**
 * The longest text that the API server checks with CEL. For a longer text, or one that does not match a `pattern`, its
 * error message would be a number of bytes or a regular expression. So the bounds of a form are CEL rules with
 * messages, and this limit is longer than a typical mistake. The cost of a rule grows with it, so times and networks,
 * of which there are many, have a lower limit.
 */
const longestJudged = (most: number): number => (most < 50 ? 64 : 2 * most)

/** The bounds of a node that stay in the schema. */
function bounds(node: SchemaNode): Readonly<Record<string, unknown>> {
  const plain = Object.fromEntries(Object.entries(node).filter(([key]) => kept.has(key)))
  if (!node[formKey]) return plain
  if (node[kindKey] === 'quantity') return {}
  const { pattern: _pattern, minLength: _minLength, ...rest } = plain
  return { ...rest, maxLength: longestJudged(node.maxLength ?? 0) }
}

function fieldRules(path: string): readonly Validation[] {
  return [...rules, ...transitions]
    .filter(({ at }) => at === path)
    .map(({ cel, message, field }) => ({ rule: cel, message, ...(field !== undefined && { fieldPath: `.${field}` }) }))
}

/** Lists have no defaults: GitOps tools would report a permanent difference. */
type Place = 'outside lists' | 'inside a list'

/** The default of an object with all nested defaults. CEL checks it before the API server fills them in. */
function defaultOf(node: SchemaNode, properties: Readonly<Record<string, StructuralNode>> | undefined): unknown {
  if (!properties || node.default === undefined) return node.default
  const nested = Object.entries(properties).filter(([, child]) => child.default !== undefined)
  return Object.fromEntries(nested.map(([name, child]) => [name, child.default]))
}

/**
 * The structural schema of one node of zod's JSON schema and everything below it. `path`, such as `spec.dnsbl.sites[]`,
 * finds its rules.
 */
export function structural(node: SchemaNode, path: string, place: Place = 'outside lists'): StructuralNode {
  refuseUnknown(path, node)
  const properties =
    node.properties &&
    Object.fromEntries(Object.entries(node.properties).map(([name, child]) => [name, structural(child, `${path}.${name}`, place)]))
  const items = node.items && structural(node.items, `${path}[]`, 'inside a list')
  const values = node.properties ? undefined : node.additionalProperties || undefined
  const additionalProperties = values && structural(values, `${path}{}`, 'inside a list')
  const doc = node[docKey]
  if (!doc && !/[\]}]$/.test(path)) throw new Error(`${path}: no doc`)
  const fallback = place === 'inside a list' ? undefined : defaultOf(node, properties)
  const validations = [...(node[formKey] ?? []), ...fieldRules(path)]
  return {
    ...(node[kindKey] === 'quantity' ? { 'x-kubernetes-int-or-string': true } : { type: node.type ?? '' }),
    ...(node[kindKey] === 'manifest' && { 'x-kubernetes-preserve-unknown-fields': true }),
    ...(doc && { description: describe(doc, node) }),
    ...(node.type === 'integer' && { format: 'int64' }),
    ...bounds(node),
    ...(fallback !== undefined && { default: fallback }),
    ...(properties && { properties }),
    ...(additionalProperties && { additionalProperties }),
    ...(items && { items }),
    ...(validations.length > 0 && { 'x-kubernetes-validations': validations }),
  }
}
