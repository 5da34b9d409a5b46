// Two operators whose scopes overlap, and another writer that keeps changing an object: they do not overwrite each
// other without end.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { KubeObject } from '../../operator/kube/object.ts'
import { managed, record, Scene } from './reconcile-scene.ts'

const minute = 60_000
const first = 'postscreen-system/postscreen-operator'
const second = 'mail/postscreen-operator'

function pair(): { readonly one: Scene; readonly two: Scene } {
  const one = new Scene()
  return { one, two: new Scene(undefined, { instance: second, beside: one }) }
}

const operatorOf = (scene: Scene): unknown => record(scene.status['operator'])['name']
const writesOf = (calls: readonly string[]): string[] => calls.filter((call) => !call.startsWith('get '))

describe('a policy that two operators watch', () => {
  test('is managed by the one that comes first; the other changes nothing, and says which operator manages it', async () => {
    const { one, two } = pair()
    one.write(managed, 1)
    await one.pass()
    one.cluster.take()
    const { again = 0 } = await two.pass()
    assert.deepEqual(one.cluster.take(), [])
    assert.deepEqual(two.left, [first])
    assert.equal(operatorOf(one), first)
    assert.ok(again > 0 && again <= 3 * minute)
  })

  test('has no object written by the other in an hour of changes', async () => {
    const { one, two } = pair()
    one.write(managed, 1)
    for (let at = 0; at < 60; at++) {
      one.clock.ms += minute
      if (at % 10 === 0) one.write({ ...managed, hostname: `mx${at}.example.com` }, at + 2)
      await one.pass()
      one.cluster.take()
      await two.pass()
      assert.deepEqual(one.cluster.take(), [])
    }
    assert.deepEqual(new Set(two.left), new Set([first]))
  })

  test('is claimed by one only when both see it at the same moment', async () => {
    const { one, two } = pair()
    one.write(managed, 1)
    let isFirst = true
    one.cluster.onCall = ({ verb }) => {
      if (verb !== 'apply status' || !isFirst) return
      isFirst = false
      const status = { operator: { name: second, checkedAt: '2026-01-01T00:00:00Z', validSeconds: 180 } }
      one.cluster.change('PostscreenPolicy', 'mx', { status })
    }
    await assert.rejects(one.pass(), { status: 409 })
    assert.deepEqual(one.cluster.names, [])
    await one.pass()
    assert.deepEqual([one.cluster.names, one.left], [[], [second]])
    await two.pass()
    assert.ok(one.cluster.names.length > 0)
  })

  test('is taken over when its operator has not confirmed the status for three minutes', async () => {
    const { one, two } = pair()
    one.write(managed, 1)
    await one.pass()
    await two.pass()
    two.clock.ms += 3 * minute - 1
    await two.pass()
    assert.equal(operatorOf(one), first)
    two.clock.ms += 1
    await two.pass()
    assert.equal(operatorOf(one), second)
    assert.equal(two.told.length, 1)
    await one.pass()
    assert.deepEqual(one.left, [second], 'the first one does not take it back')
  })

  test('is not taken over from an operator that is at work', async () => {
    const { one, two } = pair()
    one.write(managed, 1)
    for (let at = 0; at < 20; at++) {
      await one.pass()
      await two.pass()
      one.clock.ms += minute
    }
    assert.equal(operatorOf(one), first)
  })
})

test('at rest the status is confirmed once a minute, so that kubectl shows whether an operator is running', async () => {
  const scene = await new Scene().running()
  for (let pass = 0; pass < 40; pass++) {
    scene.clock.ms += 15_000
    await scene.pass()
  }
  assert.deepEqual(new Set(scene.cluster.calls.map(({ verb }) => verb)), new Set(['apply status']))
  assert.equal(scene.cluster.take().length, 10)
})

