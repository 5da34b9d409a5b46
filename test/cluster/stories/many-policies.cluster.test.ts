// Story: five hundred policies. How long an operator takes to know them all, how often it calls, and what it costs when nothing happens.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { apply, eventually, kubectl, list, namespace, run } from './support/kubectl.ts'
import { OperatorProcess } from './support/operator-process.ts'
import { condition, policy } from './support/policies.ts'
import { installed } from './support/release.ts'

const home = 'story-many'
const count = 500
/** The promise is 10 minutes; POSTSCREEN_REST_SECONDS=600 proves it, CI waits less. */
const restSeconds = Number(process.env['POSTSCREEN_REST_SECONDS'] ?? 45)
const promised = { readySeconds: 60, residentBytes: 200e6 }
let operator: OperatorProcess | undefined

before(async () => {
  await installed()
  await kubectl('scale', 'deployment/postscreen-operator', '-n', 'postscreen-system', '--replicas=0')
  await kubectl('wait', '--for=delete', 'pods', '-n', 'postscreen-system', '-l', 'app.kubernetes.io/component=operator', '--timeout=60s')
  await namespace(home)
  const items = Array.from({ length: count }, (_, index) =>
    policy(home, `mx-${index}`, { gateway: { replicas: 0 }, dnsbl: { action: 'Enforce', sites: [{ domain: 'bl.example.org' }] } }),
  )
  await run('kubectl', ['create', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
})

after(async () => {
  await operator?.kill('SIGKILL')
  await kubectl('delete', 'namespace', home, '--ignore-not-found', '--wait=false')
  await kubectl('scale', 'deployment/postscreen-operator', '-n', 'postscreen-system', '--replicas=2')
})

const isReady = (one: unknown): boolean => condition(one, 'Ready')?.status === 'True'

async function started(): Promise<{ readonly operator: OperatorProcess; readonly seconds: number }> {
  const began = performance.now()
  const process = new OperatorProcess(home, '--leader-elect', 'false')
  operator = process
  await eventually('every policy Ready', async () => (await process.metrics()).get('postscreen_policies_ready') === count, 400_000)
  return { operator: process, seconds: (performance.now() - began) / 1000 }
}

const said = (requests: Readonly<Record<string, number>>): string =>
  Object.entries(requests)
    .map(([verb, calls]) => `${verb} ${calls}`)
    .join(', ')

test('from nothing: everything is made for all of them', async (context) => {
  const { operator: first, seconds } = await started()
  const requests = await first.requests()
  context.diagnostic(
    `${count} policies with all their objects made and Ready after ${seconds.toFixed(1)} s; ${said(requests)}; ${Math.round(first.residentBytes / 1e6)} MB resident`,
  )
  assert.ok((await list('psc', home)).every(isReady))
  await first.kill('SIGTERM')
})

test('an operator that starts anew knows them all within the promised time, and writes nothing', async (context) => {
  const { operator: second, seconds } = await started()
  const requests = await second.requests()
  const resident = second.residentBytes
  context.diagnostic(
    `${count} policies Ready ${seconds.toFixed(1)} s after the start; ${said(requests)}; ${Math.round(resident / 1e6)} MB resident`,
  )
  assert.equal(
    (requests['apply'] ?? 0) + (requests['patch'] ?? 0) + (requests['create'] ?? 0) + (requests['delete'] ?? 0),
    0,
    'it found everything as it should be',
  )
  assert.ok(seconds <= promised.readySeconds, `${seconds} s`)
  assert.ok(resident <= promised.residentBytes, `${resident} bytes`)
})

test('at rest nothing is written and nothing is asked again', async (context) => {
  const running = operator ?? assert.fail('no operator')
  const before = await running.requests()
  await sleep(restSeconds * 1000)
  const after = await running.requests()
  const more = Object.fromEntries(Object.entries(after).map(([verb, calls]) => [verb, calls - (before[verb] ?? 0)]))
  context.diagnostic(`${restSeconds} s at rest: ${said(more)}; ${Math.round(running.residentBytes / 1e6)} MB resident`)
  for (const verb of ['apply', 'patch', 'create', 'replace', 'delete', 'get', 'list']) assert.equal(more[verb] ?? 0, 0, verb)
  assert.ok(running.residentBytes <= promised.residentBytes)
})

test('one change among five hundred is as quick as one alone', async () => {
  const began = performance.now()
  await apply(policy(home, 'mx-250', { hostname: 'changed.example.com', gateway: { replicas: 0 } }))
  await kubectl('wait', '--for=condition=Ready', 'psc/mx-250', '-n', home, '--timeout=30s')
  assert.ok(performance.now() - began < 10_000)
})
