// Story: gateways share their allowlist. A client that passed at one is known to all at once, and is still known when
// every gateway has been replaced.
// Runs alone: it changes the release, and restarts all that belongs to it.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Anything, apply, eventually, kubectl, list } from './support/kubectl.ts'
import { gateway, policy, ready } from './support/policies.ts'
import { imageValues, installed, system, upgraded } from './support/release.ts'
import { deliver, type Visit, wasQueued } from './support/smtp-client.ts'
import { valkeyImage } from './support/surroundings.ts'

const name = 'shared'
const client = 900
/** The policy is beside the Valkey, since Secrets are read in a policy's own namespace (docs/shared-allowlist.md). */
const home = system

before(async () => {
  await installed()
  await upgraded('--set=valkey.enabled=true', ...imageValues('valkey', valkeyImage()))
  await apply(
    policy(home, name, {
      allowlist: {
        store: 'Valkey',
        valkey: {
          addresses: ['postscreen-valkey:6379'],
          passwordSecret: { name: 'postscreen-valkey', key: 'password' },
          // On a busy machine the usual 50 ms may pass without an answer, and a client is tested again then, as it should be.
          timeoutMilliseconds: 5000,
        },
      },
      gateway: gateway({ replicas: 3, drain: { delay: '1s', timeout: '5s' }, logFormat: 'Postfix', service: { type: 'ClusterIP' } }),
    }),
  )
  await ready(home, name)
})

after(async () => {
  await kubectl('delete', 'psc', name, '-n', home, '--ignore-not-found', '--wait=false')
  await upgraded('--set=valkey.enabled=false')
})

const gateways = async (): Promise<readonly Anything[]> =>
  (await list('pods', home, '-l', `postscreen.dev/policy=${name}`)).filter(({ metadata }) => metadata.deletionTimestamp === undefined)

/** One message, handed to this very gateway. */
async function visitTo({ status }: Anything): Promise<Visit> {
  const visit = await deliver({ host: status.podIP, port: 2525, client })
  assert.ok(wasQueued(visit), `${visit.ending}: ${visit.heard}`)
  return visit
}

/** What a gateway found out about the client, from its log. */
const verdict = (pod: Anything, { from }: Visit, word: string): Promise<string> =>
  eventually(`${word} in the log of ${pod.metadata.name}`, async () => {
    const log = await kubectl('logs', '-n', home, pod.metadata.name)
    return log.split('\n').find((line) => line.includes(`${word} [${from}]`))
  })

const hasWaited = ({ heard }: Visit): boolean => heard.startsWith('220-')

test('a client that has passed at one gateway is known to the others at once', async (context) => {
  const [first, ...others] = await gateways()
  assert.equal(others.length, 2)
  const passed = await visitTo(first)
  assert.ok(hasWaited(passed), passed.heard)
  await verdict(first, passed, 'PASS NEW')
  for (const other of others) {
    const visit = await visitTo(other)
    assert.ok(!hasWaited(visit), `tested again at ${other.metadata.name}: ${visit.heard}`)
    await verdict(other, visit, 'PASS OLD')
    context.diagnostic(`delivered in ${Math.round(visit.tookMs)} ms; ${Math.round(passed.tookMs)} ms at the first gateway`)
  }
})

test('it is still known when every gateway has been replaced', async () => {
  const earlier = (await gateways()).map(({ metadata }) => metadata.name)
  await kubectl('rollout', 'restart', `deployment/${name}-gateway`, '-n', home)
  await kubectl('rollout', 'status', `deployment/${name}-gateway`, '-n', home, '--timeout=300s')
  await ready(home, name)
  const pods = await gateways()
  assert.equal(pods.length, 3)
  for (const pod of pods) {
    assert.ok(!earlier.includes(pod.metadata.name), `${pod.metadata.name} was there before`)
    const visit = await visitTo(pod)
    assert.ok(!hasWaited(visit), `tested again at ${pod.metadata.name}: ${visit.heard}`)
    await verdict(pod, visit, 'PASS OLD')
  }
})
