// The temporary allowlist in an LMDB file: it survives restarts, and several gateway processes on one machine may share
// it.
import { readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RootDatabase } from 'lmdb'
import { epochSeconds } from '../../runtime/clock.ts'
import { type OpenOptions, openDatabase } from './lmdb-database.ts'
import { type FileCheckResult, checkAllowlistFile } from './lmdb-file-check.ts'
import {
  type AllowlistEntry,
  cleanupKey,
  type WarnOfFailure,
  failureWarnings,
  type LocalAllowlist,
  type LocalStoreProblem,
  type Warn,
} from './allowlist-store.ts'
import { WriteQueue } from './allowlist-writes.ts'
import { messageOf } from '../../runtime/caught.ts'
import { settledWithin } from '../../runtime/time-budget.ts'
import { adviceAbout, DataDirectoryError, prepareDataDirectory } from './data-directory.ts'
import { bytesFor, freeBytes, recordsThatFit, type TreeSize } from './disk-space.ts'
import { Outage } from './outage.ts'

/**
 * Address space only: disk and memory are used as needed. Ten million records take 1.2 to 2 GB (measured) with the
 * default pages of 4 KiB. With so much room no process ever has to move its map because another one wrote.
 */
const mapSize = 16 * 2 ** 30

const fileName = 'allowlist.lmdb'
const entriesAtATime = 256
const closeMs = 2000

export interface LmdbOptions {
  /** Created if missing. Not on a network file system: LMDB's locks do not work there. */
  readonly directory: string
  readonly warn: Warn
}

/**
 * Opens the allowlist in `directory`. A damaged file is renamed to `allowlist.lmdb.corrupt-EPOCH`, with a warning, and
 * a new one is created: the allowlist is only a cache. Throws DataDirectoryError when the directory cannot be used; the
 * caller decides what to do then.
 *
 * A crash of the gateway loses the writes of the last 50 ms, a crash of the machine those of about the last second.
 * Neither damages the file.
 */
export async function openLmdbAllowlist({ directory, warn }: LmdbOptions): Promise<LocalAllowlist> {
  const options = { path: join(directory, fileName), mapSize }
  prepareDataDirectory(options.path)
  const inode = statSync(options.path).ino
  const outcome = await checkAllowlistFile(options)
  if (outcome.is === 'damaged') await replaceDamaged(options, inode, outcome.why, warn)
  if (outcome.is === 'unusable') throw unusable(directory, outcome)
  try {
    return new LmdbAllowlist(openDatabase(options), options.path, warn)
  } catch (error) {
    throw new DataDirectoryError(directory, messageOf(error), adviceAbout(undefined))
  }
}

function unusable(directory: string, outcome: Exclude<FileCheckResult, { is: 'good' }>): DataDirectoryError {
  return new DataDirectoryError(directory, outcome.why, adviceAbout(undefined))
}

/** If a new file fails too, the old one was not the reason and is restored. */
async function replaceDamaged(options: OpenOptions, inode: number, why: string, warn: Warn): Promise<void> {
  const { path } = options
  // Another process that shares the directory may have replaced it already.
  if (statSync(path).ino !== inode) return
  const aside = `${path}.corrupt-${epochSeconds()}`
  moveFile(path, aside)
  prepareDataDirectory(path)
  const outcome = await checkAllowlistFile(options)
  if (outcome.is !== 'good') {
    moveFile(aside, path)
    throw unusable(dirname(path), outcome)
  }
  removeOlderCopies(path, aside)
  warn(`lmdb:${path}: the file is damaged (${why}); it is now ${aside}, and the temporary allowlist starts empty`)
}

/** The lock file belongs to its data file; the next process that opens the database creates a new one. */
function moveFile(from: string, to: string): void {
  rmSync(`${from}-lock`, { force: true })
  renameSync(from, to)
}

/** Only the latest damaged file is kept, so that a failing disk does not fill up. */
function removeOlderCopies(path: string, latest: string): void {
  const start = `${basename(path)}.corrupt-`
  for (const name of readdirSync(dirname(path))) {
    if (name.startsWith(start) && name !== basename(latest)) rmSync(join(dirname(path), name), { force: true })
  }
}

class LmdbAllowlist implements LocalAllowlist {
  readonly kind = 'lmdb'
  readonly name: string
  readonly #database: RootDatabase<string, string>
  readonly #writes: WriteQueue
  readonly #warnOfFailure: WarnOfFailure
  readonly #directory: string
  readonly #warn: Warn
  readonly #unwritten = new Outage()
  #problem = ''
  #open = true
  /**
   * A write of LMDB has failed and may have damaged the heap (disk-space.ts): LMDB must not write or close any more in
   * this process.
   */
  #failed = false

  constructor(database: RootDatabase<string, string>, path: string, warn: Warn) {
    this.name = `lmdb:${path}`
    this.#directory = dirname(path)
    this.#database = database
    this.#warn = warn
    this.#warnOfFailure = failureWarnings(this.name, warn)
    this.#writes = new WriteQueue(
      (batch) => this.#commit(batch),
      (operation, key, cause) => {
        // The outage has its own line.
        if (!this.#unwritten.isOngoing) this.#warnOfFailure(operation, key, cause)
      },
    )
  }

