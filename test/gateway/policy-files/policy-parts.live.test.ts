// What a policy brings from other files: keys of DNS lists, certificates from Secrets, and tables in gzip form or in parts.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, normalize } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { parsePolicy } from '../../../crds/policy.ts'
import type { LoadedPolicy } from '../../../gateway/policy-files/loaded-policy.ts'
import { loadPolicy } from '../../../gateway/policy-files/policy-file.ts'
import { secretFile } from '../../../gateway/policy-files/secret-file.ts'
import { watchPolicy } from '../../../gateway/policy-files/policy-watch.ts'
import { unless } from '../../peers/require.ts'
import { until } from '../../support/until.ts'
import { decisionsOf } from '../../support/compiled-table.ts'
import { inspect } from 'node:util'

const manifest = (spec: object, metadata: object = {}): string =>
  JSON.stringify({
    apiVersion: 'postscreen.dev/v1alpha1',
    kind: 'PostscreenPolicy',
    metadata: { name: 'mx', ...metadata },
    spec: { backend: { addresses: ['192.0.2.1:10025'] }, ...spec },
  })

type Files = Readonly<Record<string, string | Buffer>>

function write(folder: string, files: Files): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
}

function newFolder(t: TestContext, files: Files): string {
  const folder = mkdtempSync(join(tmpdir(), 'policy-parts-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  write(folder, files)
  return folder
}

const reading = (folder: string) => loadPolicy(join(folder, 'policy.yaml'))

function load(folder: string): LoadedPolicy {
  const read = reading(folder)
  assert.ok('loaded' in read, inspect(read))
  return read.loaded
}

/** The problems with the folder's name taken out, one line each. */
function problems(folder: string): readonly string[] {
  const read = reading(folder)
  const found = 'problems' in read ? read.problems : read.loaded.leftOut
  return found.map(({ path, why }) => `${path}: ${why}`.replaceAll(`${folder}/`, ''))
}

const withTable = (file: string): string => manifest({ access: [{ table: { file } }] })
const gz = gzipSync('192.0.2.0/24 permit\n198.51.100.0/24 reject\n')
const decisions = ({ tables }: LoadedPolicy, file: string) => {
  const table = tables.get(file)
  return table === undefined ? undefined : decisionsOf(table)
}

describe('a table', () => {
  const good: readonly { readonly what: string; readonly file: string; readonly files: Files }[] = [
    { what: 'in gzip form', file: 'a.cidr.gz', files: { 'a.cidr.gz': gz } },
    { what: 'in gzip form, in parts', file: 't/a.gz', files: { 't/a.gz.0': gz.subarray(0, 10), 't/a.gz.1': gz.subarray(10) } },
    {
      what: 'in parts that are gzip files each',
      file: 'a.gz',
      files: { 'a.gz.0': gzipSync('192.0.2.0/24 per'), 'a.gz.1': gzipSync('mit\n198.51.100.0/24 reject\n') },
    },
    { what: 'plain, in parts', file: 'a', files: { 'a.0': '192.0.2.0/24 permit\n198.51', 'a.1': '.100.0/24 reject\n' } },
    {
      what: 'whole, whatever parts lie beside it',
      file: 'a',
      files: { a: '192.0.2.0/24 permit\n198.51.100.0/24 reject\n', 'a.0': 'nonsense' },
    },
    {
      what: 'in more than ten parts, in the order of their numbers',
      file: 'a.gz',
      files: Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`a.gz.${i}`, gz.subarray(i * 4, i === 11 ? gz.length : i * 4 + 4)])),
    },
  ]
  for (const { what, file, files } of good) {
    test(`${what} is read`, (t) => {
      const folder = newFolder(t, { ...files, 'policy.yaml': withTable(file) })
      assert.deepEqual(decisions(load(folder), file), ['Permit', 'Reject'])
    })
  }

  const field = 'spec.access[0].table.file: cannot be read:'
  const bad: readonly { readonly what: string; readonly file?: string; readonly files: () => Files; readonly want: string }[] = [
    { what: 'of which the end is missing', files: () => ({ 'a.gz': gz.subarray(0, -9) }), want: `${field} a.gz is incomplete` },
    {
      what: 'of which the last part is missing',
      files: () => ({ 'a.gz.0': gz.subarray(0, 20) }),
      want: `${field} a.gz is incomplete with its 1 parts`,
    },
    { what: 'of which the first part is missing', files: () => ({ 'a.gz.1': gz }), want: `${field} ENOENT: no such file or directory` },
    { what: 'that is empty', files: () => ({ 'a.gz': '' }), want: `${field} a.gz is incomplete` },
    {
      what: 'that is not a gzip file',
      files: () => ({ 'a.gz': '192.0.2.0/24 permit\n' }),
      want: `${field} a.gz cannot be unpacked: incorrect header check`,
    },
    {
      what: 'with parts of two versions',
      files: () => ({ 'a.gz.0': gz.subarray(0, 30), 'a.gz.1': gzipSync('203.0.113.0/24 permit\n198.51.100.0/24 reject\n').subarray(30) }),
      want: `${field} a.gz cannot be unpacked: `,
    },
    {
      what: 'that is a gzip bomb',
      files: () => ({ 'a.gz': gzipSync(Buffer.alloc(65 * 2 ** 20, ' ')) }),
      want: `${field} a.gz unpacks to more than 67108864 bytes`,
    },
  ]
  for (const { what, file = 'a.gz', files, want } of bad) {
    test(`${what} is a problem`, (t) => {
      const [first = '', ...more] = problems(newFolder(t, { ...files(), 'policy.yaml': withTable(file) }))
      assert.equal(first.slice(0, want.length), want)
      assert.deepEqual(more, [])
    })
  }

  test('with bad lines is used without them, and the first ten are told', (t) => {
    const lines = `192.0.2.0/24 permit\n192.0.2.1/24 permit\n198.51.100.0/24 reject\n${'x y\n'.repeat(20)}`
    const loaded = load(newFolder(t, { 'a.gz': gzipSync(lines), 'policy.yaml': withTable('a.gz') }))
    assert.deepEqual(decisions(loaded, 'a.gz'), ['Permit', 'Reject'])
    const [skipped] = loaded.skipped
    assert.deepEqual([skipped?.table, skipped?.lines, skipped?.first.length, skipped?.first[0]?.line], ['a.gz', 21, 10, 2])
  })

  test('with more networks than a table may have is a problem', (t) => {
    const folder = newFolder(t, { 'a.gz': gzipSync('!::1 permit\n'.repeat(16_000)), 'policy.yaml': withTable('a.gz') })
    assert.match(problems(folder).join('\n'), /^spec\.access\[0\]\.table\.file: cannot be read: a\.gz has more than 2000000 networks/)
  })

  test('whose parts together are too large is a problem', (t) => {
    const folder = newFolder(t, { 'a.0': '', 'a.1': '', 'policy.yaml': withTable('a') })
    for (const part of ['a.0', 'a.1']) truncateSync(join(folder, part), 40 * 2 ** 20)
    assert.match(problems(folder).join(), /a\.1 has 41943040 bytes; the limit is 25165824$/)
  })

  test('from a ConfigMap is for the operator to read', (t) => {
    const access = [{ table: { configMap: { name: 'senders', key: 'a.cidr' } } }]
    const folder = newFolder(t, { 'policy.yaml': manifest({ access }) })
    assert.match(
      problems(folder).join('\n'),
      /^spec\.access\[0\]\.table\.configMap: can only be used in a cluster, where the operator puts the table into a file/,
    )
    assert.ok('loaded' in loadPolicy(join(folder, 'policy.yaml'), 'elsewhere'))
  })
})

