// `postscreen validate`: its warnings about a policy that is valid, but probably not intended.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const entry = fileURLToPath(new URL('../../cli/postscreen.js', import.meta.url))

/** Validates a policy whose access list is one table file. */
function validated(table: string, denylist: object = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'validate-'))
  try {
    const spec = { backend: { addresses: ['192.0.2.1:25'] }, access: [{ table: { file: 'senders.cidr' } }], denylist }
    const policy = { apiVersion: 'postscreen.dev/v1alpha1', kind: 'PostscreenPolicy', metadata: { name: 'mx' }, spec }
    writeFileSync(join(folder, 'mx.yaml'), JSON.stringify(policy))
    writeFileSync(join(folder, 'senders.cidr'), table)
    return spawnSync(process.execPath, [entry, 'validate', join(folder, 'mx.yaml')], { encoding: 'utf8' })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

for (const network of ['192.0.2.0/24', '2001:db8::/32']) {
  test(`a reject for ${network} in a table file that has no effect is a warning`, () => {
    const { status, stdout, stderr } = validated(`${network} reject\n`)
    assert.equal(status, 0)
    assert.match(stdout, /mx\.yaml: PostscreenPolicy mx is valid\n$/)
    assert.match(stderr, /mx\.yaml: warning: spec\.access: entries with Reject have no effect, because spec\.denylist\.action is Ignore/)
  })
}

test('no warning where the table has no reject, or where it has an effect', () => {
  assert.equal(validated('192.0.2.0/24 permit\n').stderr, '')
  assert.equal(validated('192.0.2.0/24 reject\n', { action: 'Drop' }).stderr, '')
})

/** Validates a policy with these DNS lists. */
function validatedLists(...domains: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'validate-'))
  try {
    const spec = { backend: { addresses: ['192.0.2.1:25'] }, dnsbl: { sites: domains.map((domain) => ({ domain })) } }
    writeFileSync(
      join(folder, 'mx.yaml'),
      JSON.stringify({ apiVersion: 'postscreen.dev/v1alpha1', kind: 'PostscreenPolicy', metadata: { name: 'mx' }, spec }),
    )
    return spawnSync(process.execPath, [entry, 'validate', join(folder, 'mx.yaml')], { encoding: 'utf8' })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('a DNS list that has shut down is a warning', () => {
  const { status, stderr } = validatedLists('bl.example', 'ix.dnsbl.manitu.net', 'ix.dnsbl.manitu.net')
  assert.equal(status, 0)
  assert.equal(stderr.split('\n').length, 2)
  assert.match(stderr, /warning: spec\.dnsbl\.sites\[1\]\.domain: ix\.dnsbl\.manitu\.net: NiX Spam shut down in January 2025; remove it/)
})

test('a list of domain names is an error', () => {
  const { status, stderr } = validatedLists('Multi.URIBL.com')
  assert.equal(status, 1)
  assert.match(stderr, /spec\.dnsbl\.sites\[0\]\.domain: must be a list of addresses; this list contains domain names/)
})

test('a patch that changes what the operator depends on is a problem, with its path and what to use instead', () => {
  const folder = mkdtempSync(join(tmpdir(), 'validate-'))
  try {
    const patch = { deployment: { spec: { replicas: 5 } } }
    const spec = { backend: { addresses: ['192.0.2.1:25'] }, gateway: { patch } }
    const policy = { apiVersion: 'postscreen.dev/v1alpha1', kind: 'PostscreenPolicy', metadata: { name: 'mx' }, spec }
    writeFileSync(join(folder, 'mx.yaml'), JSON.stringify(policy))
    const { status, stderr } = spawnSync(process.execPath, [entry, 'validate', join(folder, 'mx.yaml')], { encoding: 'utf8' })
    assert.equal(status, 1)
    assert.match(stderr, /mx\.yaml: spec\.gateway\.patch\.deployment\.spec\.replicas: must be set with spec\.gateway\.replicas/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
