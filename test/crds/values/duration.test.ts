// Times as text: which texts are valid, how long they are, and that writing and reading agree.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { durationMaxLength, formatDuration, parseDuration } from '../../../crds/values/duration.ts'

const cases = [
  { what: 'seconds', text: '6s', want: 6 },
  { what: 'minutes', text: '5m', want: 300 },
  { what: 'hours', text: '12h', want: 43_200 },
  { what: 'days', text: '30d', want: 2_592_000 },
  { what: 'weeks', text: '2w', want: 1_209_600 },
  { what: 'zero', text: '0s', want: 0 },
  { what: 'no unit', text: '6', want: undefined },
  { what: 'no number', text: 's', want: undefined },
  { what: 'nothing', text: '', want: undefined },
  { what: 'two units, of which Postfix would read the first', text: '1h30m', want: undefined },
  { what: 'a letter behind the unit', text: '5mh', want: undefined },
  { what: 'a negative number', text: '-1s', want: undefined },
  { what: 'a fraction', text: '1.5h', want: undefined },
  { what: 'a blank', text: '6 s', want: undefined },
  { what: 'a line end', text: '6s\n', want: undefined },
  { what: 'a leading zero', text: '06s', want: undefined },
  { what: 'a unit in capitals', text: '6S', want: undefined },
  { what: 'too many digits', text: '12345678s', want: undefined },
]
for (const { what, text, want } of cases) {
  test(`a time: ${what} (${JSON.stringify(text)}) ${want === undefined ? 'is not valid' : `is ${want} seconds`}`, () => {
    assert.equal(parseDuration(text), want)
  })
}

test('the longest time of the pattern has as many characters as the API server is told', () => {
  const longest = '9999999w'
  assert.ok(parseDuration(longest) !== undefined)
  assert.equal(durationMaxLength, longest.length)
})

const written = [
  { seconds: 0, want: '0s' },
  { seconds: 59, want: '59s' },
  { seconds: 60, want: '1m' },
  { seconds: 90, want: '90s' },
  { seconds: 3600, want: '1h' },
  { seconds: 86_400, want: '1d' },
  { seconds: 604_800, want: '7d' },
]
for (const { seconds, want } of written) {
  test(`${seconds} seconds are written ${want}`, () => assert.equal(formatDuration(seconds), want))
}

test('a number that cannot be written as a time is a programming error', () => {
  for (const seconds of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 1e15]) assert.throws(() => formatDuration(seconds), RangeError)
})

test('a written time keeps its length when it is read and written again', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 9_999_999 }), fc.constantFrom('s', 'm', 'h', 'd', 'w'), (number, unit) => {
      const seconds = parseDuration(`${number}${unit}`)
      assert.ok(seconds !== undefined)
      assert.equal(parseDuration(formatDuration(seconds)), seconds)
    }),
  )
})
