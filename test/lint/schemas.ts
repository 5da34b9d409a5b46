// Writes the schemas that the linters read: those of Kubernetes from its OpenAPI documents, and those of custom kinds from their definitions.
//   node test/lint/schemas.ts FOLDER OPENAPI-FOLDER CRD-FOLDER…
// FOLDER/openapi has the documents as kubectl-validate reads them, FOLDER/crds the definitions, and FOLDER/kubeconform a JSON Schema for each kind.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { isObject } from '../../crds/is-object.ts'

interface Kind {
  readonly group: string
  readonly version: string
  readonly kind: string
}

interface Definition {
  readonly spec: {
    readonly group: string
    readonly names: { readonly kind: string }
    readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: object } }[]
  }
}

const schemaLists = new Set(['allOf', 'anyOf', 'oneOf'])
const singleSchemas = new Set(['items', 'not', 'additionalProperties'])

/** A keyword of a schema with its value; schemas in it become strict. A field may have the name of a keyword, so only values of keywords are schemas. */
function strictKeyword(keyword: string, value: unknown): unknown {
  if (keyword === 'properties' && isObject(value))
    return Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, strictSchema(schema)]))
  if (schemaLists.has(keyword) && Array.isArray(value)) return value.map(strictSchema)
  return singleSchemas.has(keyword) ? strictSchema(value) : value
}

/**
 * The JSON Schema of a schema of Kubernetes: an object takes no fields that the schema does not list, as for the API server with `--validate=strict`, and
 * numbers or texts, and null, are written as JSON Schema has them.
 */
export function strictSchema(schema: unknown): unknown {
  if (!isObject(schema)) return schema
  if (schema['x-kubernetes-int-or-string'] === true || schema['format'] === 'int-or-string') return { type: ['string', 'integer'] }
  const made = Object.fromEntries(Object.entries(schema).map(([keyword, value]) => [keyword, strictKeyword(keyword, value)]))
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true || 'additionalProperties' in schema
  if (isObject(schema['properties']) && !isOpen) made['additionalProperties'] = false
  return made['nullable'] === true ? { anyOf: [made, { type: 'null' }] } : made
}

/** The schema of a custom kind, with the fields that every object has. */
function customSchema(schema: object, { group, version, kind }: Kind): unknown {
  const strict = strictSchema(schema) as { readonly properties: object }
  const own = { apiVersion: { const: `${group}/${version}` }, kind: { const: kind }, metadata: { type: 'object' } }
  return { ...strict, properties: { ...strict.properties, ...own } }
}

/** Writes the schemas of the definitions in a folder, and copies those. */
export function writeCustomSchemas(folder: string, definitions: string): void {
  mkdirSync(join(folder, 'crds'), { recursive: true })
  for (const name of readdirSync(definitions).filter((one) => /\.ya?ml$/.test(one))) {
    const definition = load(readFileSync(join(definitions, name), 'utf8')) as { readonly kind: string } & Definition
    if (definition.kind !== 'CustomResourceDefinition') continue
    copyFileSync(join(definitions, name), join(folder, 'crds', name))
    const { group, names, versions } = definition.spec
    for (const { name: version, schema } of versions) {
      const kind = { group, version, kind: names.kind }
      writeSchema(folder, kind, customSchema(schema.openAPIV3Schema, kind))
    }
  }
}

/** A file as kubeconform looks for it: GROUP/KIND_VERSION.json, in lower case. */
function writeSchema(folder: string, { group, version, kind }: Kind, schema: unknown): void {
  // kubeconform takes the version for the group where there is none.
  const to = join(folder, 'kubeconform', group === '' ? version : group)
  mkdirSync(to, { recursive: true })
  writeFileSync(join(to, `${kind.toLowerCase()}_${version}.json`), JSON.stringify(schema))
}

interface Component {
  readonly 'x-kubernetes-group-version-kind'?: readonly Kind[]
}

/** Writes the schemas of all kinds of an OpenAPI document of Kubernetes; each is complete in itself, with the components that it needs. */
function writeKinds(folder: string, document: string): void {
  const { components } = JSON.parse(document) as { readonly components: { readonly schemas: Readonly<Record<string, Component>> } }
  const strict = Object.fromEntries(Object.entries(components.schemas).map(([name, schema]) => [name, strictSchema(schema)]))
  for (const [name, { 'x-kubernetes-group-version-kind': kinds = [] }] of Object.entries(components.schemas)) {
    const [kind] = kinds
    // A kind with several versions in one document is one of those that describe requests, such as DeleteOptions.
    if (kind !== undefined && kinds.length === 1)
      writeSchema(folder, kind, { $ref: `#/components/schemas/${name}`, components: { schemas: strict } })
  }
}

/** `apis__apps__v1_openapi.json` becomes `apis/apps/v1.json`; undefined: the document lists only what there is. */
function pathOf(name: string): string | undefined {
  const [, path] = /^(api__v1|apis__[^_]+__v[^_]+)_openapi\.json$/.exec(name) ?? []
  return path === undefined ? undefined : `${path.replaceAll('__', '/')}.json`
}

if (import.meta.main) {
  const [folder = '', openapi = '', ...definitions] = process.argv.slice(2)
  for (const name of readdirSync(openapi)) {
    const path = pathOf(name)
    if (path === undefined) continue
    const to = join(folder, 'openapi', path)
    mkdirSync(join(to, '..'), { recursive: true })
    copyFileSync(join(openapi, name), to)
    writeKinds(folder, readFileSync(to, 'utf8'))
  }
  for (const one of definitions) writeCustomSchemas(folder, one)
}
