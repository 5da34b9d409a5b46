// The allowlist record: what Postfix's own parser makes of every kind of text, and that nothing is lost between encode and decode.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decodeRecord, encodeRecord, type Stamps } from '../../../gateway/core/allowlist-record.ts'

const max = Number.MAX_SAFE_INTEGER

const decoded: readonly { readonly what: string; readonly text: string; readonly want: Stamps }[] = [
  { what: 'five stamps', text: '1700086400;1700003600;0;0;0', want: [1700086400, 1700003600, 0, 0, 0] },
  { what: 'one field: newer tests count as disabled', text: '1700086400', want: [1700086400, 1, 1, 1, 1] },
  { what: 'two fields', text: '1700086400;0', want: [1700086400, 0, 1, 1, 1] },
  { what: 'three fields', text: '1;2;3', want: [1, 2, 3, 1, 1] },
  { what: 'four fields', text: '1;2;3;4', want: [1, 2, 3, 4, 1] },
  { what: 'the sixth field of Postfix 2.8 to 2.10', text: '10;20;30;40;50;1', want: [10, 20, 30, 40, 50] },
  { what: 'no text at all', text: '', want: [1, 1, 1, 1, 1] },
  { what: 'a semicolon at the end', text: '7;', want: [7, 1, 1, 1, 1] },
  { what: 'empty fields, which strtoul reads as 0', text: ';;5;;', want: [0, 0, 5, 0, 1] },
  { what: 'words', text: 'x;y', want: [1, 1, 1, 1, 1] },
  { what: 'junk behind a number, where the parser stays stuck', text: '12x;34;56', want: [1, 1, 1, 1, 1] },
  { what: 'a second number in one field, where the parser goes on', text: '12 34;56;78', want: [1, 34, 56, 78, 1] },
  { what: 'blanks before numbers', text: ' 12;\t34;  56', want: [12, 34, 56, 1, 1] },
  { what: 'every blank of isspace(3) before numbers', text: '\t\n\v\f\r 12;34', want: [12, 34, 1, 1, 1] },
  { what: 'a backspace, which is not a blank', text: '\b12;34', want: [1, 1, 1, 1, 1] },
  { what: 'a shift-out, the character after the blanks', text: '\x0e12;34', want: [1, 1, 1, 1, 1] },
  { what: 'a blank behind a number', text: '12 ;34', want: [1, 1, 1, 1, 1] },
  { what: 'a plus sign', text: '+12;34', want: [12, 34, 1, 1, 1] },
  { what: 'negative numbers, long past as a time', text: '-5;-1;34', want: [1, 1, 34, 1, 1] },
  { what: 'the -1 of an unset stamp as an unsigned number', text: '18446744073709551615;34', want: [1, 34, 1, 1, 1] },
  { what: 'one more than fits: out of range', text: '18446744073709551616;34', want: [1, 34, 1, 1, 1] },
  { what: 'a negative number that is a time as an unsigned one', text: '-18446744073709551610;34', want: [6, 34, 1, 1, 1] },
  { what: 'hundreds of digits', text: `${'9'.repeat(500)};34`, want: [1, 34, 1, 1, 1] },
  { what: 'leading zeros', text: `${'0'.repeat(30)}12;34`, want: [12, 34, 1, 1, 1] },
  { what: 'a time beyond exact numbers: valid without end', text: '9007199254740993;34', want: [max, 34, 1, 1, 1] },
  { what: 'a fraction', text: '1.5;34', want: [1, 1, 1, 1, 1] },
  { what: 'hexadecimal', text: '0x10;34', want: [1, 1, 1, 1, 1] },
]

describe('a record is read as Postfix reads it:', () => {
  for (const { what, text, want } of decoded) {
    test(what, () => assert.deepEqual(decodeRecord(text), want))
  }

  test('a good record after a bad one (Postfix once kept the error of the bad one)', () => {
    decodeRecord('18446744073709551616;x')
    assert.deepEqual(decodeRecord('10;20;30;40;50'), [10, 20, 30, 40, 50])
  })
})

const all = [true, true, true, true, true]
const none = [false, false, false, false, false]

const encoded: readonly { readonly what: string; readonly stamps: Stamps; readonly enabled: readonly boolean[]; readonly want: string }[] =
  [
    { what: 'an enabled test that was never passed stays new', stamps: [100, 200, 0, 0, 0], enabled: all, want: '100;200;0;0;0' },
    {
      what: 'a disabled one becomes disabled',
      stamps: [100, 0, 0, 0, 0],
      enabled: [true, false, false, false, false],
      want: '100;1;1;1;1',
    },
    { what: 'a disabled test keeps the stamp it has', stamps: [100, 200, 300, 400, 500], enabled: none, want: '100;200;300;400;500' },
    { what: 'an unset stamp is never written', stamps: [-1, 100, -1, 0, 0], enabled: all, want: '1;100;1;0;0' },
    {
      what: 'a value that is not a whole number is never written',
      stamps: [Number.NaN, 1.5, Infinity, 0, 2],
      enabled: all,
      want: '1;1;1;0;2',
    },
  ]

describe('a record is written:', () => {
  for (const { what, stamps, enabled, want } of encoded) {
    test(what, () => assert.equal(encodeRecord(stamps, enabled), want))
  }
})

const stamp = fc.oneof(fc.constantFrom(0, 1, max), fc.nat(), fc.integer({ min: 0, max }))
const stampsArbitrary: fc.Arbitrary<Stamps> = fc.tuple(stamp, stamp, stamp, stamp, stamp)
const anyNumber = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(-1, -0, Number.NaN, Infinity))
const flags = fc.array(fc.boolean(), { minLength: 5, maxLength: 5 })
const scraps = fc.array(fc.constantFrom('0', '1', '12', '1700086400', ';', ';', ' ', '-', '+', 'x', '18446744073709551616', '\t'))

describe('for any record', () => {
  test('what is encoded with every test enabled decodes to the same stamps', () => {
    fc.assert(fc.property(stampsArbitrary, (stamps) => assert.deepEqual(decodeRecord(encodeRecord(stamps, all)), stamps)))
  })

  test('what is encoded is five whole numbers, never new for a disabled test', () => {
    fc.assert(
      fc.property(fc.tuple(anyNumber, anyNumber, anyNumber, anyNumber, anyNumber), flags, (stamps, enabled) => {
        const text = encodeRecord(stamps, enabled)
        assert.match(text, /^\d+(;\d+){4}$/)
        text.split(';').forEach((field, i) => assert.ok(enabled[i] === true || field !== '0'))
      }),
    )
  })

  test('any text decodes to five whole numbers that are not negative', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          scraps.map((parts) => parts.join('')),
        ),
        (text) => {
          const stamps = decodeRecord(text)
          assert.equal(stamps.length, 5)
          for (const value of stamps) assert.ok(Number.isSafeInteger(value) && value >= 0, `${text}: ${value}`)
        },
      ),
    )
  })

  test('more fields change nothing', () => {
    fc.assert(
      fc.property(stampsArbitrary, fc.string(), (stamps, more) => {
        assert.deepEqual(decodeRecord(`${encodeRecord(stamps, all)};${more}`), stamps)
      }),
    )
  })
})
