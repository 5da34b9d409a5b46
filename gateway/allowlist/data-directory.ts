// The directory that keeps the temporary allowlist: whether it can be used, and what to do when not.
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { codeOf, messageOf } from '../../runtime/caught.ts'

/**
 * The data directory cannot be used. The message names it and says what to do; the caller either ends with it,
 * or goes on with an allowlist in memory and says that.
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
  EACCES: 'let the user of the gateway write there (in a pod: securityContext.fsGroup)',
  EPERM: 'let the user of the gateway write there (in a pod: securityContext.fsGroup)',
  EROFS: 'mount it so that it can be written to',
  ENOTDIR: 'name a directory, not a file',
  EEXIST: 'name a directory, not a file',
  ENOSPC: 'free some space there',
  EDQUOT: 'free some space there',
}

const otherAdvice = 'see to the directory, or name another one'

/** What to do about an error with this code. */
export function adviceAbout(code: string | undefined): string {
  return adviceFor[code ?? ''] ?? otherAdvice
}

/**
 * Makes the directory of `path` where it is missing, and makes sure that `path` and the lock file beside it can be written.
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
