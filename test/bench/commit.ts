// The commit that a measurement is about, so that a figure in the documents can be measured again.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The abbreviated commit of the checkout, with `+changes` if a file differs from it. `undefined` without git. */
export function measuredCommit(): string | undefined {
  const { status, stdout } = spawnSync('git', ['describe', '--always', '--exclude=*', '--dirty=+changes'], { cwd: root, encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}
