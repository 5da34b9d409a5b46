// `postscreen report`: it has what a bug report needs, and none of the secrets that are put into every place that it reads.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { redactedPolicy, scrubbed, secretsOf } from '../../../cli/report/redact.ts'
import { FakeCluster } from './fake-cluster.ts'
import { logs, record } from './log-scene.ts'
import { runCommand } from './run-command.ts'
import { podObject, policyObject, statusPageOf } from './scene.ts'

const key = 'k3yofacustomer9x7'
const domain = `${key}.zen.dq.example.net`
const password = 'hunter2-and-more'
const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl'
const secrets = [key, password, token, 'anna.k', 'jo@example.com', 'win-clj1b0gq6jp', 'win-of-a-text', 'k3yofanotherlist7']

const policy = policyObject('mail', 'mx', {
  spec: {
    backend: { addresses: ['10.0.0.1:25'] },
    dnsbl: {
      sites: [
        { domain, weight: 3 },
        { domain: 'k3yofanotherlist7.bl.example.org', weight: 1 },
      ],
      replyMap: { [domain]: 'zen.example.net' },
    },
    gateway: { replicas: 2, patch: { deployment: { spec: { env: [{ name: 'PROXY', value: password }] } } } },
  },
  ...{ generation: 3, created: '2026-11-01T00:00:00Z' },
  conditions: { Ready: ['False', 'ApplyFailed', `the webhook said Bearer ${token}`] },
})
const annotated = {
  ...policy,
  metadata: { ...policy.metadata, annotations: { 'kubectl.kubernetes.io/last-applied-configuration': password } },
}

const folder = mkdtempSync(join(tmpdir(), 'report-'))
let fake: FakeCluster
before(async () => {
  fake = await FakeCluster.start()
})
after(async () => {
  rmSync(folder, { recursive: true })
  await fake.close()
})
beforeEach(() => {
  fake.policies = [annotated]
  fake.denied.clear()
  fake.server.arrivals.length = 0
  fake.pods = Object.keys(logs).map((name) => podObject('mail', 'mx', name))
  for (const [pod, log] of Object.entries(logs)) {
    const leak = record(60, {
      event: 'DNSBL ANSWER',
      domain: domain.toUpperCase(),
      msg: `1.2.0.192.${domain} redis://user:${password}@valkey:6379 Bearer ${token}`,
    })
    const said = record(61, { event: 'PREGREET', msg: 'PREGREET 9 after 0.1 from [192.0.2.1]:5: EHLO win-of-a-text\\r\\n' })
    fake.logs.set(`mail/${pod}`, log + leak + said)
    fake.pages.set(`mail/${pod}/status`, {
      json: { ...statusPageOf(3, [{ label: 'postfix-0:10025', state: 'failing', lastError: `Basic ${token}` }]), site: domain },
    })
    fake.pages.set(`mail/${pod}/metrics`, {
      text: `postscreen_connections_total 7\npostscreen_dnsbl_queries_total{zone="${domain}"} 1\npostscreen_x{zone="k3yofanotherlist7.bl.example.org"} 1\n`,
    })
  }
})

async function written(...args: readonly string[]): Promise<string> {
  const file = join(folder, 'report.txt')
  const { code, stderr } = await runCommand(['report', 'mx', '-n', 'mail', '-f', file, ...args], fake)
  assert.equal(code, 0, stderr)
  assert.equal(statSync(file).mode & 0o077, 0)
  return readFileSync(file, 'utf8')
}

test('a report has everything that is asked for first', async () => {
  const text = await written()
  for (const part of [
    /^==== Report\npostscreen \d+\.\d+\.\d+, Node\.js v/,
    /^==== Policy mail\/mx$/m,
    /reason: ApplyFailed/,
    /"lastError":/,
    /^==== Metrics of gateway mail\/mx-gateway-7c9d4b-x2k4p\npostscreen_connections_total 7$/m,
    /^==== Last 200 log lines of gateway mail\/mx-gateway-7c9d4b-mm8tz$/m,
    /COMMAND PIPELINING/,
    /zen\.example\.net/,
    /198\.18\.44\.212/,
  ])
    assert.match(text, part)
  assert.deepEqual(fake.uses, ['GET pods', 'GET pods/log', 'GET pods/proxy', 'GET postscreenpolicies'])
})

test('a report has no secret, wherever it stands', async () => {
  const text = (await written()).toLowerCase()
  for (const secret of secrets) assert.ok(!text.includes(secret.toLowerCase()), secret)
})

