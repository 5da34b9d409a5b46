// What passes over a policy leave behind in the cluster, and how they go on.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { annotation, labels } from '../../operator/desired/names.ts'
import { KubeError } from '../../operator/kube/kube-error.ts'
import type { KubeObject } from '../../operator/kube/object.ts'
import { managed, record, Scene } from './reconcile-scene.ts'

/** The labels of the pods, for /scale. */
const selector = 'app.kubernetes.io/name=postscreen,app.kubernetes.io/instance=mx,app.kubernetes.io/component=gateway'

const made = [
  'ConfigMap mx-policy',
  'ServiceAccount mx-gateway',
  'NetworkPolicy mx-gateway',
  'Service mx-gateway',
  'Deployment mx-gateway',
  'PodDisruptionBudget mx-gateway',
]

const writes = (calls: readonly string[]): string[] => calls.filter((call) => !call.startsWith('get '))

describe('a new policy', () => {
  test('has all its objects after one pass, and says that it is on its way', async () => {
    const scene = new Scene()
    scene.write(managed, 1)
    const { again } = await scene.pass()
    assert.deepEqual(scene.cluster.names, made)
    assert.deepEqual([scene.condition('Ready'), scene.condition('Reconciling')], ['False Progressing', 'True Progressing'])
    assert.equal(again, 100)
    assert.deepEqual(
      scene.told.flatMap(({ applied }) => applied.map(({ is }) => is)),
      made.map(() => 'created'),
    )
  })

  test('is ready as soon as its gateways run it', async () => {
    const scene = new Scene()
    scene.write(managed, 1)
    await scene.pass()
    scene.rollOut()
    assert.deepEqual(await scene.pass(), { again: 15_000 })
    assert.deepEqual([scene.condition('Ready'), scene.condition('Reconciling')], ['True Ready', 'False UpToDate'])
    assert.deepEqual(scene.status['gateways'], { total: 2, ready: 2, updated: 2, selector, programmed: '2/2', serving: '2/2' })
  })

  test('without gateways is ready after one pass, and is looked at again only to confirm its status', async () => {
    const scene = new Scene()
    scene.write({}, 1)
    assert.deepEqual(await scene.pass(), { again: 60_000 })
    assert.deepEqual(scene.cluster.names, ['ConfigMap mx-policy'])
    assert.equal(scene.condition('Ready'), 'True Ready')
  })

  test('is claimed, and then has its status written once for each pass that finds something new', async () => {
    const scene = new Scene()
    scene.write(managed, 1)
    for (let pass = 0; pass < 4; pass++) await scene.pass()
    const calls = writes(scene.cluster.take())
    assert.equal(calls[0], 'apply status PostscreenPolicy mx', 'the claim comes before all else')
    assert.deepEqual(
      calls.slice(1).filter((call) => call.startsWith('apply status')),
      ['apply status PostscreenPolicy mx'],
    )
  })

  test('has its status written and told once, also while the watch lags behind', async () => {
    const scene = new Scene()
    scene.write({}, 1)
    scene.cluster.holdWatches()
    await scene.pass()
    scene.clock.ms += 5000
    await scene.pass()
    assert.equal(scene.cluster.take().filter((call) => call.startsWith('apply status')).length, 2, 'the claim and the status')
    const [, second] = scene.told
    assert.deepEqual(
      second?.applied.map(({ is }) => is),
      ['unchanged'],
    )
    assert.deepEqual(record(second?.policy['status'])['conditions'], scene.status.conditions, 'the event reporter sees what has been told')
  })
})

describe('a policy at rest', () => {
  test('causes no call at all for as long as its status need not be confirmed, however often it is looked at', async () => {
    const scene = await new Scene().running()
    for (let pass = 0; pass < 20; pass++) {
      scene.clock.ms += 2900
      assert.deepEqual(await scene.pass(), { again: 15_000 })
    }
    assert.deepEqual(scene.cluster.take(), [])
  })

  test('has drift put right, and then nothing more is written', async () => {
    const scene = await new Scene().running()
    scene.cluster.change('Service', 'mx-gateway', { spec: { type: 'NodePort' } })
    scene.cluster.remove('PodDisruptionBudget', 'mx-gateway')
    await scene.pass()
    assert.deepEqual(writes(scene.cluster.take()), ['apply Service mx-gateway', 'apply PodDisruptionBudget mx-gateway'])
    await scene.pass()
    assert.deepEqual(scene.cluster.take(), [])
  })
})

