// Opens the LMDB file of an allowlist, in the same way in every process.
import { open, type RootDatabase } from 'lmdb'

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
