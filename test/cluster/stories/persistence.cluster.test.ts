// Story: a site without Valkey, whose gateways keep their memory in volumes. A client that has passed is known after its pod was deleted, killed, and
// replaced; the number of pods changes and the volumes stay; and the policy gets and loses its volumes without a lost session.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { leave } from './support/alarms.ts'
import { apply, attempt, eventually, get, kubectl, list, namespace } from './support/kubectl.ts'
import { balancerAddress, gateway, greets, policy, ready } from './support/policies.ts'
import { installed } from './support/release.ts'
import { deliver, wasQueued } from './support/smtp-client.ts'
import { inWords, trickle } from './support/trickle.ts'

const home = 'story-persistence'
const regular = 52_000
let host: string

const persistence = { size: '64Mi', whenDeleted: 'Delete' }
const spec = (more: object = {}): object => ({
  greet: { action: 'Enforce', wait: '1s' },
  // Only a client that is known delivers in its first session.
  deepTests: { handoff: 'Reconnect', pipelining: { enabled: true } },
  gateway: gateway({ replicas: 1, drain: { delay: '2s', timeout: '30s' }, ...more }),
})

const claims = async (): Promise<readonly string[]> => {
  const names = (await list('pvc', home)).map(({ metadata }) => String(metadata.name))
  return names.toSorted((one, other) => one.localeCompare(other))
}

async function served(): Promise<void> {
  await ready(home, 'mx', '300s')
  await greets(host)
}

before(async () => {
  await installed()
  await namespace(home)
  await apply(policy(home, 'mx', spec()))
  await ready(home, 'mx')
  host = await balancerAddress(home, 'mx')
})

after(() => leave(home))

/** Nothing was lost: each client was served, or told to come again. */
async function withoutLoss(firstClient: number, change: () => Promise<void>): Promise<void> {
  const clients = trickle({ host, firstClient, everyMs: 300, withinMs: 60_000 })
  await change()
  const arrivals = await clients.stop()
  const broken = arrivals.filter(({ heard, delivered }) => heard !== '' && !delivered && !/^4\d\d /m.test(heard))
  assert.ok(arrivals.length > 5, `only ${arrivals.length} clients`)
  assert.equal(inWords(broken), '')
}

test('the policy gets volumes: the pods of the StatefulSet serve before those of the Deployment go', async () => {
  await withoutLoss(53_000, async () => {
    await apply(policy(home, 'mx', spec({ persistence })))
    await eventually('the StatefulSet', async () => get('statefulset', home, 'mx-gateway'))
    await served()
    await eventually('the end of the Deployment', async () =>
      (await get('deployment', home, 'mx-gateway')) === undefined ? true : undefined,
    )
  })
  assert.deepEqual(await claims(), ['data-mx-gateway-0'])
  assert.match(await kubectl('get', 'mail', '-n', home), /^mx +Enforce +True/m)
})

test('a client that has passed is known after its pod was deleted, and after it was killed', async () => {
  const first = await deliver({ host, client: regular })
  assert.match(first.heard, /^450 4\.3\.2 /m)
  for (const how of [[], ['--grace-period=0', '--force']]) {
    // The records of the last second may still be on their way into the file.
    await sleep(3000)
    const { uid } = (await get('pod', home, 'mx-gateway-0')).metadata
    await kubectl('delete', 'pod', 'mx-gateway-0', '-n', home, ...how)
    await eventually('the next pod', async () => {
      const pod = await get('pod', home, 'mx-gateway-0')
      return pod !== undefined && pod.metadata.uid !== uid ? true : undefined
    })
    await served()
    const again = await deliver({ host, client: regular })
    assert.ok(wasQueued(again), again.heard)
  }
})

test('a rollout keeps the memory', async () => {
  await apply(policy(home, 'mx', spec({ persistence, podAnnotations: { 'example.com/form': '2' } })))
  await eventually('the new form', async () =>
    (await get('pod', home, 'mx-gateway-0'))?.metadata.annotations?.['example.com/form'] === '2' ? true : undefined,
  )
  await served()
  const visit = await deliver({ host, client: regular })
  assert.ok(wasQueued(visit), visit.heard)
})

test('kubectl scale changes the number of pods; volumes stay for the case that it grows again', async () => {
  await kubectl('scale', 'psc/mx', '-n', home, '--replicas=2')
  await ready(home, 'mx', '300s')
  assert.equal((await get('statefulset', home, 'mx-gateway')).status.availableReplicas, 2)
  await kubectl('scale', 'psc/mx', '-n', home, '--replicas=1')
  await eventually('one pod', async () => ((await get('pod', home, 'mx-gateway-1')) === undefined ? true : undefined))
  await served()
  assert.deepEqual(await claims(), ['data-mx-gateway-0', 'data-mx-gateway-1'])
  const visit = await deliver({ host, client: regular })
  assert.ok(wasQueued(visit), visit.heard)
})

test('the size of a volume cannot be changed, and the answer says what to do', async () => {
  const change = '{"spec":{"gateway":{"persistence":{"size":"128Mi"}}}}'
  const { code, stderr } = await attempt('kubectl', ['patch', 'psc/mx', '-n', home, '--type=merge', '-p', change])
  assert.notEqual(code, 0)
  assert.match(stderr, /spec\.gateway\.persistence\.size.*cannot be changed; remove spec\.gateway\.persistence and apply/)
})

test('the policy loses its volumes: a Deployment serves before the StatefulSet goes, and the claims go with it', async () => {
  await withoutLoss(54_000, async () => {
    await apply(policy(home, 'mx', spec({ podAnnotations: { 'example.com/form': '2' } })))
    await eventually('the Deployment', async () => get('deployment', home, 'mx-gateway'))
    await served()
  })
  await eventually('the end of the StatefulSet', async () =>
    (await get('statefulset', home, 'mx-gateway')) === undefined ? true : undefined,
  )
  await eventually('the end of the claims', async () => ((await claims()).length === 0 ? true : undefined))
})
