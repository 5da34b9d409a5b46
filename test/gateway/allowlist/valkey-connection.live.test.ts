// The connection to a real server: the script agrees with the pure function; passwords and certificates are checked,
// read again, and told apart when they are wrong.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { parsePolicy } from '../../../crds/policy.ts'
import { mergeRecords } from '../../../gateway/core/allowlist-merge.ts'
import { openValkeyConnection, type ValkeyConnection } from '../../../gateway/allowlist/valkey-connection.ts'
import { filesOfSettings, settingsOfPolicy, type ValkeySettings } from '../../../gateway/allowlist/valkey-settings.ts'
import { unless } from '../../peers/require.ts'
import { makeCertificates, startValkey, type Valkey, type ValkeyOptions } from '../../peers/valkey.ts'
import { untilHolds } from '../../support/until-holds.ts'
import { arbitraryRecord } from '../../support/arbitrary-record.ts'
import { openStore, recordFor, settingsFor } from '../../support/shared-store.ts'

const skip = unless('valkey')

async function server(t: TestContext, options: ValkeyOptions = {}): Promise<Valkey> {
  const valkey = await startValkey(options)
  t.after(() => valkey.stop())
  return valkey
}

async function link(t: TestContext, settings: ValkeySettings): Promise<ValkeyConnection> {
  const opened = await openValkeyConnection(settings)
  t.after(() => opened.close())
  return opened
}

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'valkey-link-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The settings that a policy in `folder` means. */
function settingsFrom(folder: string, valkey: object): { readonly settings: () => ValkeySettings; readonly files: readonly string[] } {
  const read = parsePolicy({
    apiVersion: 'postscreen.dev/v1alpha1',
    kind: 'PostscreenPolicy',
    metadata: { name: 'mx' },
    spec: { backend: { addresses: ['mx:25'] }, allowlist: { store: 'Valkey', valkey } },
  })
  if ('problems' in read) assert.fail(JSON.stringify(read.problems))
  const spec = read.policy.spec.allowlist.valkey
  return { settings: () => settingsOfPolicy(spec, folder), files: filesOfSettings(spec, folder) }
}

const reasonOf = async (opening: Promise<unknown>): Promise<unknown> =>
  opening.then(
    () => 'opened',
    (error: { reason?: unknown }) => error.reason,
  )

test('the script in the server merges as the pure function does, whatever is there', { skip }, async (t) => {
  const valkey = await server(t)
  const opened = await link(t, settingsFor([valkey]))
  const { Redis } = await import('ioredis')
  const raw = new Redis(valkey.port, '127.0.0.1')
  t.after(() => raw.disconnect())
  const oddities = fc.constantFrom(
    '',
    '1;2;3;4',
    '1;2;3;4;5;6',
    '1;2;3;4;5\n',
    ' 1;2;3;4;5',
    '1;-2;3;4;5',
    '1;2;3;4;99999999999999999',
    '01;2;3;4;5',
  )
  const old = fc.oneof(arbitraryRecord(), oddities, fc.string())
  await fc.assert(
    fc.asyncProperty(old, arbitraryRecord(), arbitraryRecord(), async (before, one, other) => {
      await raw.set('postscreen:k', before)
      const merged = mergeRecords(mergeRecords(before, one), other)
      await opened.merge('k', one, 3e9)
      await opened.merge('k', other, 3e9)
      assert.equal(await raw.get('postscreen:k'), merged)
      await raw.set('postscreen:k', before)
      await opened.merge('k', other, 3e9)
      assert.equal(await opened.merge('k', one, 3e9), merged, 'in the other order')
      assert.equal(await opened.merge('k', one, 3e9), merged, 'once more')
    }),
    { numRuns: 300 },
  )
})