describe('a changed policy', () => {
  test('is brought to the gateways that run: ConfigMap, then their pods; the Deployment stays', async () => {
    const scene = await new Scene().running()
    const deployment = scene.cluster.find('Deployment', 'mx-gateway')
    const before = scene.hash
    scene.write({ ...managed, mode: 'Audit' }, 2)
    assert.deepEqual(await scene.pass(), { again: 100 })
    assert.notEqual(scene.hash, before)
    assert.deepEqual(writes(scene.cluster.take()), [
      'apply ConfigMap mx-policy',
      'patch Pod mx-gateway-1',
      'patch Pod mx-gateway-2',
      'apply status PostscreenPolicy mx',
    ])
    assert.deepEqual(scene.cluster.find('Deployment', 'mx-gateway'), deployment)
    assert.equal(scene.condition('Reconciling'), 'True Progressing')
  })

  test('is checked less and less often until every gateway runs it', async () => {
    const scene = await new Scene().running()
    scene.write({ ...managed, mode: 'Audit' }, 2)
    const pauses = new Set<number | undefined>()
    for (let pass = 0; pass < 60; pass++) pauses.add((await scene.pass()).again)
    assert.deepEqual([...pauses], [100, 200, 500, 1000, 2000])
    scene.read(1)
    assert.deepEqual(await scene.pass(), { again: 2000 })
    scene.read(2)
    assert.deepEqual(await scene.pass(), { again: 15_000 })
    assert.equal(scene.condition('Ready'), 'True Ready')
  })

  test('that a gateway refuses says so, and is checked from time to time', async () => {
    const scene = await new Scene().running()
    scene.write({ ...managed, mode: 'Audit' }, 2)
    await scene.pass()
    scene.refuse(1, scene.hash)
    await scene.pass()
    assert.equal(scene.condition('Ready'), 'False Progressing', 'a table may be on its way yet')
    scene.clock.ms += 4000
    assert.deepEqual(await scene.pass(), { again: 5000 })
    assert.equal(scene.condition('Ready'), 'False RefusedByGateway')
  })

  test('that wants no gateway any more has them removed', async () => {
    const scene = await new Scene().running()
    scene.write({}, 2)
    await scene.pass()
    assert.deepEqual(
      scene.cluster.names.filter((name) => !name.startsWith('Pod ')),
      ['ConfigMap mx-policy'],
    )
    assert.equal(scene.status['gateways'], undefined)
  })

  test('that wants no gateway any more does not tell of them, though the watch still shows them', async () => {
    const scene = await new Scene().running()
    scene.write({}, 2)
    scene.cluster.holdWatches()
    await scene.pass()
    assert.deepEqual([scene.status['gateways'], scene.status['addresses']], [undefined, undefined])
  })

  test('whose tables are in fewer ConfigMaps has the others removed', async () => {
    const scene = new Scene()
    const { cluster } = scene
    cluster.put({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'senders', namespace: 'mail' },
      data: { list: '192.0.2.1 permit\n' },
    })
    scene.write({ access: [{ table: { configMap: { name: 'senders', key: 'list' } } }] }, 1)
    await scene.pass()
    assert.deepEqual(record(scene.status['configMap'])['tables'], ['mx-tables-0'])
    scene.write({}, 2)
    await scene.pass()
    assert.deepEqual(cluster.names, ['ConfigMap senders', 'ConfigMap mx-policy'])
  })

  test('keeps the last good ConfigMap when its tables cannot be written: a new pod would find none', async () => {
    const scene = await new Scene().running()
    const before = scene.hash
    scene.cluster.put({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'senders', namespace: 'mail' },
      data: { list: '192.0.2.1 permit\n' },
    })
    scene.write({ ...managed, access: [{ table: { configMap: { name: 'senders', key: 'list' } } }] }, 2)
    scene.cluster.onCall = ({ verb, what }) => {
      if (verb === 'apply' && what === 'ConfigMap mx-tables-0')
        throw new KubeError('403 Forbidden: exceeded quota', { status: 403, reason: 'Forbidden' })
    }
    assert.deepEqual(await scene.pass(), { again: 5000 })
    assert.equal(scene.hash, before)
    assert.deepEqual(scene.status['configMap'], { name: 'mx-policy', hash: before })
    assert.equal(scene.condition('Ready'), 'False ApplyFailed')
    assert.deepEqual(writes(scene.cluster.take()), ['apply ConfigMap mx-tables-0', 'apply status PostscreenPolicy mx'])
    scene.cluster.onCall = () => undefined
    await scene.pass()
    assert.notEqual(scene.hash, before)
  })
})

