// The chart fits the site: users of pods where the cluster assigns them, one registry, another namespace, DNS and hosts of the operator.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldsOf, isObject } from '../../crds/is-object.ts'
import type { KubeObject } from '../../operator/kube/object.ts'
import { unless } from '../peers/require.ts'
import { render } from './render.ts'

const everything = {
  policy: { create: true },
  postfix: { enabled: true },
  valkey: { enabled: true, auth: { existingSecret: 'shared' }, persistence: { enabled: true } },
}
const openShift = ['security.openshift.io/v1']
const skip = unless('helm')

/** The pods of all workloads, by the name of the workload. */
const podsOf = (objects: readonly KubeObject[]): ReadonlyMap<string, Readonly<Record<string, unknown>>> =>
  new Map(
    objects.flatMap((one) => {
      const template = one.kind === 'Pod' ? one : fieldsOf(one['spec'])['template']
      return template === undefined ? [] : [[one.metadata.name, fieldsOf(fieldsOf(template)['spec'])] as const]
    }),
  )

const fixed = ['runAsUser', 'runAsGroup', 'fsGroup', 'fsGroupChangePolicy']
const cases = [
  { what: 'elsewhere', apis: [], podUsers: 'auto', assigned: false },
  { what: 'on OpenShift', apis: openShift, podUsers: 'auto', assigned: true },
  { what: 'where it is forced', apis: [], podUsers: 'assigned', assigned: true },
  { what: 'on OpenShift, with users that are fixed', apis: openShift, podUsers: 'fixed', assigned: false },
]

for (const { what, apis, podUsers, assigned } of cases) {
  test(`${what}, pods ${assigned ? 'ask for no user' : 'have the user of the image'}`, { skip }, async () => {
    const pods = podsOf(await render({ values: { ...everything, podUsers }, apis }))
    assert.ok(pods.size >= 4, [...pods.keys()].join(' '))
    for (const [name, pod] of pods) {
      const context = fieldsOf(pod['securityContext'])
      const users = fixed.filter((key) => context[key] !== undefined)
      if (assigned) assert.deepEqual(users, [], name)
      else if (!name.includes('postfix')) assert.equal(context['runAsUser'], 65_532, name)
      assert.deepEqual(context['seccompProfile'], { type: 'RuntimeDefault' }, name)
    }
    const operator = JSON.stringify(pods.get('postscreen-operator'))
    assert.equal(operator.includes(`--pod-users=${podUsers}`), podUsers !== 'auto')
  })
}

/** Every text under a key of this name. */
function textsAt(key: string, value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((one) => textsAt(key, one))
  if (!isObject(value)) return []
  return Object.entries(value).flatMap(([name, inner]) => (name === key && typeof inner === 'string' ? [inner] : textsAt(key, inner)))
}

test('one registry replaces that of every image', { skip }, async () => {
  const objects = await render({ values: { ...everything, global: { imageRegistry: 'registry.example.com' } } })
  const images = textsAt(
    'image',
    objects.filter(({ kind }) => kind !== 'CustomResourceDefinition'),
  )
  assert.ok(images.length >= 4)
  const gateway = objects.flatMap((one) =>
    [...JSON.stringify(one).matchAll(/GATEWAY_IMAGE","value":"([^"]*)/g)].map(([, found = '']) => found),
  )
  assert.equal(gateway.length, 1)
  for (const image of [...images, ...gateway]) assert.match(image, /^registry\.example\.com\//)
})

test('namespaceOverride moves every object, and no text names the namespace of the release', { skip }, async () => {
  const objects = await render({ values: { ...everything, namespaceOverride: 'screening' }, namespace: 'deploy-only' })
  for (const { kind, metadata } of objects) assert.ok([undefined, 'screening'].includes(metadata.namespace), `${kind} ${metadata.name}`)
  assert.doesNotMatch(JSON.stringify(objects), /deploy-only/)
  const named = await render({ values: everything, namespace: 'screening' })
  assert.deepEqual(objects, named)
})

test('the operator has the DNS configuration and the hosts of the site', { skip }, async () => {
  const dnsConfig = { nameservers: ['192.0.2.53'], options: [{ name: 'ndots', value: '2' }] }
  const hostAliases = [{ ip: '192.0.2.7', hostnames: ['api.example.com'] }]
  const pod = podsOf(await render({ values: { dnsConfig, hostAliases } })).get('postscreen-operator')
  assert.deepEqual({ dnsConfig: pod?.['dnsConfig'], hostAliases: pod?.['hostAliases'] }, { dnsConfig, hostAliases })
})
