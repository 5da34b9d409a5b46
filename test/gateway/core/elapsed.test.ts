// Times in PREGREET and HANGUP lines (section 2.14 of postscreen's behaviour).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatElapsed } from '../../../gateway/core/elapsed.ts'

const cases: readonly (readonly [ms: number, want: string])[] = [
  [-5000, '0'],
  [0, '0'],
  [4, '0'],
  [4.999, '0'],
  [5, '0.01'],
  [10, '0.01'],
  [49, '0.05'],
  [100, '0.1'],
  [104, '0.1'],
  [105, '0.11'],
  [240, '0.24'],
  [994, '0.99'],
  [995, '1'],
  [999, '1'],
  [1000, '1'],
  [1049, '1'],
  [1050, '1.1'],
  [1234.567, '1.2'],
  [2000, '2'],
  [9949.999, '9.9'],
  [9950, '10'],
  [9999, '10'],
  [10_000, '10'],
  [10_400, '10'],
  [10_500, '11'],
  [99_500, '100'],
  [300_100, '300'],
  [86_400_000, '86400'],
]
for (const [ms, want] of cases) test(`${ms} ms are ${want}`, () => assert.equal(formatElapsed(ms), want))
