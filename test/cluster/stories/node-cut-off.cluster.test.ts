// Story: a node is cut off from the network. Its sessions are lost; new sessions go to the other node as soon as the
// load balancer or the cluster has noticed.
// Runs alone: it cuts off a node.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { leave } from './support/alarms.ts'
import { type Anything, apply, eventually, get, kubectl, list, namespace, run } from './support/kubectl.ts'
import { balancerAddress, condition, gateway, greets, policy, ready } from './support/policies.ts'
import { installed, mailServer, mailServers, system } from './support/release.ts'
import { deliver, deliverInTwoParts, wasQueued } from './support/smtp-client.ts'
import { control, unlessOwnCluster } from './support/surroundings.ts'
import { type Arrival, inWords, trickle } from './support/trickle.ts'

const home = 'story-cut-off'
/** Not the first one: the way to Services leads over it, from where the stories run. */
const number = '2'
const node = `node${number}`
/**
 * The test cluster's times (its usual ones are 50 s of grace and a look every 5 s). A balancer asks each node twice a second, and gives it a second
 * to answer. Kubernetes holds a node for gone after its grace period, which begins with the last sign of life, up to 2 s before the cut.
 */
const balancer = { intervalMs: 500, timeoutMs: 1000 }
const grace = { periodMs: 10_000, lookMs: 1000 }
/**
 * Until the rules of a node's kube-proxy or of the balancer are changed, on a busy machine: the node controller, the EndpointSlice controller,
 * the API server and kube-proxy each have a part in it, on the same two cores as everything else.
 */
const changeMs = 20_000
/** The time limit of a client, on a busy machine. A client that was sent to the cut-off node gets no answer at all. */
const patienceMs = 15_000
/**
 * How long it is watched. Clients that are still sent there fail until less than `patienceMs` before its end, so no
 * bound may be above 45 s.
 */
const cutMs = 60_000
const skip = unlessOwnCluster('cuts a node off')
let pods: readonly Anything[] = []
let address: string

before(async () => {
  if (skip !== false) return
  await installed()
  await namespace(home)
  await mailServers(2)
  await apply(policy(home, 'mx', { greet: { action: 'Enforce', wait: '1s' }, gateway: gateway() }))
  await ready(home, 'mx')
  address = await balancerAddress(home, 'mx')
  pods = await list('pods', home)
})

after(async () => {
  if (skip !== false) return
  await heal()
  await kubectl('scale', `statefulset/${mailServer.name}`, '-n', system, '--replicas=1')
  await leave(home)
})

const heal = (): Promise<string> => run(control() ?? '', ['heal', number])
const isReady = (object: Anything): boolean => condition(object, 'Ready')?.status === 'True'
const nodesOf = (some: readonly Anything[]): readonly string[] => some.map(({ spec }): string => spec.nodeName).toSorted()
const postfixes = (): Promise<Anything[]> => list('pods', system, '-l', 'app.kubernetes.io/component=postfix')

interface Figures {
  readonly failed: readonly Arrival[]
  /** From the cut to the call of the last client that was not served; 0 when all were. */
  readonly lastFailedMs: number
  readonly longestMs: number
  readonly after: number
}

/** Of the sessions that began after the cut. */
function figuresOf(arrivals: readonly Arrival[], cutAt: number): Figures {
  const began = arrivals.filter(({ at }) => at >= cutAt)
  const failed = began.filter(({ delivered }) => !delivered)
  return {
    failed,
    lastFailedMs: Math.max(0, ...failed.map(({ at }) => at - cutAt)),
    longestMs: Math.max(0, ...began.filter(({ delivered }) => delivered).map(({ tookMs }) => tookMs)),
    after: began.length,
  }
}

const text = (what: string, { after: came, failed, lastFailedMs, longestMs }: Figures): string =>
  `${what}: ${came} new sessions after the cut, ${failed.length} failed, the last of them ${(lastFailedMs / 1000).toFixed(1)} s after it; the longest of the others took ${(longestMs / 1000).toFixed(1)} s`

test('gateways and Postfix are on both nodes', { skip }, async () => {
  assert.deepEqual(nodesOf(pods), ['node1', 'node2'])
  assert.deepEqual(nodesOf(await postfixes()), ['node1', 'node2'])
})

test('a node is cut off: new sessions go on at the other one', { skip }, async (context) => {
  const { spec } = await get('service', home, 'mx-gateway')
  await greets(spec.clusterIP)
  const here = pods.find((pod) => pod.spec.nodeName === node)
  const held = deliverInTwoParts({ host: here.status.podIP, port: 2525, client: 20, withinMs: 20_000 })
  await held.inTheMiddle
  const throughBalancer = trickle({ host: address, firstClient: 2000, everyMs: 100, withinMs: patienceMs })
  const throughService = trickle({ host: spec.clusterIP, firstClient: 4000, everyMs: 250, withinMs: patienceMs })
  let cutAt = 0
  try {
    await sleep(2000)
    await run(control() ?? '', ['partition', number])
    cutAt = performance.now()
    await eventually('the policy not Ready', async () => !isReady(await get('psc', home, 'mx')), cutMs)
    held.goOn()
    await sleep(cutMs - (performance.now() - cutAt))
  } finally {
    await heal()
  }
  const balanced = figuresOf(await throughBalancer.stop(), cutAt)
  const direct = figuresOf(await throughService.stop(), cutAt)
  const [ofBalancer, ofService] = [
    text('through the load balancer, which checks the nodes itself', balanced),
    text(`through the Service, with a grace period of ${grace.periodMs / 1000} s`, direct),
  ]
  context.diagnostic(ofBalancer)
  context.diagnostic(ofService)
  assert.ok(!wasQueued(await held.ended), 'what it held was not lost: was the node cut off?')
  assert.ok(direct.failed.length > 0, 'no session failed: was the node cut off?')
  assert.ok(balanced.after > 150 && direct.after > 60, 'too few sessions')
  assert.ok(
    balanced.lastFailedMs < 2 * (balancer.intervalMs + balancer.timeoutMs) + changeMs,
    `${ofBalancer}\n${inWords(balanced.failed.slice(-3))}`,
  )
  assert.ok(direct.lastFailedMs < grace.periodMs + grace.lookMs + changeMs, `${ofService}\n${inWords(direct.failed.slice(-3))}`)
})

test('when the node is back, the policy is Ready again with the same gateways, and both take clients', { skip }, async (context) => {
  const healedAt = performance.now()
  await kubectl('wait', '--for=condition=Ready', `node/${node}`, '--timeout=180s')
  const { status } = await ready(home, 'mx')
  context.diagnostic(`Ready again after ${Math.round((performance.now() - healedAt) / 1000)} s`)
  assert.equal(status.gateways.programmed, '2/2')
  const now = await list('pods', home)
  const uids = (some: readonly Anything[]): readonly string[] => some.map(({ metadata }): string => metadata.uid).toSorted()
  assert.deepEqual(uids(now), uids(pods))
  for (const [index, pod] of now.entries()) {
    const visit = await deliver({ host: pod.status.podIP, port: 2525, client: 30 + index })
    assert.ok(wasQueued(visit), `${pod.metadata.name}: ${visit.ending}: ${visit.heard}`)
  }
  await eventually('both Postfixes ready', async () => (await postfixes()).filter(isReady).length === 2)
})
