// Patches of a policy over its whole life: applied, kept against drift, taken back, and refused.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { valueAt } from '../../operator/desired/patch/guards.ts'
import { KubeError } from '../../operator/kube/kube-error.ts'
import { record, Scene } from './reconcile-scene.ts'

const pod = ['spec', 'template', 'spec'] as const
const patchOf = (spec: object): object => ({ gateway: { patch: { deployment: { spec: { template: { spec } } } } } })
const runtime = patchOf({ runtimeClassName: 'gvisor' })
const podOf = (scene: Scene) => record(valueAt(scene.cluster.find('Deployment', 'mx-gateway'), pod))
const written = (scene: Scene): readonly string[] => scene.cluster.take().filter((call) => /^(apply|delete) (?!status)/.test(call))

describe('a patch', () => {
  test('is applied with the object, and then nothing is written any more', async () => {
    const scene = await new Scene().running(runtime)
    assert.equal(podOf(scene)['runtimeClassName'], 'gvisor')
    await scene.pass()
    assert.deepEqual(written(scene), [])
  })

  test('is put right when another client changes what it sets', async () => {
    const scene = await new Scene().running({ gateway: { patch: { service: { spec: { sessionAffinity: 'ClientIP' } } } } })
    const service = scene.cluster.find('Service', 'mx-gateway')
    scene.cluster.change('Service', 'mx-gateway', { spec: { ...record(service?.['spec']), sessionAffinity: 'None' } })
    await scene.pass()
    assert.deepEqual(written(scene), ['apply Service mx-gateway'])
    assert.equal(record(scene.cluster.find('Service', 'mx-gateway')?.['spec'])['sessionAffinity'], 'ClientIP')
  })

  test('is taken back when the policy has it no longer', async () => {
    const scene = await new Scene().running(runtime)
    scene.write({ gateway: {} }, 2)
    await scene.pass()
    assert.equal('runtimeClassName' in podOf(scene), false)
    assert.ok(written(scene).includes('apply Deployment mx-gateway'))
  })

  test('that is refused stands in the status, and the gateways stay as they are', async () => {
    const scene = await new Scene().running()
    const before = scene.cluster.find('Deployment', 'mx-gateway')
    scene.write(patchOf({ containers: [{ name: 'gateway', args: ['--help'] }] }), 2)
    await scene.pass()
    assert.deepEqual([scene.condition('Accepted'), scene.condition('Stalled')], ['False Invalid', 'True Invalid'])
    const { message } = scene.status.conditions.find(({ type }) => type === 'Accepted') ?? assert.fail()
    assert.equal(
      message,
      'spec.gateway.patch.deployment.spec.template.spec.containers[name=gateway].args: follow from the policy; use its fields, such as spec.gateway.workers and spec.gateway.logFormat',
    )
    assert.deepEqual(scene.cluster.find('Deployment', 'mx-gateway'), before)
    scene.write({ gateway: {} }, 3)
    await scene.pass()
    assert.equal(scene.condition('Accepted'), 'True Accepted')
  })

  test('with a field that Kubernetes does not know is in the status too', async () => {
    const scene = await new Scene().running()
    const why =
      '500: failed to create typed patch object (mail/mx-gateway; apps/v1, Kind=Deployment): .spec.x: field not declared in schema'
    scene.cluster.onCall = ({ verb, what }) => {
      if (verb === 'apply' && what.startsWith('Deployment')) throw new KubeError(why, { status: 500, reason: '' })
    }
    scene.write({ gateway: { patch: { deployment: { spec: { x: 1 } } } } }, 2)
    await scene.pass()
    assert.equal(scene.condition('Programmed'), 'False ApplyFailed')
  })
})