describe('a password', { skip }, () => {
  test('from a file is accepted, and a wrong or missing one has its own reason', async (t) => {
    const valkey = await server(t, { config: ['requirepass open sesame'.replace(' sesame', '-sesame')] })
    const folder = newFolder(t)
    writeFileSync(join(folder, 'password'), 'open-sesame\n')
    writeFileSync(join(folder, 'wrong'), 'sesame')
    const addresses = [valkey.address]
    await link(t, settingsFrom(folder, { addresses, passwordFile: 'password' }).settings())
    assert.equal(await reasonOf(openValkeyConnection(settingsFrom(folder, { addresses, passwordFile: 'wrong' }).settings())), 'auth')
    const without = await link(t, settingsFrom(folder, { addresses }).settings())
    assert.equal(await reasonOf(without.get('k')), 'auth')
    assert.throws(settingsFrom(folder, { addresses, passwordFile: 'nowhere' }).settings, { reason: 'settings', message: /cannot be read/ })
  })

  test('from a Secret is a file beside the policy, and so is a URL with everything', async (t) => {
    const valkey = await server(t, { config: ['requirepass p@ss/word'] })
    const folder = newFolder(t)
    mkdirSync(join(folder, 'secrets', 'valkey'), { recursive: true })
    writeFileSync(join(folder, 'secrets', 'valkey', 'password'), 'p@ss/word')
    writeFileSync(join(folder, 'secrets', 'valkey', 'url'), `redis://:p%40ss%2Fword@${valkey.address}/3\n`)
    await link(t, settingsFrom(folder, { addresses: [valkey.address], passwordSecret: { name: 'valkey', key: 'password' } }).settings())
    const byUrl = await link(t, settingsFrom(folder, { urlSecret: { name: 'valkey', key: 'url' } }).settings())
    await byUrl.merge('192.0.2.1', recordFor(60, 60, 60, 60, 60), 60)
    assert.equal(await valkey.cli('--no-auth-warning', '-a', 'p@ss/word', '-n', '3', 'exists', 'postscreen:192.0.2.1'), '1')
  })

  test('that is wrong costs no client its mail, and is read again when it changes', async (t) => {
    const valkey = await server(t, { config: ['requirepass right'] })
    const folder = newFolder(t)
    const file = join(folder, 'password')
    writeFileSync(file, 'wrong')
    const { settings, files } = settingsFrom(folder, { addresses: [valkey.address], passwordFile: 'password' })
    const { store, lines, failures } = await openStore(t, [valkey], { settings, files, readyMs: 200 })
    const record = recordFor(60, 60, 60, 60, 60)
    store.put('192.0.2.1', record)
    assert.equal(await store.get('192.0.2.2'), undefined)
    writeFileSync(file, 'right')
    await untilHolds('the store is up', () => store.status().up)
    await store.flush()
    assert.equal(await valkey.cli('--no-auth-warning', '-a', 'right', 'get', 'postscreen:192.0.2.1'), record)
    assert.match(
      lines.join('\n'),
      /^warning: valkey:test: the shared allowlist is away \(auth: WRONGPASS .*\)[^\n]*\ninfo: .* is back after [0-9.]+ s$/,
    )
    assert.ok(!lines.join('\n').includes('wrong') && failures.every((reason) => reason === 'auth'))
  })

  test('that changes is taken for a new connection while the old one serves', async (t) => {
    const valkey = await server(t, { config: ['requirepass old'] })
    const folder = newFolder(t)
    const file = join(folder, 'password')
    writeFileSync(file, 'old')
    const { settings, files } = settingsFrom(folder, { addresses: [valkey.address], passwordFile: 'password' })
    const { store, lines } = await openStore(t, [valkey], { settings, files })
    await valkey.cli('--no-auth-warning', '-a', 'old', 'config', 'set', 'requirepass', 'new')
    writeFileSync(file, 'new')
    const clients = (): Promise<string> => valkey.cli('--no-auth-warning', '-a', 'new', 'client', 'list')
    const [id = ''] = /id=\d+/.exec(await clients()) ?? []
    await untilHolds('the old connection is gone', async () => !(await clients()).includes(`${id} `))
    assert.equal(store.status().up, true)
    assert.deepEqual(lines, [])
  })
})

describe('TLS', { skip: skip || unless('openssl') }, () => {
  test('takes a server whose certificate is of the right authority and for its name, and no other', async (t) => {
    const folder = newFolder(t)
    const [right, other] = [join(folder, 'secrets', 'right'), join(folder, 'other')]
    for (const each of [right, other]) {
      mkdirSync(each, { recursive: true })
      await makeCertificates(each)
    }
    const files = [`tls-cert-file ${right}/tls.crt`, `tls-key-file ${right}/tls.key`, `tls-ca-cert-file ${right}/ca.crt`]
    const config = ['port 0', 'tls-port $PORT', 'tls-auth-clients yes', ...files]
    const valkey = await server(t, { config })
    const open = (tls: object) =>
      openValkeyConnection(settingsFrom(folder, { addresses: [valkey.address], tls: { enabled: true, ...tls } }).settings())
    const good = await open({ secretName: 'right' })
    t.after(() => good.close())
    await good.merge('192.0.2.1', recordFor(60, 60, 60, 60, 60), 60)
    assert.equal(await reasonOf(open({ caFile: 'other/ca.crt' })), 'tls')
    assert.equal(await reasonOf(open({ secretName: 'right', serverName: 'elsewhere.test' })), 'tls')
    assert.equal(await reasonOf(open({})), 'tls')
    const named = await open({ secretName: 'right', serverName: 'valkey.test' })
    named.close()
  })
})