describe('an object that another writer changes back at once, every time', () => {
  const revert = (scene: Scene): void =>
    scene.cluster.change('NetworkPolicy', 'mx-gateway', { spec: { policyTypes: ['Egress'] } }, 'other-controller')

  /** A minute of a writer that reverts within 10 ms, and of passes as often as the operator asks for them or something changes. */
  async function fight(scene: Scene, forMs: number): Promise<number> {
    let writes = 0
    const end = scene.clock.ms + forMs
    while (scene.clock.ms < end) {
      revert(scene)
      scene.cluster.take()
      const { again = minute } = await scene.pass()
      const wrote = writesOf(scene.cluster.take()).filter((call) => call === 'apply NetworkPolicy mx-gateway').length
      writes += wrote
      scene.clock.ms += wrote > 0 ? 10 : Math.max(10, Math.min(again, 1000))
    }
    return writes
  }

  test('is written less and less often: nine times in the first minute, then every five minutes', async () => {
    const scene = await new Scene().running()
    assert.ok((await fight(scene, minute)) <= 9)
    await fight(scene, 15 * minute)
    assert.ok((await fight(scene, 60 * minute)) <= 13)
  })

  test('is named in the status with the writer, and the policy is not Ready', async () => {
    const scene = await new Scene().running()
    await fight(scene, minute)
    assert.equal(scene.condition('Programmed'), 'False Contested')
    assert.equal(scene.condition('Stalled'), 'True Contested')
    const { message } = scene.status.conditions.find(({ type }) => type === 'Ready') ?? {}
    assert.match(
      message ?? '',
      /^NetworkPolicy mx-gateway is changed back again and again by field manager other-controller; .*Stop that writer/,
    )
  })

  test('is Ready again when the writer has stopped', async () => {
    const scene = await new Scene().running()
    await fight(scene, minute)
    for (let pass = 0; pass < 20; pass++) {
      scene.clock.ms += 15_000
      await scene.pass()
    }
    assert.equal(scene.condition('Ready'), 'True Ready')
    assert.deepEqual(scene.cluster.find('NetworkPolicy', 'mx-gateway')?.['spec'] === undefined, false)
  })

  test('is put back at once when a person changes it three times', async () => {
    const scene = await new Scene().running()
    for (let times = 0; times < 3; times++) {
      revert(scene)
      await scene.pass()
      assert.equal(record(scene.cluster.find('NetworkPolicy', 'mx-gateway')?.['spec'])['policyTypes']?.toString(), 'Ingress,Egress')
      scene.clock.ms += 1000
    }
    assert.equal(scene.condition('Ready'), 'True Ready')
  })

  test('is said to be deleted where it is deleted', async () => {
    const scene = await new Scene().running()
    for (let times = 0; times < 8; times++) {
      if (scene.cluster.find('PodDisruptionBudget', 'mx-gateway') !== undefined) scene.cluster.remove('PodDisruptionBudget', 'mx-gateway')
      await scene.pass()
      scene.clock.ms += 1000
    }
    assert.match(
      scene.status.conditions.find(({ type }) => type === 'Ready')?.message ?? '',
      /PodDisruptionBudget mx-gateway is deleted again and again/,
    )
  })
})

test('a change that the policy asks for is written at once, also to an object in contest', async () => {
  const scene = await new Scene().running()
  const write = (object: KubeObject | undefined): void =>
    scene.cluster.change('Service', 'mx-gateway', { spec: { ...record(object?.['spec']), type: 'NodePort' } }, 'other-controller')
  for (let times = 0; times < 8; times++) {
    write(scene.cluster.find('Service', 'mx-gateway'))
    await scene.pass()
    scene.clock.ms += 500
  }
  assert.equal(scene.condition('Programmed'), 'False Contested')
  scene.write({ gateway: { service: { type: 'ClusterIP' } } }, 2)
  await scene.pass()
  assert.equal(record(scene.cluster.find('Service', 'mx-gateway')?.['spec'])['type'], 'ClusterIP')
})
