// Story: a cluster without a load balancer. A gateway on each node has port 25 of the node, sees the addresses of clients, and is replaced while mail comes
// in: a client finds one node closed and uses the next, and no session that has begun is lost.
// Runs alone: it takes port 25 of all nodes.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { leave } from './support/alarms.ts'
import { apply, eventually, get, kubectl, list, namespace } from './support/kubectl.ts'
import { gateway, greets, policy, ready } from './support/policies.ts'
import { installed, mailServers } from './support/release.ts'
import { deliver, type Visit, wasQueued } from './support/smtp-client.ts'

const home = 'story-node-ports'
let nodes: readonly string[]

const spec = (more: object = {}): object => ({
  greet: { action: 'Enforce', wait: '1s' },
  gateway: gateway({
    kind: 'DaemonSet',
    hostPort: 25,
    service: { type: 'ClusterIP' },
    drain: { delay: '3s', timeout: '1m' },
    logFormat: 'Postfix',
    ...more,
  }),
})

before(async () => {
  await installed()
  await namespace(home)
  await mailServers(2)
  await kubectl('label', 'namespace', home, 'pod-security.kubernetes.io/enforce=privileged', '--overwrite')
  await apply(policy(home, 'mx', spec()))
  const found = await ready(home, 'mx')
  nodes = found.status.addresses.map((address: string) => address.replace(/:25$/, ''))
  for (const node of nodes) await greets(node)
})

after(async () => {
  // As many as the chart says, before Helm applies the chart again: another number would be a conflict.
  await mailServers(1)
  await leave(home)
})

test('the status names port 25 of every node', async () => {
  const hosts = (await list('nodes', '')).map(
    ({ status }) => status.addresses.find(({ type }: { readonly type: string }) => type === 'InternalIP')?.address,
  )
  assert.deepEqual(
    nodes,
    hosts.toSorted((one, other) => String(one).localeCompare(String(other))),
  )
  assert.equal((await get('psc', home, 'mx')).status.gateways.total, hosts.length)
})

test('the gateway of each node sees the address of the client, and the mail arrives', async () => {
  const visits: Visit[] = []
  for (const [at, host] of nodes.entries()) visits.push(await deliver({ host, client: 100 + at }))
  for (const one of visits) assert.ok(wasQueued(one), JSON.stringify(one))
  await eventually('the records of the clients', async () => {
    const log = await kubectl('logs', '-n', home, '-l', 'app.kubernetes.io/component=gateway', '--tail=-1', '--max-log-requests=20')
    return visits.every(({ from }) => log.includes(`CONNECT from [${from}]`))
  })
})

/** As mail servers do: the hosts of the MX records one after the other. A session that has begun is the last. */
async function send(client: number): Promise<readonly Visit[]> {
  const tries: Visit[] = []
  for (const host of client % 2 === 0 ? nodes : nodes.toReversed()) {
    const one = await deliver({ host, client, withinMs: 90_000 })
    tries.push(one)
    if (one.heard !== '') break
  }
  return tries
}

test('the gateways are replaced one node after the other, and no session is lost', async (context) => {
  const sent: Promise<readonly Visit[]>[] = []
  let going = true
  const coming = (async () => {
    for (let client = 1000; going; client++) {
      sent.push(send(client))
      await sleep(200)
    }
  })()
  const earlier = (await list('pods', home)).map(({ metadata }) => metadata.name)
  try {
    await kubectl('rollout', 'restart', 'daemonset/mx-gateway', '-n', home)
    await kubectl('rollout', 'status', 'daemonset/mx-gateway', '-n', home, '--timeout=600s')
    await ready(home, 'mx', '300s')
  } finally {
    going = false
    await coming
  }
  const all = await Promise.all(sent)
  const begun = all.flat().filter(({ heard }) => heard !== '')
  const lost = begun.filter((one) => !wasQueued(one))
  const closed = all.filter((tries) => tries.length > 1).length
  context.diagnostic(`${all.length} clients, ${begun.length} sessions, ${lost.length} lost, ${closed} clients found a node closed`)
  assert.ok(begun.length > 20, `only ${begun.length} sessions`)
  assert.deepEqual(lost, [])
  const pods = (await list('pods', home)).filter(({ metadata }) => metadata.deletionTimestamp === undefined)
  assert.deepEqual(
    pods.filter(({ metadata }) => earlier.includes(metadata.name)).map(({ metadata }) => metadata.name),
    [],
  )
})

test('the policy becomes a Deployment: its pods serve before those of the DaemonSet go', async () => {
  const apart = spec({ kind: 'Deployment', hostPort: 0 })
  await apply(policy(home, 'mx', apart))
  await eventually('the Deployment', async () => get('deployment', home, 'mx-gateway'))
  await ready(home, 'mx', '300s')
  assert.equal(await get('daemonset', home, 'mx-gateway'), undefined)
  assert.ok((await get('deployment', home, 'mx-gateway')).status.availableReplicas >= 2)
})
