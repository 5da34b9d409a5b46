// Reads files that somebody else wrote: plain ones of a bounded size, so that neither a pipe nor a huge file can stop the gateway.
import { readFileSync, statSync } from 'node:fs'

/** The bytes of a file of at most `limit` bytes. Throws the system's error, or one that says what is wrong with the file. */
export function readPlainFile(file: string, limit: number): Buffer {
  const found = statSync(file)
  if (!found.isFile()) throw new Error(`${file} is no plain file`)
  if (found.size > limit) throw new Error(`${file} has ${found.size} bytes, and ${limit} are the most`)
  return readFileSync(file)
}
