// Story: five hundred policies. How often an operator calls to know them all, and what it costs when nothing happens. It is never restarted for being busy.
// Runs alone: it measures, and makes the control plane busy.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { apply, eventually, kubectl, list, namespace, run } from './support/kubectl.ts'
import { endOperator, OperatorPod, restoreOperators } from './support/operator-pod.ts'
import { condition, policy } from './support/policies.ts'
import { installed } from './support/release.ts'

const home = 'story-many'
const count = 500
/** The promise is about 10 minutes: POSTSCREEN_REST_SECONDS=600 waits for them, CI waits less. */
const restSeconds = Number(process.env['POSTSCREEN_REST_SECONDS'] ?? 20)
/** Printed beside the figures. How long it takes depends on the machine, so times are not compared. */
const promised = { readySeconds: 60, residentBytes: 200e6 }
/** Runs differ by 30 MB: a figure from just before a garbage collection is higher, and that is not a failure. */
const bearableBytes = 1.5 * promised.residentBytes
/** A policy has seven objects, and its pass may write each of them. */
const objectsOfOne = 7
let operator: OperatorPod

before(async () => {
  await installed()
  await endOperator()
  await namespace(home)
  // Without pods and load balancers of their own, for which 500 would not find room; everything else is made as for any gateway.
  const items = Array.from({ length: count }, (_, index) =>
    policy(home, `mx-${index}`, {
      gateway: { replicas: 0, service: { type: 'ClusterIP' } },
      dnsbl: { action: 'Enforce', sites: [{ domain: 'bl.example.org' }] },
    }),
  )
  await run('kubectl', ['create', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
})

after(async () => {
  await kubectl('delete', 'namespace', home, '--ignore-not-found', '--wait=false')
  await restoreOperators()
})

/** Without a gateway none is Ready (ScaledToZero); everything that was to be made has been. */
const isMade = (one: unknown): boolean => condition(one, 'Programmed')?.status === 'True'

const programmed = /^postscreen_policy_condition\{.*condition="Programmed",status="True"\}/

/** Starts an operator; gives the seconds from the start of its process until every policy is Ready. */
async function untilAllReady(): Promise<number> {
  operator = await OperatorPod.start()
  // Now and then only: to write thousands of lines of metrics is work too.
  await eventually(
    'every policy Ready',
    async () => {
      await sleep(900)
      const metrics = await operator.metrics()
      return [...metrics].filter(([name, value]) => value === 1 && programmed.test(name)).length === count
    },
    800_000,
  )
  return (Date.now() - operator.startedAt) / 1000
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB resident (promised: ${promised.residentBytes / 1e6})`
const said = (requests: ReadonlyMap<string, number>): string => {
  const verbs = Map.groupBy(requests, ([name]) => name.split(' ')[0] ?? '')
  return [...verbs].map(([verb, calls]) => `${verb} ${calls.reduce((sum, [, number]) => sum + number, 0)}`).join(', ')
}

/** Calls that are about policies: the lease is renewed all the time, watches come and go, and each status is confirmed once in 500 s. */
const work = (requests: ReadonlyMap<string, number>): readonly string[] =>
  [...requests]
    .filter(([name, calls]) => calls > 0 && !/ leases$|^watch |^apply postscreenpolicies$/.test(name))
    .map(([name, calls]) => `${name}: ${calls}`)

test('all objects are created for all policies', async (context) => {
  const seconds = await untilAllReady()
  context.diagnostic(
    `${count} policies with all their objects made and Ready after ${seconds.toFixed(1)} s; ${said(await operator.requests())}; ${megabytes(await operator.residentBytes())}`,
  )
  assert.ok((await list('psc', home)).every(isMade))
  assert.equal(await operator.restarts(), 0, 'the operator was ended while it was busy')
  await endOperator()
})

test('an operator that is restarted knows all policies, writes nothing, and is not ended for being busy', async (context) => {
  const seconds = await untilAllReady()
  const requests = await operator.requests()
  const resident = await operator.residentBytes()
  context.diagnostic(
    `${count} policies Ready ${seconds.toFixed(1)} s after the start (promised: ${promised.readySeconds}); ${said(requests)}; ${megabytes(resident)}`,
  )
  assert.deepEqual(
    // It asks once whether this is OpenShift.
    work(requests).filter((one) => !one.startsWith('list ') && one !== 'get apigroups: 1'),
    [],
    'it found everything as it should be',
  )
  assert.equal(await operator.restarts(), 0, 'the operator was ended while it was busy')
  assert.ok(resident <= bearableBytes, megabytes(resident))
})

test('at rest nothing is written and nothing is asked again', async (context) => {
  const earlier = await operator.requests()
  await sleep(restSeconds * 1000)
  const later = await operator.requests()
  const more = new Map([...later].map(([name, calls]) => [name, calls - (earlier.get(name) ?? 0)]))
  const resident = await operator.residentBytes()
  context.diagnostic(`${restSeconds} s at rest: ${said(more)}; ${megabytes(resident)}`)
  assert.deepEqual(work(more), [])
  assert.ok(resident <= bearableBytes, megabytes(resident))
})

test('a change of one policy among five hundred concerns only this policy', async (context) => {
  const earlier = await operator.requests()
  const began = performance.now()
  await apply(policy(home, 'mx-250', { hostname: 'changed.example.com', gateway: { replicas: 0, service: { type: 'ClusterIP' } } }))
  await kubectl('wait', '--for=condition=Programmed', 'psc/mx-250', '-n', home, '--timeout=180s')
  context.diagnostic(`in force after ${Math.round(performance.now() - began)} ms`)
  const later = await operator.requests()
  const written = [...later].filter(([name]) => name.startsWith('apply ') && !name.endsWith(' postscreenpolicies'))
  const applied = written.reduce((sum, [name, calls]) => sum + calls - (earlier.get(name) ?? 0), 0)
  assert.ok(applied >= 1 && applied <= objectsOfOne, `${applied} objects applied`)
  assert.equal(await operator.restarts(), 0)
})
