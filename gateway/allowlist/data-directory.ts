// The data directory of the temporary allowlist: whether it can be used, and what to do if not.
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { codeOf, messageOf } from '../../runtime/caught.ts'

/**
 * The data directory cannot be used. The message names it and says what to do. The caller either stops, or continues
 * with an allowlist in memory and logs that.
 */
export class DataDirectoryError extends Error {
  readonly directory: string
  readonly problem: string
  readonly advice: string

  constructor(directory: string, problem: string, advice: string) {
    super(`the temporary allowlist cannot be kept in ${directory}: ${problem}; ${advice}`)
    this.name = 'DataDirectoryError'
    this.directory = directory
    this.problem = problem
    this.advice = advice
  }
}

const adviceFor: Readonly<Record<string, string>> = {
  EACCES: 'give the user of the gateway write permission (in a pod: securityContext.fsGroup)',
  EPERM: 'give the user of the gateway write permission (in a pod: securityContext.fsGroup)',
  EROFS: 'mount it as writable',
  ENOTDIR: 'configure a directory, not a file',
  EEXIST: 'configure a directory, not a file',
  ENOSPC: 'free some space',
  EDQUOT: 'free some space',
}

const otherAdvice = 'repair the directory, or configure another one'

/** What to do about an error with this code. */
export function adviceAbout(code: string | undefined): string {
  return adviceFor[code ?? ''] ?? otherAdvice
}

/**
 * Creates the directory of `path` if it is missing, and checks that `path` and its lock file can be written.
 * Throws DataDirectoryError.
 */
export function prepareDataDirectory(path: string): void {
  const directory = dirname(path)
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    for (const file of [path, `${path}-lock`]) closeSync(openSync(file, 'a+', 0o600))
  } catch (error) {
    throw new DataDirectoryError(directory, messageOf(error), adviceAbout(codeOf(error)))
  }
}
