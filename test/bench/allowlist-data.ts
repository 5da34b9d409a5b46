// An allowlist's file with as many entries as one likes, for measurements.
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { formatIPv4 } from '../../crds/values/address.ts'
import { openDatabase } from '../../gateway/allowlist/lmdb-database.ts'
import { cleanupKey } from '../../gateway/allowlist/allowlist-store.ts'
import { prepareDataDirectory } from '../../gateway/allowlist/data-directory.ts'
import { recordFor } from '../support/shared-store.ts'

/** 11.0.0.0 and on. */
export const allowlistKey = (index: number): string => formatIPv4(0x0b00_0000 + index)

const day = 86_400
const atATime = 50_000
/** As the gateway opens it. */
const mapSize = 16 * 2 ** 30

const path = (directory: string): string => join(directory, 'allowlist.lmdb')

/** Writes the entries from `from` up to `to`; those pass for 30 days. Far quicker than through the store, which writes what the clients of a moment bring. */
export function fillAllowlist(directory: string, from: number, to: number): Promise<void> {
  return write(directory, from, to, recordFor(30 * day, 30 * day, 30 * day, 30 * day, 30 * day))
}

/** Makes the first `count` entries worth nothing, and a cleanup due. */
export async function spoilAllowlist(directory: string, count: number): Promise<void> {
  await write(directory, 0, count, recordFor(-400 * day, -400 * day, -400 * day, -400 * day, -400 * day), true)
}

async function write(directory: string, from: number, to: number, record: string, cleanupDue = false): Promise<void> {
  mkdirSync(directory, { recursive: true })
  prepareDataDirectory(path(directory))
  const database = openDatabase({ path: path(directory), mapSize })
  for (let next = from; next < to; next += atATime) {
    database.transactionSync(() => {
      for (let index = next; index < Math.min(to, next + atATime); index++) database.putSync(allowlistKey(index), record)
    })
  }
  if (cleanupDue) database.removeSync(cleanupKey)
  await database.close()
}

export const allowlistBytes = (directory: string): number => statSync(path(directory)).size
