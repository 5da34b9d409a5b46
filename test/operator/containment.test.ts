// When an object need not be applied again: it has all that is wanted, whatever else it has.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { contained, slimConfigMap } from '../../operator/containment.ts'

const cases: readonly { readonly what: string; readonly want: unknown; readonly have: unknown; readonly is: boolean }[] = [
  { what: 'the same', want: { a: [1, { b: 'x' }] }, have: { a: [1, { b: 'x' }] }, is: true },
  { what: 'a field more', want: { a: 1 }, have: { a: 1, b: 2 }, is: true },
  { what: 'a field more deep inside', want: { a: { b: { c: 1 } } }, have: { a: { b: { c: 1, d: 2 } } }, is: true },
  { what: 'a field less', want: { a: 1, b: 2 }, have: { a: 1 }, is: false },
  { what: 'another value', want: { a: 1 }, have: { a: 2 }, is: false },
  { what: 'another type', want: { a: 1 }, have: { a: '1' }, is: false },
  { what: 'nothing at all', want: { a: 1 }, have: undefined, is: false },
  { what: 'a list for a record', want: { a: {} }, have: { a: [] }, is: false },
  { what: 'a record for a list', want: { a: [] }, have: { a: {} }, is: false },
  { what: 'an empty record', want: { a: {} }, have: { a: { b: 1 } }, is: true },
  { what: 'a field wanted as undefined', want: { a: undefined }, have: {}, is: true },
  { what: 'a plain list with an entry more', want: { a: ['x'] }, have: { a: ['x', 'y'] }, is: false },
  { what: 'a plain list in another order', want: { a: ['x', 'y'] }, have: { a: ['y', 'x'] }, is: false },
  { what: 'an emptied list', want: { a: [] }, have: { a: ['x'] }, is: false },
  { what: 'defaults in the entries of a list', want: { a: [{ port: 25 }] }, have: { a: [{ port: 25, protocol: 'TCP' }] }, is: true },
  {
    what: 'a container beside ours, such as a mesh adds',
    want: { containers: [{ name: 'gateway', image: 'a' }] },
    have: { containers: [{ name: 'mesh' }, { name: 'gateway', image: 'a', tty: false }] },
    is: true,
  },
  {
    what: 'our container with another image',
    want: { containers: [{ name: 'gateway', image: 'a' }] },
    have: {
      containers: [
        { name: 'gateway', image: 'b' },
        { name: 'mesh', image: 'a' },
      ],
    },
    is: false,
  },
  {
    what: 'named entries in another order',
    want: { a: [{ name: 'x' }, { name: 'y' }] },
    have: { a: [{ name: 'y' }, { name: 'x' }] },
    is: true,
  },
  {
    what: 'an owner of the same name and another kind beside ours',
    want: { ownerReferences: [{ kind: 'PostscreenPolicy', name: 'mx', uid: '1' }] },
    have: {
      ownerReferences: [
        { kind: 'Application', name: 'mx', uid: '2' },
        { kind: 'PostscreenPolicy', name: 'mx', uid: '1' },
      ],
    },
    is: true,
  },
]

const json = fc.jsonValue({ maxDepth: 4 })
const record = fc.dictionary(fc.string({ maxLength: 5 }), json, { maxKeys: 6 })

/** The same with fields more in every record of it that is not an entry of a list. */
function grown(value: unknown, field: string, more: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const inner = Object.fromEntries(Object.entries(value).map(([name, one]) => [name, grown(one, field, more)]))
  return { [field]: more, ...inner }
}

/** The same with one leaf, chosen by `seed`, changed; undefined where there is none. */
function spoilt(value: unknown, seed: number): unknown {
  const leaves: (readonly (string | number)[])[] = []
  const walk = (one: unknown, path: readonly (string | number)[]): void => {
    if (Array.isArray(one)) one.forEach((entry, at) => walk(entry, [...path, at]))
    else if (typeof one === 'object' && one !== null) for (const [name, inner] of Object.entries(one)) walk(inner, [...path, name])
    else leaves.push(path)
  }
  walk(value, [])
  const path = leaves[seed % leaves.length]
  if (path === undefined) return undefined
  const replace = (one: unknown, [step, ...rest]: readonly (string | number)[]): unknown => {
    if (step === undefined) return 'changed by the test'
    if (Array.isArray(one)) return one.with(Number(step), replace(one[Number(step)], rest))
    const fields = one as Readonly<Record<string, unknown>>
    return { ...fields, [step]: replace(fields[step], rest) }
  }
  return replace(value, path)
}

describe('an object that has', () => {
  for (const { what, want, have, is } of cases) {
    test(`${what} ${is ? 'is as wanted' : 'is to be applied'}`, () => assert.equal(contained(want, have), is))
  }
})

describe('any object', () => {
  test('contains itself', () => fc.assert(fc.property(json, (value) => assert.ok(contained(value, structuredClone(value))))))

  test('is still as wanted when others add fields', () => {
    const property = fc.property(record, fc.string({ maxLength: 5 }), json, (want, field, more) =>
      assert.ok(contained(want, grown(want, field, more))),
    )
    fc.assert(property)
  })

  test('is no longer as wanted when any value of it is changed', () => {
    const property = fc.property(record, fc.nat(), (want, seed) => {
      const have = spoilt(want, seed)
      fc.pre(have !== undefined)
      assert.ok(!contained(want, have))
    })
    fc.assert(property)
  })
})

describe('a ConfigMap that is kept in memory', () => {
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'mx-tables-0' }, binaryData: { a: 'aGVsbG8=', b: 'd29ybGQ=' } }

  test('has digests for its tables', () => {
    assert.match(JSON.stringify(slimConfigMap(map)['binaryData']), /^\{"a":"sha256:[^"]{44}","b":"sha256:[^"]{44}"\}$/)
  })
  test('shows a changed table', () => {
    assert.ok(!contained(slimConfigMap(map), slimConfigMap({ ...map, binaryData: { ...map.binaryData, b: 'x' } })))
  })
  test('is made small once', () => assert.deepEqual(slimConfigMap(slimConfigMap(map)), slimConfigMap(map)))
  test('is left alone without tables', () => {
    const plain = { ...map, binaryData: undefined, data: { 'policy.yaml': 'x' } }
    assert.equal(slimConfigMap(plain), plain)
  })
})
