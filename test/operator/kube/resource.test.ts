// The paths of the API, and that no name leads out of them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isKubeObject, keyOf, splitKey } from '../../../operator/kube/object.ts'
import { pathOf, resourceOf, resources } from '../../../operator/kube/resource.ts'

const paths: readonly [path: string, expected: string][] = [
  [pathOf(resources.Pod), '/api/v1/pods'],
  [pathOf(resources.Pod, 'mail'), '/api/v1/namespaces/mail/pods'],
  [pathOf(resources.ConfigMap, 'mail', 'mx-policy'), '/api/v1/namespaces/mail/configmaps/mx-policy'],
  [pathOf(resources.Deployment, 'mail', 'mx-gateway'), '/apis/apps/v1/namespaces/mail/deployments/mx-gateway'],
  [
    pathOf(resources.PostscreenPolicy, 'mail', 'mx', 'status'),
    '/apis/postscreen.dev/v1alpha1/namespaces/mail/postscreenpolicies/mx/status',
  ],
  [pathOf(resources.Event, 'mail', 'a b?c#d'), '/apis/events.k8s.io/v1/namespaces/mail/events/a%20b%3Fc%23d'],
]

for (const [path, expected] of paths) test(`there is ${expected}`, () => assert.equal(path, expected))

for (const name of ['', '.', '..', 'a/b', '../secrets', 'a%2fb']) {
  test(`${JSON.stringify(name)} is not a valid name`, () => {
    assert.throws(() => pathOf(resources.Pod, 'mail', name), /is not a valid name/)
    assert.throws(() => pathOf(resources.Pod, name), /is not a valid name/)
  })
}

test('every resource is found by the kind of its objects', () => {
  for (const resource of Object.values(resources)) assert.equal(resourceOf(resource), resource)
  assert.throws(() => resourceOf({ apiVersion: 'v1', kind: 'Secret' }), /no such resource/)
})

test('a key is namespace and name', () => {
  assert.equal(keyOf({ metadata: { namespace: 'mail', name: 'mx' } }), 'mail/mx')
  assert.deepEqual(splitKey('mail/mx'), { namespace: 'mail', name: 'mx' })
})

const meta = { name: 'mx', namespace: 'mail' }
const objects: readonly [what: string, value: unknown, expected: boolean][] = [
  ['an object', { apiVersion: 'v1', kind: 'Pod', metadata: meta }, true],
  ['nothing', undefined, false],
  ['null', null, false],
  ['a list', [], false],
  ['one without metadata', { apiVersion: 'v1', kind: 'Pod' }, false],
  ['one without a name', { apiVersion: 'v1', kind: 'Pod', metadata: {} }, false],
  ['one whose name is a number', { apiVersion: 'v1', kind: 'Pod', metadata: { name: 5 } }, false],
  ['one whose namespace is a number', { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'mx', namespace: 5 } }, false],
  ['one whose version is a number', { apiVersion: 'v1', kind: 'Pod', metadata: { ...meta, resourceVersion: 5 } }, false],
  ['one without a kind', { apiVersion: 'v1', metadata: meta }, false],
]

for (const [what, value, expected] of objects) {
  test(`${what} is ${expected ? 'an' : 'no'} object`, () => assert.equal(isKubeObject(value), expected))
}
