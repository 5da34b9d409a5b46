// The temporary allowlist in memory: fast, limited in size, and lost when the gateway ends.
import { cleanupKey, type AllowlistEntry, type LocalAllowlist } from './allowlist-store.ts'

/** A million clients take about 125 MB of heap (measured). */
const defaultCapacity = 1_000_000

// Measured: a Map of a million entries blocks the process for 60 ms whenever it grows or is compacted, a 64th of it for
// 1 ms.
const largestPart = 65_536
const manyParts = 64

/**
 * One Map in order of writing, and an iterator at its oldest entry: a search from the start would visit every deleted
 * entry again.
 */
interface Part {
  readonly records: Map<string, string>
  readonly capacity: number
  oldest: Iterator<string>
}

/**
 * A store of at most `capacity` records. When it is full, the record that was written first is dropped, and its client
 * is tested like a new one. A store of more than 65,536 records is divided into 64 parts by client address, and each
 * drops its own oldest record.
 */
export function memoryAllowlist(capacity = defaultCapacity): LocalAllowlist {
  let parts = makeParts(capacity)
  const partOf = parts.length === 1 ? () => parts[0] : (key: string) => parts[hash(key) % parts.length]
  let cleaned: string | undefined
  return {
    kind: 'memory',
    name: 'memory:allowlist',
    get: (key) => (key === cleanupKey ? cleaned : partOf(key)?.records.get(key)),
    put: (key, record) => {
      if (key === cleanupKey) cleaned = parts.length === 0 ? undefined : record
      else write(partOf(key), key, record)
    },
    remove: (key) => {
      if (key === cleanupKey) cleaned = undefined
      else partOf(key)?.records.delete(key)
    },
    *entries(): Iterable<AllowlistEntry> {
      if (cleaned !== undefined) yield [cleanupKey, cleaned]
      for (const part of parts) yield* part.records
    },
    size: () => parts.reduce((sum, part) => sum + part.records.size, 0),
    flush: () => Promise.resolve(),
    close: () => {
      parts = []
      cleaned = undefined
      return Promise.resolve()
    },
  }
}

function makeParts(capacity: number): readonly Part[] {
  const count = capacity > largestPart ? manyParts : 1
  return Array.from({ length: count }, () => {
    const records = new Map<string, string>()
    return { records, capacity: Math.ceil(capacity / count), oldest: records.keys() }
  })
}

function write(part: Part | undefined, key: string, record: string): void {
  if (part === undefined) return
  if (!part.records.delete(key) && part.records.size >= part.capacity) dropOldest(part)
  part.records.set(key, record)
}

/** Everything before the iterator is deleted, so its next entry is the oldest. */
function dropOldest(part: Part): void {
  let next = part.oldest.next()
  if (next.done === true) {
    part.oldest = part.records.keys()
    next = part.oldest.next()
  }
  if (next.done !== true) part.records.delete(next.value)
}

/** FNV-1a distributes addresses evenly over the parts. */
function hash(key: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < key.length; i++) h = Math.imul(h ^ key.charCodeAt(i), 0x01000193)
  return h >>> 0
}
