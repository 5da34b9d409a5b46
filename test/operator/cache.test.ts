// Which changes of the cluster the cache reports, and for which policy.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Cache } from '../../operator/cache.ts'
import { labels } from '../../operator/desired/names.ts'
import type { KubeObject } from '../../operator/kube/object.ts'
import { until } from './kube/virtual-clock.ts'
import { policyWith } from './policy-object.ts'
import { WatchedCluster } from './watched-cluster.ts'

/** Policies, the kinds that the operator makes, pods, and the ConfigMaps of one namespace with tables. */
const watches = 12

const owned = (kind: string, policy: string, name = 'mx-gateway'): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: 'mail', labels: labels(policy) },
})
const foreign = (kind: string, namespace = 'mail'): KubeObject => ({ apiVersion: 'v1', kind, metadata: { name: 'senders', namespace } })

const cases: readonly {
  readonly what: string
  readonly happens: (cluster: WatchedCluster) => void
  readonly want: readonly string[]
}[] = [
  { what: 'a policy that comes', happens: (cluster) => cluster.put(policyWith({})), want: ['policy mail/mx'] },
  {
    what: 'a policy that changes and goes',
    happens: (cluster) => {
      cluster.put(policyWith({}))
      cluster.put(policyWith({ mode: 'Audit' }))
      cluster.remove('PostscreenPolicy', 'mx')
    },
    want: ['policy mail/mx', 'policy mail/mx', 'policy mail/mx'],
  },
  {
    what: 'what the operator made for a policy, as a change of that and not of the policy',
    happens: (cluster) => {
      cluster.put(owned('Deployment', 'mx'))
      cluster.remove('Deployment', 'mx-gateway')
    },
    want: ['owned mail/mx', 'owned mail/mx'],
  },
  { what: 'a pod of a policy', happens: (cluster) => cluster.put(owned('Pod', 'mx', 'mx-gateway-1')), want: ['owned mail/mx'] },
  {
    what: 'an object that gets the label of another policy, to both',
    happens: (cluster) => {
      cluster.put(owned('Service', 'mx'))
      cluster.put(owned('Service', 'backup'))
    },
    want: ['owned mail/mx', 'owned mail/mx', 'owned mail/backup'],
  },
  {
    what: 'any ConfigMap where policies have tables',
    happens: (cluster) => cluster.put(foreign('ConfigMap')),
    want: ['ConfigMap mail/senders'],
  },
  { what: 'no ConfigMap elsewhere', happens: (cluster) => cluster.put(foreign('ConfigMap', 'shop')), want: [] },
  { what: 'no other object that does not belong to the operator', happens: (cluster) => cluster.put(foreign('Service')), want: [] },
]

describe('the cache tells of', () => {
  for (const { what, happens, want } of cases) {
    test(what, async () => {
      const told: string[] = []
      const cluster = new WatchedCluster()
      const cache = new Cache({
        client: cluster.client,
        namespaces: [],
        onPolicy: (key) => told.push(`policy ${key}`),
        onOwned: (policy) => told.push(`owned ${policy}`),
        onConfigMap: (key) => told.push(`ConfigMap ${key}`),
        onTrouble: (text) => assert.fail(text),
      })
      try {
        cache.watchTables(new Set(['mail']))
        await cache.synced()
        await until(() => cluster.watches === watches, 'all watches')
        happens(cluster)
        // What comes out of each watch last.
        for (const kind of ['PostscreenPolicy', 'Service', 'Deployment', 'Pod', 'ConfigMap']) cluster.put(owned(kind, 'end', 'end'))
        const marks = ['policy mail/end', 'owned mail/end', 'owned mail/end', 'owned mail/end', 'owned mail/end', 'ConfigMap mail/end']
        await until(() => told.filter((one) => one.endsWith('/end')).length === marks.length, 'the end')
        assert.deepEqual(
          told.filter((one) => !one.endsWith('/end')),
          want,
        )
      } finally {
        await cache.stop()
      }
    })
  }
})

test('ConfigMaps are read only in namespaces where a policy has a table, and only as long', async () => {
  const told: string[] = []
  const cluster = new WatchedCluster()
  const put = (namespace: string) => cluster.put(foreign('ConfigMap', namespace))
  const cache = new Cache({
    client: cluster.client,
    namespaces: [],
    onPolicy: () => undefined,
    onOwned: () => undefined,
    onConfigMap: (key) => told.push(key),
    onTrouble: (text) => assert.fail(text),
  })
  try {
    put('mail')
    put('shop')
    await cache.synced()
    assert.equal(told.length, 0)
    cache.watchTables(new Set(['mail']))
    await until(() => told.length === 1, 'the table that was there before')
    assert.deepEqual(
      cluster.looked.filter((one) => one.startsWith('ConfigMap ')),
      ['ConfigMap mail'],
    )
    assert.notEqual(cache.configMapVersion('mail/senders'), undefined)
    assert.equal(cache.configMapVersion('shop/senders'), undefined)
    cache.watchTables(new Set())
    assert.equal(cache.configMapVersion('mail/senders'), undefined)
    put('mail')
    cache.watchTables(new Set(['shop']))
    await until(() => told.includes('shop/senders'), 'the table of another namespace')
    assert.deepEqual(told, ['mail/senders', 'shop/senders'])
  } finally {
    await cache.stop()
  }
})
