// The text of the allowlist against the real postmap(1): what Postfix writes we read, what we write Postfix reads.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { openLmdbAllowlist } from '../../../gateway/allowlist/allowlist-lmdb.ts'
import { cleanupKey } from '../../../gateway/allowlist/allowlist-store.ts'
import { exportAllowlist, importAllowlist } from '../../../gateway/allowlist/allowlist-text.ts'
import { unless } from '../../peers/require.ts'

const run = promisify(execFile)

async function newFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'allowlist-postmap-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** What `postmap -s` prints of a table, in order. */
async function dump(table: string): Promise<string[]> {
  const { stdout } = await run('postmap', ['-s', `lmdb:${table}`], { maxBuffer: 64 * 1024 * 1024 })
  return stdout.split('\n').filter(Boolean).toSorted()
}

const skip = unless('postfix')

const records = [
  '192.0.2.1\t1700086400;1;1;1;1',
  '192.0.2.2\t1700086400;1700003600;0;0;0',
  '198.51.100.77\t1700086400;1700003600;1702592000;1702592000;1702592000',
  '2001:db8::1\t1700086400;1700003600;1;1;1',
  '2001:db8:0:1:1:1:1:1\t0;0;0;0;0',
  `${cleanupKey}\t1700000000`,
]

test('a table of Postfix goes through our store and back into a table, unchanged', { skip }, async (t) => {
  const folder = await newFolder(t)
  const many = Array.from({ length: 5000 }, (_, i) => `10.1.${i >> 8}.${i & 255}\t${1_700_000_000 + i};1;0;1;${i}`)
  const want = [...records, ...many].toSorted()
  const source = join(folder, 'from_postfix')
  await writeFile(source, `${want.join('\n')}\n`)
  await run('postmap', ['-f', `lmdb:${source}`])
  const printed = join(folder, 'printed')
  await writeFile(printed, `${(await dump(source)).join('\n')}\n`)

  const store = await openLmdbAllowlist({ directory: join(folder, 'data'), warn: assert.fail })
  t.after(() => store.close())
  const count = await importAllowlist({
    store,
    pieces: createReadStream(printed, 'latin1'),
    onBadLine: ({ line, why }) => assert.fail(`line ${line} ${why}`),
  })
  assert.deepEqual(count, { imported: want.length, leftOut: 0 })
  assert.equal(store.size(), want.length - 1)
  assert.equal(store.get('2001:db8::1'), '1700086400;1700003600;1;1;1')

  const back = join(folder, 'to_postfix')
  await writeFile(back, exportAllowlist(store))
  assert.deepEqual((await readFile(back, 'latin1')).split('\n').filter(Boolean).toSorted(), want)
  await run('postmap', ['-f', `lmdb:${back}`])
  assert.deepEqual(await dump(back), want)
  const { stdout } = await run('postmap', ['-q', '198.51.100.77', `lmdb:${back}`])
  assert.equal(stdout, '1700086400;1700003600;1702592000;1702592000;1702592000\n')
})
