// The process that checks an allowlist file; lmdb-file-check.ts starts it, as `lmdb-file-check-main FILE MAPSIZE`.
import { statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { RootDatabase } from 'lmdb'
import { messageOf } from '../../runtime/caught.ts'
import { bytesFor, freeBytes, type TreeSize } from './disk-space.ts'
import { type OpenOptions, openDatabase } from './lmdb-database.ts'
import { damagedStatus } from './lmdb-file-check.ts'

/** About two million records. The gateway waits for the check, so not all of ten million are read (1.5 s). */
const walkMs = 300

/** Throws when the records cannot be read or their number is wrong. */
function walk(database: RootDatabase<string, string>): void {
  const end = performance.now() + walkMs
  const before = entryCount(database)
  let found = 0
  for (const { key } of database.getRange({})) {
    if (typeof key !== 'string') throw new Error('MDB_CORRUPTED: a key is not text')
    if (++found % 1000 === 0 && performance.now() > end) return
  }
  // Other processes may write at the same time.
  if (entryCount(database) === before && found !== before) throw new Error(`MDB_CORRUPTED: ${before} records should be there, ${found} are`)
}

function entryCount(database: RootDatabase<string, string>): number {
  const stats: { entryCount?: number } = database.getStats()
  return stats.entryCount ?? 0
}

/** Throws when the file ends before its last page: reading after its end would cause a bus error. */
function measure(database: RootDatabase<string, string>, path: string): void {
  const { lastPageNumber = 0, pageSize = 0 }: { lastPageNumber?: number; pageSize?: number } = database.getStats()
  const [expected, found] = [(lastPageNumber + 1) * pageSize, statSync(path).size]
  if (found < expected) throw new Error(`MDB_CORRUPTED: ${expected} bytes should be there, ${found} are`)
}

/** Written and removed in one transaction, so that readers never see it. */
const checkKey = '_PROBE_'

function check(options: OpenOptions): void {
  const database = openDatabase(options)
  measure(database, options.path)
  walk(database)
  // A full disk is not damage, and LMDB must not try to write to it (disk-space.ts).
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- lmdb has no type for what it returns
  if (freeBytes(dirname(options.path)) < bytesFor(1, database.getStats() as TreeSize)) return
  try {
    database.transactionSync(() => {
      database.putSync(checkKey, '')
      database.removeSync(checkKey)
    })
  } catch (error) {
    // Otherwise the records can still be read.
    if (isDamage(error)) throw error
  }
}

function isDamage(error: unknown): boolean {
  return error instanceof Error && /MDB_(CORRUPTED|PAGE_NOTFOUND|INVALID|VERSION_MISMATCH|INCOMPATIBLE|PANIC|PROBLEM)/.test(error.message)
}

/** Prints the reason on standard error; the exit status is the kind. */
function main(): never {
  try {
    check({ path: process.argv[2] ?? '', mapSize: Number(process.argv[3]) })
    process.exit(0)
  } catch (error) {
    writeSync(2, `${messageOf(error)}\n`)
    process.exit(isDamage(error) ? damagedStatus : 1)
  }
}

main()
