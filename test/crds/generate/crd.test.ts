// The CRD: what an API server demands of a structural schema, and that it and the run-time validation say the same.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { crd, policySchema } from '../../../crds/generate/crd.ts'
import { fields, specSchema } from '../../../crds/schema/fields.ts'
import { formKey } from '../../../crds/schema/field.ts'
import { schemaNodes } from '../schema/schema-nodes.ts'
import { parsePolicy } from '../../../crds/policy.ts'
import { rules } from '../../../crds/schema/rules.ts'
import { type StructuralNode, structural } from '../../../crds/generate/structural.ts'
import { transitions } from '../../../crds/schema/transitions.ts'
import { arbitrarySpec, manifestOf } from '../arbitrary-spec.ts'
import { refusals, withDefaults } from './structural-api.ts'

const spec = structural(specSchema(), 'spec')

interface Visited {
  readonly path: string
  readonly node: StructuralNode
  readonly inList: boolean
}

function* nodes(node: StructuralNode, path: string, inList = false): Generator<Visited> {
  yield { path, node, inList }
  for (const [name, child] of Object.entries(node.properties ?? {})) yield* nodes(child, `${path}.${name}`, inList)
  if (node.items) yield* nodes(node.items, `${path}[]`, true)
  if (node.additionalProperties) yield* nodes(node.additionalProperties, `${path}{}`, true)
}

/** A node for amounts has no type, or the API server refuses it. */
const typeOf = (node: StructuralNode): string => node.type ?? (node['x-kubernetes-int-or-string'] ? 'string' : 'none')

const all = [...nodes(policySchema(), '')]
const ofSpec = [...nodes(spec, 'spec')]
const wrong = (visited: readonly Visited[], is: (visited: Visited) => boolean): readonly string[] =>
  visited.filter(is).map(({ path }) => path)

/** The keys of apiextensions' JSONSchemaProps that we use; oneOf, anyOf, allOf, not and $ref are not among them. */
const allowed = new Set(
  `type description format default enum minimum maximum minLength maxLength pattern minItems maxItems maxProperties required properties
  additionalProperties items x-kubernetes-list-type x-kubernetes-list-map-keys x-kubernetes-int-or-string x-kubernetes-preserve-unknown-fields
  x-kubernetes-validations`.split(/\s+/),
)

test('every node has a type and only keys that a structural schema may have', () => {
  assert.deepEqual(
    wrong(all, ({ node }) => !['object', 'array', 'string', 'integer', 'boolean'].includes(typeOf(node))),
    [],
  )
  assert.deepEqual(
    all.flatMap(({ path, node }) =>
      Object.keys(node)
        .filter((key) => !allowed.has(key))
        .map((key) => `${path}: ${key}`),
    ),
    [],
  )
})

test('no object has both named properties and others', () => {
  assert.deepEqual(
    wrong(all, ({ node }) => node.properties !== undefined && node.additionalProperties !== undefined),
    [],
  )
})

test('every field has a description', () => {
  assert.deepEqual(
    wrong(all, ({ path, node }) => !node.description && !/^$|^\.metadata$|[\]}]$/.test(path)),
    [],
  )
})

test('every list and every text that is written has an upper bound, so that the cost of rules is bounded', () => {
  assert.deepEqual(
    wrong(ofSpec, ({ node }) => node.type === 'array' && node.maxItems === undefined),
    [],
  )
  assert.deepEqual(
    wrong(ofSpec, ({ node }) => node.type === 'string' && node.maxLength === undefined && node.enum === undefined),
    [],
  )
})