const site = (more: object) => ({ dnsbl: { sites: [{ domain: 'bl.example', ...more }] } })
const keySecret = { name: 'lists', key: 'bl-key' }

describe('the key of a DNS list', () => {
  const good: readonly { readonly what: string; readonly spec: object; readonly files: Files }[] = [
    { what: 'from a Secret', spec: site({ keySecret }), files: { 'secrets/lists/bl-key': 'verysecret' } },
    { what: 'from a file', spec: site({ keyFile: 'keys/bl' }), files: { 'keys/bl': ' verysecret\n' } },
  ]
  for (const { what, spec, files } of good) {
    test(`${what} is read without the white space around it`, (t) => {
      const folder = newFolder(t, { ...files, 'policy.yaml': manifest(spec) })
      assert.equal(load(folder).siteKeys.get(0)?.reveal(), 'verysecret')
    })
  }

  const label = 'must hold one label of a domain name and nothing else: letters, digits and hyphens, at most 63'
  const bad: readonly { readonly what: string; readonly spec?: object; readonly files: Files; readonly want: string }[] = [
    {
      what: 'that is missing',
      files: {},
      want: 'spec.dnsbl.sites[0].keySecret: Secret lists does not exist or has no key bl-key (there is no file secrets/lists/bl-key)',
    },
    {
      what: 'that is empty',
      files: { 'secrets/lists/bl-key': '\n' },
      want: `spec.dnsbl.sites[0].keySecret: secrets/lists/bl-key ${label}`,
    },
    {
      what: 'with a dot',
      files: { 'secrets/lists/bl-key': 'very.secret' },
      want: `spec.dnsbl.sites[0].keySecret: secrets/lists/bl-key ${label}`,
    },
    {
      what: 'that is too long',
      files: { 'secrets/lists/bl-key': 's'.repeat(64) },
      want: `spec.dnsbl.sites[0].keySecret: secrets/lists/bl-key ${label}`,
    },
    {
      what: 'in a large file',
      files: { 'secrets/lists/bl-key': 's'.repeat(1025) },
      want: 'spec.dnsbl.sites[0].keySecret: cannot be read: secrets/lists/bl-key has 1025 bytes; the limit is 1024',
    },
    {
      what: 'that is not a file',
      files: { 'secrets/lists/bl-key/inside': '' },
      want: 'spec.dnsbl.sites[0].keySecret: cannot be read: secrets/lists/bl-key is not a regular file',
    },
    {
      what: 'whose file is missing',
      spec: site({ keyFile: 'keys/bl' }),
      files: {},
      want: "spec.dnsbl.sites[0].keyFile: cannot be read: ENOENT: no such file or directory, stat 'keys/bl'",
    },
  ]
  for (const { what, spec = site({ keySecret }), files, want } of bad) {
    test(`${what} leaves the list out, with a reason that does not show it`, (t) => {
      const folder = newFolder(t, { ...files, 'policy.yaml': manifest(spec) })
      assert.deepEqual(problems(folder), [`${want}; the DNS list bl.example is not asked without its key`])
      assert.equal(load(folder).siteKeys.size, 0)
    })
  }

  test('is not needed to check a policy that is for a cluster', (t) => {
    const spec = { ...site({ keySecret }), tls: { level: 'May', secretName: 'mx-tls' } }
    const folder = newFolder(t, { 'policy.yaml': manifest(spec) })
    assert.ok('loaded' in loadPolicy(join(folder, 'policy.yaml'), 'elsewhere'))
  })
})

