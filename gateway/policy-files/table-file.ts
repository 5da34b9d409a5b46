// The file of an access table: plain or gzip, in one file or in parts. A table from a ConfigMap may need both, since an
// object holds at most 1 MiB.
import { existsSync, statSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { parseAccessTable } from '../../crds/values/access-table.ts'
import type { TableProblem } from '../../crds/values/cidr-table.ts'
import { type CompiledTable, compileTable } from '../core/access-list.ts'
import { codeOf, messageOf } from '../../runtime/caught.ts'
import { readPlainFile } from './plain-file.ts'

/** The result of reading: the usable part of the table with its invalid lines, or why it cannot be read. Plain data. */
export type TableReading =
  | { readonly table: CompiledTable; readonly problems: readonly TableProblem[]; readonly furtherProblems: number }
  | { readonly error: string }

/** The files of a table. */
export interface TableFiles {
  /** FILE, or all of FILE.0, FILE.1, … that exist; empty if there are none. */
  readonly present: readonly string[]
  /** Files whose change or appearance may change the table, including the next part, which may still appear. */
  readonly watched: readonly string[]
}

/** Reads the table from files that were found. */
export type TableReader = (file: string, found: TableFiles) => TableReading

/** Enough for a million networks. The limit for packed and for unpacked bytes. */
const largestTable = 64 * 2 ** 20
/** FILE.0 to FILE.99. */
const partsAtMost = 100

/** Looks for FILE, or its parts where there is no FILE. */
export function findTable(file: string): TableFiles {
  if (existsSync(file)) return { present: [file], watched: [file] }
  const parts: string[] = []
  while (parts.length < partsAtMost && existsSync(`${file}.${parts.length}`)) parts.push(`${file}.${parts.length}`)
  const next = parts.length < partsAtMost ? [`${file}.${parts.length}`] : []
  return { present: parts, watched: [file, ...parts, ...next] }
}

/** Bytes on the disk; files that have disappeared meanwhile count as 0. */
export function sizeOf({ present }: TableFiles): number {
  return present.reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0)
}

/** Reads and compiles a table. A name that ends in `.gz` means gzip format. */
export function readTable(file: string, { present }: TableFiles): TableReading {
  try {
    const isInParts = present[0] !== file && present.length > 0
    const bytes = isInParts ? readParts(present) : readPlainFile(file, largestTable)
    const text = file.endsWith('.gz') ? unpack(bytes, file, isInParts ? present.length : 0) : bytes
    const { rules, problems, furtherProblems, tooMuch } = parseAccessTable(text.toString('utf8'))
    if (tooMuch !== undefined) return { error: `${file} ${tooMuch}` }
    return { table: compileTable(rules), problems, furtherProblems }
  } catch (error) {
    return { error: messageOf(error) }
  }
}

function readParts(parts: readonly string[]): Buffer {
  const pieces: Buffer[] = []
  let left = largestTable
  for (const part of parts) {
    const piece = readPlainFile(part, left)
    left -= piece.length
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

/** The limit applies while unpacking: a gzip file may unpack to a thousand times its size. */
function unpack(bytes: Buffer, file: string, parts: number): Buffer {
  try {
    return gunzipSync(bytes, { maxOutputLength: largestTable })
  } catch (error) {
    throw new Error(`${file} ${unpackProblem(error, parts)}`, { cause: error })
  }
}

function unpackProblem(error: unknown, parts: number): string {
  if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') return `unpacks to more than ${largestTable} bytes`
  if (codeOf(error) === 'Z_BUF_ERROR') return `is incomplete${parts === 0 ? '' : ` with its ${parts} parts`}`
  return `cannot be unpacked: ${messageOf(error)}`
}
