// Story: GitOps tools apply the same manifests repeatedly. They must not see a difference, or read a wrong status.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { leave } from './support/alarms.ts'
import { type Anything, apply, attempt, eventually, get, list, namespace, run } from './support/kubectl.ts'
import { kstatus } from './support/kstatus.ts'
import { condition, gateway, policy, ready } from './support/policies.ts'
import { installed } from './support/release.ts'

const home = 'story-gitops'
const manifest = (wait = '2s'): object =>
  policy(home, 'mx', {
    gateway: gateway({ replicas: 1, resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { cpu: 1 } } }),
    greet: { action: 'Enforce', wait },
    dnsbl: {
      action: 'Ignore',
      sites: [{ domain: 'bl.example.org', replies: '127.0.0.[2..11]', weight: 2 }, { domain: 'list.example.org' }],
    },
    access: [{ action: 'Permit', cidrs: ['192.0.2.0/24'] }],
  })

before(async () => {
  await installed()
  await namespace(home)
  await run('kubectl', ['apply', '--server-side', '--field-manager=argocd-controller', '-f', '-'], JSON.stringify(manifest()))
  await ready(home, 'mx')
})

after(() => leave(home))

// Two managers own the fields by then: one of them makes a change.
const forced = ['--server-side', '--field-manager=argocd-controller', '--force-conflicts']

const kinds = 'psc,configmaps,services,serviceaccounts,deployments,networkpolicies,poddisruptionbudgets'
const versions = async (): Promise<Record<string, string>> =>
  Object.fromEntries((await list(kinds, home)).map(({ kind, metadata }) => [`${kind} ${metadata.name}`, metadata.resourceVersion]))

/** The versions when they have stood still for 3 s: a balancer's address, or what controllers count, may come late. */
const settled = (): Promise<Record<string, string>> =>
  eventually('nothing to change', async () => {
    const earlier = await versions()
    await sleep(3000)
    return isDeepStrictEqual(await versions(), earlier) && earlier
  })

test('applied once more by two managers, nothing gets a new version', async () => {
  await run('kubectl', ['apply', '--server-side', '--field-manager=kustomize-controller', '-f', '-'], JSON.stringify(manifest()))
  await ready(home, 'mx')
  const earlier = await settled()
  for (const manager of ['argocd-controller', 'kustomize-controller', 'argocd-controller']) {
    await run('kubectl', ['apply', '--server-side', `--field-manager=${manager}`, '-f', '-'], JSON.stringify(manifest()))
  }
  await sleep(3000)
  assert.deepEqual(await versions(), earlier)
})

test('kubectl diff is empty, server-side and client-side', async () => {
  for (const more of [['--server-side', '--field-manager=argocd-controller'], []]) {
    const { code, stdout, stderr } = await attempt('kubectl', ['diff', ...more, '-f', '-'], JSON.stringify(manifest()))
    // Client-side, the annotation of kubectl's own is missing, which kubectl does not show as a difference.
    assert.equal(code, 0, stdout + stderr)
  }
})

/** Every state of the policy that the API server tells a watch, from before `change` until 2 s after the state that it gives. */
async function statesDuring(change: () => Promise<Anything>): Promise<readonly Anything[]> {
  const states: Anything[] = []
  const watch = spawn('kubectl', ['get', 'psc', 'mx', '-n', home, '--watch', '--output-watch-events', '-o', 'json'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  createInterface({ input: watch.stdout }).on('line', (line) => states.push(JSON.parse(line).object))
  try {
    await eventually('the watch', () => Promise.resolve(states.length > 0))
    const { resourceVersion } = (await change()).metadata
    await eventually('its last state', () => Promise.resolve(states.some(({ metadata }) => metadata.resourceVersion === resourceVersion)))
    await sleep(2000)
  } finally {
    watch.kill()
  }
  return states
}

test('kstatus is right after every write: in progress after a change, and current only when every gateway runs it', async () => {
  const states = await statesDuring(async () => {
    await apply(manifest('3s'), ...forced)
    return ready(home, 'mx')
  })
  const last = states.at(-1)
  const newest = states.filter(({ metadata }) => metadata.generation === last.metadata.generation)
  const verdicts = newest.map((state) => kstatus(state))
  assert.equal(verdicts[0], 'InProgress', 'right after the change')
  assert.equal(verdicts.at(-1), 'Current')
  assert.ok(!verdicts.includes('Failed'), String(verdicts))
  for (const state of newest.filter((one) => kstatus(one) === 'Current')) {
    assert.equal(state.status.observedGeneration, state.metadata.generation)
    assert.equal(state.status.gateways.programmed, '1/1')
  }
  const since = verdicts.indexOf('Current')
  assert.ok(
    verdicts.slice(since).every((one) => one === 'Current'),
    `it stays so: ${verdicts.join(', ')}`,
  )
})

test('a new policy is in progress from its first moment, before any operator has seen it', async () => {
  const made = JSON.parse(await run('kubectl', ['create', '-f', '-', '-o', 'json'], JSON.stringify(policy(home, 'fresh'))))
  assert.equal(kstatus(made), 'InProgress')
  await ready(home, 'fresh')
})

test('kubectl wait returns neither before every gateway runs a change nor long after', async () => {
  await apply(manifest('4s'), ...forced)
  const { metadata } = await ready(home, 'mx')
  const pods = await list('pods', home, '-l', 'app.kubernetes.io/instance=mx')
  for (const { status } of pods.filter(({ metadata: { deletionTimestamp } }) => deletionTimestamp === undefined)) {
    const page = (await (await fetch(`http://${status.podIP}:2580/status`)).json()) as Anything
    assert.equal(page.policy.generation, metadata.generation)
  }
})

const withTable = (name: string, key: string): object =>
  policy(home, name, { gateway: gateway({ replicas: 0 }), access: [{ table: { configMap: { name, key } } }] })

test('a policy whose ConfigMap is not there yet is in progress, and accepted when it has come', async () => {
  await apply(withTable('late', 'a.cidr'))
  const waiting = await eventually('the reason', async () => {
    const found = await get('psc', home, 'late')
    return condition(found, 'Accepted')?.status === 'False' && found
  })
  assert.match(condition(waiting, 'Accepted').message, /^spec\.access\[0\]\.table\.configMap: ConfigMap late key a\.cidr does not exist/)
  assert.equal(kstatus(waiting), 'InProgress')
  await apply({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'late', namespace: home },
    data: { 'a.cidr': '192.0.2.1 permit\n' },
  })
  await eventually('it to be accepted', async () => condition(await get('psc', home, 'late'), 'Accepted')?.status === 'True')
})

test('a policy that cannot work is failed at once', async () => {
  const binaryData = { 'a.cidr.gz': Buffer.from('192.0.2.1 permit').toString('base64') }
  await apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'broken', namespace: home }, binaryData })
  await apply(withTable('broken', 'a.cidr.gz'))
  const failed = await eventually('it to be failed', async () => {
    const found = await get('psc', home, 'broken')
    return kstatus(found) === 'Failed' && found
  })
  assert.match(
    condition(failed, 'Accepted').message,
    /^spec\.access\[0\]\.table\.configMap: ConfigMap broken key a\.cidr\.gz is not valid gzip/,
  )
})
