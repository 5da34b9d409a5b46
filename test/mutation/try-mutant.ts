// Runs the tests of one mutant in processes of their own, until one fails.
import { execFile } from 'node:child_process'
import type { Replacement } from './mutate-node.ts'
import { root } from './mutants.ts'

export interface Mutated extends Replacement {
  readonly file: string
}

export interface Outcome {
  /** By what the tests noticed it: the name of a test, or that they did not end. */
  readonly noticed: string | undefined
  /** CPU seconds of all processes that passed. */
  readonly seconds: number
}

/** Runs groups of test files on a mutant, or on the program as it is. A group may take so many CPU seconds. */
export async function tryMutant(mutant: Mutated | undefined, groups: readonly (readonly string[])[], limit: number): Promise<Outcome> {
  let seconds = 0
  for (const tests of groups) {
    const { failed, output } = await runTests(mutant, tests, limit)
    seconds += Number(/^cpu (.*)$/m.exec(output)?.[1] ?? 0)
    if (failed) return { noticed: /^noticed by (.*)$/m.exec(output)?.[1] ?? `it did not end: ${output.slice(-300)}`, seconds }
  }
  return { noticed: undefined, seconds }
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
      { cwd: root, env, timeout: 600_000, killSignal: 'SIGKILL', maxBuffer: 16 << 20 },
      (error, stdout, stderr) => resolve({ failed: error !== null, output: stdout + stderr }),
    )
  })
}
