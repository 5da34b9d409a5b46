// Story: two installations of the operator watch the same policy, and a third party changes what the operator made. How many writes that costs.
// Runs alone: it counts the writes of all operators.
// Runs first: it takes two minutes.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { leave } from './support/alarms.ts'
import { apply, eventually, get, kubectl, namespace, run } from './support/kubectl.ts'
import { OperatorProcess } from './support/operator-process.ts'
import { condition, gateway, policy, ready } from './support/policies.ts'
import { installed } from './support/release.ts'

const home = 'story-overlap'
const countedMs = 60_000
let second: OperatorProcess

before(async () => {
  await installed()
  await namespace(home)
  await apply(policy(home, 'mx', { gateway: gateway({ replicas: 1 }) }))
  await ready(home, 'mx')
  // As in "Some namespaces only": a second installation, for this namespace, beside the one for all.
  second = new OperatorProcess(home)
  await eventually('the second operator leads its own lease', async () => second.leads)
})

after(async () => {
  await second.kill('SIGTERM')
  await leave(home)
})

/** How often an object was written: the API server counts the versions of its spec. */
async function generations(kind: string): Promise<number> {
  return (await get(kind, home, 'mx-gateway')).metadata.generation
}

test('two operators for one policy: the second writes nothing, and says which one manages the policy', async (context) => {
  const earlier = await generations('networkpolicy')
  await sleep(countedMs)
  const writes = (await generations('networkpolicy')) - earlier
  context.diagnostic(`NetworkPolicy written ${writes} times in ${countedMs / 1000} s with two operators (562 times in 10 s before)`)
  assert.equal(writes, 0)
  const found = await ready(home, 'mx')
  assert.equal(found.status.operator.name, 'postscreen-system/postscreen-operator')
  assert.ok(
    second.lines.some((line) => line.includes('managed by the operator postscreen-system/postscreen-operator')),
    second.lines.join('\n'),
  )
  assert.match(await kubectl('get', 'events', '-n', home), /ManagedByOtherOperator/)
})

test('another client that changes an object back at once: the operator writes less and less often, and names that client', async (context) => {
  const patch = ['patch', 'networkpolicy', 'mx-gateway', '-n', home, '--type=json', '--field-manager=third-party', '-p']
  const took = '[{"op":"replace","path":"/spec/ingress","value":[{}]}]'
  const earlier = await generations('networkpolicy')
  let theirs = 0
  const end = performance.now() + countedMs
  while (performance.now() < end) {
    if ((await get('networkpolicy', home, 'mx-gateway')).spec.ingress.length > 1) {
      await run('kubectl', [...patch, took])
      theirs++
    }
    await sleep(200)
  }
  const ours = (await generations('networkpolicy')) - earlier - theirs
  context.diagnostic(
    `the operator wrote the NetworkPolicy ${ours} times in ${countedMs / 1000} s against a writer that changes it back within a second`,
  )
  assert.ok(ours <= 10, `${ours} writes`)
  const found = await eventually('the condition', async () => {
    const seen = await get('psc', home, 'mx')
    return condition(seen, 'Programmed')?.reason === 'Contested' && seen
  })
  assert.match(
    condition(found, 'Programmed').message,
    /NetworkPolicy mx-gateway is changed back again and again by field manager third-party/,
  )
})

test('the policy is Ready again when the writer has stopped', async () => {
  await ready(home, 'mx', '420s')
})
