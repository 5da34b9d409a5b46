// Whether the disk has space for a transaction of LMDB; checked before LMDB writes.
//
// A write of LMDB must not fail. mdb_page_flush of lmdb 3.5.6 (the latest release) would format a message into
// malloc(100) with sprintf. It prints the lengths of three blocks even if there are only one or two; the others are
// values from the stack of up to eleven characters. With one block and a file position of six digits the message has up
// to 107 bytes. glibc provides 104, followed by the size of the next heap block: freeing it, at mdb_env_close or
// earlier, aborts with `corrupted size vs. prev_size`. Measured on a full tmpfs of 200 kB: 34 of 102 messages had a
// length from the stack, such as -1677718576. Each further attempt can damage the heap again, so there is none after a
// failure (allowlist-lmdb.ts).
import { statfsSync } from 'node:fs'

/** The size of the tree, from lmdb's getStats. */
export interface TreeSize {
  readonly pageSize: number
  readonly treeDepth: number
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
}

/** The least number of records in a page that was split, if a record with its key takes two hundred bytes. */
const recordsOfHalfAPage = 10
/** For the list of free pages, the roots and the meta pages. */
const sparePages = 8

/** The largest number of bytes that a transaction may write to new pages: LMDB copies each page that it changes. */
export function bytesFor(records: number, { pageSize, treeDepth, treeBranchPageCount, treeLeafPageCount }: TreeSize): number {
  const split = Math.ceil(records / recordsOfHalfAPage)
  const copied = Math.min(records * Math.max(treeDepth, 1), treeBranchPageCount + treeLeafPageCount)
  return (copied + split + sparePages) * pageSize
}

/** How many records there is space for, at most `wanted`; 0 when there is not enough for one. */
export function recordsThatFit(wanted: number, free: number, tree: TreeSize): number {
  let records = wanted
  while (records > 0 && bytesFor(records, tree) > free) records = Math.floor(records / 2)
  return records
}

/**
 * Bytes that an unprivileged user can still write in a directory. A file system that does not report this counts as
 * having space.
 */
export function freeBytes(directory: string): number {
  try {
    const { bavail, bsize } = statfsSync(directory)
    return bavail * bsize
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
