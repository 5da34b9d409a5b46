// The last good results in the data directory, so that a gateway that starts permits the senders at once.
import { readFileSync, statSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { codeOf } from '../../runtime/caught.ts'
import { longestSender } from './sender-text.ts'

const name = 'spf-senders'
/** Fifty senders of the largest size do not occur; the total of a policy is limited. */
const largest = 8 * longestSender

export const spfFile = (directory: string): string => join(directory, name)

/** One text for each sender; none without a file. Throws when it cannot be read. */
export function readSpfFile(file: string): readonly string[] {
  try {
    const { size } = statSync(file)
    if (size > largest) throw new Error(`${file} has ${size} bytes; the limit is ${largest}`)
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}

/** Replaces the file, atomically. Rejects when that fails. */
export async function writeSpfFile(file: string, senders: readonly string[]): Promise<void> {
  const unfinished = `${file}.new`
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await writeFile(unfinished, senders.map((text) => `${text}\n`).join(''), { mode: 0o600, flush: true })
    await rename(unfinished, file)
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => undefined)
    throw error
  }
}
