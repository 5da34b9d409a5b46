// Story: when a policy is deleted, all its objects are removed; the same when its namespace is deleted.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { leave } from './support/alarms.ts'
import { apply, eventually, get, kubectl, list, namespace } from './support/kubectl.ts'
import { gateway, policy, ready } from './support/policies.ts'
import { installed } from './support/release.ts'

const home = 'story-deletion'
const kinds =
  'configmaps,services,serviceaccounts,deployments,replicasets,pods,networkpolicies,poddisruptionbudgets,horizontalpodautoscalers'

before(async () => {
  await installed()
  await namespace(home)
})

after(() => leave(home))

const left = async (): Promise<readonly string[]> =>
  (await list(kinds, home))
    .map(({ kind, metadata }) => `${kind} ${metadata.name}`)
    .filter((one) => !/kube-root-ca|ServiceAccount default/.test(one))

test('the deletion of the policy removes everything, and leaves what belongs to others', async () => {
  await apply({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'senders', namespace: home },
    data: { 'mx.cidr': '192.0.2.0/24 permit\n' },
  })
  await apply(
    policy(home, 'mx', {
      gateway: gateway({ replicas: 1, autoscaling: { minReplicas: 1, maxReplicas: 2 } }),
      access: [{ table: { configMap: { name: 'senders', key: 'mx.cidr' } } }],
    }),
  )
  // The last that is made.
  await eventually('the autoscaler', () => get('horizontalpodautoscaler', home, 'mx-gateway'))
  assert.ok((await left()).some((one) => one.startsWith('Deployment')))
  await kubectl('delete', 'psc', 'mx', '-n', home)
  const rest = await eventually('everything gone', async () => {
    const now = await left()
    return now.every((one) => one === 'ConfigMap senders') && now
  })
  assert.deepEqual(rest, ['ConfigMap senders'])
})

test('a policy that is made again at once gets its gateway again', async () => {
  await apply(policy(home, 'again', { gateway: gateway({ replicas: 1 }) }))
  await ready(home, 'again')
  await kubectl('delete', 'psc', 'again', '-n', home)
  await apply(policy(home, 'again', { gateway: gateway({ replicas: 1 }) }))
  const { metadata } = await ready(home, 'again')
  assert.equal((await get('deployment', home, 'again-gateway')).metadata.ownerReferences[0].uid, metadata.uid)
})

test('the deletion of the namespace is not blocked', async () => {
  await kubectl('delete', 'namespace', home, '--wait', '--timeout=300s')
  assert.equal(await get('namespace', '', home), undefined)
})
