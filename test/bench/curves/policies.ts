// The operator's CPU time by the number of policies: until all are processed, and when one of them changes.
import type { Curve, Values } from '../curve.ts'
import { timePolicies } from '../policies-process.ts'
import { operatorCode } from '../code-paths.ts'

export const policies: Curve = {
  name: 'policies',
  title: 'CPU time of the operator, by the number of policies',
  x: { label: 'policies', unit: '', scale: 'log' },
  y: { label: 'CPU time', unit: 'ms', scale: 'log' },
  needs: [],
  measures: operatorCode,
  steps: ({ scale }) => [1, 10, 100, 300, 1000].filter((count) => count <= 1000 * scale || count <= 10),
  rounds: 3,
  minutes: 2,
  start: () => {
    const at = async (count: number): Promise<Values> => {
      const { all = Number.NaN, one = Number.NaN } = await timePolicies(count)
      return { 'until all are processed': all, 'when one changes': one }
    }
    return Promise.resolve({ at, stop: () => Promise.resolve() })
  },
}
