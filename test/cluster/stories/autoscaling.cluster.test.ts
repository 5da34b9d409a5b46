// Story: autoscaling is switched on and off while clients come. How many gateways are ready at the worst moment.
// Runs first: it takes more than a minute.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { leave } from './support/alarms.ts'
import { apply, namespace } from './support/kubectl.ts'
import { gateway, policy, ready } from './support/policies.ts'
import { installed } from './support/release.ts'

const home = 'story-autoscaling'
/** The autoscaler looks every 15 s; twice is enough for all that it would change. */
const watchedMs = 35_000

before(async () => {
  await installed()
  await namespace(home)
  await apply(policy(home, 'mx', { gateway: gateway({ replicas: 4 }) }))
  await ready(home, 'mx')
})

after(() => leave(home))

interface Lowest {
  readonly wanted: number
  readonly ready: number
}

/** The lowest numbers that the Deployment has had, from its watch, while `change` was made and for a while after. */
async function lowestDuring(change: () => Promise<unknown>): Promise<Lowest> {
  const columns = 'jsonpath={.spec.replicas} {.status.readyReplicas}{"\\n"}'
  const child = spawn('kubectl', ['get', 'deployment', 'mx-gateway', '-n', home, '--watch', '-o', columns], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (more: string) => (text += more))
  await sleep(2000)
  await change()
  await sleep(watchedMs)
  child.kill()
  const seen = text.split('\n').flatMap((line) => (line === '' ? [] : [line.split(' ').map(Number)]))
  assert.ok(seen.length > 0, 'the watch has told of the Deployment')
  return { wanted: Math.min(...seen.map(([wanted = 0]) => wanted)), ready: Math.min(...seen.map(([, up = 0]) => up)) }
}

test('four gateways stay ready while autoscaling with a minimum of three is switched on', async (context) => {
  const lowest = await lowestDuring(() =>
    apply(policy(home, 'mx', { gateway: gateway({ replicas: undefined, autoscaling: { minReplicas: 3, maxReplicas: 12 } }) })),
  )
  context.diagnostic(`lowest number of pods during the switch: wanted ${lowest.wanted}, ready ${lowest.ready}; four before, minimum three`)
  assert.deepEqual(lowest, { wanted: 4, ready: 4 })
  await ready(home, 'mx')
})

test('a minimum that is raised is there before the policy is Ready again', async () => {
  await apply(policy(home, 'mx', { gateway: gateway({ replicas: undefined, autoscaling: { minReplicas: 5, maxReplicas: 12 } }) }))
  const { status } = await ready(home, 'mx')
  assert.equal(status.gateways.ready, 5)
})

test('never fewer gateways than the policy says while autoscaling is switched off', async (context) => {
  const lowest = await lowestDuring(() => apply(policy(home, 'mx', { gateway: gateway({ replicas: 4 }) })))
  context.diagnostic(
    `lowest number of pods during the switch back: wanted ${lowest.wanted}, ready ${lowest.ready}; five before, four wanted`,
  )
  assert.deepEqual(lowest, { wanted: 4, ready: 4 })
})
