// What holds for the objects of every policy, whatever it says.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import type { V1Deployment, V1PodSpec, V1PodTemplateSpec } from '@kubernetes/client-node'
import { tableKey } from '../../operator/compile/access-tables.ts'
import { type Compiled, compile } from '../../operator/compile/compile.ts'
import { desired } from '../../operator/desired/desired.ts'
import { annotation, labels, ownerOf, selectorLabels } from '../../operator/desired/names.ts'
import { isObject } from '../../crds/is-object.ts'
import type { KubeObject } from '../../operator/kube/object.ts'
import { resourceOf } from '../../operator/kube/resource.ts'
import { unknownFields } from '../chart/known-fields.ts'
import { settings } from './observed.ts'
import { breaches } from './pod-security.ts'
import { policyObject, policyWith } from './policy-object.ts'

const folder = new URL('desired/', import.meta.url)
const tables = new Map([[tableKey('senders', 'mx.cidr'), { text: '192.0.2.0/24 permit\n' }]])

function compiled(policy: KubeObject): Compiled {
  const made = compile(policy, tables)
  if ('problems' in made) throw new Error(JSON.stringify(made.problems))
  return made.compiled
}

const objectsOf = (policy: KubeObject, more: object = {}) => desired(ownerOf(policy), compiled(policy), { ...settings, ...more })
const find = (objects: readonly KubeObject[], kind: string): KubeObject =>
  objects.find((one) => one.kind === kind) ?? assert.fail(`there is no ${kind}`)
const templateOf = (objects: readonly KubeObject[]): V1PodTemplateSpec =>
  (find(objects, 'Deployment') as unknown as V1Deployment).spec?.template ?? assert.fail()
const podOf = (objects: readonly KubeObject[]): V1PodSpec => templateOf(objects).spec ?? assert.fail()
const named = (name: string, policy: KubeObject): KubeObject => ({ ...policy, metadata: { ...policy.metadata, name } })

/** Every policy that there is a golden file for. */
const policies = readdirSync(folder)
  .filter((name) => name.endsWith('.in.yaml'))
  .map((name) => ({ name, policy: policyObject(readFileSync(new URL(name, folder), 'utf8')) }))
const longest = 'm'.repeat(52)

for (const { name, policy } of policies) {
  describe(name, () => {
    const objects = objectsOf(policy)

    test('has only fields that the API server knows', () => {
      for (const object of objects) assert.deepEqual(unknownFields(object), [], object.kind)
    })

    test('has pods that the restricted level of Pod Security admits', () => {
      for (const object of objects.filter(({ kind }) => kind === 'Deployment')) assert.deepEqual([...breaches(podOf([object]))], [])
    })

    test('belongs to the policy, in its namespace, with the operator’s labels', () => {
      for (const { metadata } of objects) {
        assert.deepEqual(metadata.ownerReferences, [
          { apiVersion: 'postscreen.dev/v1alpha1', kind: 'PostscreenPolicy', name: 'mx', uid: policy.metadata.uid, controller: true },
        ])
        assert.equal(metadata.namespace, 'mail')
        assert.deepEqual({ ...metadata.labels, ...labels('mx') }, metadata.labels)
        assert.match(metadata.annotations?.[annotation.applied] ?? '', /^[0-9a-f]{16}$/)
      }
    })

    test('is of kinds that the operator may write, each name once', () => {
      const ids = objects.map((object) => `${resourceOf(object).plural} ${object.metadata.name}`)
      assert.equal(new Set(ids).size, ids.length)
      assert.ok(ids.every((id) => !/^(pods|secrets|leases|events) /.test(id)))
    })

    test('comes out the same each time', () => assert.deepEqual(objectsOf(policy), objects))

    test('has names and label values of at most 63 characters for the longest name of a policy', () => {
      for (const { metadata } of objectsOf(named(longest, policy))) {
        assert.ok(metadata.name.length <= 63 && /^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(metadata.name), metadata.name)
        for (const value of Object.values(metadata.labels ?? {})) assert.ok(value.length <= 63, value)
      }
    })

    test('has objects that are read before the objects that read them', () => {
      const kinds = objects.map(({ kind }) => kind)
      const order = [
        'ConfigMap',
        'ServiceAccount',
        'NetworkPolicy',
        'Service',
        'Deployment',
        'DaemonSet',
        'StatefulSet',
        'PodDisruptionBudget',
        'HorizontalPodAutoscaler',
      ]
      assert.deepEqual(
        kinds,
        kinds.toSorted((a, b) => order.indexOf(a) - order.indexOf(b)),
      )
      assert.equal(
        objects.filter(({ kind }) => kind === 'ConfigMap').at(-1)?.metadata.name,
        'mx-policy',
        'its tables come before the policy',
      )
    })
  })
}

