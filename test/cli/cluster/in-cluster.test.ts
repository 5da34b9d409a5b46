// `explain`, `allowlist`, `bans` and `lists check` as the plugin of kubectl: they ask all gateways of a policy through the API server, and only read.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { load } from 'js-yaml'
import { address, pageOf } from '../explain/page-of.ts'
import { FakeCluster } from './fake-cluster.ts'
import { runCommand } from './run-command.ts'
import { podObject, policies, statusPageOf } from './scene.ts'

let fake: FakeCluster
before(async () => {
  fake = await FakeCluster.start()
})
after(() => fake.close())
beforeEach(() => {
  fake.policies = policies
  fake.pods = ['mx-a', 'mx-b'].map((name) => podObject('mail', 'mx', name))
  fake.denied.clear()
  fake.pages.clear()
  fake.server.arrivals.length = 0
})

const onlyReads = ['GET pods', 'GET pods/proxy', 'GET postscreenpolicies']
const mail = ['-n', 'mail', '--policy-name', 'mx'] as const
const pages = (page: string, ...jsons: readonly unknown[]): void =>
  jsons.forEach((json, at) => fake.pages.set(`mail/mx-${'ab'[at]}/${page}`, { json }))

const until = '2099-01-01T00:00:00.000Z'
const ban = (network: string, refused: number, more: object = {}) => ({
  network,
  since: '2026-12-01T00:00:00.000Z',
  until,
  nth: 1,
  by: 'gateway',
  refused,
  ...more,
})

describe('bans', () => {
  test('list adds up what all gateways say', async () => {
    pages('bans', { bans: [ban('192.0.2.0/24', 3), ban('198.51.100.7', 1, { by: 'administrator' })] }, { bans: [ban('192.0.2.0/24', 4)] })
    const { code, stdout, stderr } = await runCommand(['bans', 'list', ...mail], fake)
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^NETWORK +UNTIL +LEFT +MADE BY +REFUSED +GATEWAYS$/m)
    assert.match(stdout, /^192\.0\.2\.0\/24 .* ban 1 +7 +2 of 2$/m)
    assert.match(stdout, /^198\.51\.100\.7 .* administrator +1 +1 of 2$/m)
    assert.deepEqual(fake.uses, onlyReads)
  })

  test('-o json and -o yaml are the same, with the gateways of each ban', async () => {
    pages('bans', { bans: [ban('192.0.2.0/24', 3)] }, { bans: [] })
    const json: unknown = JSON.parse((await runCommand(['bans', 'list', ...mail, '-o', 'json'], fake)).stdout)
    assert.deepEqual(json, { bans: [{ ...ban('192.0.2.0/24', 3), gateways: ['mx-a'] }] })
    assert.deepEqual(load((await runCommand(['bans', 'list', ...mail, '-o', 'yaml'], fake)).stdout), json)
  })

  test('a gateway without an answer is a warning; none with an answer is an error', async () => {
    pages('bans', { bans: [] })
    fake.pages.set('mail/mx-b/bans', { refused: 503 })
    const some = await runCommand(['bans', 'list', ...mail], fake)
    assert.equal(some.code, 0)
    assert.match(some.stderr, /warning: gateway mx-b: .*503/)
    fake.pages.set('mail/mx-a/bans', { json: { other: 1 } })
    assert.equal((await runCommand(['bans', 'list', ...mail], fake)).code, 3)
  })

  test('a change is refused, with the commands for the pods; nothing is sent to a gateway', async () => {
    const { code, stderr } = await runCommand(['bans', 'add', '192.0.2.1', ...mail, '--for', '2h'], fake)
    assert.equal(code, 3)
    assert.match(stderr, /^ {2}kubectl -n mail exec mx-a -c gateway -- postscreen bans add 192\.0\.2\.1 --for 2h$/m)
    assert.match(stderr, /^ {2}kubectl -n mail exec mx-b -c gateway -- postscreen bans add /m)
    assert.deepEqual(fake.uses, ['GET pods', 'GET postscreenpolicies'])
  })
})

describe('lists check', () => {
  const status = (...lists: readonly object[]) => ({ ...statusPageOf(42, []), dnsbl: { resolver: 'works', sites: [], lists } })
  const since = '2026-12-01T00:00:00.000Z'
  const healthy = { list: 'bl.example.org', state: 'healthy', since, used: true, reason: null, answer: null, advice: null }
  const bad = { ...healthy, state: 'suspended', used: false, reason: 'ListsEverything', answer: '127.0.0.2', advice: 'remove it' }

  test('shows what the gateways have found, and where they differ', async () => {
    pages('status', status(healthy), status(bad))
    const { code, stdout, stderr } = await runCommand(['lists', 'check', ...mail], fake)
    assert.equal(code, 1, stderr)
    assert.match(stdout, /^bl\.example\.org +healthy +yes +\S+ \S+ +1 of 2 +- +-$/m)
    assert.match(stdout, /^bl\.example\.org +suspended +no +\S+ \S+ +1 of 2 +ListsEverything +127\.0\.0\.2$/m)
    assert.match(stdout, /\n\nbl\.example\.org: remove it\n$/)
    assert.deepEqual(fake.uses, onlyReads)
  })

  test('exits with 0 where all are healthy, and can be asked for single lists', async () => {
    pages('status', status(healthy, { ...bad, list: 'other.example' }), status(healthy))
    assert.equal((await runCommand(['lists', 'check', 'bl.example.org', ...mail], fake)).code, 0)
    assert.match((await runCommand(['lists', 'check', 'none.example', ...mail], fake)).stdout, /use no DNS list of these names/)
    const { lists } = JSON.parse((await runCommand(['lists', 'check', ...mail, '-o', 'json'], fake)).stdout) as {
      lists: { gateways: unknown }[]
    }
    assert.deepEqual(
      lists.map(({ gateways }) => gateways),
      [['mx-a', 'mx-b'], ['mx-a']],
    )
  })

  test('a resolver that does not work is a fault', async () => {
    pages('status', { ...status(healthy), dnsbl: { resolver: 'down', sites: [], lists: [healthy] } }, status(healthy))
    const { code, stdout } = await runCommand(['lists', 'check', ...mail], fake)
    assert.equal(code, 1)
    assert.match(stdout, /^The DNS resolver of gateway mx-a does not answer/)
  })
})

