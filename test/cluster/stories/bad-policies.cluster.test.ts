// Story: a policy that the API server has accepted cannot be used. Its status says why, and the gateways keep the last
// one.
// Runs first: it takes more than a minute.
import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { after, before, test } from 'node:test'
import { formCases } from '../../crds/schema/form-cases.ts'
import { leave } from './support/alarms.ts'
import { type Anything, apply, eventually, get, kubectl, list, namespace } from './support/kubectl.ts'
import { condition, gateway, policy, ready } from './support/policies.ts'
import { installed } from './support/release.ts'
import { teaser } from './support/smtp-client.ts'

const home = 'story-bad'
const table = (key = 'mx.cidr'): object => ({ table: { configMap: { name: 'senders', key } } })
const senders = (data: object, binaryData: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'senders', namespace: home },
  data,
  binaryData,
})
const mx = (spec: object): object =>
  policy(home, 'mx', {
    mode: 'Audit',
    greet: { wait: '2s' },
    gateway: gateway({ replicas: 1, drain: { delay: '0s', timeout: '5s' } }),
    ...spec,
  })

before(async () => {
  await installed()
  await namespace(home)
  await apply(senders({ 'mx.cidr': '192.0.2.0/24 reject\n' }))
  await apply(mx({ hostname: 'good.example.com', access: [table()] }))
  await ready(home, 'mx')
})

after(() => leave(home))

const whenNot = (type: string, reason: string): Promise<Anything> =>
  eventually(`${type} ${reason}`, async () => {
    const found = await get('psc', home, 'mx')
    const one = condition(found, type)
    return one?.status === 'False' && one.reason === reason && one.observedGeneration === found.metadata.generation && found
  })

/** What a client hears from a gateway that takes clients. */
async function greeting(): Promise<string> {
  const pods = await list('pods', home, '-l', 'app.kubernetes.io/component=gateway')
  const serving = pods.find(
    ({ metadata, status }) =>
      metadata.deletionTimestamp === undefined && status.conditions.some((one: Anything) => one.type === 'Ready' && one.status === 'True'),
  )
  return teaser(serving.status.podIP, 2525)
}

test('kubectl apply refuses a time and networks that are not valid, and says what is allowed', async () => {
  await assert.rejects(
    apply(mx({ greet: { wait: '6 seconds' } })),
    /spec\.greet\.wait.* must be a time such as 6s, 5m, 12h or 30d, from 1s to 5m/,
  )
  const cidrs = ['300.1.1.1/33', '10.0.0.1/8']
  const refused = apply(mx({ access: [{ action: 'Permit', cidrs }] }))
  await assert.rejects(
    refused,
    /cidrs\[0\].* must be an address or a network such as [^]*cidrs\[1\].* has address bits set beyond the prefix length/,
  )
})

for (const { path, good, bad, spec } of formCases) {
  test(`kubectl apply refuses what the run time refuses of ${path}, and nothing else`, async () => {
    for (let at = 0; at < bad.length; at += 10) {
      const some = bad.slice(at, at + 10)
      const indices = some.map((_, index) => `${path}[${index}]`)
      await assert.rejects(apply(mx(spec(some)), '--dry-run=server'), (error: Error) =>
        indices.every((index) => error.message.includes(index)),
      )
    }
    for (let at = 0; at < good.length; at += 10) await apply(mx(spec(good.slice(at, at + 10))), '--dry-run=server')
  })
}

test('a table that is edited reaches the gateways without a change of the policy', async () => {
  const earlier = await get('psc', home, 'mx')
  await apply(senders({ 'mx.cidr': '192.0.2.0/24 reject\n198.51.100.0/24 permit\n' }))
  await eventually('two rules', async () => (await get('psc', home, 'mx')).status.effective.tableRules === 2)
  const { status, metadata } = await ready(home, 'mx')
  assert.equal(metadata.generation, earlier.metadata.generation)
  assert.notEqual(status.configMap.hash, earlier.status.configMap.hash)
})