describe('a policy whose ConfigMap comes later', () => {
  const byTable = { access: [{ table: { configMap: { name: 'senders', key: 'list' } } }] }
  const minute = 60_000

  test('is Reconciling for five minutes, so that Flux goes on waiting, and then Stalled', async () => {
    const scene = new Scene()
    scene.write(byTable, 1)
    await scene.pass()
    assert.deepEqual([scene.condition('Reconciling'), scene.condition('Stalled')], ['True Invalid', 'False NotStalled'])
    scene.clock.ms += 5 * minute - 1
    await scene.pass()
    assert.equal(scene.condition('Stalled'), 'False NotStalled')
    scene.clock.ms += 1
    await scene.pass()
    assert.deepEqual([scene.condition('Reconciling'), scene.condition('Stalled')], ['False Stalled', 'True Invalid'])
  })

  test('is Ready when it has come, and waits again when it goes', async () => {
    const scene = new Scene()
    scene.write(byTable, 1)
    await scene.pass()
    scene.clock.ms += 10 * minute
    await scene.pass()
    assert.equal(scene.condition('Stalled'), 'True Invalid')
    const metadata = { name: 'senders', namespace: 'mail' }
    scene.cluster.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { list: '192.0.2.1 permit\n' } })
    await scene.pass()
    assert.equal(scene.condition('Ready'), 'True Ready')
    scene.cluster.remove('ConfigMap', 'senders')
    await scene.pass()
    assert.equal(scene.condition('Reconciling'), 'True Invalid')
  })

  test('does not wait again when the operator is restarted', async () => {
    const scene = new Scene()
    scene.write(byTable, 1)
    await scene.pass()
    scene.clock.ms += 4 * minute
    const restarted = new Scene(undefined, { beside: scene })
    await restarted.pass()
    assert.equal(restarted.condition('Reconciling'), 'True Invalid')
    scene.clock.ms += minute
    await restarted.pass()
    assert.equal(restarted.condition('Stalled'), 'True Invalid')
    const again = new Scene(undefined, { beside: scene })
    await again.pass()
    assert.equal(again.condition('Stalled'), 'True Invalid')
  })

  test('that is wrong in another way too is Stalled at once', async () => {
    const scene = new Scene()
    scene.write({ ...byTable, mode: 'Loud' }, 1)
    await scene.pass()
    assert.equal(scene.condition('Stalled'), 'True Invalid')
  })
})

test('a mail server’s Service that does not exist is named, and is looked up only while a gateway does not find it', async () => {
  const scene = await new Scene().running()
  scene.loseBackend(1, 'getaddrinfo ENOTFOUND postfix.mail.svc')
  scene.loseBackend(2, 'getaddrinfo ENOTFOUND postfix.mail.svc')
  await scene.pass()
  assert.match(
    scene.status.conditions.find(({ type }) => type === 'Ready')?.message ?? '',
    /Service postfix in namespace mail does not exist/,
  )
  assert.ok(scene.cluster.take().includes('get Service postfix'))
  scene.read(1)
  scene.read(2)
  await scene.pass()
  assert.ok(!scene.cluster.take().includes('get Service postfix'))
})

describe('a policy that is not valid any more', () => {
  test('changes nothing that runs, and says so', async () => {
    const scene = await new Scene().running()
    const before = scene.cluster.names.map((name) => scene.cluster.find(...(name.split(' ') as [string, string])))
    const { hash } = scene
    scene.write({ ...managed, mode: 'Loud' }, 2)
    await scene.pass()
    assert.deepEqual(scene.cluster.take(), ['apply status PostscreenPolicy mx'])
    assert.deepEqual(
      scene.cluster.names.map((name) => scene.cluster.find(...(name.split(' ') as [string, string]))),
      before,
    )
    assert.deepEqual(
      [scene.condition('Accepted'), scene.condition('Ready'), scene.condition('Stalled')],
      ['False Invalid', 'False Invalid', 'True Invalid'],
    )
    assert.deepEqual(scene.status['configMap'], { name: 'mx-policy', hash }, 'the last one that was good')
    assert.equal(scene.status['observedGeneration'], 2)
  })

  test('is taken as soon as it is valid again', async () => {
    const scene = await new Scene().running()
    scene.write({ ...managed, mode: 'Loud' }, 2)
    await scene.pass()
    scene.write(managed, 3)
    await scene.pass()
    for (const at of [1, 2]) scene.read(at)
    await scene.pass()
    assert.equal(scene.condition('Ready'), 'True Ready')
  })
})

