// Story: a first policy is applied, and gateways start that screen port 25 in front of a Postfix.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { leave } from './support/alarms.ts'
import { apply, eventually, get, kubectl, list, namespace, run } from './support/kubectl.ts'
import { balancerAddress, condition, gateway, policy, ready } from './support/policies.ts'
import { installed, system } from './support/release.ts'
import { deliver, visit, wasQueued } from './support/smtp-client.ts'
import { clientAddress } from './support/surroundings.ts'

const home = 'story-first'
let address: string

before(async () => {
  await installed()
  await namespace(home, { 'pod-security.kubernetes.io/enforce': 'restricted' })
  await apply(policy(home, 'mx', { gateway: gateway() }))
  await ready(home, 'mx')
  address = await balancerAddress(home, 'mx')
})

after(() => leave(home))

test('every object of the gateway is there, and belongs to the policy', async () => {
  const { metadata } = await get('psc', home, 'mx')
  for (const [kind, name] of [
    ['configmap', 'mx-policy'],
    ['deployment', 'mx-gateway'],
    ['service', 'mx-gateway'],
    ['serviceaccount', 'mx-gateway'],
    ['networkpolicy', 'mx-gateway'],
    ['poddisruptionbudget', 'mx-gateway'],
  ] as const) {
    const object = await get(kind, home, name)
    assert.equal(object?.metadata.ownerReferences?.[0]?.uid, metadata.uid, kind)
    assert.equal(object.metadata.labels['app.kubernetes.io/managed-by'], 'postscreen-operator', kind)
  }
})

test('kubectl get shows in one line that the policy is Ready', async () => {
  // A gateway that does not answer within 2 s counts as unknown until it is asked again.
  const allIsWell = /^mx +Enforce +True +Ready +2\/2 +2\/2 +True +[\d.]+ /
  await eventually('all well', async () => allIsWell.test(await kubectl('get', 'psc', 'mx', '-n', home, '--no-headers')))
})

test('pods run at the restricted Pod Security level, without a token', async () => {
  for (const pod of await list('pods', home)) {
    assert.equal(pod.spec.automountServiceAccountToken, false)
    assert.equal(pod.status.phase, 'Running')
  }
})

test('a bot that speaks before its turn is refused, and does not reach Postfix', async () => {
  const bot = await visit({
    host: address,
    client: 11,
    early: 'HELO bot.example\r\n',
    turns: ['MAIL FROM:<bot@example>\r\n', 'RCPT TO:<user@example.com>\r\n', 'QUIT\r\n'],
  })
  assert.match(bot.heard, /^550 5\.5\.1 Protocol error/m, bot.heard)
  const log = await kubectl('logs', '-n', system, '-l', 'app.kubernetes.io/component=postfix', '--tail=-1')
  if (clientAddress(11) !== undefined) assert.ok(!log.includes(`[${bot.from}]`), 'Postfix has seen the bot')
})

test('swaks delivers through the load balancer, and Postfix logs the client’s own address', async () => {
  const from = clientAddress(12)
  const own = from === undefined ? [] : ['--local-interface', from]
  const said = await run('swaks', [
    '--server',
    address,
    '--to',
    'user@example.com',
    '--from',
    'swaks@example.net',
    '--ehlo',
    'client.example.net',
    '--header',
    'Subject: first',
    ...own,
  ])
  const [, id] = /queued as (\w+)/.exec(said) ?? assert.fail(said)
  const line = await eventually('the message in Postfix’s log', async () => {
    const log = await kubectl('logs', '-n', system, '-l', 'app.kubernetes.io/component=postfix', '--tail=-1')
    return log.split('\n').find((one) => one.includes(`${id}: client=`))
  })
  assert.match(line, from === undefined ? /client=\S*\[[\d.]+\]/ : new RegExp(`client=\\S*\\[${from}\\]`))
})

test('a client that has passed does not wait when it connects to the same gateway again', async () => {
  const first = await deliver({ host: address, client: 13 })
  assert.ok(wasQueued(first), first.heard)
  // The load balancer chooses a gateway by address and port: with two gateways one of a few visits comes back to the first.
  const visits = []
  for (let index = 0; index < 8; index++) visits.push(await deliver({ host: address, client: 13 }))
  assert.ok(visits.every(wasQueued))
  assert.ok(
    visits.some(({ heard }) => !heard.startsWith('220-')),
    'no visit was spared the teaser',
  )
})

test('the events of the policy say what was made for it', async () => {
  const wanted = ['Created', 'Programmed']
  await eventually(String(wanted), async () => {
    const events = await list('events.events.k8s.io', home)
    const reasons = events.filter(({ regarding }) => regarding.name === 'mx').map(({ reason }) => reason)
    return wanted.every((reason) => reasons.includes(reason)) || assert.fail(String(reasons))
  })
})

test('the computed values are in the status', async () => {
  const { status } = await get('psc', home, 'mx')
  assert.deepEqual(status.effective.backends, [`postscreen-postfix.${system}.svc:10025`])
  assert.equal(status.gateways.programmed, '2/2')
  assert.match(status.configMap.hash, /^[0-9a-f]{64}$/)
  assert.equal(condition({ status }, 'BackendReachable').status, 'True')
})
