// Story: a sender was refused, and all gateways of the policy are asked why: from the operator's pod, and through the API server.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { leave } from './support/alarms.ts'
import { apply, attempt, eventually, namespace } from './support/kubectl.ts'
import { gateway, policy, ready } from './support/policies.ts'
import { installed, system } from './support/release.ts'

const home = 'story-explain'
const refused = '203.0.113.9'
const asked = ['explain', refused, '-n', home, '--policy-name', 'mx'] as const

before(async () => {
  await installed()
  await namespace(home, {})
  const access = [{ action: 'Reject', cidrs: ['203.0.113.0/24'] }]
  await apply(policy(home, 'mx', { gateway: gateway(), access, denylist: { action: 'Drop' } }))
  await ready(home, 'mx')
})

after(() => leave(home))

const verdict = `${refused} is refused with "521 5.3.2 Service currently unavailable": spec.access[0].cidrs (203.0.113.0/24) rejects it, and denylist.action is Drop.`

test("the operator's pod asks all gateways, and they agree", async () => {
  const { code, stdout, stderr } = await attempt('kubectl', [
    'exec',
    '-n',
    system,
    'deploy/postscreen-operator',
    '--',
    'postscreen',
    ...asked,
  ])
  assert.equal(code, 3, stderr)
  assert.ok(stdout.startsWith(verdict), stdout)
  assert.match(stdout, /^gateways +all 2 agree$/m)
})

test('the API server passes the question on', async () => {
  const program = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url))
  const { code, stdout, stderr } = await attempt(process.execPath, [program, ...asked])
  assert.equal(code, 3, stderr)
  assert.ok(stdout.startsWith(verdict), stdout)
})

test('the verdict follows a change of the policy', async () => {
  await apply(policy(home, 'mx', { gateway: gateway(), access: [], denylist: { action: 'Drop' } }))
  await ready(home, 'mx')
  await eventually('the verdict follows', async () => {
    const { stdout } = await attempt('kubectl', ['exec', '-n', system, 'deploy/postscreen-operator', '--', 'postscreen', ...asked])
    return stdout.includes('is handed off') && /^gateways +all 2 agree$/m.test(stdout)
  })
})