  problem(): LocalStoreProblem | undefined {
    if (!this.#unwritten.isOngoing) return undefined
    return { up: false, pendingWrites: this.#writes.size, droppedWrites: this.#writes.dropped, nearCacheHits: 0, problem: this.#problem }
  }

  get(key: string): string | undefined {
    if (!this.#open) return undefined
    if (this.#writes.has(key)) return this.#writes.get(key)
    try {
      return this.#database.get(key)
    } catch (error) {
      this.#warnOfFailure('lookup', key, error)
      return undefined
    }
  }

  put(key: string, record: string): void {
    if (this.#open) this.#writes.add(key, record)
  }

  remove(key: string): void {
    if (this.#open) this.#writes.add(key, undefined)
  }

  /**
   * Reads small pieces, each completely before this yields: an open cursor would prevent the file from reusing its
   * pages.
   */
  *entries(): Generator<AllowlistEntry, void> {
    let after: string | undefined
    while (this.#open) {
      const piece = this.#entriesAfter(after)
      for (const entry of piece) {
        const record = this.#writes.has(entry[0]) ? this.#writes.get(entry[0]) : entry[1]
        if (record !== undefined) yield [entry[0], record]
      }
      after = piece.at(-1)?.[0]
      if (after === undefined) break
    }
    for (const [key, record] of this.#writes.waiting()) if (record !== undefined && !this.#onDisk(key)) yield [key, record]
  }

  #entriesAfter(key: string | undefined): AllowlistEntry[] {
    const piece: AllowlistEntry[] = []
    try {
      const range = { limit: entriesAtATime, ...(key === undefined ? {} : { start: key, exclusiveStart: true }) }
      for (const entry of this.#database.getRange(range)) piece.push([entry.key, entry.value])
    } catch (error) {
      this.#warnOfFailure('sequence', '', error)
      throw error
    }
    return piece
  }

  #onDisk(key: string): boolean {
    try {
      return this.#database.doesExist(key)
    } catch {
      return false
    }
  }

  size(): number {
    if (!this.#open) return 0
    try {
      const stats: { entryCount?: number } = this.#database.getStats()
      return (stats.entryCount ?? 0) - (this.#onDisk(cleanupKey) ? 1 : 0)
    } catch (error) {
      this.#warnOfFailure('lookup', '', error)
      return 0
    }
  }

  flush(): Promise<void> {
    return this.#writes.drained()
  }

  async close(): Promise<void> {
    if (!this.#open) return
    await settledWithin(this.flush(), closeMs)
    this.#open = false
    this.#writes.stop()
    // The end of the process would close it too, and free memory that may be damaged; process.exit does not.
    if (this.#failed) process.once('exit', (code) => process.exit(code))
    else await settledWithin(this.#database.close(), closeMs)
  }

  /** In as many transactions as the space on the disk requires; each frees pages for the next. */
  async #commit(batch: ReadonlyMap<string, string | undefined>): Promise<void> {
    let rest = [...batch]
    while (rest.length > 0) {
      const count = this.#room(rest.length)
      await this.#transaction(rest.slice(0, count))
      rest = rest.slice(count)
    }
    this.#unwritten.end((seconds) => this.#warn(`${this.name}: is written again, after ${Math.round(seconds)} s`))
  }

  /** How many of `wanted` records the disk has space for. Throws when there is none, which begins an outage. */
  #room(wanted: number): number {
    if (this.#failed) throw new Error(this.#problem)
    const free = freeBytes(this.#directory)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- lmdb has no type for what it returns
    const tree = this.#database.getStats() as TreeSize
    const count = recordsThatFit(wanted, free, tree)
    if (count === 0) {
      const need = bytesFor(1, tree)
      throw this.#begin(`no space left in ${this.#directory}: ${free} bytes are free, ${need} are needed; ${adviceAbout('ENOSPC')}`)
    }
    return count
  }

  /** Until the outage ends, records are kept in memory, where lookups find them. */
  #begin(problem: string): Error {
    this.#problem = problem
    this.#unwritten.begin(() => this.#warn(`${this.name}: could not update entry: ${problem}. Clients are remembered in memory meanwhile`))
    return new Error(problem)
  }

  /** Runs in lmdb's own thread; the event loop does not wait for the disk. */
  async #transaction(changes: readonly (readonly [string, string | undefined])[]): Promise<void> {
    try {
      await this.#database.batch(() => {
        for (const [key, record] of changes) this.#change(key, record)
      })
    } catch (error) {
      this.#failed = true
      const cause = messageOf(await causeOf(error))
      throw this.#begin(
        `writing failed (${cause}), and is not tried again until the gateway is restarted; see to the disk, then restart it`,
      )
    }
  }

  #change(key: string, record: string | undefined): void {
    try {
      if (record === undefined) void this.#database.remove(key)
      else void this.#database.put(key, record)
    } catch (error) {
      // A key that LMDB cannot store must not prevent the others from being written.
      this.#warnOfFailure(record === undefined ? 'delete' : 'update', key, error)
    }
  }
}

/** lmdb rejects with "Commit failed"; the reason is in a second promise, which must be caught too. */
async function causeOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error && 'commitError' in error && error.commitError instanceof Promise)) return error
  try {
    const hidden: Promise<unknown> = error.commitError
    await Promise.race([hidden, sleep(closeMs, undefined, { ref: false })])
    return error
  } catch (cause) {
    return cause
  }
}