test('no name and key that a policy may have lead out of the folder of secrets, or into what the kubelet keeps to itself', () => {
  const part = fc.oneof(
    fc.string({ maxLength: 6 }),
    fc.stringMatching(/^[./a-z0-9_-]{1,8}$/),
    fc.constantFrom('..', '.', '..data', '/', 'a/..', '...', 'a', 'a.b', 'k-1'),
  )
  let accepted = 0
  fc.assert(
    fc.property(part, part, (name, key) => {
      if ('problems' in parsePolicy(JSON.parse(manifest(site({ keySecret: { name, key } }))))) return
      accepted++
      const steps = normalize(secretFile({ name, key })).split('/')
      assert.deepEqual(steps, ['secrets', name, key])
      assert.ok(!key.startsWith('..'))
    }),
    { numRuns: 500 },
  )
  assert.ok(accepted > 5, `only ${accepted} were accepted`)
})

describe('a certificate from a Secret', () => {
  const spec = { tls: { level: 'May', secretName: 'mx-tls' }, deepTests: { handoff: 'Reconnect' } }

  test('is read beside the policy', { skip: unless('openssl') }, (t) => {
    const folder = newFolder(t, { 'policy.yaml': manifest(spec), 'secrets/mx-tls/x': '' })
    const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30', '-subj', '/CN=mx']
    const secret = join(folder, 'secrets/mx-tls')
    execFileSync('openssl', [...args, '-keyout', join(secret, 'tls.key'), '-out', join(secret, 'tls.crt')], { stdio: 'ignore' })
    assert.equal(load(folder).tls?.info.subject, 'CN=mx')
  })

  const goesOn = '; STARTTLS is not offered without the certificate'
  const missing = (key: string) =>
    `spec.tls.secretName: Secret mx-tls does not exist or has no key ${key} (there is no file secrets/mx-tls/${key})`

  test('that is missing is left out where TLS is optional', (t) => {
    assert.deepEqual(problems(newFolder(t, { 'policy.yaml': manifest(spec) })), [missing('tls.crt') + goesOn, missing('tls.key') + goesOn])
    const half = newFolder(t, { 'policy.yaml': manifest(spec), 'secrets/mx-tls/tls.crt': 'x' })
    assert.deepEqual(problems(half), [missing('tls.key') + goesOn])
    assert.equal(load(half).tls, undefined)
  })

  test('that is missing is a problem where TLS is required', (t) => {
    const folder = newFolder(t, { 'policy.yaml': manifest({ ...spec, tls: { ...spec.tls, level: 'Encrypt' } }) })
    assert.ok('problems' in reading(folder))
    assert.deepEqual(problems(folder), [missing('tls.crt'), missing('tls.key')])
  })

  test('is not read when the settings leave no cipher, here and for a cluster', (t) => {
    const tls = { level: 'May', secretName: 'mx-tls', excludeCiphers: ['ALL'] }
    const folder = newFolder(t, { 'policy.yaml': manifest({ tls }) })
    const want = 'spec.tls.excludeCiphers: leaves no cipher for TLS 1.2 and older; exclude fewer, or set minVersion: TLSv1.3'
    assert.deepEqual(problems(folder), [want])
    assert.ok('problems' in loadPolicy(join(folder, 'policy.yaml'), 'elsewhere'))
    const newest = newFolder(t, { 'policy.yaml': manifest({ tls: { ...tls, minVersion: 'TLSv1.3' } }) })
    assert.ok('loaded' in loadPolicy(join(newest, 'policy.yaml'), 'elsewhere'))
  })

  test('that is not a certificate is left out with the same field', (t) => {
    const files = { 'policy.yaml': manifest(spec), 'secrets/mx-tls/tls.crt': 'x', 'secrets/mx-tls/tls.key': 'y' }
    assert.deepEqual(problems(newFolder(t, files)), [`spec.tls.secretName: secrets/mx-tls/tls.crt has no certificate in PEM form${goesOn}`])
  })
})

