// Reads files from outside: only regular files of a bounded size, so that neither a pipe nor a huge file can block the
// gateway.
import { readFileSync, statSync } from 'node:fs'

/**
 * The contents of a file of at most `limit` bytes. Throws the error of the system, or one that describes the problem.
 */
export function readPlainFile(file: string, limit: number): Buffer {
  const found = statSync(file)
  if (!found.isFile()) throw new Error(`${file} is not a regular file`)
  if (found.size > limit) throw new Error(`${file} has ${found.size} bytes; the limit is ${limit}`)
  return readFileSync(file)
}
