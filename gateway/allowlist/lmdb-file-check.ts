// Tries out an allowlist file in a process of its own: lmdb does not refuse most damaged files, it ends the process that opens them
// (measured with 3.5.6: a segmentation fault for anything that is no LMDB file, a bus error for a file that was cut short).
import { execFile } from 'node:child_process'
import { statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { open, type RootDatabase } from 'lmdb'
import { messageOf } from '../../runtime/caught.ts'
import { bytesFor, freeBytes, type TreeSize } from './disk-space.ts'

/** damaged: begin a new file. unusable: no file would do here. */
export type FileCheckResult = { readonly is: 'good' } | { readonly is: 'damaged' | 'unusable'; readonly why: string }

/** How every process opens the file; the sizes are explained at their names in allowlist-lmdb.ts. */
export interface OpenOptions {
  readonly path: string
  /** Bytes of address space, and the most that the file can grow to without the map being moved. */
  readonly mapSize: number
}

/** Opens the file with the options that this project needs. Only after a probe has said that it is good. */
export function openDatabase({ path, mapSize }: OpenOptions): RootDatabase<string, string> {
  return open<string, string>({
    path,
    mapSize,
    noSubdir: true,
    encoding: 'string',
    maxDbs: 1,
    // With it on, a commit that fails rejects a promise that nobody can catch, which ends the process (seen with 3.5.6 on a full disk).
    eventTurnBatching: false,
  })
}

const damagedStatus = 3
/** Some two million records. The gateway waits for it, so that of ten million not all are read (1.5 s). */
const walkMs = 300

/**
 * Opens the file, sees whether all of it is there, reads it for up to 0.3 s and writes to it, in a child process of at most `limitMs`.
 * A child that cannot be started at all says nothing about the file, so that counts as good.
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
        else if (error.killed === true) resolve({ is: 'unusable', why: `trying it out took longer than ${limitMs / 1000} s` })
        else if (typeof error.signal === 'string') resolve({ is: 'damaged', why: `the process that tried it ended with ${error.signal}` })
        else resolve({ is: error.code === damagedStatus ? 'damaged' : 'unusable', why: stderr.trim().split('\n').at(-1) ?? '' })
      },
    )
  })
}

/** Throws when what can be read is not what should be there. */
function walk(database: RootDatabase<string, string>): void {
  const end = performance.now() + walkMs
  const before = entryCount(database)
  let found = 0
  for (const { key } of database.getRange({})) {
    if (typeof key !== 'string') throw new Error('MDB_CORRUPTED: a key is no text')
    if (++found % 1000 === 0 && performance.now() > end) return
  }
  // Other processes may write meanwhile.
  if (entryCount(database) === before && found !== before) throw new Error(`MDB_CORRUPTED: ${before} records should be there, ${found} are`)
}

function entryCount(database: RootDatabase<string, string>): number {
  const stats: { entryCount?: number } = database.getStats()
  return stats.entryCount ?? 0
}

/** Throws when the file ends before its last page: whatever is read behind its end is a bus error, sooner or later. */
function measure(database: RootDatabase<string, string>, path: string): void {
  const { lastPageNumber = 0, pageSize = 0 }: { lastPageNumber?: number; pageSize?: number } = database.getStats()
  const [expected, found] = [(lastPageNumber + 1) * pageSize, statSync(path).size]
  if (found < expected) throw new Error(`MDB_CORRUPTED: ${expected} bytes should be there, ${found} are`)
}

/** Written and removed in one transaction, so no reader ever sees it. */
const probeKey = '_PROBE_'

function tryOut(options: OpenOptions): void {
  const database = openDatabase(options)
  measure(database, options.path)
  walk(database)
  // A full disk is no reason to begin anew, and LMDB must not try to write to it (disk-space.ts).
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- lmdb has no type for what it returns
  if (freeBytes(dirname(options.path)) < bytesFor(1, database.getStats() as TreeSize)) return
  try {
    database.transactionSync(() => {
      database.putSync(probeKey, '')
      database.removeSync(probeKey)
    })
  } catch (error) {
    // What is there can still be read.
    if (isDamage(error)) throw error
  }
}

function isDamage(error: unknown): boolean {
  return error instanceof Error && /MDB_(CORRUPTED|PAGE_NOTFOUND|INVALID|VERSION_MISMATCH|INCOMPATIBLE|PANIC|PROBLEM)/.test(error.message)
}

/** The child process: says why on standard error, and which kind with its exit status. */
function main(): never {
  try {
    tryOut({ path: process.argv[2] ?? '', mapSize: Number(process.argv[3]) })
    process.exit(0)
  } catch (error) {
    writeSync(2, `${messageOf(error)}\n`)
    process.exit(isDamage(error) ? damagedStatus : 1)
  }
}

if (import.meta.main) main()