const record = {
  key: address,
  hasRecord: true,
  fromMemory: false,
  tests: [{ test: 'pregreet', enabled: true, state: 'passed', until: 4e9 }],
}
function explained(allowlist?: object): object {
  const page = pageOf({})
  return allowlist === undefined ? page : { ...page, address: { ...page.address, allowlist } }
}

describe('allowlist', () => {
  test('get shows the records that the gateways have', async () => {
    pages('explain', explained(record), explained())
    const { code, stdout, stderr } = await runCommand(['allowlist', 'get', '192.0.2.1', ...mail], fake)
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^192\.0\.2\.1\n +mx-a\n +record under 192\.0\.2\.1\n +pregreet +passed +until /m)
    assert.match(stdout, /mx-b\n +no record under 192\.0\.2\.1/)
    assert.deepEqual(fake.uses, onlyReads)
    pages('explain', explained(), explained())
    assert.equal((await runCommand(['allowlist', 'get', '192.0.2.1', ...mail], fake)).code, 1)
  })

  test('the list and changes are had in the pods: the commands are printed', async () => {
    const local = await runCommand(['allowlist', 'add', '192.0.2.1', ...mail], fake)
    assert.equal(local.code, 3)
    assert.match(
      local.stderr,
      /^ {2}kubectl -n mail exec mx-b -c gateway -- postscreen allowlist add 192\.0\.2\.1 --policy \/etc\/postscreen\/policy\.yaml --data-dir \/var\/lib\/postscreen$/m,
    )
    const [first] = policies
    fake.policies = [{ ...first!, spec: { allowlist: { store: 'Valkey' } } }]
    const shared = await runCommand(['allowlist', 'list', ...mail], fake)
    assert.match(shared.stderr, /exec mx-a -c gateway -- postscreen allowlist list --policy \/etc\/postscreen\/policy\.yaml$/m)
    assert.doesNotMatch(shared.stderr, /mx-b/)
  })
})

describe('all of them', () => {
  test('the plugin asks a cluster without further options, and the only policy is found', async () => {
    fake.policies = policies.filter(({ metadata }) => metadata.namespace === 'mail' && metadata.name === 'mx')
    pages('bans', { bans: [] }, { bans: [] })
    for (const place of [['-n', 'mail'], ['-A']]) assert.equal((await runCommand(['bans', 'list', ...place], fake)).code, 0)
    pages('explain', explained(), explained())
    const { code, stdout, stderr } = await runCommand(['explain', '192.0.2.1', '-n', 'mail', '-o', 'yaml'], fake)
    assert.equal(stderr, '')
    assert.ok(code !== 2, stdout)
    assert.equal((load(stdout) as { explained: { answers: unknown[] }[] }).explained[0]?.answers.length, 2)
  })

  const commands: readonly (readonly string[])[] = [
    ['explain', '192.0.2.1'],
    ['allowlist', 'get', '192.0.2.1'],
    ['bans', 'list'],
    ['lists', 'check'],
  ]
  for (const command of commands) {
    const name = command.join(' ')
    test(`${name}: several policies are named`, async () => {
      const { code, stderr } = await runCommand([...command, '-n', 'mail'], fake)
      assert.match(stderr, /there are several policies in the namespace mail: name one of mx, mx-backup/)
      assert.notEqual(code, 0)
    })

    test(`${name}: wrong flags end with 2`, async () => {
      for (const wrong of [
        ['-n', 'mail', '-A'],
        ['-o', 'xml'],
        ['-n', 'mail', command[0] === 'bans' ? '--gateway=http://127.0.0.1:1' : '--policy=f'],
      ])
        assert.equal((await runCommand([...command, ...wrong], fake)).code, 2, wrong.join(' '))
    })

    test(`${name}: a context that does not exist, and a missing right, are named`, async () => {
      assert.match((await runCommand([...command, '--context', 'other'], fake)).stderr, /the kubeconfig has no context "other"/)
      fake.denied.add('postscreenpolicies')
      assert.match((await runCommand([...command, ...mail], fake)).stderr, /verb list on postscreenpolicies/)
      fake.denied.clear()
      fake.denied.add('pods/proxy')
      const { code, stderr } = await runCommand([...command, ...mail], fake)
      assert.match(stderr, /the verb get on pods\/proxy/)
      assert.notEqual(code, 0)
    })
  }
})
