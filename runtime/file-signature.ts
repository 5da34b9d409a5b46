// Tells one state of a file from another without reading it.
import { statSync } from 'node:fs'
import { codeOf } from './caught.ts'

/**
 * A text that differs when one of the files was changed, replaced, created or removed. Symbolic links are followed: the
 * kubelet swaps a link to change a mounted volume. Never throws: a file that cannot be looked at gives the error code.
 */
export function fileSignature(files: readonly string[]): string {
  return files.map(signatureOf).join(' ')
}

function signatureOf(file: string): string {
  try {
    const found = statSync(file, { bigint: true, throwIfNoEntry: false })
    return found === undefined ? '-' : `${found.dev}:${found.ino}:${found.size}:${found.mtimeNs}:${found.ctimeNs}`
  } catch (error) {
    return codeOf(error) ?? 'unknown'
  }
}
