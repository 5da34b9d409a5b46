// What every store of the temporary allowlist must do, played against each of them.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { openLmdbAllowlist } from '../../../gateway/allowlist/allowlist-lmdb.ts'
import { memoryAllowlist } from '../../../gateway/allowlist/allowlist-memory.ts'
import { cleanupKey, failureWarnings, type LocalAllowlist } from '../../../gateway/allowlist/allowlist-store.ts'

const noWarning = (text: string): void => assert.fail(text)

const stores: readonly { readonly kind: string; readonly open: (directory: string) => Promise<LocalAllowlist> }[] = [
  { kind: 'memory', open: async () => memoryAllowlist() },
  { kind: 'lmdb', open: (directory) => openLmdbAllowlist({ directory, warn: noWarning }) },
]

for (const { kind, open } of stores) {
  const withStore = async (body: (store: LocalAllowlist) => Promise<void>): Promise<void> => {
    const directory = await mkdtemp(join(tmpdir(), 'allowlist-'))
    const store = await open(directory)
    try {
      await body(store)
    } finally {
      await store.close()
      await rm(directory, { recursive: true, force: true })
    }
  }

  describe(`the ${kind} store`, () => {
    test('says what it is', () =>
      withStore(async (store) => {
        assert.equal(store.kind, kind)
        assert.match(store.name, new RegExp(`^${kind}:.*allowlist`))
      }))

    test('finds a record at once, and after it has been flushed', () =>
      withStore(async (store) => {
        store.put('192.0.2.1', '1;1;1;1;1')
        assert.equal(await store.get('192.0.2.1'), '1;1;1;1;1')
        await store.flush()
        assert.equal(await store.get('192.0.2.1'), '1;1;1;1;1')
        assert.equal(await store.get('192.0.2.2'), undefined)
        assert.equal(store.size(), 1)
      }))

    test('keeps the last record that was put', () =>
      withStore(async (store) => {
        store.put('2001:db8::1', '1;1;1;1;1')
        await store.flush()
        store.put('2001:db8::1', '2;1;1;1;1')
        store.put('2001:db8::1', '3;1;1;1;1')
        assert.equal(await store.get('2001:db8::1'), '3;1;1;1;1')
        await store.flush()
        assert.equal(await store.get('2001:db8::1'), '3;1;1;1;1')
        assert.equal(store.size(), 1)
      }))

    test('forgets what is removed, unless it is put again', () =>
      withStore(async (store) => {
        store.put('192.0.2.1', '1;1;1;1;1')
        store.put('192.0.2.2', '1;1;1;1;1')
        await store.flush()
        store.remove('192.0.2.1')
        store.remove('192.0.2.2')
        assert.equal(await store.get('192.0.2.1'), undefined)
        store.put('192.0.2.2', '2;1;1;1;1')
        await store.flush()
        assert.equal(await store.get('192.0.2.1'), undefined)
        assert.equal(await store.get('192.0.2.2'), '2;1;1;1;1')
      }))

    test('lists every record, flushed or not, the key of the cleanup included', () =>
      withStore(async (store) => {
        const want = new Map([[cleanupKey, '1700000000']])
        for (let i = 0; i < 1000; i++) want.set(`10.0.${i >> 8}.${i & 255}`, `${i + 1};1;1;1;1`)
        const entries = [...want]
        for (const [key, record] of entries.slice(0, 700)) store.put(key, record)
        store.put('10.9.9.9', '1;1;1;1;1')
        await store.flush()
        for (const [key, record] of entries.slice(700)) store.put(key, record)
        store.remove('10.9.9.9')
        assert.deepEqual(new Map(store.entries()), want)
        await store.flush()
        assert.deepEqual(new Map(store.entries()), want)
        assert.equal(store.size(), 1000, 'clients, without the key of the cleanup')
      }))

    test('may be written to while it is listed', () =>
      withStore(async (store) => {
        for (let i = 0; i < 600; i++) store.put(`10.0.${i >> 8}.${i & 255}`, '1;1;1;1;1')
        await store.flush()
        const seen = new Set<string>()
        for (const [key] of store.entries()) {
          store.remove(key)
          if (seen.size % 100 === 0) await store.flush()
          seen.add(key)
        }
        await store.flush()
        assert.equal(seen.size, 600)
        assert.equal(store.size(), 0)
      }))

    test('finds nothing and keeps nothing after it is closed, and may be closed twice', () =>
      withStore(async (store) => {
        store.put('192.0.2.1', '1;1;1;1;1')
        await store.close()
        assert.equal(await store.get('192.0.2.1'), undefined)
        store.put('192.0.2.2', '1;1;1;1;1')
        store.put(cleanupKey, '1')
        store.remove('192.0.2.1')
        await store.flush()
        assert.deepEqual([...store.entries()], [])
        assert.equal(store.size(), 0)
      }))
  })
}

test('failureWarnings are in the words of Postfix, each kind at most once a second', () => {
  const said: string[] = []
  let now = 5000
  const complain = failureWarnings(
    'lmdb:/data/allowlist.lmdb',
    (text) => said.push(text),
    () => now,
  )
  complain('lookup', '192.0.2.1', new Error('Input/output error'))
  complain('lookup', '192.0.2.2', new Error('Input/output error'))
  complain('update', '192.0.2.3', 'no space')
  complain('delete', '192.0.2.4', 'no space')
  now = 5999
  complain('lookup', '192.0.2.5', 'not yet')
  now = 6000
  complain('lookup', '192.0.2.6', 'again')
  complain('sequence', '', 'torn')
  assert.deepEqual(said, [
    "lmdb:/data/allowlist.lmdb: cache lookup for '192.0.2.1' failed due to error: Input/output error",
    'lmdb:/data/allowlist.lmdb: could not update entry for 192.0.2.3: no space',
    'lmdb:/data/allowlist.lmdb: could not delete entry for 192.0.2.4: no space',
    "lmdb:/data/allowlist.lmdb: cache lookup for '192.0.2.6' failed due to error: again",
    'lmdb:/data/allowlist.lmdb: sequence error: torn',
  ])
})
