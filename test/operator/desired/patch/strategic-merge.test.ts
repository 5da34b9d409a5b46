// The strategic merge: what each kind of list and each directive does, and what holds for every patch.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { isObject } from '../../../../crds/is-object.ts'
import { strategicMerge } from '../../../../operator/desired/patch/strategic-merge.ts'

type Fields = Readonly<Record<string, unknown>>

const pod = (spec: object): Fields => ({ spec: { template: { spec } } })
const first = { name: 'a', env: [{ name: 'X', value: '1' }], args: ['--one', '--two'] }

const cases: readonly {
  readonly what: string
  readonly kind?: string
  readonly object: Fields
  readonly patch: Fields
  readonly want: Fields
}[] = [
  { what: 'adds a field', object: { a: 1 }, patch: { b: 2 }, want: { a: 1, b: 2 } },
  { what: 'changes a field', object: { a: 1, b: 2 }, patch: { a: 3 }, want: { a: 3, b: 2 } },
  { what: 'changes a field inside an object', object: { a: { b: 1, c: 2 } }, patch: { a: { b: 3 } }, want: { a: { b: 3, c: 2 } } },
  { what: 'removes a field with null', object: { a: 1, b: 2 }, patch: { a: null }, want: { b: 2 } },
  { what: 'does nothing with null where there is no field', object: { a: 1 }, patch: { b: null, c: { d: null } }, want: { a: 1, c: {} } },
  { what: 'adds an object', object: {}, patch: { a: { b: { c: 1 } } }, want: { a: { b: { c: 1 } } } },
  { what: 'replaces an object', object: { a: { b: 1, c: 2 } }, patch: { a: { $patch: 'replace', d: 3 } }, want: { a: { d: 3 } } },
  { what: 'deletes an object', object: { a: { b: 1 }, c: 2 }, patch: { a: { $patch: 'delete' } }, want: { c: 2 } },
  {
    what: 'keeps only the fields that $retainKeys names',
    object: pod({ volumes: [{ name: 'data', emptyDir: { sizeLimit: '1Gi' } }] }),
    patch: pod({ volumes: [{ $retainKeys: ['name', 'hostPath'], name: 'data', hostPath: { path: '/srv' } }] }),
    want: pod({ volumes: [{ name: 'data', hostPath: { path: '/srv' } }] }),
  },
  {
    what: 'merges a container by its name, and adds another one after it',
    object: pod({ containers: [first] }),
    patch: pod({ containers: [{ name: 'b' }, { name: 'a', tty: true }] }),
    want: pod({ containers: [{ ...first, tty: true }, { name: 'b' }] }),
  },
  {
    what: 'merges env by its name',
    object: pod({ containers: [first] }),
    patch: pod({
      containers: [
        {
          name: 'a',
          env: [
            { name: 'Y', value: '2' },
            { name: 'X', value: '3' },
          ],
        },
      ],
    }),
    want: pod({
      containers: [
        {
          ...first,
          env: [
            { name: 'X', value: '3' },
            { name: 'Y', value: '2' },
          ],
        },
      ],
    }),
  },
  {
    what: 'deletes an entry, and does nothing where there is none',
    object: pod({ volumes: [{ name: 'a' }, { name: 'b' }] }),
    patch: pod({
      volumes: [
        { name: 'a', $patch: 'delete' },
        { name: 'c', $patch: 'delete' },
      ],
    }),
    want: pod({ volumes: [{ name: 'b' }] }),
  },
  {
    what: 'replaces a list that would be merged',
    object: pod({ volumes: [{ name: 'a' }, { name: 'b' }] }),
    patch: pod({ volumes: [{ $patch: 'replace' }, { name: 'c' }] }),
    want: pod({ volumes: [{ name: 'c' }] }),
  },
  {
    what: 'replaces a list whose entries have no key',
    object: pod({ tolerations: [{ key: 'a' }], containers: [first] }),
    patch: pod({ tolerations: [{ key: 'b' }, { key: 'c' }], containers: [{ name: 'a', args: ['--three'] }] }),
    want: pod({ tolerations: [{ key: 'b' }, { key: 'c' }], containers: [{ ...first, args: ['--three'] }] }),
  },
  {
    what: 'merges mounts by their path',
    object: pod({ containers: [{ name: 'a', volumeMounts: [{ name: 'data', mountPath: '/data' }] }] }),
    patch: pod({
      containers: [
        {
          name: 'a',
          volumeMounts: [
            { name: 'data', mountPath: '/more' },
            { mountPath: '/data', subPath: 's' },
          ],
        },
      ],
    }),
    want: pod({
      containers: [
        {
          name: 'a',
          volumeMounts: [
            { name: 'data', mountPath: '/data', subPath: 's' },
            { name: 'data', mountPath: '/more' },
          ],
        },
      ],
    }),
  },
  {
    what: 'merges ports by number and protocol',
    object: pod({ containers: [{ name: 'a', ports: [{ containerPort: 53, name: 'dns', protocol: 'TCP' }] }] }),
    patch: pod({
      containers: [
        {
          name: 'a',
          ports: [
            { containerPort: 53, protocol: 'UDP' },
            { containerPort: 53, hostIP: '192.0.2.1' },
          ],
        },
      ],
    }),
    want: pod({
      containers: [
        {
          name: 'a',
          ports: [
            { containerPort: 53, name: 'dns', protocol: 'TCP', hostIP: '192.0.2.1' },
            { containerPort: 53, protocol: 'UDP' },
          ],
        },
      ],
    }),
  },
  {
    what: 'merges the ports of a Service by number',
    kind: 'Service',
    object: { spec: { ports: [{ port: 25, name: 'smtp' }] } },
    patch: { spec: { ports: [{ port: 25, appProtocol: 'smtp' }, { port: 465 }] } },
    want: { spec: { ports: [{ port: 25, name: 'smtp', appProtocol: 'smtp' }, { port: 465 }] } },
  },
  {
    what: 'merges host aliases by address, and pull Secrets by name',
    object: pod({ hostAliases: [{ ip: '192.0.2.1', hostnames: ['a'] }], imagePullSecrets: [{ name: 'a' }] }),
    patch: pod({
      hostAliases: [
        { ip: '192.0.2.1', hostnames: ['b'] },
        { ip: '192.0.2.2', hostnames: ['c'] },
      ],
      imagePullSecrets: [{ name: 'a' }, { name: 'b' }],
    }),
    want: pod({
      hostAliases: [
        { ip: '192.0.2.1', hostnames: ['b'] },
        { ip: '192.0.2.2', hostnames: ['c'] },
      ],
      imagePullSecrets: [{ name: 'a' }, { name: 'b' }],
    }),
  },
  {
    what: 'adds the rules of a NetworkPolicy, each once',
    kind: 'NetworkPolicy',
    object: { spec: { egress: [{ ports: [{ port: 53 }] }] } },
    patch: { spec: { egress: [{ ports: [{ port: 443 }] }, { ports: [{ port: 53 }] }] } },
    want: { spec: { egress: [{ ports: [{ port: 53 }] }, { ports: [{ port: 443 }] }] } },
  },
  {
    what: 'replaces the rules of a NetworkPolicy if the patch says so',
    kind: 'NetworkPolicy',
    object: { spec: { egress: [{ ports: [{ port: 53 }] }] } },
    patch: { spec: { egress: [{ $patch: 'replace' }, { ports: [{ port: 443 }] }] } },
    want: { spec: { egress: [{ ports: [{ port: 443 }] }] } },
  },
  {
    what: 'keeps no null and no directive of an entry that it adds',
    object: pod({ containers: [first] }),
    patch: pod({ containers: [{ name: 'b', $patch: 'merge', image: null, resources: { $patch: 'replace', limits: {} } }] }),
    want: pod({ containers: [first, { name: 'b', resources: { limits: {} } }] }),
  },
  {
    what: 'treats a field named __proto__ as any other',
    object: { a: {} },
    patch: JSON.parse('{"a":{"__proto__":{"b":1}}}') as Fields,
    want: JSON.parse('{"a":{"__proto__":{"b":1}}}') as Fields,
  },
]

