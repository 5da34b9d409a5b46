// Story: a tenant, who may edit one namespace, writes policies under an operator that is restricted; then the operator is opened again.
// Runs alone: it restricts the operator of the release.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { leave } from './support/alarms.ts'
import { apply, attempt, eventually, get, kubectl, namespace } from './support/kubectl.ts'
import { condition, gateway, policy, ready } from './support/policies.ts'
import { installed, mailServer, upgraded } from './support/release.ts'

const home = 'story-tenancy'
const host = `${mailServer.name}.${mailServer.namespace}.svc`
const backend = { addresses: [`${host}:${mailServer.port}`] }
const tenant = ['--as=tenant', '--as-group=system:authenticated']

before(async () => {
  await installed()
  await namespace(home)
  await kubectl('create', 'rolebinding', 'tenant', '-n', home, '--clusterrole=edit', '--user=tenant')
  await upgraded('--set=tenancy=restricted', `--set=tenants.hosts={${host}}`)
})

after(async () => {
  await upgraded('--set=tenancy=open', '--set=tenants.hosts=null')
  await leave(home)
})

/** What the operator says of the newest generation. */
const verdict = (name: string): Promise<string> =>
  eventually(`a verdict about ${name}`, async () => {
    const found = await get('psc', home, name)
    const accepted = condition(found, 'Accepted')
    return accepted?.observedGeneration === found?.metadata.generation && `${accepted.status} ${accepted.reason}: ${accepted.message}`
  })

test('a policy that ends at its own gateway is Ready', async () => {
  await apply(policy(home, 'modest', { backend, gateway: gateway({ replicas: 1 }) }), ...tenant)
  await ready(home, 'modest')
})

test('a policy that mounts a Secret of another application, or reaches for nodes, makes nothing', async () => {
  await kubectl('create', 'secret', 'generic', 'other-app-db', '-n', home, '--from-literal=password=hunter2')
  const valkey = { addresses: ['collector.example.net:6379'], passwordSecret: { name: 'other-app-db', key: 'password' } }
  const reaching = gateway({
    priorityClassName: 'system-node-critical',
    tolerations: [{ operator: 'Exists' }],
    podLabels: { app: 'postgres' },
  })
  await apply(policy(home, 'greedy', { backend, gateway: reaching, allowlist: { store: 'Valkey', valkey } }), ...tenant)
  const said = await verdict('greedy')
  assert.match(said, /^False RefusedByTenancy: /)
  for (const path of [
    'allowlist.valkey.addresses',
    'allowlist.valkey.passwordSecret.name',
    'gateway.priorityClassName',
    'gateway.tolerations',
    'gateway.podLabels',
  ])
    assert.ok(said.includes(`spec.${path}: `), said)
  for (const kind of ['deployment', 'service', 'configmap'])
    assert.equal(await get(kind, home, kind === 'configmap' ? 'greedy-policy' : 'greedy-gateway'), undefined)
})

test('a change that is refused leaves the gateway as it is', async () => {
  await apply(policy(home, 'modest', { backend: { service: mailServer }, gateway: gateway({ replicas: 1 }) }), ...tenant)
  assert.match(await verdict('modest'), /^False RefusedByTenancy: .*spec\.backend\.service\.namespace: must be "story-tenancy"/)
  assert.equal((await get('deployment', home, 'modest-gateway')).status.readyReplicas, 1)
})

test('a tenant cannot write the status, and so not call a policy accepted', async () => {
  const { code, stderr } = await attempt('kubectl', [
    'patch',
    'psc',
    'greedy',
    '-n',
    home,
    '--subresource=status',
    '--type=merge',
    '-p',
    '{"status":{}}',
    ...tenant,
  ])
  assert.notEqual(code, 0)
  assert.match(stderr, /forbidden/i)
})

test('an operator that is opened again accepts what it refused', async () => {
  await upgraded('--set=tenancy=open')
  await eventually('modest accepted', async () => (await verdict('modest')).startsWith('True Accepted'))
  await ready(home, 'modest')
})
