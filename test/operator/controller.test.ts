// Which changes in the cluster lead to a pass over which policy, and what is left of one that is gone.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Controller } from '../../operator/controller.ts'
import { labels } from '../../operator/desired/names.ts'
import type { GatewayReport } from '../../operator/gateways/report.ts'
import { PolicyMemories } from '../../operator/policy-memory.ts'
import { until } from './kube/virtual-clock.ts'
import { settings } from './observed.ts'
import { policyWith } from './policy-object.ts'
import { WatchedCluster } from './watched-cluster.ts'

const byTable = { access: [{ table: { configMap: { name: 'senders', key: 'mx.cidr' } } }] }
const hour = 3_600_000

/** A controller at work in a cluster. */
class Scene {
  readonly cluster = new WatchedCluster()
  readonly memories = new PolicyMemories()
  /** `report KEY` and `forget KEY`, in order. */
  readonly log: string[] = []
  readonly asked = Promise.withResolvers<void>()
  readonly answer = Promise.withResolvers<GatewayReport | undefined>()
  readonly controller: Controller

  constructor() {
    this.controller = new Controller({
      client: this.cluster.client,
      namespaces: [],
      settings,
      ask: () => {
        this.asked.resolve()
        return this.answer.promise
      },
      workers: 1,
      resyncMs: hour,
      instance: 'postscreen-system/postscreen-operator',
      memories: this.memories,
      reporter: {
        report: ({ policy }) => this.log.push(`report ${policy.metadata.name}`),
        statusWritten: () => undefined,
        otherOperator: () => undefined,
        statusFieldsOmitted: () => undefined,
        forget: (_, name) => this.log.push(`forget ${name}`),
      },
      onError: () => undefined,
      onTrouble: (text) => assert.fail(text),
    })
  }

  async start(): Promise<void> {
    await this.controller.start()
    try {
      // Each kind is listed, and then watched.
      await until(() => this.cluster.watches === this.cluster.looked.length, 'all watches')
    } catch (error) {
      // A controller that runs would keep the process of the tests alive.
      await this.controller.stop()
      throw error
    }
  }

  senders(networks: string): void {
    const metadata = { name: 'senders', namespace: 'mail' }
    this.cluster.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'mx.cidr': `${networks} permit\n` } })
  }

  get policyText(): string {
    return JSON.stringify([this.cluster.find('ConfigMap', 'mx-policy'), this.cluster.find('ConfigMap', 'mx-tables-0')])
  }

  apply(name: string): void {
    const policy = policyWith({})
    this.cluster.put({ ...policy, metadata: { ...policy.metadata, name, uid: `uid-of-${name}` } })
  }

  /** Until a policy that is written now has been seen to: whatever was to be done before is done. */
  async settled(name: string): Promise<void> {
    this.apply(name)
    await until(() => this.cluster.find('PostscreenPolicy', name)?.['status'] !== undefined, `a status of ${name}`)
    await until(() => this.controller.depth === 0, 'an empty queue')
  }
}

describe('a table in a ConfigMap', () => {
  const scene = new Scene()
  before(() => scene.start())
  after(() => scene.controller.stop())

  test('is read again when it changes, also after objects of the policy have changed', async () => {
    scene.senders('192.0.2.0/24')
    scene.cluster.put(policyWith(byTable))
    await until(() => scene.cluster.find('ConfigMap', 'mx-tables-0') !== undefined, 'the tables')
    scene.cluster.change('ConfigMap', 'mx-policy', { data: {} })
    await until(() => scene.policyText.includes('policy.yaml'), 'the policy put back')
    const first = scene.policyText
    scene.senders('198.51.100.0/24')
    await until(() => scene.policyText !== first, 'the new table')
  })

  test('is of no interest any more when the policy does not name it', async () => {
    scene.cluster.put(policyWith({}, { generation: 2 }))
    await until(() => scene.cluster.find('ConfigMap', 'mx-tables-0') === undefined, 'the tables gone')
    await scene.settled('first')
    scene.log.length = 0
    scene.senders('203.0.113.0/24')
    await scene.settled('second')
    assert.ok(!scene.log.includes('report mx'), String(scene.log))
  })
})

test('a policy that goes during a pass is forgotten when the pass has told of it', async () => {
  const scene = new Scene()
  await scene.start()
  try {
    const metadata = { name: 'mx-gateway-1', namespace: 'mail', labels: labels('mx') }
    scene.cluster.put({ apiVersion: 'v1', kind: 'Pod', metadata, status: { phase: 'Running', podIP: '10.0.0.1' } })
    scene.cluster.put(policyWith({}))
    await scene.asked.promise
    scene.cluster.remove('PostscreenPolicy', 'mx')
    await until(() => scene.controller.policies.length === 0, 'the policy gone')
    assert.deepEqual(scene.log, [])
    scene.answer.resolve(undefined)
    await until(() => scene.log.length >= 2, 'the end of the pass, and what follows')
    assert.deepEqual(scene.log, ['report mx', 'forget mx'])
    assert.deepEqual([...scene.memories.all()], [])
  } finally {
    scene.answer.resolve(undefined)
    await scene.controller.stop()
  }
})

test('eleven policies that are applied at once begin at once, though the gateways of others do not answer', async () => {
  const scene = new Scene()
  await scene.start()
  const named = (name: string): string => `${name}-policy`
  try {
    for (const name of ['slow-1', 'slow-2', 'slow-3']) {
      const metadata = { name: `${name}-1`, namespace: 'mail', labels: labels(name) }
      scene.cluster.put({ apiVersion: 'v1', kind: 'Pod', metadata, status: { phase: 'Running', podIP: '10.0.0.1' } })
      scene.apply(name)
    }
    await scene.asked.promise
    const names = Array.from({ length: 11 }, (_, at) => `mx-${at}`)
    for (const name of names) scene.apply(name)
    await until(() => names.every((name) => scene.cluster.find('ConfigMap', named(name)) !== undefined), 'the ConfigMaps of all eleven')
    assert.deepEqual(
      scene.log.filter((line) => line.startsWith('report slow')),
      [],
      'no gateway has answered',
    )
  } finally {
    scene.answer.resolve(undefined)
    await scene.controller.stop()
  }
})
