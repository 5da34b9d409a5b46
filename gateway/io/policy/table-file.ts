// The file of an access table: plain or in gzip form, whole or in parts. A table from a ConfigMap may need both, since an object holds one mebibyte.
import { existsSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { type CidrTable, parseCidrTable } from '../../../crds/cidr-table.ts'
import { codeOf, messageOf } from '../caught.ts'
import { readPlainFile } from './plain-file.ts'

/** A million networks. Of what is read and of what that unpacks to. */
const largestTable = 64 * 2 ** 20
/** FILE.0 to FILE.99. */
const partsAtMost = 100

/**
 * Reads FILE, or FILE.0, FILE.1, … put together where there is no FILE. A name that ends in `.gz` stands for gzip form.
 * @param watched gets the files whose change or appearance may change the table
 * @throws an error that says what is wrong with which file
 */
export function readTableFile(file: string, watched: string[]): CidrTable {
  watched.push(file)
  const parts = existsSync(file) ? [] : partsOf(file, watched)
  const bytes = parts.length === 0 ? readPlainFile(file, largestTable) : readParts(parts)
  return parseCidrTable((file.endsWith('.gz') ? unpack(bytes, file, parts.length) : bytes).toString('utf8'))
}

/** The parts that are there; the next one is watched too, for it may be still to come. */
function partsOf(file: string, watched: string[]): readonly string[] {
  const parts: string[] = []
  for (let at = 0; at < partsAtMost; at++) {
    const part = `${file}.${at}`
    watched.push(part)
    if (!existsSync(part)) break
    parts.push(part)
  }
  return parts
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

/** Bounded before it is unpacked: a gzip file may stand for a thousand times its size. */
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