test('a line of a table that does not parse is skipped and named with the ConfigMap and the line, and the others are in force', async () => {
  await apply(senders({ 'mx.cidr': '192.0.2.0/24 reject\n192.0.2.0/33 permit\n198.51.100.0/24 permit\n203.0.113.0/24 permit\n' }))
  const found = await eventually('the line is named', async () => {
    const seen = await get('psc', home, 'mx')
    return condition(seen, 'Accepted')?.reason === 'LinesSkipped' && seen
  })
  assert.equal(condition(found, 'Accepted').status, 'True')
  assert.match(condition(found, 'Accepted').message, /ConfigMap senders key mx\.cidr: a line is skipped: line 2: /)
  assert.equal(found.status.effective.tableRules, 3)
  await ready(home, 'mx')
  assert.match(await greeting(), /good\.example\.com/)
})

test('a table that is missing is named with its path and is waited for, the last good one stays, and it is Ready when the table is back', async () => {
  await apply(senders({}))
  const bad = await whenNot('Accepted', 'Invalid')
  assert.match(condition(bad, 'Accepted').message, /spec\.access\[0\]\.table\.configMap: ConfigMap senders .*mx\.cidr/)
  assert.equal(condition(bad, 'Reconciling').status, 'True')
  assert.equal(condition(bad, 'Stalled').status, 'False')
  assert.equal(condition(bad, 'Ready').status, 'False')
  assert.match(await greeting(), /good\.example\.com/)
  await apply(senders({ 'mx.cidr': '192.0.2.0/24 reject\n' }))
  await ready(home, 'mx')
})

test('a DNS list whose Secret is missing is left out and named, and the rest of the policy is in force', async () => {
  await apply(
    mx({
      hostname: 'secret.example.com',
      dnsbl: { action: 'Ignore', sites: [{ domain: 'dq.example.net', keySecret: { name: 'dqs', key: 'key' } }] },
    }),
  )
  const missing = /They work without: spec\.dnsbl\.sites\[0\]\.keySecret: Secret dqs does not exist or has no key key/
  await eventually('the list is named', async () => missing.test(condition(await get('psc', home, 'mx'), 'Programmed')?.message ?? ''))
  assert.equal(condition(await get('psc', home, 'mx'), 'Ready')?.status, 'True')
  assert.match(await greeting(), /secret\.example\.com/)
})

test('when the Secret exists, the list is used without a restart, and its value is not visible anywhere', async () => {
  await apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'dqs', namespace: home }, stringData: { key: 'verysecretkey' } })
  const complete = /^\d+ of \d+ gateways run generation \d+$/
  await eventually('nothing is left out', async () => complete.test(condition(await get('psc', home, 'mx'), 'Programmed')?.message ?? ''))
  assert.match(await greeting(), /secret\.example\.com/)
  const all = JSON.stringify([await list('psc,configmaps,deployments,pods,events', home)])
  assert.ok(!all.includes('verysecretkey'))
  const logs = await kubectl('logs', '-n', home, '-l', 'app.kubernetes.io/component=gateway', '--tail=-1')
  assert.ok(!logs.includes('verysecretkey'))
})

test('100,000 networks work, from compressed ConfigMaps', async () => {
  const lines = Array.from(
    { length: 100_000 },
    (_, index) => `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255} reject\n`,
  ).join('')
  await apply(
    senders({ 'mx.cidr': '192.0.2.0/24 reject\n' }, { 'long.cidr.gz': gzipSync(lines).toString('base64') }),
    '--server-side',
    '--force-conflicts',
  )
  await apply(mx({ hostname: 'long.example.com', access: [table('long.cidr.gz')] }))
  const { status } = await ready(home, 'mx')
  assert.equal(status.effective.tableRules, 100_000)
  assert.match(await greeting(), /long\.example\.com/)
  for (const map of await list('configmaps', home, '-l', 'app.kubernetes.io/managed-by=postscreen-operator')) {
    assert.ok(JSON.stringify(map).length < 1.5 * 2 ** 20, map.metadata.name)
  }
})

test('a mail server that does not answer makes the policy not Ready, and says which', async () => {
  await apply(mx({ hostname: 'alone.example.com', backend: { service: { name: 'nowhere', port: 25 } }, access: [] }))
  const message = /nowhere\.story-bad\.svc:25: Service nowhere in namespace story-bad does not exist/
  // The DNS of a busy cluster may be late, which is another reason for as long as it lasts.
  const found = await eventually('the reason', async () => {
    const seen = await whenNot('BackendReachable', 'Unreachable')
    return message.test(condition(seen, 'BackendReachable').message) && seen
  })
  assert.notEqual(condition(found, 'Ready').status, 'True')
})
