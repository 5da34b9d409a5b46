// Story: a node is drained, the gateway gets a new image, and Postfix is updated, while mail comes in through the load
// balancer. No session fails.
// Runs alone: it drains nodes and replaces the mail servers.
// Runs first: it takes two minutes.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { leave } from './support/alarms.ts'
import { apply, eventually, get, kubectl, list, namespace } from './support/kubectl.ts'
import { listenToPods } from './support/pod-logs.ts'
import { balancerAddress, gateway, policy, ready } from './support/policies.ts'
import { installed, mailServer, mailServers, system } from './support/release.ts'
import { deliverInTwoParts, wasQueued } from './support/smtp-client.ts'
import { type Arrival, inWords, trickle } from './support/trickle.ts'

const home = 'story-rollouts'
const postfix = `statefulset/${mailServer.name}`
let address: string
let nextClient = 1000

before(async () => {
  await installed()
  await namespace(home)
  await mailServers(2)
  await apply(
    policy(home, 'mx', {
      greet: { action: 'Enforce', wait: '1s' },
      // The usual delay: until then kube-proxy and the load balancer must know.
      gateway: gateway({ drain: { delay: '10s', timeout: '30s' }, logFormat: 'Postfix' }),
    }),
  )
  await ready(home, 'mx')
  address = await balancerAddress(home, 'mx')
})

after(async () => {
  for (const { metadata } of await list('nodes', '')) await kubectl('uncordon', metadata.name)
  await kubectl('scale', postfix, '-n', system, '--replicas=1')
  await leave(home)
})

/** What clients see who come before, during and a while after something. Not one session may fail. */
async function undisturbed(context: { diagnostic(text: string): void }, disturb: () => Promise<unknown>): Promise<void> {
  const logs = listenToPods(home, 'app.kubernetes.io/component=gateway')
  const clients = trickle({ host: address, firstClient: nextClient, withinMs: 60_000 })
  let all: readonly Arrival[] = []
  try {
    await sleep(2000)
    await disturb()
    await sleep(3000)
  } finally {
    all = await clients.stop()
    nextClient += all.length
  }
  const failed = all.filter(({ delivered }) => !delivered)
  const longest = Math.max(...all.map(({ tookMs }) => tookMs))
  context.diagnostic(`${all.length} sessions, ${failed.length} failed, the longest took ${Math.round(longest)} ms`)
  const lines = await logs.stop()
  const ofThem = lines.filter((line) => failed.slice(0, 3).some(({ from }) => from !== '' && line.includes(`[${from}]`)))
  assert.ok(all.length > 50, `only ${all.length} sessions`)
  assert.equal(failed.length, 0, [inWords(failed), ...ofThem.slice(0, 15)].join('\n'))
}

const gatewayPods = async (): Promise<readonly string[]> =>
  (await list('pods', home, '-l', 'app.kubernetes.io/component=gateway'))
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.name)

test('a rolling update of the gateway: every pod is replaced', (context) =>
  undisturbed(context, async () => {
    const earlier = await gatewayPods()
    // As a new image does: another form of pod.
    await kubectl('rollout', 'restart', 'deployment/mx-gateway', '-n', home)
    await kubectl('rollout', 'status', 'deployment/mx-gateway', '-n', home, '--timeout=300s')
    await ready(home, 'mx')
    assert.deepEqual(
      (await gatewayPods()).filter((name) => earlier.includes(name)),
      [],
    )
    await eventually('the old pods gone', async () => (await list('pods', home)).length === 2)
  }))

const postfixLog = (): Promise<string> => kubectl('logs', '-n', system, `${mailServer.name}-1`, '--tail=-1')

test('a gateway pod is deleted', (context) =>
  undisturbed(context, async () => {
    await kubectl('delete', 'pod', '-n', home, (await gatewayPods())[0] ?? '', '--wait')
    await ready(home, 'mx')
  }))

test('a node is drained', async (context) => {
  const [pod] = await list('pods', home, '-l', 'app.kubernetes.io/component=gateway')
  const { nodeName } = pod.spec
  await undisturbed(context, async () => {
    await kubectl('drain', nodeName, '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=300s')
    await ready(home, 'mx')
  })
  await kubectl('uncordon', nodeName)
})

test('a rolling update of the Postfix StatefulSet', (context) =>
  undisturbed(context, async () => {
    await kubectl('rollout', 'restart', postfix, '-n', system)
    await kubectl('rollout', 'status', postfix, '-n', system, '--timeout=300s')
  }))

test('a Postfix pod is deleted: new sessions go to the other one, and its open sessions are completed', (context) =>
  undisturbed(context, async () => {
    const held = Array.from({ length: 8 }, (_, index) => deliverInTwoParts({ host: address, client: 500 + index, withinMs: 60_000 }))
    await Promise.all(held.map(({ inTheMiddle }) => inTheMiddle))
    await kubectl('delete', 'pod', `${mailServer.name}-1`, '-n', system, '--wait=false')
    // It accepts no new clients, and waits for its open sessions.
    await eventually('it to wait for its sessions', async () => /for [1-9]\d* open sessions/.test(await postfixLog()))
    for (const { goOn } of held) goOn()
    const visits = await Promise.all(held.map(({ ended }) => ended))
    const cut = visits.filter((visit) => !wasQueued(visit))
    assert.equal(cut.length, 0, inWords(cut))
    await kubectl('rollout', 'status', postfix, '-n', system, '--timeout=300s')
  }))

test('the policy is Ready with two gateways in the end', async () => {
  const { status } = await ready(home, 'mx')
  assert.equal(status.gateways.programmed, '2/2')
  await eventually(
    'the budget to allow a disruption',
    async () => (await get('poddisruptionbudget', home, 'mx-gateway')).status.disruptionsAllowed === 1,
  )
})
