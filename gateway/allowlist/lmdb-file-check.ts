// Checks an allowlist file in a child process: lmdb does not refuse most damaged files but crashes the process that
// opens them (measured with 3.5.6: a segmentation fault for a file of another kind, a bus error for a truncated one).
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { programBeside } from '../../runtime/program-beside.ts'
import type { OpenOptions } from './lmdb-database.ts'

/** damaged: create a new file. unusable: no file would work here. */
export type FileCheckResult = { readonly is: 'good' } | { readonly is: 'damaged' | 'unusable'; readonly why: string }

/** The exit status of the process for a damaged file. */
export const damagedStatus = 3

/**
 * Opens the file, checks that it is complete, reads it for up to 0.3 s and writes to it, in a child process that runs
 * for at most `limitMs`. A child that cannot be started shows nothing about the file, so the file counts as good.
 */
export function checkAllowlistFile(options: OpenOptions, limitMs = 10_000): Promise<FileCheckResult> {
  const program = fileURLToPath(programBeside(import.meta.url, 'lmdb-file-check-main'))
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [program, options.path, String(options.mapSize)],
      { timeout: limitMs, killSignal: 'SIGKILL' },
      (error, _stdout, stderr) => {
        if (error === null || typeof error.code === 'string') resolve({ is: 'good' })
        else if (error.killed === true) resolve({ is: 'unusable', why: `checking it took longer than ${limitMs / 1000} s` })
        else if (typeof error.signal === 'string') resolve({ is: 'damaged', why: `the process that checked it ended with ${error.signal}` })
        else resolve({ is: error.code === damagedStatus ? 'damaged' : 'unusable', why: stderr.trim().split('\n').at(-1) ?? '' })
      },
    )
  })
}
