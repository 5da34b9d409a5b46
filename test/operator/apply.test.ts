// What applying and pruning does to the cluster: differences are corrected, and objects of others are not changed.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Applier } from '../../operator/apply.ts'
import { annotation, labels, ownerOf } from '../../operator/desired/names.ts'
import { KubeError } from '../../operator/kube/kube-error.ts'
import { isObject } from '../../crds/is-object.ts'
import type { KubeObject, OwnerReference } from '../../operator/kube/object.ts'
import { PolicyMemories } from '../../operator/policy-memory.ts'
import { MemoryCluster } from './memory-cluster.ts'
import { policyWith } from './policy-object.ts'

const policy = policyWith({})
const owner = ownerOf(policy)
const reference: OwnerReference = { apiVersion: owner.apiVersion, kind: owner.kind, name: owner.name, uid: owner.uid, controller: true }

const service = (spec: object = { type: 'ClusterIP' }, name = 'mx-gateway'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: {
    name,
    namespace: 'mail',
    labels: labels('mx'),
    annotations: { [annotation.applied]: JSON.stringify(spec) },
    ownerReferences: [reference],
  },
  spec,
})
const withMetadata = (object: KubeObject, metadata: object): KubeObject => ({ ...object, metadata: { ...object.metadata, ...metadata } })

function scene() {
  const cluster = new MemoryCluster()
  const clock = { ms: 0 }
  const memories = new PolicyMemories()
  return { cluster, clock, memories, applier: new Applier(cluster.client, cluster.live, memories, () => clock.ms) }
}

/** The server writes amounts in its own form. */
const canonical = (object: KubeObject): KubeObject => JSON.parse(JSON.stringify(object).replaceAll('"1000m"', '"1"')) as KubeObject

describe('an object', () => {
  test('that is missing is created, with our name as field manager', async () => {
    const { cluster, applier } = scene()
    const { is, object } = await applier.apply(service(), owner)
    assert.equal(is, 'created')
    assert.equal(object.metadata.uid, cluster.find('Service', 'mx-gateway')?.metadata.uid)
    const { options } = cluster.calls.at(-1) ?? {}
    assert.deepEqual(options, { fieldManager: 'postscreen-operator', force: true })
  })

  test('that is as wanted causes no call at all', async () => {
    const { cluster, applier } = scene()
    cluster.put(service())
    assert.equal((await applier.apply(service(), owner)).is, 'unchanged')
    assert.deepEqual(cluster.take(), [])
  })

  test('that has more than we want is left alone', async () => {
    const { cluster, applier } = scene()
    const grown = withMetadata(service({ type: 'ClusterIP', clusterIP: '10.0.0.1' }), {
      annotations: { ...service().metadata.annotations, 'example.com/x': 'y' },
    })
    cluster.put(grown)
    assert.equal((await applier.apply(service(), owner)).is, 'unchanged')
  })

  test('that another client has changed is corrected, once', async () => {
    const { cluster, applier } = scene()
    await applier.apply(service(), owner)
    cluster.change('Service', 'mx-gateway', { spec: { type: 'NodePort' } })
    assert.equal((await applier.apply(service(), owner)).is, 'changed')
    assert.deepEqual(cluster.find('Service', 'mx-gateway')?.['spec'], { type: 'ClusterIP' })
    cluster.take()
    assert.equal((await applier.apply(service(), owner)).is, 'unchanged')
    assert.deepEqual(cluster.take(), [])
  })

  test('that has one field more than its last apply wanted is applied again', async () => {
    const { cluster, applier } = scene()
    await applier.apply(service({ type: 'ClusterIP', ports: [1] }), owner)
    assert.equal((await applier.apply(service({ type: 'ClusterIP' }), owner)).is, 'changed')
    assert.deepEqual(cluster.find('Service', 'mx-gateway')?.['spec'], { type: 'ClusterIP' })
  })

  test('that the server only writes in another way is not applied again', async () => {
    const { cluster, applier } = scene()
    cluster.rewrite = canonical
    const want = service({ cpu: '1000m' })
    assert.equal((await applier.apply(want, owner)).is, 'created')
    cluster.take()
    assert.equal((await applier.apply(want, owner)).is, 'unchanged')
    assert.deepEqual(cluster.take(), [])
  })

  test('that the server writes in another way is also unchanged when it has a new version, for example because of its status', async () => {
    const { cluster, applier } = scene()
    cluster.rewrite = canonical
    const want = service({ cpu: '1000m' })
    await applier.apply(want, owner)
    cluster.change('Service', 'mx-gateway', { status: { replicas: 1 } })
    assert.equal((await applier.apply(want, owner)).is, 'unchanged')
  })

  test('that is corrected while the watch is late is reported as changed once', async () => {
    const { cluster, applier } = scene()
    await applier.apply(service(), owner)
    cluster.change('Service', 'mx-gateway', { spec: { type: 'NodePort' } })
    cluster.holdWatches()
    const told = [await applier.apply(service(), owner), await applier.apply(service(), owner)].map(({ is }) => is)
    assert.deepEqual(told, ['changed', 'unchanged'])
  })

  test('that has just been created, and that the watch does not know yet, is reported as created once', async () => {
    const { cluster, applier } = scene()
    cluster.holdWatches()
    const told = [await applier.apply(service(), owner), await applier.apply(service(), owner)].map(({ is }) => is)
    assert.deepEqual(told, ['created', 'unchanged'])
  })
})

