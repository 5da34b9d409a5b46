// Runs the tests of one mutant in processes of their own, until one fails.
import { execFile } from 'node:child_process'
import type { Replacement } from './mutate-node.ts'
import { root } from './mutants.ts'

export interface Mutated extends Replacement {
  readonly file: string
}

/**
 * Runs groups of test files on a mutant, one after the other until one fails.
 * @returns by what the mutant was noticed: the name of a test, or that the tests did not end
 */
export async function tryMutant(mutant: Mutated, groups: readonly (readonly string[])[]): Promise<string | undefined> {
  for (const tests of groups) {
    const { failed, output } = await runTests(mutant, tests, await limitOf(tests))
    if (failed) return /^noticed by (.*)$/m.exec(output)?.[1] ?? `it did not end: ${output.slice(-300)}`
  }
  return undefined
}

const limits = new Map<string, Promise<number>>()

/** CPU seconds that a group may take: some more than on the program as it is, on which all must pass. */
function limitOf(tests: readonly string[]): Promise<number> {
  const key = tests.join(' ')
  const known = limits.get(key) ?? measureLimit(tests)
  limits.set(key, known)
  return known
}

async function measureLimit(tests: readonly string[]): Promise<number> {
  const { failed, output } = await runTests(undefined, tests, 600)
  if (failed) throw new Error(`${tests.join(' ')} fail without any mutant: ${output.slice(-300)}`)
  return 3 * Number(/^cpu (.*)$/m.exec(output)?.[1] ?? 60) + 5
}

/** CPU time is limited, not time: the machine may be busy. A mutant that never ends, or takes all memory, is noticed by that. */
function runTests(mutant: Mutated | undefined, tests: readonly string[], limit: number): Promise<{ failed: boolean; output: string }> {
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env
  const env = { ...inherited, MUTANT: JSON.stringify(mutant === undefined ? {} : { ...mutant, path: root + mutant.file }) }
  const node = [
    process.execPath,
    '--max-old-space-size=1024',
    `--import=${root}test/mutation/load-mutant.ts`,
    '--test',
    '--test-isolation=none',
    `--test-reporter=${root}test/mutation/first-failure.ts`,
    ...tests,
  ]
  return new Promise((resolve) => {
    execFile(
      'bash',
      ['-c', 'ulimit -t "$0"; exec "$@"', String(Math.ceil(limit)), ...node],
      { cwd: root, env, timeout: 1_800_000, killSignal: 'SIGKILL', maxBuffer: 16 << 20 },
      (error, stdout, stderr) => resolve({ failed: error !== null, output: stdout + stderr }),
    )
  })
}
