// The commit that a measurement is about, so that a figure in the documents can be measured again.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What the bench writes itself. */
const written = [':(exclude)docs/performance', ':(exclude)docs/performance.md', ':(exclude)docs/sizing.md']

const git = (...words: readonly string[]): string | undefined => {
  const { status, stdout } = spawnSync('git', words, { cwd: root, encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}

/**
 * The abbreviated commit of the checkout, with `+changes` if a file differs from it that the bench has not written.
 * `undefined` without git.
 */
export function measuredCommit(): string | undefined {
  const commit = git('rev-parse', '--short', 'HEAD')
  const changes = git('status', '--porcelain', '--untracked-files=no', '--', '.', ...written)
  return commit === undefined ? undefined : `${commit}${changes === '' ? '' : '+changes'}`
}
