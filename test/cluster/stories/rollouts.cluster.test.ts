// Story: a node is drained, the gateway gets a new image, Postfix is updated, while mail comes in through the load balancer. No session fails for it.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { apply, eventually, get, kubectl, list, namespace } from './support/kubectl.ts'
import { balancerAddress, gateway, policy, ready } from './support/policies.ts'
import { installed, mailServer, system } from './support/release.ts'
import { deliver, type Visit, wasQueued } from './support/smtp-client.ts'

const home = 'story-rollouts'
let address: string
let nextClient = 1000

before(async () => {
  await installed()
  await namespace(home)
  await kubectl('scale', `statefulset/${mailServer.name}`, '-n', system, '--replicas=2')
  await kubectl('rollout', 'status', `statefulset/${mailServer.name}`, '-n', system, '--timeout=120s')
  await apply(
    policy(home, 'mx', { greet: { action: 'Enforce', wait: '1s' }, gateway: gateway({ drain: { delay: '5s', timeout: '30s' } }) }),
  )
  await ready(home, 'mx')
  address = await balancerAddress(home, 'mx')
})

after(async () => {
  for (const { metadata } of await list('nodes', '')) await kubectl('uncordon', metadata.name)
  await kubectl('scale', `statefulset/${mailServer.name}`, '-n', system, '--replicas=1')
  await kubectl('delete', 'namespace', home, '--ignore-not-found', '--wait=false')
})

/** A steady trickle of clients, each new, ten a second, from before until a while after `disturb`. Gives the visits that did not deliver. */
async function failuresDuring(disturb: () => Promise<unknown>): Promise<{ readonly all: number; readonly failed: readonly Visit[] }> {
  const visits: Promise<Visit>[] = []
  let going = true
  const trickle = (async () => {
    while (going) {
      visits.push(deliver({ host: address, client: nextClient++, withinMs: 60_000 }))
      await sleep(100)
    }
  })()
  await sleep(2000)
  try {
    await disturb()
    await sleep(3000)
  } finally {
    going = false
    await trickle
  }
  const ended = await Promise.all(visits)
  return { all: ended.length, failed: ended.filter((one) => !wasQueued(one)) }
}

const inWords = (failed: readonly Visit[]): string =>
  failed
    .slice(0, 5)
    .map(({ ending, heard, tookMs }) => `${Math.round(tookMs)} ms, ${ending}: ${JSON.stringify(heard.slice(-200))}`)
    .join('\n')

async function undisturbed(context: { diagnostic(text: string): void }, disturb: () => Promise<unknown>): Promise<void> {
  const { all, failed } = await failuresDuring(disturb)
  context.diagnostic(`${all} sessions, ${failed.length} failed`)
  assert.ok(all > 50, `only ${all} sessions`)
  assert.equal(failed.length, 0, inWords(failed))
}

const gatewayPods = async (): Promise<readonly string[]> =>
  (await list('pods', home, '-l', 'app.kubernetes.io/component=gateway'))
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.name)

test('a rolling update of the gateway: every pod is replaced', (context) =>
  undisturbed(context, async () => {
    const earlier = await gatewayPods()
    // As a new image does: another form of pod.
    await apply(
      policy(home, 'mx', {
        greet: { action: 'Enforce', wait: '1s' },
        gateway: gateway({ drain: { delay: '5s', timeout: '30s' }, podAnnotations: { 'example.com/release': '2' } }),
      }),
    )
    await ready(home, 'mx')
    assert.deepEqual(
      (await gatewayPods()).filter((name) => earlier.includes(name)),
      [],
    )
    await eventually('the old pods gone', async () => (await list('pods', home)).length === 2)
  }))

test('a gateway pod is deleted', (context) =>
  undisturbed(context, async () => {
    await kubectl('delete', 'pod', '-n', home, (await gatewayPods())[0] ?? '', '--wait')
    await ready(home, 'mx')
  }))

test('a node is drained', async (context) => {
  const [pod] = await list('pods', home, '-l', 'app.kubernetes.io/component=gateway')
  const { nodeName } = pod.spec
  await undisturbed(context, async () => {
    await kubectl('drain', nodeName, '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=150s')
    await ready(home, 'mx')
  })
  await kubectl('uncordon', nodeName)
})

test('a rolling update of the Postfix StatefulSet', (context) =>
  undisturbed(context, async () => {
    await kubectl('rollout', 'restart', `statefulset/${mailServer.name}`, '-n', system)
    await kubectl('rollout', 'status', `statefulset/${mailServer.name}`, '-n', system, '--timeout=170s')
  }))

test('after all that the policy is Ready with two gateways', async () => {
  const { status } = await ready(home, 'mx')
  assert.equal(status.gateways.programmed, '2/2')
  assert.equal((await get('poddisruptionbudget', home, 'mx-gateway')).status.disruptionsAllowed, 1)
})
