// `postscreen allowlist`: what it shows and changes in a data directory, in a text and in a Valkey, and what it says when it cannot.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { localTime, tableRows, timeLeft } from '../../cli/allowlist/table.ts'
import { openLmdbAllowlist } from '../../gateway/allowlist/allowlist-lmdb.ts'
import { manifest } from '../peers/gateway.ts'
import { unless } from '../peers/require.ts'
import { startValkey } from '../peers/valkey.ts'

const command = fileURLToPath(new URL('../../cli/postscreen.js', import.meta.url))

interface Ran {
  readonly code: number
  readonly out: string
  readonly said: string
}

function run(args: readonly string[], input = ''): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [command, 'allowlist', ...args], (error, out, said) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, said }),
    )
    // A command that refuses its arguments reads nothing.
    child.stdin?.on('error', () => undefined).end(input)
  })
}

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'allowlist-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Half an hour more than a day: `1d` whichever second it is. */
const soon = Math.floor(Date.now() / 1000) + 88_200
const line = (key: string, record = `${soon};1;1;1;1`): string => `${key}\t${record}\n`

describe('in a data directory', () => {
  test('entries are imported, shown, added, removed and exported, while a gateway has it open', async (t) => {
    const directory = join(newFolder(t), 'data')
    const gateway = await openLmdbAllowlist({ directory, warn: assert.fail })
    t.after(() => gateway.close())
    const place = ['--data-dir', directory]
    assert.deepEqual(await run(['import', ...place], line('192.0.2.1') + line('2001:db8::1')), {
      code: 0,
      out: '',
      said: '2 imported, 0 skipped\n',
    })
    assert.match(
      (await run(['list', ...place])).out,
      /^CLIENT +TEST +VALID UNTIL +LEFT\n192\.0\.2\.1 +pregreet +[-0-9]+ [:0-9]+ +1d\n2001:db8::\/64 +pregreet/,
    )
    const added = await run(['add', ...place, '198.51.100.7', '--for', '2h'])
    assert.match(added.said, /^198\.51\.100\.7 counts as having passed all tests until /)
    assert.match((await run(['get', ...place, '198.51.100.7'])).out, /^198\.51\.100\.7 +bareNewline +.* (2h|1h 59m)$/m)
    assert.deepEqual(await run(['remove', ...place, '192.0.2.1']), { code: 0, out: '', said: '192.0.2.1 was removed\n' })
    assert.equal(await gateway.get('192.0.2.1'), undefined)
    assert.match((await run(['export', ...place])).out, /^198\.51\.100\.7\t(\d+)(;\1){4}\n2001:db8::\/64\t\d+;1;1;1;1\n$/)
  })

  test('an address is found by its network, and is stored under the network of the policy', async (t) => {
    const folder = newFolder(t)
    const directory = join(folder, 'data')
    const policy = join(folder, 'policy.yaml')
    writeFileSync(policy, manifest({ allowlist: { prefix: { ipv4: 24, ipv6: 64 } } }))
    const place = ['--data-dir', directory, '--policy', policy]
    await run(['import', ...place], line('192.0.2.1', `${soon};0;1;1;1`) + line('192.0.2.9', `0;${soon};1;1;1`) + line('2001:db8::1'))
    assert.equal((await run(['export', ...place])).out, line('192.0.2.0/24', `${soon};${soon};1;1;1`) + line('2001:db8::/64'))
    assert.match((await run(['get', '--data-dir', directory, '192.0.2.200'])).out, /^192\.0\.2\.0\/24 +dnsbl/m)
    assert.equal((await run(['remove', ...place, '192.0.2.33'])).said, '192.0.2.0/24 was removed\n')
  })
})

test('the text of postmap -s is shown like any other allowlist', async () => {
  const text = line('192.0.2.1') + line('_LAST_CACHE_CLEANUP_COMPLETED_', '1700000000') + 'nonsense\n'
  const { code, out, said } = await run(['list', '--text', '-'], text)
  assert.equal(code, 0)
  assert.equal(out.split('\n').length, 3)
  assert.match(said, /warning: line 3: "nonsense" is not an address and a record/)
})

