// The bound of the store in memory.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { memoryAllowlist } from '../../../gateway/allowlist/allowlist-memory.ts'
import { cleanupKey, type LocalAllowlist } from '../../../gateway/allowlist/allowlist-store.ts'

const keys = (store: LocalAllowlist): string[] => [...store.entries()].map(([key]) => key)

describe('a full store in memory', () => {
  test('drops the record that was written longest ago', () => {
    const store = memoryAllowlist(3)
    for (const key of ['a', 'b', 'c']) store.put(key, '1')
    store.put('a', '2')
    store.put('d', '1')
    assert.deepEqual(keys(store), ['c', 'a', 'd'])
    store.put('e', '1')
    assert.deepEqual(keys(store), ['a', 'd', 'e'])
    store.remove('a')
    store.put('f', '1')
    assert.deepEqual(keys(store), ['d', 'e', 'f'])
  })

  test('never drops the key of the cleanup, nor counts it', () => {
    const store = memoryAllowlist(2)
    store.put(cleanupKey, '1700000000')
    for (const key of ['a', 'b', 'c', 'd']) store.put(key, '1')
    assert.equal(store.get(cleanupKey), '1700000000')
    assert.equal(store.size(), 2)
  })

  test('stays near its bound and keeps the newest when it is divided into parts', () => {
    const store = memoryAllowlist(100_000)
    for (let i = 0; i < 300_000; i++) store.put(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, '1')
    assert.ok(store.size() <= 100_032 && store.size() > 95_000, String(store.size()))
    for (let i = 299_999; i > 220_000; i -= 997) assert.equal(store.get(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`), '1')
    assert.equal(store.get('10.0.0.1'), undefined)
  })

  test('does not slow down as records come and go', () => {
    const store = memoryAllowlist(20_000)
    const time = (from: number): number => {
      const start = performance.now()
      for (let i = from; i < from + 20_000; i++) store.put(String(i), '1')
      return performance.now() - start
    }
    const empty = time(0)
    const full = Math.min(time(20_000), time(40_000), time(60_000))
    // A store that searches for the record to drop takes thousands of times as long.
    assert.ok(full < 50 * empty, `20,000 writes took ${empty} ms, and ${full} ms to a full store`)
  })
})
