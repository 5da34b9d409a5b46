// The temporary allowlist in memory: quick and bounded, gone when the gateway ends.
import { cleanupKey, type AllowlistEntry, type LocalAllowlist } from './allowlist-store.ts'

/** A million clients take about 125 MB of heap (measured). */
const defaultCapacity = 1_000_000

// Measured: a Map of a million entries stops the process for 60 ms whenever it grows or sheds its deleted entries, a 64th of it for 1 ms.
const largestPart = 65_536
const manyParts = 64

/** One Map in order of writing, and a bookmark at its oldest entry: a Map searched from its start would walk over every deleted entry again. */
interface Part {
  readonly records: Map<string, string>
  readonly capacity: number
  bookmark: Iterator<string>
}

/**
 * A store of at most `capacity` records; beyond it the record that was written longest ago is dropped, so that its client is tested like a new one.
 * A store of more than 65,536 is divided by client address into 64 parts, and each drops its own oldest.
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
    return { records, capacity: Math.ceil(capacity / count), bookmark: records.keys() }
  })
}

function write(part: Part | undefined, key: string, record: string): void {
  if (part === undefined) return
  if (!part.records.delete(key) && part.records.size >= part.capacity) dropOldest(part)
  part.records.set(key, record)
}

/** All that lies before the bookmark is gone, so what it gives next is the oldest. */
function dropOldest(part: Part): void {
  let next = part.bookmark.next()
  if (next.done === true) {
    part.bookmark = part.records.keys()
    next = part.bookmark.next()
  }
  if (next.done !== true) part.records.delete(next.value)
}

/** FNV-1a, to spread addresses evenly over the parts. */
function hash(key: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < key.length; i++) h = Math.imul(h ^ key.charCodeAt(i), 0x01000193)
  return h >>> 0
}