describe('a policy that is paused', () => {
  test('changes nothing, but its status is kept up', async () => {
    const scene = await new Scene().running()
    const { hash } = scene
    scene.cluster.change('Service', 'mx-gateway', { spec: { type: 'NodePort' } })
    scene.write({ ...managed, mode: 'Audit' }, 2, { annotations: { [annotation.pause]: 'true' } })
    await scene.pass()
    assert.deepEqual(scene.cluster.take(), ['apply status PostscreenPolicy mx'])
    assert.equal(scene.condition('Programmed'), 'False Paused')
    assert.deepEqual(scene.status['configMap'], { name: 'mx-policy', hash })
  })

  test('goes on when the pause ends', async () => {
    const scene = await new Scene().running()
    const { hash } = scene
    scene.write({ ...managed, mode: 'Audit' }, 2, { annotations: { [annotation.pause]: 'true' } })
    await scene.pass()
    scene.write({ ...managed, mode: 'Audit' }, 2, { annotations: { [annotation.pause]: 'false' } })
    await scene.pass()
    assert.notEqual(scene.hash, hash)
  })
})

describe('a policy that is gone', () => {
  for (const [what, end] of [
    ['deleted', (scene: Scene) => scene.cluster.remove('PostscreenPolicy', 'mx')],
    ['about to be deleted', (scene: Scene) => scene.write(managed, 1, { deletionTimestamp: '2026-01-01T00:00:00Z' })],
  ] as const) {
    test(`(${what}) is left to the garbage collector`, async () => {
      const scene = await new Scene().running()
      end(scene)
      assert.deepEqual(await scene.pass(), {})
      assert.deepEqual(scene.cluster.take(), [])
    })
  }
})

describe('a name that is taken', () => {
  const foreign = (metadata: object): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'mx-gateway', namespace: 'mail', ...metadata },
    spec: { type: 'ExternalName' },
  })

  test('stops the later objects, leaves this object as it is, and is checked again, as there is no event when it is removed', async () => {
    const scene = new Scene()
    scene.write(managed, 1)
    const theirs = scene.cluster.put(foreign({}))
    assert.deepEqual(await scene.pass(), { again: 15_000 })
    assert.deepEqual(scene.cluster.find('Service', 'mx-gateway'), theirs)
    assert.equal(scene.cluster.find('Deployment', 'mx-gateway'), undefined)
    assert.deepEqual([scene.condition('Ready'), scene.condition('Stalled')], ['False NameConflict', 'True NameConflict'])
    scene.cluster.remove('Service', 'mx-gateway')
    await scene.pass()
    assert.ok(scene.cluster.find('Deployment', 'mx-gateway'))
  })

  test('by an earlier policy of the name is waited for', async () => {
    const scene = new Scene()
    scene.write(managed, 1)
    const reference = { apiVersion: 'postscreen.dev/v1alpha1', kind: 'PostscreenPolicy', name: 'mx', uid: 'earlier', controller: true }
    scene.cluster.put(foreign({ labels: labels('mx'), ownerReferences: [reference] }))
    assert.deepEqual(await scene.pass(), { again: 100 })
    assert.equal(scene.condition('Reconciling'), 'True WaitingForDeletion')
  })
})

describe('a pass that comes to nothing', () => {
  for (const at of ['apply Deployment mx-gateway', 'apply status PostscreenPolicy mx', 'get ConfigMap mx-policy']) {
    test(`because the API server does not answer (${at}) is rejected, and the next one makes up for it`, async () => {
      const scene = new Scene()
      scene.write(managed, 1)
      scene.cluster.onCall = ({ verb, what }) => {
        if (`${verb} ${what}` === at) throw new KubeError(`${at}: no answer`, { status: 0, reason: 'Timeout' })
      }
      await assert.rejects(scene.pass(), { message: `${at}: no answer` })
      scene.cluster.onCall = () => undefined
      await scene.pass()
      assert.deepEqual(scene.cluster.names, made)
      assert.equal(scene.condition('Reconciling'), 'True Progressing')
    })
  }
})

test('pods that are about to end are neither asked nor counted', async () => {
  const scene = await new Scene().running()
  const pod = scene.cluster.find('Pod', 'mx-gateway-1')
  assert.ok(pod)
  scene.cluster.put({
    ...pod,
    metadata: { ...pod.metadata, name: 'mx-gateway-0', uid: 'pod-0', deletionTimestamp: '2026-01-01T00:00:00Z' },
  })
  await scene.pass()
  assert.equal(scene.condition('Ready'), 'True Ready')
})