describe('a strategic merge', () => {
  for (const { what, kind = 'Deployment', object, patch, want } of cases) {
    test(what, () => assert.deepEqual(strategicMerge(object, patch, kind), { object: want, problems: [] }))
  }
})

describe('a strategic merge refuses', () => {
  const object = { ...pod({ containers: [first], nodeSelector: {} }), text: 'one' }
  const bad: readonly { readonly what: string; readonly patch: Fields; readonly path: string; readonly why: RegExp }[] = [
    {
      what: 'an entry without its key',
      patch: pod({ volumes: [{ emptyDir: {} }] }),
      path: 'spec.template.spec.volumes[0]',
      why: /with name/,
    },
    {
      what: 'a key twice',
      patch: pod({ containers: [{ name: 'b' }, { name: 'b' }] }),
      path: 'spec.template.spec.containers[1]',
      why: /the same name/,
    },
    {
      what: 'an object in place of a list',
      patch: pod({ containers: {} }),
      path: 'spec.template.spec.containers',
      why: /^must be a list$/,
    },
    {
      what: 'a text in place of a list',
      patch: pod({ containers: 'a' }),
      path: 'spec.template.spec.containers',
      why: /^must be a list, or null/,
    },
    {
      what: 'a list in place of an object',
      patch: pod({ nodeSelector: [] }),
      path: 'spec.template.spec.nodeSelector',
      why: /^must be an object/,
    },
    { what: 'a text in place of an object', patch: { spec: 'x' }, path: 'spec', why: /^must be an object/ },
    { what: 'an object in place of a text', patch: { text: {} }, path: 'text', why: /must not be an object/ },
    { what: 'a list in place of a text', patch: { text: [] }, path: 'text', why: /must not be a list/ },
    { what: 'an unknown word of $patch', patch: { spec: { $patch: 'remove' } }, path: 'spec["$patch"]', why: /merge, replace or delete/ },
    { what: 'another directive', patch: { '$setElementOrder/x': [] }, path: '["$setElementOrder/x"]', why: /is not supported/ },
    { what: '$retainKeys without a field of the patch', patch: { $retainKeys: ['a'], b: 1 }, path: '["$retainKeys"]', why: /every field/ },
    { what: 'null as an entry', patch: pod({ tolerations: [null] }), path: 'spec.template.spec.tolerations[0]', why: /must not be null/ },
  ]
  for (const { what, patch, path, why } of bad) {
    test(what, () => {
      const { problems } = strategicMerge(object, patch, 'Deployment')
      assert.deepEqual(
        problems.map((one) => one.path),
        [path],
      )
      assert.match(problems[0]?.why ?? '', why)
    })
  }

  test('with the path of the patch in front', () => {
    const { problems } = strategicMerge({ a: {} }, { a: 1 }, 'Service', ['spec', 'gateway', 'patch', 'service'])
    assert.deepEqual(
      problems.map(({ path }) => path),
      ['spec.gateway.patch.service.a'],
    )
  })
})

