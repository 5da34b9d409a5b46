// What is kept of a rendering beside the complete one: every difference, and nothing else.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '../../operator/kube/object.ts'
import { differingObjects } from './differing-objects.ts'

const object = (name: string, rest: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'mail' },
  ...rest,
})
const before = [
  object('a', {
    spec: {
      ports: [25, 587],
      replicas: 1,
      containers: [
        { name: 'x', image: 'one' },
        { name: 'y', image: 'two' },
      ],
    },
  }),
  object('b'),
]
const [first = object('none')] = before
const withSpec = (spec: object): readonly KubeObject[] => [{ ...first, spec: { ...(first['spec'] as object), ...spec } }, object('b')]
const x = { name: 'x', image: 'one' }
const y = { name: 'y', image: 'two' }

const cases: readonly { readonly what: string; readonly after: readonly KubeObject[]; readonly differs: object }[] = [
  { what: 'nothing of equal objects', after: before, differs: {} },
  { what: 'a new value by its path', after: withSpec({ replicas: 2 }), differs: { 'Pod mail a': { 'spec.replicas': 2 } } },
  { what: 'an added field', after: withSpec({ more: { deep: 1 } }), differs: { 'Pod mail a': { 'spec.more': { deep: 1 } } } },
  { what: 'a removed field', after: [object('a'), object('b')], differs: { 'Pod mail a': { spec: '(not there)' } } },
  { what: 'a list of values as a whole', after: withSpec({ ports: [25] }), differs: { 'Pod mail a': { 'spec.ports': [25] } } },
  {
    what: 'an item of a list by its name',
    after: withSpec({ containers: [x, { ...y, image: 'three' }] }),
    differs: { 'Pod mail a': { 'spec.containers[y].image': 'three' } },
  },
  {
    what: 'an added and a removed item',
    after: withSpec({ containers: [x, { name: 'z' }] }),
    differs: { 'Pod mail a': { 'spec.containers[z]': { name: 'z' }, 'spec.containers[y]': '(not there)' } },
  },
  {
    what: 'a list whose items have changed places as a whole',
    after: withSpec({ containers: [y, x] }),
    differs: { 'Pod mail a': { 'spec.containers': [y, x] } },
  },
  { what: 'a new object as a whole', after: [...before, object('c')], differs: { 'Pod mail c (new)': object('c') } },
  { what: 'a removed object', after: [first], differs: { 'Pod mail b': '(not there)' } },
]

for (const { what, after, differs } of cases) {
  test(`it keeps ${what}`, () => assert.deepEqual(differingObjects(before, after), differs))
}
