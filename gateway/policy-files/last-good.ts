// The last good policy with its access tables, kept in the data directory: it is used when the gateway starts with a
// policy that cannot be used. It contains no keys of DNS lists and no certificates: those are read from their own files
// again.
import { createHash } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import type { CompiledTable } from '../core/access-list.ts'
import { codeOf } from '../../runtime/caught.ts'
import { readPlainFile } from './plain-file.ts'
import type { SkippedLines } from './loaded-policy.ts'

/** The kept form of a policy. */
export interface KeptPolicy {
  /** RFC 3339. */
  readonly keptAt: string
  /** The bytes of the policy file. */
  readonly bytes: Uint8Array
  readonly tables: ReadonlyMap<string, CompiledTable>
  readonly skipped: readonly SkippedLines[]
}

const fileName = 'last-good-policy'
/** Increased when the format of tables or of this file changes; then an older file is ignored. */
const format = 2
/** Enough for some millions of networks. */
const largest = 64 * 2 ** 20
const sumBytes = 32

const sumOf = (content: Uint8Array): Buffer => createHash('sha256').update(content).digest()

/** Replaces the kept policy, atomically also if the machine stops. Rejects when that fails. */
export async function keepPolicy(directory: string, kept: KeptPolicy): Promise<void> {
  const content = serialize({ format, ...kept })
  const file = join(directory, fileName)
  if (content.length > largest) {
    await rm(file, { force: true })
    throw new Error(`it has ${content.length} bytes with its tables; the limit is ${largest}`)
  }
  const unfinished = `${file}.new`
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await writeThrough(unfinished, Buffer.concat([sumOf(content), content]))
    await rename(unfinished, file)
    await syncDirectory(directory)
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => undefined)
    throw error
  }
}

async function writeThrough(file: string, bytes: Buffer): Promise<void> {
  const handle = await open(file, 'w', 0o600)
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Writes the new name through to the disk as well. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** The kept policy; undefined if there is none. Throws when it cannot be read or is damaged. */
export function readKeptPolicy(directory: string): KeptPolicy | undefined {
  const bytes = readOrNothing(join(directory, fileName))
  if (bytes === undefined) return undefined
  const content = bytes.subarray(sumBytes)
  if (!sumOf(content).equals(bytes.subarray(0, sumBytes))) throw new Error(`${join(directory, fileName)} is damaged`)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the checksum shows that keepPolicy has written it
  const kept = deserialize(content) as KeptPolicy & { readonly format: number }
  return kept.format === format ? kept : undefined
}

function readOrNothing(file: string): Buffer | undefined {
  try {
    return readPlainFile(file, largest + sumBytes)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
