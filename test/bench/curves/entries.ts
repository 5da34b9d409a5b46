// Lookups in the temporary allowlist by the number of its entries.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fillAllowlist } from '../allowlist-data.ts'
import { timeAllowlist } from '../lookups-process.ts'
import type { Curve, Values } from '../curve.ts'
import { gatewayCode } from '../code-paths.ts'

export const entries: Curve = {
  name: 'entries',
  title: 'Lookup in the temporary allowlist (LMDB)',
  x: { label: 'entries', unit: '', scale: 'log' },
  y: { label: 'time of a lookup', unit: 'µs', scale: 'log' },
  needs: [],
  measures: gatewayCode,
  steps: ({ scale }) => [1e3, 1e4, 1e5, 1e6, 1e7].filter((count) => scale === 1 || count <= 1e7 * scale || count === 1e3),
  rounds: 3,
  minutes: 3,
  start: () => {
    const directory = mkdtempSync(join(tmpdir(), 'entries-'))
    let there = 0
    const at = async (count: number): Promise<Values> => {
      // Steps rise: what is there stays.
      if (count > there) await fillAllowlist(directory, there, count)
      there = Math.max(there, count)
      const { p50 = Number.NaN, p99 = Number.NaN } = await timeAllowlist(directory, count)
      return { p50, p99 }
    }
    return Promise.resolve({ at, stop: () => Promise.resolve(rmSync(directory, { recursive: true })) })
  },
}
