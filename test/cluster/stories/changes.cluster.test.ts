// Story: a changed policy is enforced by every gateway without a restart. Fifty changes, three gateways.
// Runs alone: it measures.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { leave } from './support/alarms.ts'
import { apply, kubectl, list, namespace } from './support/kubectl.ts'
import { gateway, policy, ready } from './support/policies.ts'
import { installed } from './support/release.ts'
import { teaser } from './support/smtp-client.ts'

const home = 'story-changes'
const changes = 50
/** Two seconds are usual. How long it takes depends on the machine, so the figures are printed and not compared. */
const bearableMs = 180_000
/**
 * Kubelets that are not asked to look (operator/gateways/refresh.ts) do so after 30 to 90 s. The shortest time shows that they were asked, on a
 * machine of any speed.
 */
const unaskedMs = 25_000

// What a new client hears first tells which policy a gateway runs.
const withBanner = (banner: string): object =>
  policy(home, 'mx', { mode: 'Audit', gateway: gateway({ replicas: 3 }), greet: { banner: `$hostname ${banner}`, wait: '2s' } })

before(async () => {
  await installed()
  await namespace(home)
  await apply(withBanner('change 0'))
  await ready(home, 'mx')
})

after(() => leave(home))

async function gateways(): Promise<readonly string[]> {
  const pods = await list('pods', home, '-l', 'app.kubernetes.io/component=gateway')
  return pods
    .filter(({ metadata, status }) => metadata.deletionTimestamp === undefined && status.phase === 'Running')
    .map(({ status }) => status.podIP)
}

/** The generation of the policy that a gateway enforces, from its status page. */
async function running(address: string): Promise<string> {
  const answer = await fetch(`http://${address}:2580/status`)
  const page = (await answer.json()) as { policy: { generation: number } }
  return String(page.policy.generation)
}

async function until(address: string, generation: string, deadline: number): Promise<void> {
  while ((await running(address)) !== generation) {
    assert.ok(performance.now() < deadline, `${address} still runs another policy`)
    await sleep(10)
  }
}

test('fifty changes: from kubectl apply to the last of three gateways', async (context) => {
  const pods = await gateways()
  assert.equal(pods.length, 3)
  const took: number[] = []
  for (let change = 1; change <= changes; change++) {
    const began = performance.now()
    await apply(withBanner(`change ${change}`))
    const generation = await kubectl('get', 'psc', 'mx', '-n', home, '-o', 'jsonpath={.metadata.generation}')
    await Promise.all(pods.map((pod) => until(pod, generation, began + bearableMs)))
    took.push(performance.now() - began)
  }
  assert.deepEqual(await gateways(), pods, 'no gateway was restarted for it')
  took.sort((a, b) => a - b)
  const at = (share: number): number => Math.round(took[Math.min(took.length - 1, Math.ceil(share * took.length) - 1)] ?? 0)
  const figures = `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`
  context.diagnostic(figures)
  assert.ok(at(0) < unaskedMs, figures)
})

test('what a client reads comes from the newest policy, at every gateway', async () => {
  for (const pod of await gateways()) {
    assert.equal(await teaser(pod, 2525), `220-mx.example.com change ${changes}\r\n`)
  }
})

test('Ready says so for the newest generation', async () => {
  const { status } = await ready(home, 'mx')
  assert.equal(status.gateways.programmed, '3/3')
})
