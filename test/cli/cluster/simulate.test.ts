// `postscreen simulate --since`: plays the logs of all gateways of a policy, read through the API server, with the same result as from files.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { seeded } from '../../differential/random.ts'
import { playClients } from '../../simulation/play-clients.ts'
import { randomClients } from '../../simulation/random-clients.ts'
import { rulesOf } from '../../support/core-session.ts'
import { FakeCluster } from './fake-cluster.ts'
import { runCommand } from './run-command.ts'
import { podObject, policies } from './scene.ts'

const folder = mkdtempSync(join(tmpdir(), 'simulate-cluster-'))
const own = { greet: { action: 'Enforce' as const }, dnsbl: { threshold: 2, sites: [{ domain: 'bl1.test', weight: 2 }] } }
const { lines } = playClients(rulesOf(own), randomClients(seeded(7), 300))

/** The sessions are those of two gateways. A line of no session goes to the first. */
const sessionOf = (line: string): number =>
  Number.parseInt(/"session":"([^"]*)"/.exec(line)?.[1]?.replaceAll(/\D/g, '').slice(-1) ?? '0', 10) || 0
const logs = [0, 1].map((gateway) =>
  lines
    .filter((line) => sessionOf(line) % 2 === gateway)
    .map((line) => `${line}\n`)
    .join(''),
)

function write(name: string, content: string): string {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
const spec = { hostname: 'mx.example.test', backend: { addresses: ['127.0.0.1:25'] }, ...own, dnsbl: { ...own.dnsbl, action: 'Enforce' } }
const policy = write(
  'strict.yaml',
  JSON.stringify({ apiVersion: 'postscreen.dev/v1alpha1', kind: 'PostscreenPolicy', metadata: { name: 'mx' }, spec }),
)

let fake: FakeCluster
before(async () => {
  fake = await FakeCluster.start()
})
after(async () => {
  await fake.close()
  rmSync(folder, { recursive: true })
})
beforeEach(() => {
  fake.policies = policies
  fake.pods = ['mx-a', 'mx-b'].map((name) => podObject('mail', 'mx', name))
  fake.denied.clear()
  fake.logs.clear()
  fake.server.arrivals.length = 0
  logs.forEach((log, at) => fake.logs.set(`mail/mx-${'ab'[at]}`, log))
})

const mail = ['-n', 'mail', '--policy-name', 'mx'] as const
const since = (...more: readonly string[]) => runCommand(['simulate', '--policy', policy, '--since', '24h', ...more], fake)

test('the result is that of the same logs as files, and the cluster is only read', async () => {
  assert.ok(logs.every((log) => log.length > 10_000))
  const files = logs.map((log, at) => write(`log-${at}`, log))
  const fromFiles = await runCommand(['simulate', '--policy', policy, '-o', 'json', ...files], fake)
  assert.equal(fromFiles.code, 0, fromFiles.stderr)
  assert.equal(fake.server.arrivals.length, 0)
  const { code, stdout, stderr } = await since(...mail, '-o', 'json')
  assert.equal(code, 0, stderr)
  assert.equal(stdout, fromFiles.stdout)
  assert.ok((JSON.parse(stdout) as { sessions: number }).sessions > 100)
  assert.deepEqual(fake.uses, ['GET pods', 'GET pods/log', 'GET postscreenpolicies'])
  const asked = fake.server.arrivals.filter(({ path }) => path.endsWith('/log')).map(({ query }) => query.get('sinceSeconds'))
  assert.deepEqual(asked, ['86400', '86400'])
})

test('limits hold as for files', async () => {
  assert.equal((await since(...mail, '--fail-on', 'changed>100000')).code, 0)
  assert.equal((await since(...mail, '--fail-on', 'changed>0', '--fail-on', 'unknown>0', '--fail-on', 'refused>0')).code, 3)
})

describe('what cannot be done:', () => {
  test('a missing right is named', async () => {
    fake.denied.add('pods/log')
    const { code, stderr } = await since(...mail)
    assert.equal(code, 3)
    assert.match(stderr, /verb get on pods\/log in the namespace mail/)
  })

  test('a policy without gateways, and several policies', async () => {
    assert.match((await since('-n', 'mail')).stderr, /there are several policies/)
    fake.pods = []
    const { code, stderr } = await since(...mail)
    assert.equal(code, 3)
    assert.match(stderr, /no gateway of the policy mx is running/)
  })

  const wrong: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [['--since', '24h', 'a.log'], /leave the names of logs out/],
    [['--since', 'yesterday'], /--since must be a time/],
    [['-n', 'mail', 'a.log'], /are read with --since TIME/],
    [['--since', '1h', '-n', 'mail', '-A'], /expected one of --namespace and --all-namespaces/],
  ]
  for (const [args, message] of wrong)
    test(args.join(' '), async () => {
      const { code, stderr } = await runCommand(['simulate', '--policy', policy, ...args], fake)
      assert.equal(code, 2)
      assert.match(stderr, message)
    })
})