const mistakes: readonly { readonly args: readonly string[]; readonly code: number; readonly said: RegExp }[] = [
  { args: [], code: 2, said: /expected one of list, get, add, remove, export, import/ },
  { args: ['toString', '--text', '-'], code: 2, said: /expected one of/ },
  { args: ['list'], code: 2, said: /expected one place: --data-dir DIR/ },
  { args: ['list', '--text', 'x', '--data-dir', 'y'], code: 2, said: /expected one place/ },
  { args: ['list', '--text', '-', 'more'], code: 2, said: /unexpected argument more/ },
  { args: ['get', '--text', '-'], code: 2, said: /expected an address/ },
  { args: ['get', '--text', '-', 'mx.example.com'], code: 2, said: /"mx\.example\.com" is not an address, and not a network/ },
  { args: ['get', '--text', '-', '192.0.2.1'], code: 1, said: /192\.0\.2\.1 is not on the allowlist/ },
  { args: ['add', '--text', '-', '192.0.2.1'], code: 2, said: /a text is read-only/ },
  { args: ['add', '--data-dir', '/nowhere', '192.0.2.1'], code: 1, said: /ENOENT.*\/nowhere/ },
  { args: ['list', '--text', '-', '--for', '3d'], code: 2, said: /--for can be used only with add/ },
  { args: ['list', '--valkey', 'http://x'], code: 1, said: /must be a URL such as redis:/ },
  { args: ['list', '--valkey', 'redis://127.0.0.1:1'], code: 1, said: /ECONNREFUSED/ },
  { args: ['list', '--valkey-url-file', '/nowhere'], code: 1, said: /ENOENT/ },
  { args: ['import', '--valkey', 'redis://127.0.0.1:1', '--retention', 'long'], code: 2, said: /--retention must be a time/ },
]

for (const { args, code, said } of mistakes) {
  test(`${args.join(' ')}: ${said.source}`, async () => {
    const ran = await run(args)
    assert.equal(ran.code, code, ran.said)
    assert.match(ran.said, said)
    assert.doesNotMatch(ran.said, /\n\s+at /, 'no stack trace')
  })
}

test('in a Valkey, entries are merged, expire by themselves, and can be exported and imported', { skip: unless('valkey') }, async (t) => {
  const valkey = await startValkey({ config: ['requirepass secret'] })
  t.after(() => valkey.stop())
  const folder = newFolder(t)
  const [url, policy] = [join(folder, 'url'), join(folder, 'policy.yaml')]
  writeFileSync(url, `redis://:secret@${valkey.address}/2\n`)
  writeFileSync(policy, manifest({ allowlist: { store: 'Valkey', prefix: { ipv4: 24 }, retention: '1h', valkey: { urlFile: 'url' } } }))
  const place = ['--valkey-url-file', url]
  await run(['import', ...place], line('192.0.2.1', `${soon};0;1;1;1`) + line('_LAST_CACHE_CLEANUP_COMPLETED_', '1700000000'))
  await run(['import', ...place, '--retention', '2d'], line('192.0.2.1', `0;${soon};1;1;1`))
  assert.equal((await run(['export', ...place])).out, line('192.0.2.1', `${soon};${soon};1;1;1`))
  const cli = (...args: string[]): Promise<string> => valkey.cli('--no-auth-warning', '-a', 'secret', '-n', '2', ...args)
  assert.ok(Math.abs(Number(await cli('ttl', 'postscreen:192.0.2.1')) - 88_200 - 2 * 86_400) < 300)
  await run(['add', '--policy', policy, '198.51.100.7', '--for', '1h'])
  assert.ok(Math.abs(Number(await cli('ttl', 'postscreen:198.51.100.0/24')) - 7200) < 300)
  assert.match((await run(['get', ...place, '198.51.100.99'])).out, /^198\.51\.100\.0\/24 +pregreet/m)
  assert.equal((await run(['remove', ...place, '192.0.2.1'])).said, '192.0.2.1 was removed\n')
  assert.equal((await run(['remove', ...place, '192.0.2.1'])).code, 1)
})

describe('in the table', () => {
  const times: readonly (readonly [number, string])[] = [
    [-1, 'expired'],
    [0, '0s'],
    [59, '59s'],
    [60, '1m'],
    [3599, '59m 59s'],
    [3600, '1h'],
    [86_399, '23h 59m'],
    [90_000, '1d 1h'],
    [30 * 86_400, '30d'],
  ]
  for (const [seconds, text] of times) test(`${seconds} seconds are ${text}`, () => assert.equal(timeLeft(seconds), text))

  test('a client without any pass has one line', () => {
    assert.deepEqual(tableRows(['192.0.2.1', '0;1;0;1;1'], 0), ['192.0.2.1                no test passed'])
  })

  test('a time that no calendar has is shown in seconds', () => {
    assert.equal(localTime(Number.MAX_SAFE_INTEGER), `@${Number.MAX_SAFE_INTEGER}`)
  })
})
