// How the gateways are run: as a Deployment or a DaemonSet, with ports of their nodes or without, and one after the other.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { V1PodSpec } from '@kubernetes/client-node'
import { objectOf } from './objects-of.ts'

const listen = { addresses: ['0.0.0.0:2525', '[::]:2525', '0.0.0.0:2587', '0.0.0.0:25'] }
const podOf = (kind: 'Deployment' | 'DaemonSet', gateway: object): V1PodSpec =>
  objectOf(kind, { gateway: { kind, ...gateway }, listen }).spec?.template.spec ?? assert.fail()
const portsOf = (gateway: object) =>
  podOf('Deployment', gateway).containers[0]?.ports?.map(({ name, containerPort, hostPort }) => [name, containerPort, hostPort])

describe('ports of the node', () => {
  const cases: readonly { readonly what: string; readonly gateway: object; readonly want: unknown }[] = [
    {
      what: 'are not there unless the policy has them',
      gateway: {},
      want: [
        ['smtp', 2525, undefined],
        ['smtp-1', 2587, undefined],
        ['smtp-2', 25, undefined],
        ['admin', 2580, undefined],
      ],
    },
    {
      what: 'lead to the first port of the pod and to others with their number, but not to the admin port or to one port twice',
      gateway: { hostPort: 25 },
      want: [
        ['smtp', 2525, 25],
        ['smtp-1', 2587, 2587],
        ['smtp-2', 25, undefined],
        ['admin', 2580, undefined],
      ],
    },
  ]
  for (const { what, gateway, want } of cases) test(what, () => assert.deepEqual(portsOf(gateway), want))
})

describe('pods with the network of the node', () => {
  test('find Services by their names', () => {
    const { hostNetwork, dnsPolicy } = podOf('Deployment', { hostNetwork: true })
    assert.deepEqual([hostNetwork, dnsPolicy], [true, 'ClusterFirstWithHostNet'])
  })

  test('are what the policy asks for, and nothing else', () => {
    const { hostNetwork, dnsPolicy } = podOf('DaemonSet', { hostPort: 25 })
    assert.deepEqual([hostNetwork, dnsPolicy], [undefined, undefined])
  })
})

describe('a rollout', () => {
  const newFirst = { maxUnavailable: 0, maxSurge: '25%' }
  const cases: readonly { readonly kind: 'Deployment' | 'DaemonSet'; readonly gateway: object; readonly want: object }[] = [
    { kind: 'Deployment', gateway: {}, want: newFirst },
    { kind: 'Deployment', gateway: { hostPort: 25 }, want: { maxUnavailable: 1, maxSurge: 0 } },
    { kind: 'Deployment', gateway: { hostNetwork: true }, want: { maxUnavailable: 1, maxSurge: 0 } },
    { kind: 'DaemonSet', gateway: {}, want: { maxUnavailable: 0, maxSurge: 1 } },
    { kind: 'DaemonSet', gateway: { hostPort: 25 }, want: { maxUnavailable: 1, maxSurge: 0 } },
    { kind: 'DaemonSet', gateway: { hostNetwork: true }, want: { maxUnavailable: 1, maxSurge: 0 } },
  ]
  for (const { kind, gateway, want } of cases) {
    test(`of a ${kind} with ${JSON.stringify(gateway)} has ${JSON.stringify(want)}`, () => {
      const spec = { gateway: { kind, ...gateway } }
      const strategy =
        kind === 'Deployment' ? objectOf('Deployment', spec).spec?.strategy : objectOf('DaemonSet', spec).spec?.updateStrategy
      assert.deepEqual(strategy, { type: 'RollingUpdate', rollingUpdate: want })
    })
  }
})

describe('with persistence', () => {
  const setOf = (gateway: object = {}) => objectOf('StatefulSet', { gateway: { persistence: {}, ...gateway } }).spec ?? assert.fail()

  test('each pod has a claim for its data directory, and otherwise the pods of a Deployment', () => {
    const { template, volumeClaimTemplates, replicas } = setOf()
    assert.equal(replicas, 2)
    assert.deepEqual(
      volumeClaimTemplates?.map(({ metadata, spec }) => [metadata?.name, spec]),
      [['data', { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '4Gi' } } }]],
    )
    const { volumes = [], topologySpreadConstraints, ...rest } = template.spec ?? assert.fail()
    const {
      volumes: before = [],
      topologySpreadConstraints: spread,
      ...deployment
    } = objectOf('Deployment', { gateway: {} }).spec?.template.spec ?? assert.fail()
    assert.deepEqual(rest, deployment)
    assert.deepEqual(
      volumes,
      before.filter(({ name }) => name !== 'data'),
    )
    assert.deepEqual(topologySpreadConstraints, [{ ...spread?.[0], matchLabelKeys: ['controller-revision-hash'] }])
    assert.ok(rest.containers[0]?.volumeMounts?.some(({ name }) => name === 'data'))
  })

  test('pods start side by side, and their claims stay or go as the policy says', () => {
    const { podManagementPolicy, persistentVolumeClaimRetentionPolicy } = setOf({ persistence: { whenDeleted: 'Delete' } })
    assert.equal(podManagementPolicy, 'Parallel')
    assert.deepEqual(persistentVolumeClaimRetentionPolicy, { whenDeleted: 'Delete', whenScaled: 'Retain' })
  })

  test('the autoscaler sets the number of pods of the StatefulSet', () => {
    assert.equal(setOf({ autoscaling: {} }).replicas, undefined)
    const { spec } = objectOf('HorizontalPodAutoscaler', { gateway: { persistence: {}, autoscaling: {} } })
    assert.equal(spec?.scaleTargetRef.kind, 'StatefulSet')
  })

  test('the StatefulSet is patched by its own field', () => {
    const patch = { statefulSet: { spec: { minReadySeconds: 5 } }, deployment: { spec: { minReadySeconds: 9 } } }
    assert.equal(setOf({ patch }).minReadySeconds, 5)
  })
})

test('a DaemonSet places its pods itself, and its pods are otherwise those of a Deployment', () => {
  const { affinity, topologySpreadConstraints, ...deployment } = podOf('Deployment', {})
  assert.ok(affinity !== undefined && topologySpreadConstraints !== undefined)
  assert.deepEqual(podOf('DaemonSet', {}), deployment)
})

test('a DaemonSet is patched as a Deployment is, by its own field', () => {
  const patch = { spec: { template: { spec: { containers: [{ name: 'logs', image: 'x' }] } } } }
  const { containers } = podOf('DaemonSet', { patch: { daemonSet: patch, deployment: { spec: { minReadySeconds: 1 } } } })
  assert.deepEqual(
    containers.map(({ name }) => name),
    ['gateway', 'logs'],
  )
})