describe('a name that is taken', () => {
  const earlier = { ...reference, uid: 'an-earlier-uid' }
  const cases: readonly { readonly what: string; readonly metadata: object; readonly why: string; readonly passes: boolean }[] = [
    {
      what: 'by a user’s object',
      metadata: { labels: {}, ownerReferences: [] },
      why: 'Service mx-gateway exists and does not belong to the operator; remove it, or give the policy another name',
      passes: false,
    },
    {
      what: 'by an object with the operator’s label only',
      metadata: { labels: { 'app.kubernetes.io/managed-by': 'postscreen-operator' }, ownerReferences: [] },
      why: 'Service mx-gateway exists and does not belong to the operator; remove it, or give the policy another name',
      passes: false,
    },
    {
      what: 'by an object of another policy',
      metadata: { labels: labels('other'), ownerReferences: [] },
      why: 'Service mx-gateway exists and does not belong to the operator; remove it, or give the policy another name',
      passes: false,
    },
    {
      what: 'by another controller',
      metadata: { ownerReferences: [{ ...reference, kind: 'Release', name: 'mail', uid: 'x' }] },
      why: 'Service mx-gateway exists and belongs to Release mail; remove it, or give the policy another name',
      passes: false,
    },
    {
      what: 'by another policy',
      metadata: { ownerReferences: [{ ...reference, name: 'other', uid: 'x' }] },
      why: 'Service mx-gateway exists and belongs to PostscreenPolicy other; remove it, or give the policy another name',
      passes: false,
    },
    {
      what: 'by an earlier policy of this name',
      metadata: { ownerReferences: [earlier] },
      why: 'Service mx-gateway still belongs to an earlier policy of this name; it is about to be removed',
      passes: true,
    },
  ]
  for (const { what, metadata, why, passes } of cases) {
    test(`${what} is a conflict, and the object stays as it is`, async () => {
      const { cluster, applier } = scene()
      const foreign = cluster.put(withMetadata(service({ type: 'NodePort' }), metadata))
      const want = service()
      assert.deepEqual(await applier.apply(want, owner), { is: 'conflict', object: want, why, passes })
      assert.deepEqual(cluster.find('Service', 'mx-gateway'), foreign)
    })
  }

  test('by an object that `kubectl delete --cascade=orphan` has left is not a conflict: the operator takes it over', async () => {
    const { cluster, applier } = scene()
    const { uid } = cluster.put(withMetadata(service({ type: 'NodePort' }), { ownerReferences: undefined })).metadata
    assert.equal((await applier.apply(service(), owner)).is, 'changed')
    const { metadata, spec } = cluster.find('Service', 'mx-gateway') ?? assert.fail()
    assert.deepEqual([metadata.uid, metadata.ownerReferences, spec], [uid, [reference], { type: 'ClusterIP' }])
  })

  test('by an object that has replaced ours meanwhile is not taken over', async () => {
    const { cluster, applier } = scene()
    await applier.apply(service(), owner)
    cluster.holdWatches()
    const foreign = cluster.put(withMetadata(service({ type: 'NodePort' }), { uid: 'another', ownerReferences: [] }))
    await assert.rejects(
      applier.apply(service({ type: 'LoadBalancer' }), owner),
      (error) => error instanceof KubeError && error.status === 409,
    )
    assert.deepEqual(cluster.find('Service', 'mx-gateway'), foreign)
  })
})

