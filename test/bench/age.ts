// Whether the code that a row measured has changed since its commit, according to git.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Results } from './results.ts'

/** A case or curve: what it is called in the results, and the files that its figures depend on. */
export interface Row {
  readonly name: string
  readonly measures: readonly string[]
}

/** `current`: the code is as it was measured. `older`: it has changed since. `uncommitted`: what was measured is in no commit. `unknown`: git does not have the commit. */
export type Age = 'current' | 'older' | 'uncommitted' | 'unknown'

const top = fileURLToPath(new URL('../..', import.meta.url))

function git(folder: string, ...words: readonly string[]): { readonly status: number | null; readonly stdout: string } {
  return spawnSync('git', words, { cwd: folder, encoding: 'utf8' })
}

/** Whether git and the whole history are there, without which no age can be determined. */
export const hasHistory = (): boolean => git(top, 'rev-parse', '--is-shallow-repository').stdout.trim() === 'false'

/** The commits since `commit` that changed one of the paths, newest first, each `HASH SUBJECT`. */
export function changesSince(commit: string, paths: readonly string[], folder = top): readonly string[] {
  return git(folder, 'log', '--format=%h %s', `${commit}..HEAD`, '--', ...paths)
    .stdout.split('\n')
    .filter((line) => line !== '')
}

/**
 * @param commit as `measuredCommit` writes it
 * @param folder of the repository
 */
export function ageOf(commit: string | undefined, paths: readonly string[], folder = top): Age {
  if (commit === undefined) return 'unknown'
  if (commit.includes('+')) return 'uncommitted'
  if (git(folder, 'merge-base', '--is-ancestor', commit, 'HEAD').status !== 0) return 'unknown'
  return git(folder, 'log', '-1', '--format=%h', `${commit}..HEAD`, '--', ...paths).stdout.trim() === '' ? 'current' : 'older'
}

/** The age of each row that was measured, by its name in the results. */
export function agesOf(cases: readonly Row[], curves: readonly Row[], results: Results): ReadonlyMap<string, Age> {
  const measured = [
    ...cases.map(({ name, measures }) => ({ name, measures, result: results.cases[name] })),
    ...curves.map(({ name, measures }) => ({ name: `growth-${name}`, measures, result: results.curves[name] })),
  ]
  return new Map(measured.flatMap(({ name, measures, result }) => (result === undefined ? [] : [[name, ageOf(result.commit, measures)]])))
}
