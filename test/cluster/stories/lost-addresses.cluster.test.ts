// Story: nodes hide the addresses of clients (externalTrafficPolicy: Cluster). The policy says so, Postfix is told no
// address of a node, and the setting that the condition names mends it.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Anything, apply, eventually, get, kubectl, list, namespace } from './support/kubectl.ts'
import { balancerAddress, condition, gateway, policy, ready } from './support/policies.ts'
import { installed, system } from './support/release.ts'
import { deliver, visit, wasQueued } from './support/smtp-client.ts'
import { clientAddress, unlessOwnCluster } from './support/surroundings.ts'

const skip = unlessOwnCluster('clients with different addresses')
const home = 'story-lost'
/** A gateway wants 200 connections and two minutes. */
const patienceMs = 15 * 60_000
const firstClient = 9000
let address: string

const spec = (externalTrafficPolicy: 'Cluster' | 'Local') =>
  policy(home, 'mx', {
    limits: { connectionsPerClient: 0 },
    gateway: gateway({ replicas: 1, service: { type: 'LoadBalancer', externalTrafficPolicy } }),
  })

before(async () => {
  if (skip !== false) return
  await installed()
  await namespace(home)
  await apply(spec('Cluster'))
  await ready(home, 'mx')
  address = await balancerAddress(home, 'mx')
})

after(() => kubectl('delete', 'namespace', home, '--ignore-not-found', '--wait=false'))

/** The line of Postfix about a message. */
async function clientOf(heard: string): Promise<string> {
  const [, id] = /queued as (\w+)/.exec(heard) ?? assert.fail(heard)
  return eventually('the message in Postfix’s log', async () => {
    const log = await kubectl('logs', '-n', system, '-l', 'app.kubernetes.io/component=postfix', '--tail=-1')
    return log.split('\n').find((line) => line.includes(`${id}: client=`))
  })
}

test('Postfix is told no address of a node', { skip }, async () => {
  const visited = await deliver({ host: address, client: firstClient, withinMs: 120_000 })
  assert.ok(wasQueued(visited), visited.heard)
  assert.match(await clientOf(visited.heard), /client=\S*\[192\.0\.2\.1\]/)
})

/** The condition, once enough clients have come to show that their addresses are lost. */
function untilLost(): Promise<Anything> {
  let next = firstClient
  const look = async () => {
    await Promise.all(Array.from({ length: 4 }, () => visit({ host: address, client: next++, turns: ['QUIT\r\n'] })))
    await sleep(1000)
    const found = condition(await get('psc', home, 'mx'), 'ClientAddressPreserved')
    return found?.status === 'False' && found
  }
  return eventually('ClientAddressPreserved=False', look, patienceMs)
}

test('the condition names the cause and the setting, and there is an event', { skip }, async () => {
  const said = await untilLost()
  assert.equal(said.reason, 'ExternalTrafficPolicyCluster')
  assert.match(said.message, /Service mx-gateway: .*set spec\.gateway\.service\.externalTrafficPolicy: Local/)
  await eventually('the event', async () => {
    const events = await list('events.events.k8s.io', home)
    return events.some(({ reason, type }) => reason === 'ExternalTrafficPolicyCluster' && type === 'Warning')
  })
  assert.equal(condition(await get('psc', home, 'mx'), 'Ready').status, 'True', 'mail flows')
})

test('with the setting that it names, Postfix sees the client', { skip }, async () => {
  await apply(spec('Local'))
  await ready(home, 'mx')
  const own = clientAddress(firstClient + 5000)
  await eventually(
    'a message from the client’s own address',
    async () => {
      const visited = await deliver({ host: address, client: firstClient + 5000, withinMs: 60_000 })
      return wasQueued(visited) && (await clientOf(visited.heard)).includes(`[${own}]`)
    },
    patienceMs,
  )
})