describe('an answer of the API server', () => {
  const answers: readonly { readonly status: number; readonly reason: string; readonly is: 'data' | 'to be tried again' }[] = [
    { status: 400, reason: 'BadRequest', is: 'data' },
    { status: 403, reason: 'Forbidden', is: 'data' },
    { status: 422, reason: 'Invalid', is: 'data' },
    { status: 413, reason: 'RequestEntityTooLarge', is: 'data' },
    { status: 0, reason: 'Timeout', is: 'to be tried again' },
    { status: 401, reason: 'Unauthorized', is: 'to be tried again' },
    { status: 404, reason: 'NotFound', is: 'to be tried again' },
    { status: 409, reason: 'Conflict', is: 'to be tried again' },
    { status: 429, reason: 'TooManyRequests', is: 'to be tried again' },
    { status: 500, reason: 'InternalError', is: 'to be tried again' },
    { status: 503, reason: 'ServiceUnavailable', is: 'to be tried again' },
  ]
  for (const { status, reason, is } of answers) {
    test(`${status} ${reason} to applying and to removing is ${is}`, async () => {
      const { cluster, applier } = scene()
      cluster.put(service({}, 'mx-old'))
      cluster.onCall = ({ verb }) => {
        if (verb !== 'get') throw new KubeError(`no: ${reason}`, { status, reason })
      }
      const tries = [() => applier.apply(service(), owner), async () => (await applier.prune([], owner))[0]]
      for (const attempt of tries) {
        if (is === 'data')
          assert.deepEqual({ ...(await attempt()), object: undefined }, { is: 'refused', object: undefined, why: `no: ${reason}` })
        else await assert.rejects(attempt, { status })
      }
    })
  }
})

test('a field that the kind does not have is data too, although the status is 500', async () => {
  const { cluster, applier } = scene()
  const message =
    'apply services mail/mx-gateway: 500: failed to create typed patch object (mail/mx-gateway; /v1, Kind=Service): .spec.x: field not declared in schema'
  cluster.onCall = ({ verb }) => {
    if (verb !== 'get') throw new KubeError(message, { status: 500, reason: '' })
  }
  const { is, ...rest } = await applier.apply(service(), owner)
  assert.equal(is, 'refused')
  assert.equal('why' in rest && rest.why, message)
})

describe('pruning', () => {
  test('removes what is no longer wanted, and only the very object that was seen', async () => {
    const { cluster, applier } = scene()
    const { uid } = cluster.put(service({}, 'mx-old')).metadata
    cluster.put(service({}, 'mx-gateway'))
    const removed = await applier.prune([service()], owner)
    assert.deepEqual(
      removed.map(({ is, object }) => [is, object.metadata.name]),
      [['removed', 'mx-old']],
    )
    assert.deepEqual(cluster.names, ['Service mx-gateway'])
    assert.deepEqual(cluster.calls.at(-1)?.options, { uid, propagationPolicy: 'Background' })
  })

  const kept: readonly { readonly what: string; readonly object: KubeObject }[] = [
    { what: 'another controller’s', object: withMetadata(service({}, 'mx-old'), { ownerReferences: [{ ...reference, uid: 'x' }] }) },
    { what: 'without an owner', object: withMetadata(service({}, 'mx-old'), { ownerReferences: [] }) },
    { what: 'another policy’s', object: withMetadata(service({}, 'mx-old'), { labels: labels('other') }) },
    { what: 'a pod', object: { ...service({}, 'mx-old'), apiVersion: 'v1', kind: 'Pod' } },
    { what: 'on its way out already', object: withMetadata(service({}, 'mx-old'), { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
    { what: 'in another namespace', object: withMetadata(service({}, 'mx-old'), { namespace: 'other' }) },
  ]
  for (const { what, object } of kept) {
    test(`leaves alone what is ${what}`, async () => {
      const { cluster, applier } = scene()
      cluster.put(object)
      assert.deepEqual(await applier.prune([service()], owner), [])
      assert.deepEqual(cluster.take(), [])
    })
  }
})

test('forgetting a policy keeps the data of another one whose name begins with the same text', async () => {
  const { cluster, applier, memories } = scene()
  cluster.rewrite = canonical
  const other = { ...owner, name: 'mx-2', uid: 'other' }
  const want = withMetadata(service({ cpu: '1000m' }, 'mx-2-gateway'), {
    labels: labels('mx-2'),
    ownerReferences: [{ ...reference, ...other }],
  })
  await applier.apply(want, other)
  memories.drop('mail/mx')
  cluster.take()
  await applier.apply(want, other)
  assert.deepEqual(cluster.take(), [])
  assert.ok(isObject(cluster.find('Service', 'mx-2-gateway')?.['spec']))
})
