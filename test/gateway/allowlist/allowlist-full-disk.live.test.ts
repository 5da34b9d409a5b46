// A data directory that is full for a while, on a real file system of its own: nothing is lost, nothing ends the process, and it can be seen.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { bytesFor, recordsThatFit } from '../../../gateway/allowlist/disk-space.ts'
import { unless } from '../../peers/require.ts'

const lmdb = new URL('../../../gateway/allowlist/allowlist-lmdb.ts', import.meta.url).href
const record = '1700086400;1700003600;1;1;1'

/** What a gateway does while its data directory, which is `directory`, is filled, full, and has space again. */
const program = (directory: string): string => `
  import { openLmdbAllowlist } from ${JSON.stringify(lmdb)}
  import { rmSync, writeFileSync } from 'node:fs'
  const directory = ${JSON.stringify(directory)}
  const tell = (what) => console.log(JSON.stringify(what))
  const open = () => openLmdbAllowlist({ directory, warn: (warning) => tell({ warning }) })
  const fill = () => { try { writeFileSync(directory + '/other', Buffer.alloc(2 ** 26)) } catch {} }
  let store = await open()
  for (let i = 0; i < 100; i++) store.put('10.0.0.' + i, '${record}')
  await store.flush()
  fill()
  for (let i = 0; i < 750; i++) store.put('10.1.' + (i >> 8) + '.' + (i & 255), '${record}')
  await store.flush()
  let found = 0
  for (let i = 0; i < 750; i++) if (store.get('10.1.' + (i >> 8) + '.' + (i & 255)) !== undefined) found++
  tell({ found, trouble: store.problem() })
  rmSync(directory + '/other')
  for (let i = 0; i < 20; i++) store.put('10.2.0.' + i, '${record}')
  await store.flush()
  tell({ over: store.problem() === undefined })
  await store.close()
  fill()
  store = await open()
  tell({ entries: [...store.entries()].length })
  await store.close()`

describe('a data directory that is full for a while', { skip: unless('mount') }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'full-disk-'))
  after(() => rmSync(folder, { recursive: true }))

  for (const size of ['400k', '2m'])
    for (let run = 1; run <= 3; run++)
      test(`of ${size} costs nothing, in run ${run}`, () => {
        const script = `mount -t tmpfs -o size=${size} tmpfs ${folder} && exec "$0" --input-type=module --eval "$1"`
        const args = ['--mount', 'sh', '-c', script, process.execPath, program(folder)]
        const { status, stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8', timeout: 120_000 })
        assert.equal(status, 0, stderr)
        const told = stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as Record<string, unknown>)
        const warnings = told.flatMap(({ warning }) => (typeof warning === 'string' ? [warning] : []))
        assert.equal(warnings.length, 2, stdout)
        assert.match(
          warnings[0] ?? '',
          /could not update entry: no space left in \S+: \d+ bytes are free, \d+ are needed; free some space\./,
        )
        assert.match(warnings[1] ?? '', /allowlist\.lmdb: is written again, after \d+ s$/)
        const full = told.find(({ found }) => found !== undefined) as { found: number; trouble: Record<string, unknown> }
        assert.equal(full.found, 750)
        assert.equal(full.trouble['up'], false)
        assert.equal(full.trouble['pendingWrites'], 750)
        assert.deepEqual(told.slice(-2), [{ over: true }, { entries: 870 }])
        // LMDB says so itself when a write of its own fails; the heap is damaged then (disk-room.ts).
        assert.ok(!/Write error/.test(stderr), stderr)
      })
})

test('a transaction that does not fit becomes several, or none', () => {
  const tree = { pageSize: 4096, treeDepth: 2, treeBranchPageCount: 1, treeLeafPageCount: 20 }
  assert.equal(recordsThatFit(2000, Number.POSITIVE_INFINITY, tree), 2000)
  assert.equal(recordsThatFit(2000, bytesFor(500, tree), tree), 500)
  assert.equal(recordsThatFit(2000, bytesFor(1, tree), tree), 1)
  assert.equal(recordsThatFit(2000, bytesFor(1, tree) - 1, tree), 0)
})
