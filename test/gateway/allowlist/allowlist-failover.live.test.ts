// The shared allowlist on several real servers: failover by sentinels, slots that move in a cluster, nodes that die.
// Runs first: it takes most of a minute.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, test } from 'node:test'
import { unless } from '../../peers/require.ts'
import { startCluster, startReplicated, startValkey, valkeyCli, type Valkey } from '../../peers/valkey.ts'
import { untilHolds } from '../../support/until-holds.ts'
import { openStore, recordFor, type StoreUnderTest } from '../../support/shared-store.ts'
import { inTime } from '../../support/in-time.ts'

const skip = unless('valkey')
const hour = 3600
const passed = (): string => recordFor(hour, hour, hour, hour, hour)

/** Clients that come while something goes on: how many, how many of them waited for too long, and how many were not known. */
async function clientsUntil(
  done: Promise<unknown>,
  { store }: StoreUnderTest,
  known: readonly string[],
): Promise<{ clients: number; late: number; lost: number }> {
  let [clients, late, lost] = [0, 0, 0]
  let over = false
  void done.finally(() => (over = true))
  for (; !over; clients++) {
    const answer = Promise.resolve(store.get(known[clients % known.length] ?? ''))
    if (!(await inTime(answer, budgetMs + slackMs))) late++
    if ((await answer) === undefined) lost++
    await sleep(1)
  }
  await done
  return { clients, late, lost }
}

