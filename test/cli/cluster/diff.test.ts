// `postscreen diff`: which fields of a policy would change, with defaults on both sides.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { diffLines } from '../../../cli/diff/diff-text.ts'
import { differencesOf, type WrittenPolicy } from '../../../cli/diff/differences.ts'
import { effectiveFields } from '../../../cli/diff/effective.ts'
import { parsePolicy } from '../../../crds/policy.ts'
import { fields } from '../../../crds/schema/fields.ts'
import { FakeCluster } from './fake-cluster.ts'
import { assertGolden } from './golden.ts'
import { runCommand } from './run-command.ts'
import { policyObject } from './scene.ts'

function written(spec: object): WrittenPolicy {
  const read = parsePolicy({ apiVersion: 'postscreen.dev/v1alpha1', kind: 'PostscreenPolicy', metadata: { name: 'mx' }, spec })
  assert.ok('policy' in read)
  return { spec, policy: read.policy }
}

const backend = { addresses: ['10.0.0.1:25'] }
const site = (domain: string, weight: number) => ({ domain, weight })
const old = {
  backend,
  greet: { wait: '6s' },
  dnsbl: { threshold: 3, sites: [site('bl.example.org', 3), site('wl.example.com', -3)] },
  access: [{ action: 'Permit', cidrs: ['192.0.2.0/24'] }],
}
const fresh = {
  mode: 'Audit',
  backend,
  greet: { wait: '8s', action: 'Enforce' },
  dnsbl: { threshold: 4, sites: [site('bl.example.org', 3), site('zen.example.net', 3)] },
  access: [
    { action: 'Permit', cidrs: ['192.0.2.0/24'] },
    { action: 'Reject', cidrs: ['203.0.113.9'] },
  ],
}

const lines = (was: object, is: object, width = 80) =>
  diffLines(differencesOf(written(was), written(is)), { width, hasColour: false, hasUtf8: true })

describe('what would change', () => {
  for (const width of [80, 160])
    test(`at ${width} columns`, () => {
      assertGolden(
        `diff-${width}.txt`,
        lines(old, fresh, width)
          .map((line) => `${line}\n`)
          .join(''),
      )
    })

  const same: readonly (readonly [what: string, was: object, is: object])[] = [
    ['the same policy', old, old],
    ['a default that is written', { backend }, { backend, mode: 'Enforce' }],
    ['a time in another unit', { backend, dnsbl: { timeout: '60s' } }, { backend, dnsbl: { timeout: '1m' } }],
    ['an empty object', { backend }, { backend, greet: {} }],
  ]
  for (const [what, was, is] of same) test(`${what}: nothing`, () => assert.deepEqual(lines(was, is), []))

  test('a field that is taken out has its default', () => {
    assert.deepEqual(lines({ backend, mode: 'Audit' }, { backend }), ['spec.mode: Audit → Enforce (default)'])
  })
  test('entries in another order are said to be so, since the order of access decides', () => {
    const [one, two] = [
      { action: 'Permit', cidrs: ['192.0.2.1'] },
      { action: 'Reject', cidrs: ['192.0.2.2'] },
    ]
    assert.deepEqual(lines({ backend, access: [one, two] }, { backend, access: [two, one] }), [
      'spec.access: the same entries in another order',
    ])
  })
  test('a part that comes brings its defaults', () => {
    const found = lines({ backend }, { backend, gateway: { replicas: 3 } })
    assert.ok(found.includes('spec.gateway.replicas: not set → 3'), found.join('\n'))
    assert.ok(found.some((line) => /^spec\.gateway\.workers: not set → \d+ \(default\)$/.test(line)))
  })
})

test('the effective form has every field with a default that the schema has outside lists and optional parts', () => {
  const effective = effectiveFields({ backend, gateway: {} })
  const expected = fields().filter(
    ({ path, default: fallback, type }) => fallback !== undefined && type !== 'object' && !path.includes('[]'),
  )
  for (const { path } of expected) {
    const known = effective.has(path.replace(/^spec\./, ''))
    const isInOptional =
      !known &&
      [...effective.keys()].every(
        (one) =>
          !one.startsWith(
            `${path
              .replace(/^spec\./, '')
              .split('.')
              .slice(0, -1)
              .join('.')}.`,
          ),
      )
    assert.ok(known || isInOptional, path)
  }
  assert.ok(effective.size > 40)
})

describe('as a command', () => {
  const folder = mkdtempSync(join(tmpdir(), 'diff-'))
  let fake: FakeCluster
  before(async () => {
    fake = await FakeCluster.start()
    fake.policies = [policyObject('mail', 'mx', { spec: old, generation: 7, created: '2026-11-01T00:00:00Z', conditions: {} })]
  })
  after(async () => {
    rmSync(folder, { recursive: true })
    await fake.close()
  })
  const file = (name: string, manifest: object | string): string => {
    writeFileSync(join(folder, name), typeof manifest === 'string' ? manifest : JSON.stringify(manifest))
    return join(folder, name)
  }
  const manifest = (spec: object, metadata: object = { name: 'mx', namespace: 'mail' }) => ({
    ...{ apiVersion: 'postscreen.dev/v1alpha1', kind: 'PostscreenPolicy', metadata, spec },
  })

  test('it exits with 1 and shows what differs, and with 0 if nothing does', async () => {
    const differs = await runCommand(['diff', '-f', file('new', manifest(fresh))], fake)
    assert.equal(differs.code, 1, differs.stderr)
    assert.match(differs.stdout, /^mail\/mx, generation 7 → the new policy\nspec\.mode: Enforce \(default\) → Audit\n/)
    const same = await runCommand(['diff', '-f', file('old', manifest(old, { name: 'mx' })), '-n', 'mail'], fake)
    assert.equal(same.stdout, 'mail/mx, generation 7: no difference.\n')
    assert.equal(same.code, 0)
    assert.deepEqual(fake.uses, ['GET postscreenpolicies'])
  })

  test('-o json has both values of each field', async () => {
    const { stdout } = await runCommand(['diff', '-f', file('json', manifest({ ...old, mode: 'Audit' })), '-o', 'json'], fake)
    assert.deepEqual(JSON.parse(stdout), {
      differences: [{ path: 'spec.mode', before: { value: 'Enforce', isDefault: true }, after: { value: 'Audit', isDefault: false } }],
    })
  })

  test('a file that is not valid, is not there, or names a policy that is not there is an error', async () => {
    const bad = await runCommand(['diff', '-f', file('bad', manifest({ backend, mode: 'Maybe' }))], fake)
    assert.equal(bad.code, 3)
    assert.match(bad.stderr, /bad: spec\.mode: must be one of/)
    assert.equal((await runCommand(['diff', '-f', join(folder, 'none')], fake)).code, 3)
    const unknown = await runCommand(['diff', '-f', file('other', manifest(old, { name: 'other', namespace: 'mail' }))], fake)
    assert.match(unknown.stderr, /there is no PostscreenPolicy other in the namespace mail/)
    assert.equal(unknown.code, 3)
    assert.equal((await runCommand(['diff'], fake)).code, 2)
  })
})
