// Whether the disk has room for a transaction of LMDB, asked before LMDB tries.
//
// A write of LMDB must not fail: mdb_page_flush of lmdb 3.5.6 (the latest release) then prints a message into malloc(100) with sprintf, among it the
// lengths of three blocks although there may be only one or two. The others are what was on the stack, up to eleven characters each. With one block and
// a file position of six digits the message has up to 107 bytes; glibc gives 104, and behind them is the size of the next piece of the heap:
// `corrupted size vs. prev_size` when that is freed, at mdb_env_close or earlier. Measured on a full tmpfs of 200 kB: 34 of 102 messages had a length
// from the stack, such as -1677718576. Each further attempt is another chance, so that after one that failed there is none (allowlist-lmdb.ts).
import { statfsSync } from 'node:fs'

/** The size of the tree, as lmdb's getStats tells it. */
export interface TreeSize {
  readonly pageSize: number
  readonly treeDepth: number
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
}

/** Records of at least two hundred bytes with their keys, of which a page that was split has at least this many. */
const recordsOfHalfAPage = 10
/** For the list of free pages, the roots and the meta pages. */
const sparePages = 8

/** The most bytes that a transaction with so many records may write to pages that it had not before: LMDB copies each page that it changes. */
export function bytesFor(records: number, { pageSize, treeDepth, treeBranchPageCount, treeLeafPageCount }: TreeSize): number {
  const split = Math.ceil(records / recordsOfHalfAPage)
  const copied = Math.min(records * Math.max(treeDepth, 1), treeBranchPageCount + treeLeafPageCount)
  return (copied + split + sparePages) * pageSize
}

/** The most records, up to `wanted`, for which there is room; 0 when there is none for one. */
export function recordsThatFit(wanted: number, free: number, tree: TreeSize): number {
  let records = wanted
  while (records > 0 && bytesFor(records, tree) > free) records = Math.floor(records / 2)
  return records
}

/** Bytes that a user without rights can still write in a directory; a file system that does not tell is taken to have room. */
export function freeBytes(directory: string): number {
  try {
    const { bavail, bsize } = statfsSync(directory)
    return bavail * bsize
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