/** Partial records: they are never answered from the near cache, so each of these clients asks the server. */
async function fill({ store }: StoreUnderTest, count: number): Promise<readonly string[]> {
  const keys = Array.from({ length: count }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
  for (const key of keys) store.put(key, recordFor(hour, hour, 0, 0, 0))
  await store.flush()
  await untilHolds('all is written', () => store.status().pendingWrites === 0)
  return keys
}

const budgetMs = 100
/** What the work around the budget may add. */
const slackMs = 300

describe('with sentinels', { skip }, () => {
  const faults: readonly { readonly what: string; readonly strike: (primary: Valkey, sentinel: Valkey) => Promise<unknown> | void }[] = [
    { what: 'is killed', strike: (primary) => primary.kill() },
    { what: 'holds still', strike: (primary) => primary.signal('SIGSTOP') },
    { what: 'is replaced by an operator', strike: (_, sentinel) => sentinel.cli('sentinel', 'failover', 'mymaster') },
  ]
  for (const { what, strike } of faults) {
    test(`another primary is found when the first ${what}, and has what was learnt meanwhile`, async (t) => {
      const { servers, sentinels, stop } = await startReplicated()
      t.after(stop)
      const [primary, replica] = servers
      const [sentinel] = sentinels
      if (primary === undefined || replica === undefined || sentinel === undefined) assert.fail()
      const under = await openStore(t, sentinels, { mode: 'Sentinel', masterName: 'mymaster', timeoutMs: budgetMs })
      const known = await fill(under, 200)
      await untilHolds('the replica has it', async () => (await replica.cli('dbsize')) === '200')
      await strike(primary, sentinel)
      const record = passed()
      const written = untilHolds(
        'the new primary has it',
        async () => {
          under.store.put('192.0.2.1', record)
          // A replica that is promoted hangs up on its clients, redis-cli too.
          const asked = (...command: readonly string[]): Promise<string> => replica.cli(...command).catch(() => '')
          const primaryNow = (await asked('info', 'replication')).includes('role:master')
          return primaryNow && (await asked('get', 'postscreen:192.0.2.1')) === record
        },
        60,
      )
      assert.equal((await clientsUntil(written, under, known)).late, 0, 'clients that waited for longer than the time budget')
      await untilHolds('the store is up', () => under.store.status().up)
      assert.notEqual(await under.store.get(known[0] ?? ''), undefined, 'known as before')
      assert.ok(under.lines.filter((line) => line.includes('is away')).length <= 2, under.lines.join('\n'))
    })
  }

  test('that have a password get that of the servers', async (t) => {
    const primary = await startValkey({ config: ['requirepass secret'] })
    t.after(() => primary.stop())
    const config = [`sentinel monitor mymaster 127.0.0.1 ${primary.port} 1`, 'sentinel auth-pass mymaster secret', 'requirepass secret']
    const sentinel = await startValkey({ sentinel: true, config })
    t.after(() => sentinel.stop())
    const { store, lines } = await openStore(t, [sentinel], { mode: 'Sentinel', masterName: 'mymaster', password: 'secret' })
    assert.equal(store.status().up, true, lines.join('\n'))
  })
})

describe('in a cluster', { skip }, () => {
  test('every client is known while slots move from node to node', async (t) => {
    const { nodes, stop } = await startCluster()
    t.after(stop)
    const [first, second] = nodes
    if (first === undefined || second === undefined) assert.fail()
    // No server is away, so no request has to be given up: a busy machine gets the time.
    const under = await openStore(t, [first], { mode: 'Cluster', timeoutMs: 10_000 })
    const known = await fill(under, 1000)
    const sizes = await Promise.all(nodes.map(async (node) => Number(await node.cli('dbsize'))))
    assert.ok(
      sizes.every((size) => size > 200),
      `spread as ${sizes.join(', ')}`,
    )
    const [from, to] = await Promise.all([first.cli('cluster', 'myid'), second.cli('cluster', 'myid')])
    const reshard = [
      '--cluster',
      'reshard',
      first.address,
      '--cluster-from',
      from,
      '--cluster-to',
      to,
      '--cluster-slots',
      '1500',
      '--cluster-yes',
    ]
    const { clients, late, lost } = await clientsUntil(valkeyCli(first.port, reshard), under, known)
    assert.equal(lost, 0, `${lost} of ${clients} were not known`)
    assert.ok(late * 20 < clients, `${late} of ${clients} waited for long`)
    assert.deepEqual(under.lines, [])
    const after = Number(await second.cli('dbsize'))
    assert.ok(after > (sizes[1] ?? 0), 'something has moved')
    const found = new Set<string>()
    for await (const [key] of under.store.entries()) found.add(key)
    assert.equal(found.size, 1000)
  })

  test('a replica takes over for a node that holds still, and its clients are known again', async (t) => {
    const { nodes, stop } = await startCluster(1)
    t.after(stop)
    const [first, second] = nodes
    if (first === undefined || second === undefined) assert.fail()
    await untilHolds('the replicas follow', async () => {
      const seen = await Promise.all(nodes.slice(3).map((node) => node.cli('info', 'replication')))
      return seen.every((text) => text.includes('master_link_status:up'))
    })
    const under = await openStore(t, nodes, { mode: 'Cluster', timeoutMs: budgetMs })
    const known = await fill(under, 300)
    second.signal('SIGSTOP')
    const role = async (node: Valkey): Promise<boolean> => (await node.cli('info', 'replication')).includes('role:master')
    const takenOver = untilHolds('a replica is a primary', async () => (await Promise.all(nodes.slice(3).map(role))).includes(true))
    assert.equal((await clientsUntil(takenOver, under, known)).late, 0, 'clients that waited for longer than the time budget')
    await untilHolds('every client is known', async () => {
      for (const key of known) if ((await under.store.get(key)) === undefined) return false
      return true
    })
    const record = passed()
    for (const key of known) under.store.put(key, record)
    await untilHolds('all is written', () => under.store.status().pendingWrites === 0)
    second.signal('SIGCONT')
  })

  test('a node that dies and comes back costs its clients a second test at most', async (t) => {
    const { nodes, stop } = await startCluster()
    t.after(stop)
    const [first, , last] = nodes
    if (first === undefined || last === undefined) assert.fail()
    const under = await openStore(t, [first], { mode: 'Cluster', timeoutMs: budgetMs })
    const known = await fill(under, 300)
    await last.kill()
    const down = await clientsUntil(
      untilHolds('the cluster is down', async () => (await first.cli('cluster', 'info')).includes('cluster_state:fail')),
      under,
      known,
    )
    assert.equal(down.late, 0, 'clients that waited for longer than the time budget')
    await last.restart()
    const record = passed()
    for (const key of known) under.store.put(key, record)
    await untilHolds('all is written', () => under.store.status().pendingWrites === 0)
    await untilHolds('it is up', () => under.store.status().up)
    for (const key of known) assert.equal(await under.store.get(key), record)
  })
})
