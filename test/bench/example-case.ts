// A case for tests of the bench itself: figures that are given, and no server.
import type { BenchCase, Contender, Goal } from './bench-case.ts'
import type { Machine } from './machine.ts'
import type { CaseResult } from './results.ts'

export const cpuGoal: Goal = {
  text: '≤ 0.5× of theirs',
  figure: 'cpu',
  of: 'gateway',
  beside: { peer: 'postscreen', how: 'ratio' },
  bound: 'at most',
  value: 0.5,
}

/** @param contenders those who take part; none for tests that only judge */
export function exampleCase(goals: readonly Goal[], contenders: readonly Contender[] = [], stop: () => void = () => undefined): BenchCase {
  return {
    name: 'example',
    what: 'bots | of an example',
    needs: [],
    measures: ['gateway'],
    figures: { cpu: { label: 'CPU', unit: 'µs', digits: 0 }, failed: { label: 'failed', unit: '', digits: 0 } },
    goals,
    rounds: 3,
    warmUp: true,
    minutes: 0,
    start: () => Promise.resolve({ contenders, stop: () => Promise.resolve(stop()) }),
  }
}

export const exampleMachine: Machine = {
  cpu: 'Example CPU',
  cores: 2,
  memoryGB: 8,
  kernel: 'Linux 6.1 x64',
  versions: { Node: '24.21.0' },
  load: 0.1,
  busy: 0.01,
}

/** A result with these CPU times. */
export function exampleResult(ours: readonly number[], theirs: readonly number[]): CaseResult {
  const rounds = (values: readonly number[]) => values.map((cpu) => ({ cpu, failed: 0 }))
  const contenders = [
    { name: 'gateway', rounds: rounds(ours) },
    { name: 'postscreen', rounds: rounds(theirs) },
  ]
  return { at: '2026-01-01T00:00', commit: '1234567', machine: exampleMachine, contenders }
}
