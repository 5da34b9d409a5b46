// A policy whose gateways change from a Deployment to a DaemonSet or back: the old pods go when the new ones serve.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Scene } from './reconcile-scene.ts'

const nodes = (count: number, more: object = {}): object => ({
  observedGeneration: 1,
  desiredNumberScheduled: count,
  currentNumberScheduled: count,
  updatedNumberScheduled: count,
  numberAvailable: count,
  ...more,
})
const workloads = (scene: Scene): readonly string[] =>
  scene.cluster.objects
    .map(({ kind }) => kind)
    .filter((kind) => /^(Deployment|DaemonSet|StatefulSet|PodDisruptionBudget|HorizontalPodAutoscaler)$/.test(kind))
    .toSorted()

/** A policy with a Deployment that runs, which is then to be a DaemonSet. */
async function changed(before: object, after: object): Promise<Scene> {
  const scene = await new Scene().running({ gateway: before })
  scene.write({ gateway: { kind: 'DaemonSet', ...after } }, 2)
  await scene.pass()
  return scene
}

describe('a Deployment that becomes a DaemonSet', () => {
  test('stays until every node has a pod that accepts clients', async () => {
    const scene = await changed({}, { hostPort: 25 })
    assert.deepEqual(workloads(scene), ['DaemonSet', 'Deployment'])
    for (const status of [nodes(2, { numberAvailable: 1 }), nodes(2, { updatedNumberScheduled: 1 }), nodes(0)]) {
      scene.cluster.change('DaemonSet', 'mx-gateway', { status })
      await scene.pass()
      assert.deepEqual(workloads(scene), ['DaemonSet', 'Deployment'], JSON.stringify(status))
    }
    assert.equal(scene.condition('Reconciling'), 'True Progressing')
    scene.cluster.change('DaemonSet', 'mx-gateway', { status: nodes(2) })
    await scene.pass()
    assert.deepEqual(workloads(scene), ['DaemonSet'])
  })

  test('goes at once if the new pods need the ports of nodes that the old ones use', async () => {
    assert.deepEqual(workloads(await changed({ hostPort: 25 }, { hostPort: 25 })), ['DaemonSet'])
    assert.deepEqual(workloads(await changed({ hostNetwork: true }, { hostNetwork: true })), ['DaemonSet'])
  })

  test('stays if the ports of nodes are others', async () => {
    assert.deepEqual(workloads(await changed({ hostPort: 2525 }, { hostPort: 25 })), ['DaemonSet', 'Deployment'])
  })

  test('stays if the DaemonSet is refused', async () => {
    const scene = await new Scene().running({ gateway: {} })
    scene.cluster.put({ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'mx-gateway', namespace: 'mail' }, spec: {} })
    scene.write({ gateway: { kind: 'DaemonSet' } }, 2)
    await scene.pass()
    assert.ok(workloads(scene).includes('Deployment'))
    assert.equal(scene.condition('Programmed'), 'False NameConflict')
  })

  test('loses its autoscaler before', async () => {
    const scene = await changed({ autoscaling: {} }, {})
    assert.deepEqual(workloads(scene), ['DaemonSet', 'Deployment'])
  })
})

test('a Deployment whose pods get volumes stays until the pods of the StatefulSet accept clients, and the same backwards', async () => {
  const scene = await new Scene().running({ gateway: {} })
  scene.write({ gateway: { persistence: {} } }, 2)
  await scene.pass()
  assert.deepEqual(workloads(scene), ['Deployment', 'PodDisruptionBudget', 'StatefulSet'])
  const status = { observedGeneration: 1, replicas: 2, updatedReplicas: 2, availableReplicas: 1 }
  scene.cluster.change('StatefulSet', 'mx-gateway', { status })
  await scene.pass()
  assert.ok(workloads(scene).includes('Deployment'))
  scene.cluster.change('StatefulSet', 'mx-gateway', { status: { ...status, availableReplicas: 2 } })
  await scene.pass()
  assert.deepEqual(workloads(scene), ['PodDisruptionBudget', 'StatefulSet'])
  scene.write({ gateway: {} }, 3)
  await scene.pass()
  assert.deepEqual(workloads(scene), ['Deployment', 'PodDisruptionBudget', 'StatefulSet'])
})

test('a DaemonSet that becomes a Deployment stays until the pods of the Deployment accept clients', async () => {
  const scene = new Scene()
  scene.write({ gateway: { kind: 'DaemonSet' } }, 1)
  await scene.pass()
  scene.cluster.change('DaemonSet', 'mx-gateway', { status: nodes(2) })
  scene.write({ gateway: {} }, 2)
  await scene.pass()
  assert.deepEqual(workloads(scene), ['DaemonSet', 'Deployment', 'PodDisruptionBudget'])
  scene.rollOut()
  await scene.pass()
  assert.deepEqual(workloads(scene), ['Deployment', 'PodDisruptionBudget'])
})

test('a policy without gateways has neither', async () => {
  const scene = await changed({}, {})
  scene.write({}, 3)
  await scene.pass()
  assert.deepEqual(workloads(scene), [])
})
