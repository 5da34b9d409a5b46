// Story: objects of the operator are changed by others, and the operator leaves the objects of others alone.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { leave } from './support/alarms.ts'
import { apply, eventually, get, kubectl, namespace } from './support/kubectl.ts'
import { condition, gateway, policy, ready } from './support/policies.ts'
import { installed } from './support/release.ts'

const home = 'story-drift'

before(async () => {
  await installed()
  await namespace(home)
  await apply(policy(home, 'mx', { gateway: gateway({ replicas: 1 }) }))
  await ready(home, 'mx')
})

after(() => leave(home))

test('a ConfigMap that was deleted is back with the same content', async () => {
  const earlier = await get('configmap', home, 'mx-policy')
  await kubectl('delete', 'configmap', 'mx-policy', '-n', home)
  const now = await eventually('the ConfigMap', () => get('configmap', home, 'mx-policy'))
  assert.notEqual(now.metadata.uid, earlier.metadata.uid)
  assert.deepEqual(now.data, earlier.data)
})

test('a policy text that was edited is put back', async () => {
  const earlier = await get('configmap', home, 'mx-policy')
  await kubectl('patch', 'configmap', 'mx-policy', '-n', home, '--type=merge', '-p', '{"data":{"policy.yaml":"apiVersion: x"}}')
  await eventually('the text', async () => (await get('configmap', home, 'mx-policy')).data['policy.yaml'] === earlier.data['policy.yaml'])
})

test('a Deployment that was edited and scaled is put back', async () => {
  await kubectl('scale', 'deployment/mx-gateway', '-n', home, '--replicas=4')
  await kubectl('set', 'env', 'deployment/mx-gateway', '-n', home, 'HELLO=world')
  await kubectl(
    'patch',
    'deployment',
    'mx-gateway',
    '-n',
    home,
    '--type=merge',
    '-p',
    '{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":9}}}}',
  )
  await eventually('the Deployment', async () => {
    const { spec } = await get('deployment', home, 'mx-gateway')
    return spec.replicas === 1 && spec.template.spec.terminationGracePeriodSeconds === 38
  })
})

test('labels and annotations that others add are left alone', async () => {
  await kubectl('annotate', 'service', 'mx-gateway', '-n', home, 'example.com/note=mine')
  await kubectl('delete', 'poddisruptionbudget', 'mx-gateway', '-n', home)
  await eventually('the budget', () => get('poddisruptionbudget', home, 'mx-gateway'))
  const { metadata } = await get('service', home, 'mx-gateway')
  assert.equal(metadata.annotations['example.com/note'], 'mine')
})

test('what the policy no longer asks for is removed', async () => {
  await apply(policy(home, 'mx', { gateway: gateway({ replicas: 1, networkPolicy: { enabled: false } }) }))
  await eventually('the NetworkPolicy gone', async () => (await get('networkpolicy', home, 'mx-gateway')) === undefined)
  await ready(home, 'mx')
})

test('an annotation of the Service that the policy no longer has is removed', async () => {
  const withAnnotation = (annotations: object): object =>
    policy(home, 'mx', { gateway: gateway({ replicas: 1, service: { annotations } }) })
  const seen = async (): Promise<string | undefined> =>
    (await get('service', home, 'mx-gateway')).metadata.annotations['example.com/balancer']
  await apply(withAnnotation({ 'example.com/balancer': 'v2' }))
  await eventually('the annotation', async () => (await seen()) === 'v2')
  await apply(withAnnotation({}))
  await eventually('the annotation gone', async () => (await seen()) === undefined)
})

test('a Service of that name that does not belong to the operator is left alone, and the policy names it', async () => {
  await apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'other-gateway', namespace: home },
    spec: { ports: [{ port: 80 }], selector: { app: 'theirs' } },
  })
  const earlier = await get('service', home, 'other-gateway')
  await apply(policy(home, 'other', { gateway: gateway({ replicas: 1 }) }))
  const refused = await eventually('the condition', async () => {
    const found = await get('psc', home, 'other')
    return condition(found, 'Programmed')?.reason === 'NameConflict' && found
  })
  assert.match(condition(refused, 'Programmed').message, /Service other-gateway exists and does not belong to the operator/)
  assert.equal(condition(refused, 'Stalled').status, 'True')
  assert.equal(condition(refused, 'Ready').status, 'False')
  const later = await get('service', home, 'other-gateway')
  assert.equal(later.metadata.resourceVersion, earlier.metadata.resourceVersion)
  await kubectl('delete', 'service', 'other-gateway', '-n', home)
  await ready(home, 'other')
})

test('a paused policy changes nothing, and says so', async () => {
  await kubectl('annotate', 'psc', 'mx', '-n', home, 'postscreen.dev/pause=true')
  const earlier = await get('configmap', home, 'mx-policy')
  await apply(policy(home, 'mx', { hostname: 'paused.example.com', gateway: gateway({ replicas: 1 }) }))
  await eventually('the condition', async () => condition(await get('psc', home, 'mx'), 'Programmed')?.reason === 'Paused')
  assert.deepEqual((await get('configmap', home, 'mx-policy')).data, earlier.data)
  await kubectl('annotate', 'psc', 'mx', '-n', home, 'postscreen.dev/pause-')
  await ready(home, 'mx')
  assert.match((await get('configmap', home, 'mx-policy')).data['policy.yaml'], /paused\.example\.com/)
})
