// The patches of a policy: what the schema keeps of them, and how large they may be.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parsePolicy, readPolicyText } from '../../../crds/policy.ts'
import { manifestOf } from '../arbitrary-spec.ts'

const withPatch = (patch: unknown) => parsePolicy(manifestOf({ backend: { addresses: ['192.0.2.1:25'] }, gateway: { patch } }))
const problemsOf = (patch: unknown) => {
  const result = withPatch(patch)
  return 'problems' in result ? result.problems : []
}

/** An object that is so many levels deep. */
const deep = (levels: number): object => (levels === 0 ? {} : { a: deep(levels - 1) })

test('a patch is kept as it is written, with null, which removes a field', () => {
  const patch = { deployment: { spec: { x: null, y: [{ z: null, $patch: 'delete' }], number: 1.5 } }, service: {} }
  const result = withPatch(patch)
  assert.ok('policy' in result)
  assert.deepEqual(result.policy.spec.gateway?.patch, patch)
})

test('null for a whole patch means none', () => {
  for (const patch of [null, { deployment: null }]) assert.deepEqual(problemsOf(patch), [])
})

describe('a patch is refused', () => {
  const tooLong = 'must have at most 32768 characters as JSON'
  const cases: readonly { readonly what: string; readonly patch: unknown; readonly path: string; readonly why: string }[] = [
    { what: 'of an unknown object', patch: { pod: {} }, path: 'spec.gateway.patch.pod', why: 'unknown field' },
    { what: 'that is a list', patch: { service: [] }, path: 'spec.gateway.patch.service', why: 'must be an object with fields' },
    { what: 'that is a text', patch: { service: 'x' }, path: 'spec.gateway.patch.service', why: 'must be an object with fields' },
    { what: 'with a long text', patch: { service: { a: 'x'.repeat(32_768) } }, path: 'spec.gateway.patch.service', why: tooLong },
    { what: 'with a long name', patch: { service: { ['x'.repeat(32_768)]: 1 } }, path: 'spec.gateway.patch.service', why: tooLong },
    { what: 'with many entries', patch: { service: { a: Array(20_000).fill(1) } }, path: 'spec.gateway.patch.service', why: tooLong },
    { what: 'with many levels', patch: { service: deep(41) }, path: 'spec.gateway.patch.service', why: 'must be at most 40 levels deep' },
  ]
  for (const { what, patch, path, why } of cases) {
    test(what, () => assert.deepEqual(problemsOf(patch), [{ path, why }]))
  }

  test('with a loop of YAML aliases', () => {
    const yaml = `apiVersion: postscreen.dev/v1alpha1
kind: PostscreenPolicy
metadata: {name: mx}
spec: {backend: {addresses: ["192.0.2.1:25"]}, gateway: {patch: {service: &a {b: *a}}}}
`
    assert.ok('problems' in readPolicyText(yaml))
  })
})

test('a patch is accepted up to the limits', () => {
  assert.deepEqual(problemsOf({ service: { a: 'x'.repeat(32_000) }, deployment: deep(39) }), [])
})
