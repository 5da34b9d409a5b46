// The number of gateways when an autoscaler takes it over, and when it gives it back: never fewer than before, never fewer than its minimum.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '../../operator/kube/object.ts'
import { record, Scene } from './reconcile-scene.ts'

const fixed = (replicas: number) => ({ gateway: { replicas } })
const scaled = (minReplicas: number, more: object = {}) => ({ gateway: { autoscaling: { minReplicas, maxReplicas: 12 }, ...more } })

const replicas = (scene: Scene): unknown => record(scene.cluster.find('Deployment', 'mx-gateway')?.['spec'])['replicas']
/** As the autoscaler does, through the Deployment's scale. */
const scale = (scene: Scene, to: number): void =>
  scene.cluster.change(
    'Deployment',
    'mx-gateway',
    { spec: { ...record(scene.cluster.find('Deployment', 'mx-gateway')?.['spec']), replicas: to } },
    'kube-controller-manager',
  )

/** Every number that the Deployment had while `change` was made. */
async function numbersDuring(scene: Scene, change: () => Promise<unknown>): Promise<readonly unknown[]> {
  const numbers: unknown[] = [replicas(scene)]
  scene.cluster.onWrite = (object: KubeObject) => {
    if (object.kind === 'Deployment') numbers.push(record(object['spec'])['replicas'])
  }
  await change()
  return [...new Set(numbers)]
}

async function run(spec: object): Promise<Scene> {
  const scene = new Scene()
  scene.write(spec, 1)
  await scene.pass()
  return scene
}

test('four gateways stay four when autoscaling with a minimum of three is switched on', async () => {
  const scene = await run(fixed(4))
  const numbers = await numbersDuring(scene, async () => {
    scene.write(scaled(3), 2)
    for (let pass = 0; pass < 3; pass++) await scene.pass()
  })
  assert.deepEqual(numbers, [4])
})

test('two gateways become the minimum of three at once when autoscaling is switched on', async () => {
  const scene = await run(fixed(2))
  assert.deepEqual(
    await numbersDuring(scene, async () => {
      scene.write(scaled(3), 2)
      await scene.pass()
    }),
    [2, 3],
  )
})

test('a gateway that was scaled to zero runs the minimum when autoscaling is switched on: an autoscaler leaves zero alone', async () => {
  const scene = await run(fixed(0))
  scene.write(scaled(3), 2)
  await scene.pass()
  assert.equal(replicas(scene), 3)
})

test('a new policy with autoscaling begins with the minimum, not with one pod', async () => {
  const scene = await run(scaled(3))
  assert.equal(replicas(scene), 3)
})

test('the number that the autoscaler has chosen stays when the pods change, also right after the switch', async () => {
  const scene = await run(fixed(4))
  scene.write(scaled(3), 2)
  await scene.pass()
  assert.deepEqual(
    await numbersDuring(scene, async () => {
      scene.write(scaled(3, { workers: 2 }), 3)
      await scene.pass()
    }),
    [4],
  )
  scale(scene, 7)
  assert.deepEqual(
    await numbersDuring(scene, async () => {
      scene.write(scaled(3, { workers: 3 }), 4)
      await scene.pass()
      scale(scene, 5)
      await scene.pass()
    }),
    [7, 5],
  )
})

test('a minimum that is raised above the number is there at once, though the autoscaler has not looked yet', async () => {
  const scene = await run(scaled(2))
  scene.write(scaled(5), 2)
  await scene.pass()
  assert.equal(replicas(scene), 5)
})

test('the autoscaler is gone before the policy sets the number again, which never passes below it', async () => {
  const scene = await run(scaled(3))
  scale(scene, 6)
  scene.cluster.take()
  const numbers = await numbersDuring(scene, async () => {
    scene.write(fixed(4), 2)
    await scene.pass()
  })
  assert.deepEqual(numbers, [6, 4])
  const calls = scene.cluster.take()
  const at = (call: string): number => calls.indexOf(call)
  assert.ok(at('delete HorizontalPodAutoscaler mx-gateway') >= 0)
  assert.ok(at('delete HorizontalPodAutoscaler mx-gateway') < at('apply Deployment mx-gateway'), calls.join(', '))
})

test('a policy is not Ready with fewer gateways than the minimum', async () => {
  const scene = await run(scaled(3))
  scene.rollOut(3)
  await scene.pass()
  assert.equal(scene.condition('Ready'), 'True Ready')
  const deployment = scene.cluster.find('Deployment', 'mx-gateway')
  // The operator sets it right in the same pass; what counts here is a status that comes before the pods.
  scene.cluster.change('Deployment', 'mx-gateway', { spec: { ...record(deployment?.['spec']), replicas: 1 } })
  scene.cluster.remove('Pod', 'mx-gateway-2')
  scene.cluster.remove('Pod', 'mx-gateway-3')
  await scene.pass()
  assert.equal(scene.condition('Ready'), 'False Progressing')
  assert.match(scene.status.conditions.find(({ type }) => type === 'Ready')?.message ?? '', /1 of 3 gateways/)
})

test('a change of the Deployment during the handover is not overwritten: the handover is tried again', async () => {
  const scene = await run(fixed(4))
  scene.write(scaled(3), 2)
  let times = 0
  scene.cluster.onCall = ({ verb, what, options }) => {
    const isHandover =
      verb === 'apply' && what === 'Deployment mx-gateway' && record(options)['fieldManager'] === 'postscreen-operator-replicas'
    if (isHandover && times++ === 0) scale(scene, 8)
  }
  await assert.rejects(scene.pass(), { status: 409 })
  await scene.pass()
  assert.equal(replicas(scene), 8)
})