test('--with-envelopes keeps senders and recipients, and still no secret', async () => {
  const text = await written('--with-envelopes', '--lines', '1000')
  assert.match(text, /anna\.k@example\.org/)
  for (const secret of [key, password, token]) assert.ok(!text.includes(secret), secret)
})

test('what may not be read is said in its place', async () => {
  fake.denied.add('pods/log').add('pods/proxy')
  const text = await written()
  assert.match(text, /needs the verb get on pods\/log in the namespace mail/)
  assert.match(text, /needs the verb get on pods\/proxy in the namespace mail/)
})

test('wrong arguments, and a policy that is not there', async () => {
  assert.equal((await runCommand(['report', '--lines', 'all'], fake)).code, 2)
  assert.equal((await runCommand(['report', 'none', '-n', 'mail'], fake)).code, 3)
})

describe('a secret is hidden', () => {
  const hide = (text: string): string => scrubbed(text, secretsOf(policy))
  const cases: readonly (readonly [what: string, text: string, want: string])[] = [
    ['a domain with a key', `2.0.0.127.${domain}.`, '2.0.0.127.zen.example.net.'],
    ['in upper case', domain.toUpperCase(), 'zen.example.net'],
    ['a password in a URL', 'rediss://me:pw@host:1/0', 'rediss://***@host:1/0'],
    ['a token', 'Authorization: Bearer abc.def', 'Authorization: Bearer ***'],
    ['a private key', '-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----', '***'],
    ['a password with / and @ in a URL', 'redis://me:p/w@x:y@host:1/0', 'redis://***@host:1/0'],
    ['a password by its name', 'password=pw1 "passwd":"a\\"b",', 'password=*** "passwd":***,'],
    ['a token by its name, in YAML', 'token: abc\nnext: 1', 'token: ***\nnext: 1'],
    [
      'what a client sent, in a line of postscreen',
      'PREGREET 9 after 0.1 from [2001:db8::1]:5: EHLO win\r\\n',
      'PREGREET 9 after 0.1 from [2001:db8::1]:5: ***',
    ],
    [
      'what a client sent, in the text of a record',
      '"msg":"NON-SMTP COMMAND from [192.0.2.1]:5 after EHLO: GET /\\"x","event":"NON-SMTP COMMAND"',
      '"msg":"NON-SMTP COMMAND from [192.0.2.1]:5 after EHLO: ***","event":"NON-SMTP COMMAND"',
    ],
    ['an envelope of the JSON log', '"from":"a\\"b@c.d","to":"","helo":"x"', '"from":"***","to":"***","helo":"***"'],
    ['an envelope of the other log', 'from=<a@b.c>, to=<d@e.f>, proto=ESMTP, helo=<x>', 'from=<***>, to=<***>, proto=ESMTP, helo=<***>'],
    ['what a client sent', '"data":"EHLO x\\\\r\\\\n"', '"data":"***"'],
    ['nothing else', 'greet.wait 6s, 192.0.2.1', 'greet.wait 6s, 192.0.2.1'],
  ]
  for (const [what, text, want] of cases) test(what, () => assert.equal(hide(text), want))

  const keys: readonly (readonly [domain: string, shown: string])[] = [
    ['mykey.zen.dq.spamhaus.net', '***.zen.dq.spamhaus.net'],
    ['mykey.white.mail.abusix.zone', '***.white.mail.abusix.zone'],
    ['a1b2c3d4e5f6a7b8c9d0.bl.example.org', '***.bl.example.org'],
    ['bl.example.org', 'bl.example.org'],
    ['zen.dq.spamhaus.net', 'zen.dq.spamhaus.net'],
  ]
  for (const [site, shown] of keys)
    test(`a key in the domain ${site}, without replyMap`, () => {
      const own = policyObject('mail', 'mx', {
        generation: 1,
        created: '',
        conditions: {},
        spec: { dnsbl: { sites: [{ domain: site, weight: 1 }] } },
      })
      assert.equal(scrubbed(`2.0.0.127.${site.toUpperCase()}`.toLowerCase(), secretsOf(own)), `2.0.0.127.${shown}`)
    })

  test('the token of the kubeconfig, and the passwords of its user, are not read', async () => {
    assert.match(readFileSync(fake.kubeconfig, 'utf8'), /a-token/)
    assert.doesNotMatch(await written('--with-envelopes'), /a-token/)
  })

  test('the form of a patch stays, without its texts', () => {
    const shown = JSON.stringify(redactedPolicy(annotated))
    assert.match(shown, /"patch":\{"deployment":\{"spec":\{"env":\[\{"name":"\*\*\*","value":"\*\*\*"\}\]\}\}\}/)
    assert.doesNotMatch(shown, /annotations/)
  })
})
