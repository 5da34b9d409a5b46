// Names that objects in clusters carry: an operator of another version must find them again.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  annotation,
  fieldManager,
  gatewayName,
  labels,
  metadataOf,
  ownerOf,
  policyConfigMap,
  policyLabel,
  selectorLabels,
  tablesConfigMap,
} from '../../../operator/desired/names.ts'
import type { KubeObject } from '../../../operator/kube/object.ts'
import { policyWith } from '../policy-object.ts'
import { objectOf } from './objects-of.ts'

test('the names never change', () => {
  assert.equal(fieldManager, 'postscreen-operator')
  assert.equal(policyLabel, 'postscreen.dev/policy')
  assert.deepEqual(annotation, {
    hash: 'postscreen.dev/policy-hash',
    generation: 'postscreen.dev/policy-generation',
    applied: 'postscreen.dev/applied',
    refresh: 'postscreen.dev/policy-refresh',
    template: 'postscreen.dev/template',
    pause: 'postscreen.dev/pause',
  })
  assert.deepEqual([policyConfigMap('mx'), tablesConfigMap('mx', 2), gatewayName('mx')], ['mx-policy', 'mx-tables-2', 'mx-gateway'])
  const selector = {
    'app.kubernetes.io/name': 'postscreen',
    'app.kubernetes.io/instance': 'mx',
    'app.kubernetes.io/component': 'gateway',
  }
  assert.deepEqual(selectorLabels('mx'), selector)
  assert.deepEqual(labels('mx'), {
    ...selector,
    'app.kubernetes.io/part-of': 'postscreen',
    'app.kubernetes.io/managed-by': 'postscreen-operator',
    'postscreen.dev/policy': 'mx',
  })
})

describe('the metadata of an object', () => {
  const owner = ownerOf(policyWith({}))
  const cases: readonly { readonly what: string; readonly annotations?: object; readonly want: object | undefined }[] = [
    { what: 'has no annotations unless there are some', want: undefined },
    { what: 'has no empty annotations', annotations: {}, want: undefined },
    { what: 'has the only annotation', annotations: { a: 'b' }, want: { a: 'b' } },
  ]
  for (const { what, annotations, want } of cases) {
    test(what, () => {
      const metadata: Pick<KubeObject['metadata'], 'annotations'> = metadataOf(owner, 'x', annotations === undefined ? {} : { annotations })
      assert.deepEqual(metadata.annotations, want)
      assert.equal('annotations' in metadata, want !== undefined)
    })
  }

  test('has the operator’s labels, whatever else is asked for', () => {
    const own = { team: 'mail', 'app.kubernetes.io/instance': 'other' }
    assert.deepEqual(metadataOf(owner, 'x', { labels: own }).labels, { team: 'mail', ...labels('mx') })
  })

  test('names the owner, which has a namespace and a uid only in a cluster', () => {
    const { apiVersion, kind } = policyWith({})
    assert.deepEqual(ownerOf({ apiVersion, kind, metadata: { name: 'mx' } }), { apiVersion, kind, name: 'mx', namespace: '', uid: '' })
  })
})

describe('the generation on the ConfigMap of a policy', () => {
  const { generation: _, ...metadata } = policyWith({}).metadata
  const cases = [
    { what: 'is that of the policy', policy: policyWith({}, { generation: 12 }), want: '12' },
    { what: 'is 0 where the policy has none', policy: { ...policyWith({}), metadata }, want: '0' },
  ]
  for (const { what, policy, want } of cases) {
    test(what, () => {
      const map = objectOf('ConfigMap', {}, policy)
      assert.equal(map.metadata.annotations?.[annotation.generation], want)
    })
  }
})
