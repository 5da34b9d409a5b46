// What the API server does with a structural schema, as far as the CRD uses it and CEL aside: fills in defaults, checks types and bounds.
import type { StructuralNode } from '../../../crds/generate/structural.ts'
import { isObject } from '../../../crds/is-object.ts'

/** The value with the defaults of the schema, outermost first. */
export function withDefaults(value: unknown, node: StructuralNode): unknown {
  if (Array.isArray(value)) return node.items ? value.map((entry) => withDefaults(entry, node.items ?? node)) : value
  if (!isObject(value)) return value
  const filled: Record<string, unknown> = { ...value }
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    if (filled[name] === undefined && child.default !== undefined) filled[name] = child.default
    if (filled[name] !== undefined) filled[name] = withDefaults(filled[name], child)
  }
  return filled
}

const typeMatches = (value: unknown, type: string): boolean => {
  if (type === 'array') return Array.isArray(value)
  if (type === 'object') return isObject(value)
  if (type === 'integer') return Number.isInteger(value)
  return typeof value === type
}

const outside = (size: number, least: number | undefined, most: number | undefined): boolean =>
  (least !== undefined && size < least) || (most !== undefined && size > most)

const typesOf = (node: StructuralNode): readonly string[] => (node.type === undefined ? ['integer', 'string'] : [node.type])

function scalarProblem(value: unknown, node: StructuralNode): string | undefined {
  if (!typesOf(node).some((type) => typeMatches(value, type))) return `is not of type ${typesOf(node).join(' or ')}`
  if (typeof value === 'string') {
    if (node.enum && !node.enum.includes(value)) return 'is not one of the words'
    if (outside(Array.from(value).length, node.minLength, node.maxLength)) return 'is too short or too long'
    if (node.pattern !== undefined && !new RegExp(node.pattern, 'u').test(value)) return 'does not fit the pattern'
  }
  if (typeof value === 'number' && outside(value, node.minimum, node.maximum)) return 'is too small or too large'
  if (Array.isArray(value)) {
    if (outside(value.length, node.minItems, node.maxItems)) return 'has too few or too many entries'
    if (node['x-kubernetes-list-type'] === 'set' && new Set(value).size < value.length) return 'has an entry twice'
  }
  return isObject(value) && outside(Object.keys(value).length, undefined, node.maxProperties) ? 'has too many entries' : undefined
}

/** Everything that the schema does not allow: unknown fields, missing ones, wrong types and bounds. */
export function* refusals(value: unknown, node: StructuralNode, path: string): Generator<string> {
  const problem = scalarProblem(value, node)
  if (problem !== undefined) yield `${path} ${problem}`
  if (Array.isArray(value) && node.items) for (const [at, entry] of value.entries()) yield* refusals(entry, node.items, `${path}[${at}]`)
  if (!isObject(value)) return
  for (const name of node.required ?? []) if (value[name] === undefined) yield `${path}.${name} is missing`
  for (const [name, entry] of Object.entries(value)) {
    const child = Object.hasOwn(node.properties ?? {}, name) ? node.properties?.[name] : node.additionalProperties
    if (child) yield* refusals(entry, child, `${path}.${name}`)
    else if (node.properties) yield `${path}.${name} is unknown`
  }
}
