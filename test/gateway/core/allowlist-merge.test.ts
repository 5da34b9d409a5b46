// Merged records: whatever one gateway knows of a client stays known, in whatever order records arrive.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { holdsAt, latestStamp, mergeRecords } from '../../../gateway/core/allowlist-merge.ts'
import { arbitraryRecord } from '../../support/arbitrary-record.ts'

const cases: readonly { readonly what: string; readonly a: string | undefined; readonly b: string; readonly want: string }[] = [
  { what: 'each test has the later stamp of two', a: '5;0;7;1;9', b: '4;8;7;0;1', want: '5;8;7;1;9' },
  { what: 'a record alone stays as it is', a: undefined, b: '5;0;7;1;9', want: '5;0;7;1;9' },
  { what: 'a text that is not a record loses', a: 'junk', b: '1;2;3;4;5', want: '1;2;3;4;5' },
  { what: 'so does a record that is too short', a: '9;9;9;9', b: '1;2;3;4;5', want: '1;2;3;4;5' },
  { what: 'a record that is too long', a: '9;9;9;9;9;9', b: '1;2;3;4;5', want: '1;2;3;4;5' },
  { what: 'a record with something before it', a: 'x9;9;9;9;9', b: '1;2;3;4;5', want: '1;2;3;4;5' },
  { what: 'a record with something behind it', a: '9;9;9;9;9x', b: '1;2;3;4;5', want: '1;2;3;4;5' },
  { what: 'a record with an empty field', a: '9;;9;9;9', b: '1;2;3;4;5', want: '1;2;3;4;5' },
  { what: 'a record whose first field is empty', a: ';9;9;9;9', b: '1;2;3;4;5', want: '1;2;3;4;5' },
  { what: 'a record with a sign', a: '-9;9;9;9;9', b: '1;2;3;4;5', want: '1;2;3;4;5' },
  { what: 'a record with seventeen digits in its first field', a: '00000000000000009;9;9;9;9', b: '1;2;3;4;5', want: '1;2;3;4;5' },
  { what: 'a record with seventeen digits in another field', a: '9;00000000000000009;9;9;9', b: '1;2;3;4;5', want: '1;2;3;4;5' },
  { what: 'sixteen digits are read', a: '0000000000000009;0000000000000009;9;9;9', b: '1;2;3;4;5', want: '9;9;9;9;9' },
  { what: 'also where it came later', a: '1;2;3;4;5', b: '', want: '1;2;3;4;5' },
  { what: 'a disabled test does not hide a pass', a: '1;1;1;1;1', b: '900;0;0;0;0', want: '900;1;1;1;1' },
  { what: 'a time stamp beyond the range does not count', a: '99999999999999999;1;1;1;1', b: '2;2;2;2;2', want: '2;2;2;2;2' },
  { what: 'zeros in front do not count', a: '007;1;1;1;1', b: '6;1;1;1;1', want: '7;1;1;1;1' },
  { what: 'without any record the later text stays', a: 'x', b: 'y', want: 'y' },
]

describe('merged', () => {
  for (const { what, a, b, want } of cases) test(what, () => assert.equal(mergeRecords(a, b), want))

  test('in any order, often or once, records come to the same', () => {
    fc.assert(
      fc.property(arbitraryRecord(), arbitraryRecord(), arbitraryRecord(), (a, b, c) => {
        assert.equal(mergeRecords(a, b), mergeRecords(b, a))
        assert.equal(mergeRecords(mergeRecords(a, b), c), mergeRecords(a, mergeRecords(b, c)))
        assert.equal(mergeRecords(a, a), a)
        assert.equal(mergeRecords(mergeRecords(a, b), b), mergeRecords(a, b))
      }),
    )
  })
})

test('the latest stamp of a record decides how long it is kept; a text that is not a record is not kept', () => {
  assert.equal(latestStamp('5;0;7;1;6'), 7)
  assert.equal(latestStamp('junk'), 0)
})

test('a record holds while every enabled test was passed and is still valid', () => {
  const enabled = [true, true, false, false, false]
  assert.equal(holdsAt('100;100;0;0;0', enabled, 100), true)
  assert.equal(holdsAt('100;99;200;200;200', enabled, 100), false)
  assert.equal(holdsAt('100;1;0;0;0', enabled, 100), false)
  assert.equal(holdsAt('junk', enabled, 100), false)
  assert.equal(holdsAt('junk', [], 100), false)
})
