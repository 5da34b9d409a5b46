// What is written where the CRD in the cluster is older than the operator: all that it can hold, and it is said what is missing.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { KubeError } from '../../../operator/kube/kube-error.ts'
import type { Call } from '../memory-cluster.ts'
import { managed, record, Scene } from '../reconcile-scene.ts'

/** The answer of kube-apiserver 1.36.3 to an apply with fields that the schema does not contain: it names one of them. */
const refusal = (field: string): KubeError => {
  const what = 'failed to create typed patch object (mail/mx; postscreen.dev/v1alpha1, Kind=PostscreenPolicy): '
  return new KubeError(`apply postscreenpolicies: 500: ${what}.status.${field}: field not declared in schema`, { status: 500, reason: '' })
}

/** A CRD without these fields of the status. */
function older(scene: Scene, fields: () => readonly string[]): void {
  scene.cluster.onCall = ({ verb, object }: Call) => {
    if (verb !== 'apply status') return
    const has = (path: string): boolean =>
      path.split('.').reduce<unknown>((inner, step) => record(inner)[step], object?.['status']) !== undefined
    const unknown = fields().find(has)
    if (unknown !== undefined) throw refusal(unknown)
  }
}

describe('with a CRD that is older than the operator', () => {
  test('the status is written without the fields that it does not contain, and they are named', async () => {
    const scene = new Scene()
    scene.write(managed, 1)
    older(scene, () => ['effective', 'gateways.programmed'])
    await scene.pass()
    scene.rollOut()
    await scene.pass()
    assert.equal(scene.condition('Ready'), 'True Ready')
    assert.deepEqual(scene.status['effective'], undefined)
    assert.equal(record(scene.status['gateways'])['total'], 2)
    assert.deepEqual(scene.omitted.at(-1), ['effective', 'gateways.programmed'])
  })

  test('all of them are named at once, and are known when the status was written', async () => {
    const scene = new Scene()
    scene.write(managed, 1)
    older(scene, () => ['conditions', 'effective', 'gateways.programmed', 'operator'])
    await scene.pass()
    const all = ['conditions', 'effective', 'gateways.programmed', 'operator']
    assert.deepEqual(scene.omitted.at(-1), all)
    assert.deepEqual(scene.omittedThen, [all])
    assert.ok(scene.omitted.length <= 2, 'that of the claim, and all')
  })

  test('the same fields are not reported again when they were tried again', async () => {
    const scene = new Scene()
    older(scene, () => ['effective', 'gateways.programmed'])
    scene.write(managed, 1)
    for (let pass = 0; pass < 60; pass++) {
      await scene.pass()
      scene.rollOut()
      scene.clock.ms += 30_000
    }
    assert.deepEqual(scene.omitted, [['effective', 'gateways.programmed']])
  })

  test('nothing is refused a second time, and a policy at rest causes no call', async () => {
    const scene = new Scene()
    scene.write(managed, 1)
    older(scene, () => ['operator', 'effective'])
    await scene.pass()
    scene.rollOut()
    await scene.pass()
    scene.cluster.take()
    for (let pass = 0; pass < 10; pass++) {
      scene.clock.ms += 15_000
      await scene.pass()
    }
    assert.deepEqual(scene.cluster.take(), [])
    assert.deepEqual(scene.omitted.at(-1), ['effective', 'operator'])
  })

  test('every field is written again within a quarter of an hour when the CRD has been upgraded', async () => {
    const scene = new Scene()
    let missing: readonly string[] = ['effective']
    older(scene, () => missing)
    scene.write(managed, 1)
    await scene.pass()
    scene.rollOut()
    await scene.pass()
    missing = []
    for (let pass = 0; pass < 60; pass++) {
      scene.clock.ms += 15_000
      await scene.pass()
    }
    assert.ok(scene.status['effective'])
    assert.deepEqual(scene.omitted.at(-1), [])
  })

  test('an answer about something else does not count as an omitted field', async () => {
    const scene = new Scene()
    scene.write(managed, 1)
    scene.cluster.onCall = ({ verb }) => {
      if (verb === 'apply status') throw new KubeError('500: etcdserver: request timed out', { status: 500, reason: '' })
    }
    await assert.rejects(scene.pass(), /etcdserver/)
    assert.deepEqual(scene.omitted, [])
  })
})
