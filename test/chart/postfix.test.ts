// The chart's Postfix and Valkey: the main.cf that values give, the values that are refused, and who may connect.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '../../operator/kube/object.ts'
import { unless } from '../peers/require.ts'
import { render } from './render.ts'

const skip = unless('helm')

async function objects(values: object): Promise<readonly KubeObject[]> {
  return await render({ values })
}

const named = (all: readonly KubeObject[], kind: string, name: string): unknown =>
  all.find((object) => object.kind === kind && object.metadata.name === name)

/** The files that Postfix's pod gets, by name. */
async function files(postfix: object): Promise<Readonly<Record<string, string>>> {
  const all = await objects({ postfix: { enabled: true, ...postfix } })
  const map = named(all, 'ConfigMap', 'postscreen-postfix') as { readonly data: Readonly<Record<string, string>> }
  return map.data
}

const domains = ['example.com', 'example.org']

test('by default, Postfix accepts mail for no domain and relays for no client', { skip }, async () => {
  assert.deepEqual(await files({}), { 'main.cf': 'message_size_limit = 10240000\n' })
})

test('recipients have a Maildir each, and a domain without others one for all', { skip }, async () => {
  const some = await files({ domains, recipients: ['User@example.com', '@example.org'] })
  assert.equal(some['recipients'], 'user@example.com example.com/user/\n@example.org example.org/postmaster/\n')
  assert.match(some['main.cf'] ?? '', /^virtual_mailbox_domains = example\.com example\.org$/m)
  const all = await files({ domains })
  assert.equal(all['recipients'], '@example.com example.com/postmaster/\n@example.org example.org/postmaster/\n')
})

test('with relayTo, another server has the mailboxes, and says which exist', { skip }, async () => {
  const relayTo = 'lmtp:inet:dovecot.mail.svc:24'
  const asked = await files({ domains, relayTo, replicaCount: 3 })
  assert.match(asked['main.cf'] ?? '', /^relay_transport = lmtp:inet:dovecot\.mail\.svc:24$/m)
  assert.match(asked['main.cf'] ?? '', /reject_unverified_recipient/)
  assert.doesNotMatch(asked['main.cf'] ?? '', /virtual_mailbox/)
  assert.equal(asked['recipients'], undefined)
  const listed = await files({ domains, relayTo, recipients: ['user@example.com'] })
  assert.match(listed['main.cf'] ?? '', /^relay_recipient_maps = lmdb:\$\{config_directory\}\/recipients$/m)
  assert.doesNotMatch(listed['main.cf'] ?? '', /reject_unverified_recipient/)
})

test('additional settings, services and tables come last, in the form of Postfix', { skip }, async () => {
  const extraMainCf = { default_process_limit: 400, header_size_limit: 10_240_000, smtpd_helo_required: true, two: 'a\nb = c' }
  const given = await files({ extraMainCf, extraMasterCf: '2525 inet n - n - - smtpd\n  -o a=b', extraMaps: { 'x.pcre': '/^a/ OK' } })
  const lines = (given['main.cf'] ?? '').split('\n')
  assert.ok(lines.includes('default_process_limit = 400'))
  assert.ok(lines.includes('header_size_limit = 10240000'))
  assert.ok(lines.includes('smtpd_helo_required = yes'))
  // A line that begins with white space goes on with the one before: the text cannot smuggle in a setting.
  assert.deepEqual(lines.slice(lines.indexOf('two = a'), lines.indexOf('two = a') + 2), ['two = a', '    b = c'])
  assert.equal(given['master.cf'], '2525 inet n - n - - smtpd\n  -o a=b')
  assert.equal(given['x.pcre'], '/^a/ OK')
})

const refused: readonly (readonly [string, object, RegExp])[] = [
  ['all IPv4 addresses in mynetworks', { mynetworks: ['0.0.0.0/0'] }, /mynetworks/],
  ['half of all IPv4 addresses in mynetworks', { mynetworks: ['128.0.0.0/1'] }, /mynetworks/],
  ['all IPv6 addresses in mynetworks', { mynetworks: ['[::]/0'] }, /mynetworks/],
  ['a table as mynetworks', { mynetworks: ['static:all'] }, /mynetworks/],
  ['mynetworks among other settings', { extraMainCf: { mynetworks: '0.0.0.0/0' } }, /mynetworks/],
  ['a table in the place of main.cf', { extraMaps: { 'main.cf': 'mynetworks = static:all' } }, /main\.cf/],
  ['a recipient that leaves its folder', { domains, recipients: ['../x@example.com'] }, /recipients/],
  [
    'a recipient of no domain of ours',
    { domains, recipients: ['user@example.net'] },
    /the domain of user@example\.net is not in postfix\.domains/,
  ],
  ['a domain with a line break', { domains: ['example.com\nmynetworks = static:all'] }, /domains/],
  ['a relayTo with a line break', { domains, relayTo: 'relay:[a]:25\nmynetworks = static:all' }, /relayTo/],
  ['a relayTo without domains', { relayTo: 'relay:[mail.example.com]:25' }, /postfix\.relayTo needs postfix\.domains/],
  ['mailboxes that are spread over volumes', { domains, replicaCount: 2 }, /postfix\.replicaCount/],
]

for (const [what, postfix, says] of refused)
  test(`refused: ${what}`, { skip }, async () => {
    await assert.rejects(files(postfix), says)
  })

test('only gateways may connect to Postfix and Valkey, from the release’s namespace and those that are named', { skip }, async () => {
  const networkPolicy = { gatewayNamespaces: ['partners', 'mail'] }
  const all = await objects({
    postfix: { enabled: true, networkPolicy },
    valkey: { enabled: true, auth: { existingSecret: 'allowlist' }, networkPolicy },
  })
  for (const [name, port] of [
    ['postscreen-postfix', 'smtp-proxy'],
    ['postscreen-valkey', 'valkey'],
  ] as const) {
    const { spec } = named(all, 'NetworkPolicy', name) as { readonly spec: { readonly ingress: unknown } }
    assert.deepEqual(spec.ingress, [
      {
        ports: [{ port, protocol: 'TCP' }],
        from: [
          {
            podSelector: { matchLabels: { 'app.kubernetes.io/name': 'postscreen', 'app.kubernetes.io/component': 'gateway' } },
            namespaceSelector: { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: ['mail', 'partners'] }] },
          },
        ],
      },
    ])
  }
})

test('a pod may take as long to stop as its parts may, and a new chart with the same image restarts no pod', { skip }, async () => {
  const all = await objects({ postfix: { enabled: true, drain: { delaySeconds: 1, timeoutSeconds: 2, flushSeconds: 3 } } })
  const { spec } = named(all, 'StatefulSet', 'postscreen-postfix') as {
    readonly spec: {
      readonly template: {
        readonly metadata: { readonly labels: object }
        readonly spec: { readonly terminationGracePeriodSeconds: number; readonly automountServiceAccountToken: boolean }
      }
    }
  }
  assert.equal(spec.template.spec.terminationGracePeriodSeconds, 26)
  assert.equal(spec.template.spec.automountServiceAccountToken, false)
  assert.equal(Object.keys(spec.template.metadata.labels).includes('helm.sh/chart'), false)
})