test('the checks find violations and unknown fields', () => {
  const bad: V1PodSpec = {
    hostNetwork: true,
    containers: [{ name: 'x', ports: [{ containerPort: 25, hostPort: 25 }] }],
    volumes: [{ name: 'v', hostPath: { path: '/' } }],
  }
  assert.equal([...breaches(bad)].length, 7)
  assert.deepEqual(unknownFields({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'x' }, spec: { prots: [] } }).length, 1)
})

const withTables = (count: number): KubeObject[] => {
  const policy = policyWith({ gateway: {} })
  const shards = Array.from({ length: count }, (_, at) => new Map([[`table-${at}.cidr.gz`, Buffer.from('x')]]))
  return [...desired(ownerOf(policy), { ...compiled(policy), shards }, settings)]
}

const managed = (more: object = {}, gateway: object = {}) => policyWith({ gateway, ...more })
const before = templateOf(objectsOf(managed()))
/** Without the name of the form. */
const formOf = (form: V1PodTemplateSpec): V1PodTemplateSpec => ({
  ...form,
  metadata: { ...form.metadata, annotations: { ...form.metadata?.annotations, [annotation.template]: '' } },
})
const nameOf = ({ metadata }: V1PodTemplateSpec): string => metadata?.annotations?.[annotation.template] ?? ''

describe('the form of the pods', () => {
  const stays: readonly { readonly what: string; readonly objects: readonly KubeObject[] }[] = [
    { what: 'the mode', objects: objectsOf(managed({ mode: 'Audit' })) },
    { what: 'a test', objects: objectsOf(managed({ greet: { action: 'Drop', wait: '9s' } })) },
    { what: 'a DNS list', objects: objectsOf(managed({ dnsbl: { sites: [{ domain: 'bl.example' }] } })) },
    { what: 'the access list', objects: objectsOf(managed({ access: [{ action: 'Permit', cidrs: ['192.0.2.1'] }] })) },
    {
      what: 'a table from a ConfigMap',
      objects: objectsOf(managed({ access: [{ table: { configMap: { name: 'senders', key: 'mx.cidr' } } }] })),
    },
    { what: 'the mail server', objects: objectsOf(managed({ backend: { addresses: ['192.0.2.9:25'] } })) },
    { what: 'the generation', objects: objectsOf({ ...managed(), metadata: { ...managed().metadata, generation: 99 } }) },
    { what: 'the number of gateways', objects: objectsOf(managed({}, { replicas: 9 })) },
    { what: 'the Service', objects: objectsOf(managed({}, { service: { type: 'NodePort', annotations: { 'example.com/a': 'b' } } })) },
    { what: 'the NetworkPolicy', objects: objectsOf(managed({}, { networkPolicy: { enabled: false } })) },
    { what: 'tables in four ConfigMaps', objects: withTables(4) },
  ]
  for (const { what, objects } of stays) {
    test(`stays when ${what} changes, so that no pod is replaced`, () => assert.deepEqual(templateOf(objects), before))
  }

  const changes: readonly { readonly what: string; readonly objects: readonly KubeObject[] }[] = [
    { what: 'the image', objects: objectsOf(managed({}, { image: { name: 'other:1' } })) },
    { what: 'the operator’s own image', objects: objectsOf(managed(), { image: 'registry.example.com/postscreen:2.0' }) },
    { what: 'a port of clients', objects: objectsOf(managed({ listen: { addresses: ['0.0.0.0:2526'] } })) },
    { what: 'a Secret', objects: objectsOf(managed({ tls: { level: 'May', secretName: 'mx' } })) },
    { what: 'what the pods may take', objects: objectsOf(managed({}, { resources: { limits: { memory: '1Gi' } } })) },
    { what: 'the number of workers', objects: objectsOf(managed({}, { workers: 2 })) },
    { what: 'the form of the log', objects: objectsOf(managed({}, { logFormat: 'Postfix' })) },
    { what: 'how a pod stops', objects: objectsOf(managed({}, { drain: { timeout: '1m' } })) },
    { what: 'where pods may run', objects: objectsOf(managed({}, { nodeSelector: { zone: 'a' } })) },
    { what: 'an annotation of the pods', objects: objectsOf(managed({}, { podAnnotations: { a: 'b' } })) },
    { what: 'a label of the pods', objects: objectsOf(managed({}, { podLabels: { a: 'b' } })) },
    { what: 'the number of ConfigMaps with tables beyond four', objects: withTables(5) },
  ]
  for (const { what, objects } of changes) {
    test(`is another one, with another name, when ${what} changes`, () => {
      const after = templateOf(objects)
      assert.notDeepEqual(formOf(after), formOf(before))
      assert.notEqual(nameOf(after), nameOf(before))
    })
  }

  test('has one name for one form', () => {
    const forms = [...stays, ...changes].map(({ objects }) => templateOf(objects))
    const distinct = new Set(forms.map((form) => JSON.stringify(formOf(form))))
    assert.equal(new Set(forms.map(nameOf)).size, distinct.size)
  })
})

