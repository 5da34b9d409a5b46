// Checks an allowlist file in a child process: lmdb does not refuse most damaged files but crashes the process that
// opens them (measured with 3.5.6: a segmentation fault for a file of another kind, a bus error for a truncated one).
import { execFile } from 'node:child_process'
import { statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { open, type RootDatabase } from 'lmdb'
import { messageOf } from '../../runtime/caught.ts'
import { bytesFor, freeBytes, type TreeSize } from './disk-space.ts'

/** damaged: create a new file. unusable: no file would work here. */
export type FileCheckResult = { readonly is: 'good' } | { readonly is: 'damaged' | 'unusable'; readonly why: string }

/** How every process opens the file; allowlist-lmdb.ts explains the size. */
export interface OpenOptions {
  readonly path: string
  /** Bytes of address space; the file can grow to this size without moving the map. */
  readonly mapSize: number
}

/** Opens the file with the options that this project needs. Only after the check has found it good. */
export function openDatabase({ path, mapSize }: OpenOptions): RootDatabase<string, string> {
  return open<string, string>({
    path,
    mapSize,
    noSubdir: true,
    encoding: 'string',
    maxDbs: 1,
    // Otherwise a failed commit rejects a promise that cannot be caught, which ends the process (seen with 3.5.6 on a
    // full disk).
    eventTurnBatching: false,
  })
}

const damagedStatus = 3
/** About two million records. The gateway waits for the check, so not all of ten million are read (1.5 s). */
const walkMs = 300

/**
 * Opens the file, checks that it is complete, reads it for up to 0.3 s and writes to it, in a child process that runs
 * for at most `limitMs`. A child that cannot be started shows nothing about the file, so the file counts as good.
 */
export function checkAllowlistFile(options: OpenOptions, limitMs = 10_000): Promise<FileCheckResult> {
  const program = fileURLToPath(import.meta.url)
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [program, options.path, String(options.mapSize)],
      { timeout: limitMs, killSignal: 'SIGKILL' },
      (error, _stdout, stderr) => {
        if (error === null || typeof error.code === 'string') resolve({ is: 'good' })
        else if (error.killed === true) resolve({ is: 'unusable', why: `checking it took longer than ${limitMs / 1000} s` })
        else if (typeof error.signal === 'string') resolve({ is: 'damaged', why: `the process that checked it ended with ${error.signal}` })
        else resolve({ is: error.code === damagedStatus ? 'damaged' : 'unusable', why: stderr.trim().split('\n').at(-1) ?? '' })
      },
    )
  })
}

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

/** The child process: prints the reason on standard error; the exit status is the kind. */
function main(): never {
  try {
    check({ path: process.argv[2] ?? '', mapSize: Number(process.argv[3]) })
    process.exit(0)
  } catch (error) {
    writeSync(2, `${messageOf(error)}\n`)
    process.exit(isDamage(error) ? damagedStatus : 1)
  }
}

if (import.meta.main) main()
