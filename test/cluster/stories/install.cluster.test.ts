// Story: the packed chart is installed, upgraded and removed, by Helm 4 and by Helm 3.
// Runs alone: it installs and removes the release.
// Runs first: it takes three minutes.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { attempt, get, kubectl, list, run } from './support/kubectl.ts'
import { balancerAddress, condition } from './support/policies.ts'
import { uninstalled, values } from './support/release.ts'
import { deliver, wasQueued } from './support/smtp-client.ts'
import { chart, helms } from './support/surroundings.ts'

const home = 'story-install'
const crd = 'postscreenpolicies.postscreen.dev'
const kinds = 'all,configmaps,secrets,serviceaccounts,networkpolicies,poddisruptionbudgets,roles,rolebindings,leases,psc'
/** What every namespace has, what Kubernetes keeps for a while, and volumes' claims, which an uninstall must not take with it. */
const notOurs = /kube-root-ca\.crt|ServiceAccount default$/

const leftIn = async (namespace: string): Promise<readonly string[]> =>
  (await list(kinds, namespace)).map(({ kind, metadata }) => `${kind} ${metadata.name}`).filter((one) => !notOurs.test(one))

/** Values of every release here: quick to judge, quick to end. */
const given = (): readonly string[] => [
  ...values(),
  '--set=policy.create=true',
  '--set=policy.spec.hostname=mx.example.com',
  '--set=policy.spec.greet.wait=2s',
  '--set=policy.spec.gateway.drain.delay=2s',
  '--set=policy.spec.gateway.drain.timeout=10s',
  '--set=postfix.drain.delaySeconds=1',
  '--set=postfix.drain.timeoutSeconds=5',
  '--set=postfix.drain.flushSeconds=1',
]

before(uninstalled)
after(uninstalled)

for (const helm of helms()) {
  describe(helm.name, () => {
    const install = (...more: readonly string[]): Promise<string> =>
      run(helm.path, ['install', 'mail', chart(), '-n', home, '--create-namespace', '--wait', '--timeout=240s', ...given(), ...more])

    before(async () => {
      await kubectl('delete', 'namespace', home, '--ignore-not-found', '--wait')
    })

    test('install --wait: the operator is up, the CRD established, the default policy Ready', async () => {
      const said = await install()
      assert.match(said, /kubectl/, 'the notes say what to do next')
      const operator = await get('deployment', home, 'mail-postscreen-operator')
      assert.equal(operator.status.readyReplicas, 2)
      assert.equal(
        (await get('crd', '', crd)).status.conditions.find(({ type }: { type: string }) => type === 'Established').status,
        'True',
      )
      const policy = await get('psc', home, 'mx')
      assert.equal(condition(policy, 'Ready').status, 'True', JSON.stringify(policy.status))
    })

    test('it works: a message is delivered through the load balancer', async () => {
      const visit = await deliver({ host: await balancerAddress(home, 'mx'), client: 300 })
      assert.ok(wasQueued(visit), visit.heard)
    })

    test('upgrade with a changed value changes the policy, and waits until it is in force', async () => {
      const earlier = await get('psc', home, 'mx')
      await run(helm.path, [
        'upgrade',
        'mail',
        chart(),
        '-n',
        home,
        '--wait',
        '--timeout=240s',
        ...given(),
        '--set=policy.spec.mode=Enforce',
      ])
      const policy = await get('psc', home, 'mx')
      assert.equal(policy.spec.mode, 'Enforce')
      assert.equal(policy.metadata.uid, earlier.metadata.uid, 'it is the same policy')
      assert.equal(policy.status.observedGeneration, policy.metadata.generation)
      assert.equal(condition(policy, 'Ready').status, 'True')
    })

    test('a wrong value is refused with its name before anything is changed', async () => {
      const { code, stderr } = await attempt(helm.path, ['upgrade', 'mail', chart(), '-n', home, ...given(), '--set=replicaCount=many'])
      assert.notEqual(code, 0)
      assert.match(stderr, /replicaCount/)
    })

    test('uninstall leaves the CRD and nothing else', async () => {
      await run(helm.path, ['uninstall', 'mail', '-n', home, '--wait', '--timeout=180s'])
      assert.notEqual(await get('crd', '', crd), undefined)
      for (let look = 0; look < 300 && (await leftIn(home)).length > 0; look++) await new Promise((resolve) => setTimeout(resolve, 200))
      assert.deepEqual(await leftIn(home), [])
      assert.deepEqual(
        (await list('clusterroles,clusterrolebindings', ''))
          .map(({ metadata }) => metadata.name)
          .filter((name: string) => /postscreen/.test(name)),
        [],
      )
    })

    test('it can be installed again with the CRD that was left', async () => {
      await install()
      assert.equal(condition(await get('psc', home, 'mx'), 'Ready').status, 'True')
      await run(helm.path, ['uninstall', 'mail', '-n', home, '--wait', '--timeout=180s'])
    })
  })
}

test('one namespace only: roles instead of cluster roles, and policies elsewhere are not looked at', async () => {
  const [helm] = helms()
  await kubectl('delete', 'namespace', home, '--ignore-not-found', '--wait')
  await run(helm?.path ?? '', [
    'install',
    'mail',
    chart(),
    '-n',
    home,
    '--create-namespace',
    '--wait',
    '--timeout=240s',
    ...given(),
    `--set=watchNamespaces={${home}}`,
  ])
  assert.equal(condition(await get('psc', home, 'mx'), 'Ready').status, 'True')
  assert.deepEqual(
    (await list('clusterrolebindings', ''))
      .map(({ metadata }) => metadata.name)
      .filter((name: string) => /postscreen.*operator/.test(name)),
    [],
  )
  const forbidden = await attempt('kubectl', [
    'auth',
    'can-i',
    'list',
    'pods',
    '-n',
    'default',
    `--as=system:serviceaccount:${home}:mail-postscreen-operator`,
  ])
  assert.equal(forbidden.stdout.trim(), 'no')
  await run(helm?.path ?? '', ['uninstall', 'mail', '-n', home, '--wait', '--timeout=180s'])
})