const names = fc.constantFrom('a', 'b', 'c')
const leaf = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.boolean(), names)
const named = (inner: fc.Arbitrary<Fields>): fc.Arbitrary<Fields[]> =>
  fc
    .uniqueArray(fc.tuple(names, inner), { selector: ([name]) => name, maxLength: 3 })
    .map((all) => all.map(([name, more]) => ({ ...more, name })))
const envOf = named(fc.record({ value: names }, { requiredKeys: [] }))
const directive = fc.constantFrom('merge', 'replace', 'delete')
const maps = (value: fc.Arbitrary<unknown>): fc.Arbitrary<Fields> =>
  fc.record({ labels: fc.dictionary(names, value, { maxKeys: 3 }), number: value }, { requiredKeys: [] })

/** The pods of a Deployment, some of it; `value` also gives null for a patch. */
const podWith = (value: fc.Arbitrary<unknown>, more: object): fc.Arbitrary<Fields> => {
  const containers = named(fc.record({ env: envOf, args: fc.array(names, { maxLength: 2 }), image: value, ...more }, { requiredKeys: [] }))
  const spec = fc.record({ containers, tolerations: fc.array(maps(leaf), { maxLength: 2 }), meta: maps(value) }, { requiredKeys: [] })
  return spec.map(pod)
}
const anyObject = podWith(leaf, {})
const anyPatch = podWith(fc.oneof(leaf, fc.constant(null)), {
  $patch: directive,
  resources: fc.record({ $patch: directive, limits: maps(leaf) }),
})

function hasNone(value: unknown, isFound: (name: string, inner: unknown) => boolean): boolean {
  if (Array.isArray(value)) return value.every((entry) => hasNone(entry, isFound))
  return !isObject(value) || Object.entries(value).every(([name, inner]) => !isFound(name, inner) && hasNone(inner, isFound))
}

describe('for every object and patch', () => {
  const merge = (object: Fields, patch: Fields): Fields => strategicMerge(object, patch, 'Deployment').object

  test('merging the patch again changes nothing, not even the order of fields', () => {
    fc.assert(
      fc.property(anyObject, anyPatch, (object, patch) => {
        const once = merge(object, patch)
        assert.equal(JSON.stringify(merge(once, patch)), JSON.stringify(once))
      }),
    )
  })

  test('an empty patch changes nothing', () => {
    fc.assert(fc.property(anyObject, (object) => assert.equal(JSON.stringify(merge(object, {})), JSON.stringify(object))))
  })

  test('an object is a patch of itself that changes nothing', () => {
    fc.assert(fc.property(anyObject, (object) => assert.equal(JSON.stringify(merge(object, object)), JSON.stringify(object))))
  })

  test('neither the object nor the patch is changed', () => {
    fc.assert(
      fc.property(anyObject, anyPatch, (object, patch) => {
        const before = JSON.stringify([object, patch])
        merge(object, patch)
        assert.equal(JSON.stringify([object, patch]), before)
      }),
    )
  })

  test('the result has no null and no directive', () => {
    fc.assert(
      fc.property(anyObject, anyPatch, (object, patch) =>
        assert.ok(hasNone(merge(object, patch), (name, inner) => name.startsWith('$') || inner === null)),
      ),
    )
  })

  test('what the patch does not name stays', () => {
    fc.assert(
      fc.property(anyObject, anyPatch, leaf, (object, patch, value) => {
        const merged = merge({ ...object, other: { inner: value } }, patch)
        assert.deepEqual(merged['other'], { inner: value })
      }),
    )
  })
})
