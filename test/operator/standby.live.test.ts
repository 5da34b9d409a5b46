// An operator whose renewals of the lease fail for a while: it stops all work, stays alive, and begins again.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { startOperator } from '../../operator/main.ts'
import { until } from './kube/virtual-clock.ts'
import { HttpCluster } from './http-cluster.ts'
import { policyWith } from './policy-object.ts'

const quiet = { gateway: { replicas: 0 } }

function named(name: string, spec: object) {
  const policy = policyWith(spec)
  return { ...policy, metadata: { ...policy.metadata, name, uid: `uid-of-${name}` } }
}

/** An operator with a short lease, and what it logs. */
async function started(cluster: HttpCluster) {
  const lines: string[] = []
  const operator = await startOperator({
    namespaces: [],
    instance: 'postscreen-system/postscreen-operator',
    gatewayImage: 'registry.example.com/postscreen:1.0',
    tenants: undefined,
    gatewayPullSecrets: [],
    podUsers: 'auto',
    metricsFrom: [],
    kubeconfig: cluster.kubeconfig,
    admin: { address: '127.0.0.1', port: 0 },
    election: { namespace: 'postscreen-system', name: 'postscreen-operator', identity: 'one', formerSelf: undefined, leaseMs: 9000 },
    ownNamespace: 'postscreen-system',
    resyncMs: 3_600_000,
    workers: 16,
    log: pino({ base: null }, { write: (line: string) => void lines.push(line) }),
  })
  const metric = async (name: string): Promise<string> => {
    const text = await (await fetch(`http://${operator.admin}/metrics`)).text()
    return text.split('\n').find((line) => line.startsWith(name)) ?? ''
  }
  return { operator, metric, said: (text: string): number => lines.filter((line) => line.includes(text)).length }
}

const hasText = (cluster: HttpCluster, name: string, text: string): boolean =>
  JSON.stringify(cluster.find('ConfigMap', `${name}-policy`) ?? '').includes(text)

test('an operator that loses its lease writes nothing more, and works again with what it reads again', async (t) => {
  const cluster = await HttpCluster.start()
  t.after(() => cluster.close())
  cluster.put(named('mx', { ...quiet, hostname: 'a.example.com' }))
  const { operator, metric, said } = await started(cluster)
  t.after(() => operator.stop())
  await until(() => hasText(cluster, 'mx', 'a.example.com'), 'the ConfigMap')

  cluster.holdsLease = true
  const losses = said('the lease is lost')
  await until(() => said('the lease is lost') > losses, 'the loss of the lease')
  cluster.put(named('mx', { ...quiet, hostname: 'b.example.com' }))
  const [asked, writes, lists] = [cluster.leaseRequests, cluster.writes.length, cluster.lists]
  await until(() => cluster.leaseRequests >= asked + 2, 'further attempts to get the lease')
  assert.deepEqual(cluster.writes.slice(writes), [])
  assert.equal(cluster.lists, lists, 'an operator that stands by reads nothing')
  assert.match(await metric('leader_election_master_status'), / 0$/)
  assert.equal(await metric('postscreen_policy_condition'), '', 'it says nothing about policies that another one manages')
  assert.equal((await fetch(`http://${operator.admin}/healthz`)).status, 200)

  cluster.holdsLease = false
  await until(() => hasText(cluster, 'mx', 'b.example.com'), 'the change that came meanwhile')
  assert.ok(cluster.lists > lists, 'it reads everything again')
})