test('the gateway ignores the settings for running it, which the operator uses', (t) => {
  const folder = newFolder(t, { 'policy.yaml': manifest({ gateway: { replicas: 3, service: { type: 'LoadBalancer' } } }) })
  assert.equal(load(folder).policy.metadata.name, 'mx')
})

test('a refused policy says which text it was', (t) => {
  const text = manifest({ dnsbl: { threshold: 0 } }, { generation: 7 })
  const folder = newFolder(t, { 'policy.yaml': text })
  const refused = reading(folder)
  assert.ok('problems' in refused)
  assert.equal(refused.generation, 7)
  assert.equal(refused.hash, createHash('sha256').update(text).digest('hex'))
  const nothing = reading(newFolder(t, {}))
  assert.ok('problems' in nothing)
  assert.deepEqual([nothing.hash, nothing.generation], [undefined, undefined])
})

describe('a watched policy is read again when', () => {
  /** Lays out a mount as the kubelet does: a folder, a link to it, and a link for each file or folder at the top. */
  function mount(folder: string, version: string, files: Files): void {
    write(join(folder, version), files)
    const link = join(folder, '..data')
    symlinkSync(version, `${link}_tmp`)
    renameSync(`${link}_tmp`, link)
    for (const name of new Set(Object.keys(files).map((path) => path.split('/')[0] ?? '')))
      try {
        symlinkSync(`..data/${name}`, join(folder, name))
      } catch {
        // It is there already.
      }
  }

  const cases: readonly { readonly what: string; readonly before: Files; readonly after: Files; readonly want: RegExp }[] = [
    {
      what: 'a Secret that was missing is there',
      before: { 'policy.yaml': manifest(site({ keySecret })) },
      after: { 'policy.yaml': manifest(site({ keySecret })), 'secrets/lists/bl-key': 'verysecret' },
      want: /^key undefined\nkey verysecret$/,
    },
    {
      what: 'a key is another one',
      before: { 'policy.yaml': manifest(site({ keySecret })), 'secrets/lists/bl-key': 'oldkey' },
      after: { 'policy.yaml': manifest(site({ keySecret })), 'secrets/lists/bl-key': 'another-key' },
      want: /^key oldkey\nkey another-key$/,
    },
    {
      what: 'the last part of a table has come',
      before: { 'policy.yaml': withTable('tables/a.gz'), 'tables/a.gz.0': gz.subarray(0, 20) },
      after: { 'policy.yaml': withTable('tables/a.gz'), 'tables/a.gz.0': gz.subarray(0, 20), 'tables/a.gz.1': gz.subarray(20) },
      want: /^problem spec\.access\[0\]\.table\.file: cannot be read: \S+ is incomplete with its 1 parts\ntable Permit,Reject$/,
    },
    {
      what: 'a table has fewer parts',
      before: { 'policy.yaml': withTable('a'), 'a.0': '192.0.2.1 permit\n', 'a.1': '192.0.2.2 reject\n' },
      after: { 'policy.yaml': withTable('a'), a: '192.0.2.1 reject\n' },
      want: /^table Permit,Reject\ntable Reject$/,
    },
  ]
  for (const { what, before, after, want } of cases) {
    for (const how of ['the kubelet swaps the mount', 'one file is written'] as const) {
      test(`${what} (${how})`, async (t) => {
        const folder = newFolder(t, {})
        const change = (version: string, files: Files): void =>
          how === 'one file is written' ? write(folder, files) : mount(folder, version, files)
        change('..1', before)
        const said: string[] = []
        const watch = watchPolicy(join(folder, 'policy.yaml'), {
          onPolicy: ({ siteKeys, tables }) => {
            const rules = [...tables.values()].flatMap(decisionsOf)
            said.push(rules.length > 0 ? `table ${rules.join()}` : `key ${siteKeys.get(0)?.reveal()}`)
          },
          onRefused: (refused) => void said.push(...refused.problems.map(({ path, why }) => `problem ${path}: ${why}`)),
        })
        t.after(() => watch.close())
        change('..2', after)
        await until(() => want.test(said.join('\n')))
      })
    }
  }
})
