// Times, numbers and words of parameters, with the quirks of Postfix.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAction, parseBoolean, parseInteger, parseLong, parseTime } from '../../../cli/import/values.ts'

const times: readonly (readonly [string, 's' | 'm' | 'h' | 'd' | 'w', number | undefined])[] = [
  ['6', 's', 6],
  ['2', 'd', 172_800],
  ['2', 'h', 7200],
  ['5m', 's', 300],
  ['1w', 's', 604_800],
  ['0', 's', 0],
  ['5mh', 'h', 300],
  ['1hh', 'h', 3600],
  ['1h30m', 's', 3600],
  ['10 s', 's', undefined],
  [' 7s', 'd', 7],
  ['+7s', 'd', 7],
  ['s', 'd', 0],
  ['', 's', undefined],
  ['-1', 's', undefined],
  ['1y', 's', undefined],
  ['1S', 's', undefined],
  ['1.5h', 's', undefined],
  ['2147483647', 's', 2_147_483_647],
  ['2147483648', 's', undefined],
  ['3549', 'w', 3549 * 604_800],
  ['3550w', 's', undefined],
  ['99999999999999999999', 's', undefined],
]

for (const [text, unit, want] of times) {
  test(`takes "${text}" with the unit ${unit} for ${want === undefined ? 'a mistake' : `${want} seconds`}`, () => {
    const parsed = parseTime(text, unit)
    assert.equal('value' in parsed ? parsed.value.seconds : undefined, want)
    if ('why' in parsed) assert.match(parsed.why, /^bad time value or unit: .*; /)
  })
}

test('accepts only whole numbers of 32 bits', () => {
  for (const [text, want] of [
    ['10', 10],
    ['-3', -3],
    ['+4', 4],
    ['2147483647', 2_147_483_647],
    ['-2147483648', -2_147_483_648],
  ] as const) {
    assert.deepEqual(parseInteger(text), { value: want })
  }
  for (const text of ['', 'x', '1x', '1.5', '2147483648', '0x10', '1 ']) assert.ok('why' in parseInteger(text), text)
  assert.deepEqual(parseLong('10240000000'), { value: 10_240_000_000 })
})

test('reads yes and no in any case, and no other words', () => {
  assert.deepEqual(parseBoolean('YES'), { value: true })
  assert.deepEqual(parseBoolean('no'), { value: false })
  for (const text of ['', 'true', '1', 'on']) assert.ok('why' in parseBoolean(text), text)
})

test('reads actions in any case, continue as ignore', () => {
  assert.deepEqual(['ignore', 'Enforce', 'DROP', 'continue'].map(parseAction), [
    { value: 'Ignore' },
    { value: 'Enforce' },
    { value: 'Drop' },
    { value: 'Ignore' },
  ])
  for (const text of ['', 'reject', 'toString']) assert.ok('why' in parseAction(text), text)
})
