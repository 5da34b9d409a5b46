// Whether an object has only fields that Kubernetes 1.36 knows, of the right types, by the models of its own client library.
import { getSerializationType } from '@kubernetes/client-node/dist/util.js'
import * as models from '@kubernetes/client-node/dist/gen/models/all.js'
import { isObject } from '../../crds/is-object.ts'
import type { KubeObject } from '../../operator/kube/object.ts'

interface Attribute {
  readonly baseName: string
  readonly type: string
}

const simple = new Set(['string', 'number', 'boolean'])

function attributesOf(type: string): readonly Attribute[] | undefined {
  const model: unknown = (models as Readonly<Record<string, unknown>>)[type]
  const known = model as { getAttributeTypeMap?: () => readonly Attribute[] } | undefined
  return known?.getAttributeTypeMap?.()
}

function* wrongIn(value: unknown, type: string, path: string): Generator<string> {
  const [, inArray] = /^Array<(.+)>$/.exec(type) ?? []
  const [, inMap] = /^\{ \[key: string\]: (.+); \}$/.exec(type) ?? []
  if (inArray !== undefined) {
    if (!Array.isArray(value)) yield `${path} is not a list`
    else for (const [at, entry] of value.entries()) yield* wrongIn(entry, inArray, `${path}[${at}]`)
  } else if (inMap !== undefined) {
    if (!isObject(value)) yield `${path} is not a map`
    else for (const [name, entry] of Object.entries(value)) yield* wrongIn(entry, inMap, `${path}.${name}`)
  } else if (simple.has(type)) {
    if (typeof value !== type) yield `${path} is not of type ${type}`
  } else {
    yield* wrongFields(value, type, path)
  }
}

function* wrongFields(value: unknown, type: string, path: string): Generator<string> {
  const attributes = attributesOf(type)
  // IntOrString, quantities, times, and what has any form.
  if (attributes === undefined) return
  if (!isObject(value)) return yield `${path} is not of type ${type}`
  for (const [name, entry] of Object.entries(value)) {
    const attribute = attributes.find(({ baseName }) => baseName === name)
    if (attribute === undefined) yield `${path}.${name} is unknown`
    else yield* wrongIn(entry, attribute.type, `${path}.${name}`)
  }
}

/** Everything that is wrong with the object; nothing for kinds that are not Kubernetes' own. */
export function unknownFields(object: KubeObject): readonly string[] {
  const type = getSerializationType(object.apiVersion, object.kind)
  return [...wrongFields(object, type, `${object.kind} ${object.metadata.name}: `)]
}