test('patterns are such as RE2 takes too', () => {
  for (const { path, node } of schemaNodes(specSchema(), 'spec')) {
    assert.doesNotMatch(node.pattern ?? '', /\(\?|\\[1-9bBdDwWsSpPuk]/, path)
    assert.doesNotMatch(node.pattern ?? '', /'/, `${path}: the end of a text in CEL`)
  }
})

test('nothing inside a list has a default, since GitOps tools would see permanent drift', () => {
  assert.deepEqual(
    wrong(all, ({ node, inList }) => inList && node.default !== undefined),
    [],
  )
})

test('every default is allowed by its own schema, with nothing left to fill in', () => {
  for (const { path, node } of ofSpec.filter((visited) => visited.node.default !== undefined)) {
    assert.deepEqual([...refusals(node.default, node, path)], [])
    assert.deepEqual(withDefaults(node.default, node), node.default, path)
  }
})

test('every scalar outside lists has a default, is required, or is left out for a reason', () => {
  const isManifest = (node: StructuralNode): boolean => node['x-kubernetes-preserve-unknown-fields'] === true
  const without = wrong(ofSpec, ({ node, inList }) => !inList && !node.properties && node.default === undefined && !isManifest(node))
  const leftOut = fields()
    .filter(({ required, computedDefault }) => required || computedDefault !== undefined)
    .map(({ path }) => path)
  const oneOfTwo = ['spec.backend.addresses', 'spec.backend.service.namespace']
  assert.deepEqual(
    without.filter((path) => !leftOut.includes(path) && !oneOfTwo.includes(path)),
    [],
  )
})

test('every rule across fields stands at its object, and every other rule is that of a form', () => {
  const placed = ofSpec.flatMap(({ path, node }) =>
    (node['x-kubernetes-validations'] ?? []).map(({ rule, message }) => ({ path, rule, message })),
  )
  const ofForms = [...schemaNodes(specSchema(), 'spec')].flatMap(({ path, node }) =>
    (node[formKey] ?? []).map(({ rule, message }) => ({ path, rule, message })),
  )
  assert.deepEqual(
    [...rules, ...transitions].filter(
      ({ at, cel, message }) => !placed.some((one) => one.path === at && one.rule === cel && one.message === message),
    ),
    [],
  )
  const across = new Set([...rules, ...transitions].map(({ at, cel }) => `${at} ${cel}`))
  assert.deepEqual(
    placed.filter(({ path, rule }) => !across.has(`${path} ${rule}`)),
    ofForms,
  )
})

test('the name of a policy is checked at the root, by the pattern that the run time goes by', () => {
  const [rule, ...more] = policySchema()['x-kubernetes-validations'] ?? []
  assert.deepEqual(more, [])
  assert.equal(rule?.rule, "self.metadata.name.size() <= 52 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')")
  const refused = parsePolicy({ ...manifestOf({}), metadata: { name: '1' } })
  assert.ok('problems' in refused && refused.problems.some(({ path, why }) => `${path} ${why}` === rule?.message))
})

test('the smallest policy with the defaults of the CRD is the smallest policy with the defaults of the run time', () => {
  const smallest = { backend: { addresses: ['postfix.example.com:10025'] } }
  const filled = parsePolicy(manifestOf(withDefaults(smallest, spec)))
  assert.ok('policy' in filled)
  assert.deepEqual(filled, parsePolicy(manifestOf(smallest)))
})

test('what the run time accepts the CRD accepts, and with its defaults it means the same', () => {
  fc.assert(
    fc.property(arbitrarySpec(), (written) => {
      const result = parsePolicy(manifestOf(written))
      if ('problems' in result) return
      const filled = withDefaults(withoutNulls(written), spec)
      assert.deepEqual([...refusals(filled, spec, 'spec')], [])
      assert.deepEqual(parsePolicy(manifestOf(filled)), result)
    }),
    { numRuns: 500 },
  )
})

/** As JSON, in which the API server would get it, and without fields that have no value. */
const withoutNulls = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (_, entry: unknown) => (entry === null ? undefined : entry))

test('what the CRD refuses the run time refuses with at least one problem', () => {
  fc.assert(
    fc.property(arbitrarySpec(), (written) => {
      const refused = [...refusals(withDefaults(withoutNulls(written), spec), spec, 'spec')]
      if (refused.length > 0) assert.ok('problems' in parsePolicy(manifestOf(written)), refused.join('; '))
    }),
    { numRuns: 500 },
  )
})

test('a schema without a structural form is refused when the CRD is made', () => {
  const doc = { 'x-doc': { doc: 'x' } }
  const strange: readonly object[] = [
    { anyOf: [], type: 'string', ...doc },
    { ...doc },
    { $ref: '#', type: 'object', ...doc },
    { type: 'object', properties: {}, additionalProperties: { type: 'string' }, ...doc },
    { type: 'object', properties: { a: { type: 'string' } }, ...doc },
  ]
  for (const node of strange) assert.throws(() => structural(node, 'spec'), Error, JSON.stringify(node))
})

test('the manifest names what kubectl needs', () => {
  const { metadata, spec: definition } = crd()
  assert.equal(metadata.name, `${definition.names.plural}.${definition.group}`)
  assert.equal(definition.scope, 'Namespaced')
  assert.deepEqual(definition.names, {
    kind: 'PostscreenPolicy',
    listKind: 'PostscreenPolicyList',
    plural: 'postscreenpolicies',
    singular: 'postscreenpolicy',
    shortNames: ['postscreen', 'psc'],
    categories: ['mail'],
  })
  const [version] = definition.versions
  assert.equal(version?.name, 'v1alpha1')
  const { status, scale } = version?.subresources ?? assert.fail()
  assert.deepEqual(status, {})
  const nodeAt = (path: string) =>
    path
      .split('.')
      .slice(1)
      .reduce<StructuralNode | undefined>((node, name) => node?.properties?.[name], policySchema())
  assert.deepEqual(
    Object.values(scale).map((path) => nodeAt(path)?.type),
    ['integer', 'integer', 'string'],
    'the paths of /scale exist',
  )
  assert.ok(version.additionalPrinterColumns.some(({ jsonPath }) => jsonPath.includes('Ready')))
})
