// Paths and hints.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { editDistance } from '../../crds/edit-distance.ts'
import { closest, formatPath } from '../../crds/problems.ts'

const paths = [
  { path: ['spec', 'dnsbl', 'sites', 2, 'replies'], want: 'spec.dnsbl.sites[2].replies' },
  { path: ['spec', 'dnsbl', 'replyMap', 'a.b'], want: 'spec.dnsbl.replyMap["a.b"]' },
  { path: [], want: 'manifest' },
]
for (const { path, want } of paths) test(`the path ${want} is written as people write it`, () => assert.equal(formatPath(path), want))

const distances = [
  { from: 'wait', to: 'wait', want: 0 },
  { from: 'wiat', to: 'wait', want: 1 },
  { from: 'wat', to: 'wait', want: 1 },
  { from: 'waits', to: 'wait', want: 1 },
  { from: 'bait', to: 'wait', want: 1 },
  { from: '', to: 'wait', want: 4 },
]
for (const { from, to, want } of distances) {
  test(`from ${JSON.stringify(from)} to ${to} it takes ${want} changes`, () => assert.equal(editDistance(from, to), want))
}

test('the distance of two words is the same in both directions and at most the length of the longer one', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
      assert.equal(editDistance(a, b), editDistance(b, a))
      assert.ok(editDistance(a, b) <= Math.max(a.length, b.length))
    }),
  )
})

test('a hint is given only for a text that is similar to a known name', () => {
  const known = ['action', 'wait', 'stressWait', 'ttl', 'banner']
  assert.equal(closest('strssWait', known), 'stressWait')
  assert.equal(closest('TTL', known), 'ttl')
  assert.equal(closest('threshold', known), undefined)
  assert.equal(closest('x'.repeat(100_000), known), undefined)
  assert.equal(closest('wait', []), undefined)
})