describe('ConfigMaps with tables', () => {
  const mounted = (objects: readonly KubeObject[]): (string | undefined)[] =>
    (podOf(objects).volumes?.[0]?.projected?.sources ?? []).flatMap(({ configMap }) =>
      configMap?.optional === true ? [configMap.name] : [],
    )

  for (const [count, slots] of [
    [0, 4],
    [1, 4],
    [4, 4],
    [5, 8],
    [8, 8],
    [9, 12],
  ] as const) {
    test(`${count} of them are found by pods that look for ${slots}`, () => {
      const names = mounted(withTables(count))
      assert.equal(names.length, slots)
      const made = withTables(count).filter(({ metadata }) => /-tables-/.test(metadata.name))
      for (const { metadata } of made) assert.ok(names.includes(metadata.name))
    })
  }
})

describe('the selectors', () => {
  const selectors = (objects: readonly KubeObject[]): unknown[] =>
    objects.flatMap(({ kind, spec }) => {
      if (!isObject(spec)) return []
      const selector = kind === 'NetworkPolicy' ? spec['podSelector'] : spec['selector']
      return selector === undefined ? [] : [isObject(selector) && 'matchLabels' in selector ? selector['matchLabels'] : selector]
    })

  test('are the same for every policy of a name: those of a Deployment can never be changed', () => {
    for (const { policy } of policies.filter(({ name }) => name !== 'config-map-only.in.yaml')) {
      const found = selectors(objectsOf(policy))
      assert.ok(found.length >= 3)
      for (const selector of found) assert.deepEqual(selector, selectorLabels('mx'))
    }
  })

  test('find the pods, whatever labels the user gives them', () => {
    const { metadata } = templateOf(objectsOf(managed({}, { podLabels: { tier: 'edge' } })))
    assert.deepEqual({ ...metadata?.labels, ...selectorLabels('mx') }, metadata?.labels)
  })
})

describe('nothing of a Secret', () => {
  test('is anywhere: only its name and keys, each where it is mounted', () => {
    const policy = managed({
      tls: { level: 'May', secretName: 'mx-tls' },
      dnsbl: { sites: [{ domain: 'dq.example', keySecret: { name: 'lists', key: 'dqs' } }] },
    })
    const objects = objectsOf(policy)
    assert.ok(objects.every(({ kind }) => kind !== 'Secret'))
    const sources = (podOf(objects).volumes?.[0]?.projected?.sources ?? []).flatMap(({ secret }) => secret ?? [])
    assert.deepEqual(
      sources.map(({ name, optional, items }) => [name, optional, items?.map(({ path }) => path)]),
      [
        ['lists', true, ['secrets/lists/dqs']],
        ['mx-tls', true, ['secrets/mx-tls/ca.crt', 'secrets/mx-tls/tls.crt', 'secrets/mx-tls/tls.key']],
      ],
    )
    assert.deepEqual(
      podOf(objects).containers.flatMap(({ env = [], envFrom = [] }) => [...env, ...envFrom]),
      [],
    )
  })
})

describe('Secrets to pull images with', () => {
  const pullSecrets = ['registry', 'mirror']
  const pullSecretsOf = (policy: KubeObject): unknown => podOf(objectsOf(policy, { pullSecrets })).imagePullSecrets

  test('are those of the operator', () => assert.deepEqual(pullSecretsOf(managed()), [{ name: 'registry' }, { name: 'mirror' }]))

  test('are those of the policy if it names any', () =>
    assert.deepEqual(pullSecretsOf(policyWith({ gateway: { image: { pullSecrets: ['own'] } } })), [{ name: 'own' }]))
})

describe('the NetworkPolicy of gateways', () => {
  const prometheus = { namespaceSelector: {}, podSelector: { matchLabels: { 'app.kubernetes.io/name': 'prometheus' } } }

  test('lets Prometheus read the metrics, and nothing else', () => {
    const { spec } = find(objectsOf(managed(), { metricsFrom: [prometheus] }), 'NetworkPolicy')
    const [clients, admin] = (isObject(spec) ? spec['ingress'] : []) as readonly { readonly from?: unknown[]; readonly ports: unknown }[]
    assert.equal(clients?.from, undefined)
    assert.deepEqual(admin?.from?.at(-1), prometheus)
    assert.deepEqual(admin.ports, [{ protocol: 'TCP', port: 2580 }])
  })
})

describe('the data directory', () => {
  test('is bounded, so that one gateway cannot fill the disk of its node', () => {
    const data = podOf(objectsOf(managed())).volumes?.find(({ name }) => name === 'data')
    assert.deepEqual(data, { name: 'data', emptyDir: { sizeLimit: '4Gi' } })
  })
})

describe('the operator outside a cluster', () => {
  test('has no pods that a NetworkPolicy could let in', () => {
    const { spec } = find(objectsOf(managed(), { operatorNamespace: undefined }), 'NetworkPolicy')
    assert.deepEqual(isObject(spec) && spec['ingress'], [{ ports: [{ protocol: 'TCP', port: 2525 }] }])
  })
})
