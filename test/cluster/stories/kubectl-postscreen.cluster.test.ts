// Story: the plugin of kubectl shows a policy and its gateways, with the rights of its documented role and no others.
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { leave } from './support/alarms.ts'
import { apply, attempt, kubectl, namespace, type Outcome } from './support/kubectl.ts'
import { gateway, policy, ready } from './support/policies.ts'
import { installed } from './support/release.ts'

const home = 'story-plugin'
const root = fileURLToPath(new URL('../../..', import.meta.url))
const desk = mkdtempSync(join(tmpdir(), 'plugin-story-'))

/** The role of docs/kubectl-postscreen.md. */
function role(): string {
  const page = readFileSync(join(root, 'docs/kubectl-postscreen.md'), 'utf8')
  const [, yaml = ''] = /```yaml\n(apiVersion: rbac[^]*?)```/.exec(page) ?? []
  return yaml.replaceAll('namespace: mail', `namespace: ${home}`)
}

/** kubectl finds the plugin in PATH. The command runs with the account that has only the role. */
function plugin(...args: readonly string[]): Promise<Outcome> {
  const command = `PATH='${desk}':$PATH KUBECONFIG='${join(desk, 'config')}' LANG=C.UTF-8 kubectl postscreen ${args.map((one) => `'${one}'`).join(' ')}`
  return attempt('bash', ['-c', command])
}

before(async () => {
  await installed()
  await namespace(home, {})
  await apply(policy(home, 'mx', { gateway: gateway(), access: [], denylist: { action: 'Drop' } }))
  await ready(home, 'mx')
  writeFileSync(join(desk, 'role.yaml'), role())
  await kubectl('apply', '-f', join(desk, 'role.yaml'))
  await kubectl('create', 'serviceaccount', 'viewer', '-n', home)
  await kubectl('create', 'rolebinding', 'viewer', '-n', home, '--role=postscreen-viewer', `--serviceaccount=${home}:viewer`)
  await giveAccess()
  symlinkSync(join(root, 'cli/kubectl-postscreen.js'), join(desk, 'kubectl-postscreen'))
  writeFileSync(join(desk, 'node'), `#!/bin/sh\nexec '${process.execPath}' "$@"\n`)
  chmodSync(join(desk, 'node'), 0o755)
})

/** A kubeconfig with the token of the account. */
async function giveAccess(): Promise<void> {
  const config = JSON.parse(await kubectl('config', 'view', '--raw', '--flatten', '--minify', '-o', 'json')) as {
    users: { name: string; user: object }[]
    contexts: { context: { namespace?: string } }[]
  }
  const token = (await kubectl('create', 'token', 'viewer', '-n', home)).trim()
  const users = config.users.map(({ name }) => ({ name, user: { token } }))
  const contexts = config.contexts.map((one) => ({ ...one, context: { ...one.context, namespace: home } }))
  writeFileSync(join(desk, 'config'), JSON.stringify({ ...config, users, contexts }))
}

after(async () => {
  rmSync(desk, { recursive: true })
  await leave(home)
})

test('status shows the policy, its gateways and what they say', async () => {
  const { code, stdout, stderr } = await plugin('status', 'mx')
  assert.equal(code, 0, `${stdout}${stderr}`)
  assert.match(stdout, new RegExp(`^${home}/mx +Enforce +✓ Ready +\\d+ +(\\d+) of \\1 +✓$`, 'm'))
  assert.match(stdout, /✓ takes clients/)
  assert.doesNotMatch(stdout, /not shown/)
})

test('top adds up what the gateways say on their live pages', async () => {
  const { code, stdout, stderr } = await plugin('top', 'mx')
  assert.equal(code, 0, stderr)
  assert.match(stdout, new RegExp(`^${home}/mx  Enforce  generation \\d+  [1-9]\\d* gateways?`))
  assert.match(stdout, /^SESSIONS A MINUTE /m)
  assert.doesNotMatch(stdout, /gives no answer/)
})

test('another namespace may not be seen: the missing right is named', async () => {
  const { code, stderr } = await plugin('status', '-n', 'default')
  assert.equal(code, 3)
  assert.match(stderr, /it needs the verb list on postscreenpolicies\.postscreen\.dev in the namespace default/)
})

test('log reads the logs of all gateways', async () => {
  const { code, stdout, stderr } = await plugin('log', 'mx', '--since', '1h')
  assert.equal(code, 0, stderr)
  assert.match(stdout, /policy mx is in force/)
  assert.match(stdout, /\d+ sessions?: \d+ handed off, \d+ refused\.\n$/)
})

test('diff compares with the policy in the cluster', async () => {
  const file = join(desk, 'new.yaml')
  writeFileSync(file, JSON.stringify(policy(home, 'mx', { gateway: gateway(), access: [], denylist: { action: 'Drop' }, mode: 'Audit' })))
  const { code, stdout, stderr } = await plugin('diff', '-f', file)
  assert.equal(code, 1, `${stdout}${stderr}`)
  assert.match(stdout, /^spec\.mode: Enforce( \(default\))? → Audit$/m)
})

test('explain, bans, allowlist and lists check ask all gateways', async () => {
  const explained = await plugin('explain', '203.0.113.9')
  assert.match(explained.stdout, /203\.0\.113\.9/, explained.stderr)
  const record = await plugin('allowlist', 'get', '203.0.113.9', '--policy-name', 'mx')
  assert.match(record.stdout, /no record under 203\.0\.113\.9/, record.stderr)
  const lists = await plugin('lists', 'check')
  assert.match(lists.stdout, /^LIST +STATE|no DNS list/m, lists.stderr)
  const bans = await plugin('bans', 'list')
  assert.match(bans.stdout + bans.stderr, /^NETWORK|the policy in force has no bans/m)
  const change = await plugin('bans', 'add', '203.0.113.9')
  assert.equal(change.code, 3)
  assert.match(change.stderr, new RegExp(`^  kubectl -n ${home} exec \\S+ -c gateway -- postscreen bans add 203\\.0\\.113\\.9$`, 'm'))
})

test('simulate reads the logs of all gateways', async () => {
  const file = join(desk, 'stricter.yaml')
  writeFileSync(file, JSON.stringify(policy(home, 'mx', { gateway: gateway(), access: [], denylist: { action: 'Drop' } })))
  const { code, stderr } = await plugin('simulate', '--policy', file, '--since', '1h')
  // No client has come yet.
  assert.ok(code === 0 || (code === 1 && stderr.includes('there is no session in the log')), `${code} ${stderr}`)
})

test('report has the status, metrics and log of each gateway', async () => {
  const { code, stdout, stderr } = await plugin('report', 'mx', '-f', '-')
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^==== Policy story-plugin\/mx$/m)
  assert.match(stdout, /^postscreen_connections_total /m)
  assert.match(stdout, /policy mx is in force/)
  assert.doesNotMatch(stdout, /needs the verb/)
})
