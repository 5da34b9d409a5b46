// Which records survive a cleanup.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Stamps } from '../../../gateway/core/allowlist-record.ts'
import { worthKeeping } from '../../../gateway/core/retention.ts'

const now = 1_700_000_000
const week = 604_800
const edge = now - week
const early = [true, true, false, false, false]

const cases: readonly { readonly what: string; readonly stamps: Stamps; readonly enabled?: readonly boolean[]; readonly want: boolean }[] =
  [
    { what: 'every enabled test is still valid', stamps: [now + 1, now + 1, 1, 1, 1], want: true },
    { what: 'one expired exactly the retention time ago', stamps: [edge, now, 1, 1, 1], want: true },
    { what: 'one expired a second longer ago', stamps: [edge - 1, now + 1, 1, 1, 1], want: false },
    { what: 'an enabled test was never passed, though another is fresh', stamps: [now + 1, 0, 1, 1, 1], want: false },
    { what: 'a test was disabled when the record was written, and is enabled now', stamps: [now + 1, 1, 1, 1, 1], want: false },
    { what: 'only disabled tests have expired', stamps: [now + 1, now + 1, 0, 1, 5], want: true },
    { what: 'no test is enabled', stamps: [0, 0, 0, 0, 0], enabled: [false, false, false, false, false], want: true },
  ]

describe('a record is', () => {
  for (const { what, stamps, enabled = early, want } of cases) {
    test(`${want ? 'kept' : 'dropped'} when ${what}`, () => assert.equal(worthKeeping(stamps, enabled, now, week), want))
  }

  test('never kept with more tests enabled when it is dropped with fewer', () => {
    const stamp = fc.integer({ min: 0, max: 2 * now })
    const flags = fc.array(fc.boolean(), { minLength: 5, maxLength: 5 })
    fc.assert(
      fc.property(fc.tuple(stamp, stamp, stamp, stamp, stamp), flags, fc.nat(4), (stamps, enabled, more) => {
        const wider = enabled.with(more, true)
        assert.ok(worthKeeping(stamps, enabled, now, week) || !worthKeeping(stamps, wider, now, week))
      }),
    )
  })
})
