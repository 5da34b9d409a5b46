// How gateways are made to read a changed policy at once: an annotation of their pod is changed, less and less often.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { annotation } from '../../../operator/desired/names.ts'
import type { GatewayPod } from '../../../operator/gateways/pods.ts'
import { Refresh } from '../../../operator/gateways/refresh.ts'
import { KubeError } from '../../../operator/kube/kube-error.ts'
import { MemoryCluster } from '../memory-cluster.ts'

const hash = 'a'.repeat(64)
const other = 'b'.repeat(64)

const pod = (fields: Partial<GatewayPod> = {}): GatewayPod => ({
  name: 'mx-gateway-1',
  uid: 'uid-1',
  address: '10.0.0.1',
  host: undefined,
  ready: true,
  template: 't',
  refresh: undefined,
  trouble: undefined,
  report: { hash: other, refused: undefined, backends: [] },
  ...fields,
})

function scene() {
  const cluster = new MemoryCluster()
  for (const at of [1, 2])
    cluster.put({ apiVersion: 'v1', kind: 'Pod', metadata: { name: `mx-gateway-${at}`, namespace: 'mail', uid: `uid-${at}` } })
  const clock = { now: 0 }
  const refresh = new Refresh(cluster.client, () => clock.now)
  const valueOf = (name = 'mx-gateway-1') => cluster.find('Pod', name)?.metadata.annotations?.[annotation.refresh]
  return { cluster, clock, refresh, valueOf, bring: (...pods: GatewayPod[]) => refresh.bring('mail', hash, pods) }
}

describe('a pod that runs another policy', () => {
  test('is asked once, whatever is looked at meanwhile', async () => {
    const { cluster, bring, valueOf } = scene()
    for (let pass = 0; pass < 5; pass++) await bring(pod())
    assert.deepEqual(cluster.take(), ['patch Pod mx-gateway-1'])
    assert.equal(valueOf(), 'aaaaaaaaaaaa.1')
  })

  test('is asked again after 1, 2, 4 … seconds, in the end every 15', async () => {
    const { cluster, clock, bring } = scene()
    const asked: number[] = []
    for (let second = 0; second <= 80; second++) {
      clock.now = second * 1000
      await bring(pod())
      if (cluster.take().length > 0) asked.push(second)
    }
    assert.deepEqual(asked, [0, 1, 3, 7, 15, 30, 45, 60, 75])
  })

  test('is asked with another value each time, also while the watch has not brought the last one', async () => {
    const { clock, bring, valueOf } = scene()
    const values: (string | undefined)[] = []
    for (const second of [0, 1, 3, 7]) {
      clock.now = second * 1000
      await bring(pod({ refresh: undefined }))
      values.push(valueOf())
    }
    assert.equal(new Set(values).size, 4)
  })

  test('is asked with a value that goes on from the one it has, as another operator may have asked before', async () => {
    const { bring, valueOf } = scene()
    await bring(pod({ refresh: 'aaaaaaaaaaaa.41' }))
    assert.equal(valueOf(), 'aaaaaaaaaaaa.42')
  })

  for (const refresh of ['', 'x', 'aaaaaaaaaaaa.', 'aaaaaaaaaaaa.99999999999999999999', 'aaaaaaaaaaaa.-1']) {
    test(`is asked with a sensible value when its own is ${JSON.stringify(refresh)}`, async () => {
      const { bring, valueOf } = scene()
      await bring(pod({ refresh }))
      assert.match(valueOf() ?? '', /^a{12}\.\d{1,6}$/)
    })
  }

  test('is asked at once for the next policy', async () => {
    const { cluster, bring, refresh } = scene()
    await bring(pod())
    await refresh.bring('mail', 'c'.repeat(64), [pod()])
    assert.equal(cluster.take().length, 2)
  })

  test('is asked from the beginning after it has run the policy for a while', async () => {
    const { cluster, clock, bring } = scene()
    for (const second of [0, 1, 3]) {
      clock.now = second * 1000
      await bring(pod())
    }
    await bring(pod({ report: { hash, refused: undefined, backends: [] } }))
    cluster.take()
    await bring(pod())
    assert.equal(cluster.take().length, 1)
  })

  test('is asked on its own: others have their own times', async () => {
    const { cluster, bring } = scene()
    await bring(pod())
    await bring(pod(), pod({ name: 'mx-gateway-2', uid: 'uid-2' }))
    assert.deepEqual(cluster.take(), ['patch Pod mx-gateway-1', 'patch Pod mx-gateway-2'])
  })

  test('is asked by its uid, so that a pod which has replaced it is not', async () => {
    const { bring, valueOf } = scene()
    await bring(pod({ uid: 'gone' }))
    assert.equal(valueOf(), undefined)
  })
})

describe('no pod is asked', () => {
  const cases: readonly { readonly what: string; readonly fields: Partial<GatewayPod> }[] = [
    { what: 'that runs the policy', fields: { report: { hash, refused: undefined, backends: [] } } },
    { what: 'that has no address', fields: { address: undefined } },
    { what: 'that is only starting', fields: { report: undefined, ready: false } },
  ]
  for (const { what, fields } of cases) {
    test(what, async () => {
      const { cluster, bring } = scene()
      await bring(pod(fields))
      assert.deepEqual(cluster.take(), [])
    })
  }
})

test('a pod that is ready and does not answer is asked, for it may run anything', async () => {
  const { cluster, bring } = scene()
  await bring(pod({ report: undefined, ready: true }))
  assert.equal(cluster.take().length, 1)
})

describe('an answer of the API server', () => {
  for (const [status, is] of [
    [404, 'passed over: the pod is gone'],
    [409, 'passed over: the pod was replaced'],
    [403, 'passed over: the kubelet looks by itself within a minute or two'],
    [422, 'passed over: the kubelet looks by itself within a minute or two'],
    [500, 'told'],
    [0, 'told'],
  ] as const) {
    test(`${status} is ${is}`, async () => {
      const { cluster, bring } = scene()
      cluster.onCall = () => {
        throw new KubeError('no', { status, reason: 'No' })
      }
      if (is === 'told') await assert.rejects(bring(pod()), KubeError)
      else await bring(pod())
    })
  }
})

test('pods that are gone are forgotten after some minutes', async () => {
  const { clock, refresh, bring } = scene()
  for (let at = 0; at < 100; at++) await bring(pod({ uid: `gone-${at}` }))
  assert.equal(refresh.size, 100)
  clock.now = 10 * 60_000
  await bring(pod())
  assert.equal(refresh.size, 1)
})
