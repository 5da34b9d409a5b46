// The examples in the documentation are policies without a problem, and mean what their comments say.
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { PolicySpec } from '../../crds/schema/policy.schema.ts'
import { readPolicyText } from '../../crds/policy.ts'
import { inspect } from 'node:util'

const folder = new URL('../../docs/examples/', import.meta.url)

async function read(name: string): Promise<PolicySpec> {
  const result = readPolicyText(await readFile(new URL(name, folder), 'utf8'))
  assert.ok('policy' in result, inspect(result))
  return result.policy.spec
}

const examples: Readonly<Record<string, (spec: PolicySpec) => void>> = {
  'minimal.yaml': (spec) => assert.equal(spec.greet.action, 'Ignore'),
  'audit-first.yaml': (spec) => assert.equal(spec.mode, 'Audit'),
  'typical-mx.yaml': (spec) => {
    assert.equal(spec.dnsbl.action, 'Enforce')
    assert.ok(spec.dnsbl.sites.every(({ weight }) => weight < spec.dnsbl.threshold))
  },
  'strict.yaml': ({ deepTests: { pipelining, nonSMTPCommand, bareNewline } }) =>
    assert.ok([pipelining, nonSMTPCommand, bareNewline].every(({ enabled }) => enabled)),
  'autoscaled.yaml': ({ gateway }) => assert.ok(gateway?.autoscaling?.targetActiveSessions),
  'behind-load-balancer.yaml': (spec) => assert.equal(spec.listen.proxyProtocol.mode, 'TrustedNetworks'),
}

for (const [name, holds] of Object.entries(examples)) {
  test(`the example ${name} is a policy without a problem`, async () => holds(await read(name)))
}

test('every example is tested, says what it is for and gives each blocklist a reply filter', async () => {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.yaml'))
  assert.deepEqual(names.toSorted(), Object.keys(examples).toSorted())
  for (const name of names) {
    assert.match(await readFile(new URL(name, folder), 'utf8'), /^# .*\n/, name)
    for (const { domain, replies } of (await read(name)).dnsbl.sites) assert.ok(replies, `${name}: ${domain}`)
  }
})

test('no example asks Spamhaus, whose terms most readers do not meet', async () => {
  for (const name of Object.keys(examples)) {
    const { dnsbl } = await read(name)
    assert.ok(
      dnsbl.sites.every(({ domain }) => !domain.endsWith('spamhaus.org') && !domain.endsWith('spamhaus.net')),
      name,
    )
  }
})
