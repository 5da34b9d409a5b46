// DNSBL reply filters: which replies match, and Postfix's own messages for filters that are not valid.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { matches, readReplyFilter } from '../../../crds/values/reply-filter.ts'

const accepted = [
  { filter: '127.0.0.2', passes: ['127.0.0.2'], fails: ['127.0.0.3', '127.0.0.20', '127.0.0', '127.0.0.2.1', '', '::1', '127.0.0.x'] },
  { filter: '127.0.0.[2..11]', passes: ['127.0.0.2', '127.0.0.11'], fails: ['127.0.0.1', '127.0.0.12'] },
  { filter: '127.0.0.[1;3;10..12]', passes: ['127.0.0.1', '127.0.0.3', '127.0.0.11'], fails: ['127.0.0.2', '127.0.0.4'] },
  { filter: '127.0.[0..255].[1..3]', passes: ['127.0.5.2', '127.0.255.1'], fails: ['127.0.5.0', '127.1.5.2', '127.0.0.255'] },
  { filter: '[127].[0].[0].[2]', passes: ['127.0.0.2'], fails: ['127.0.0.1'] },
  { filter: '[127.0.0.2]', passes: ['127.0.0.2'], fails: ['127.0.0.1'] },
  { filter: '[[1;2].3.4.5]', passes: ['1.3.4.5', '2.3.4.5'], fails: ['3.3.4.5'] },
  { filter: '127.0.0.[7..7]', passes: ['127.0.0.7'], fails: ['127.0.0.8'] },
  { filter: '127.000.0.002', passes: ['127.0.0.2'], fails: ['127.0.0.20'] },
]
for (const { filter, passes, fails } of accepted) {
  test(`the filter ${filter} matches the replies that it names and no others`, () => {
    const parsed = readReplyFilter(filter)
    assert.ok('value' in parsed)
    for (const reply of passes) assert.equal(matches(parsed.value, reply), true, reply)
    for (const reply of fails) assert.equal(matches(parsed.value, reply), false, reply)
  })
}

const refused = [
  { filter: '', why: 'empty address pattern' },
  { filter: '[]', why: 'empty address pattern' },
  { filter: '[', why: 'missing "]" character' },
  { filter: '[[1;2].3.4.5', why: 'missing "]" character' },
  { filter: '127', why: 'need "." at "127><"' },
  { filter: '127.0.0', why: 'need "." at "127.0.0><"' },
  { filter: '127.0.0.', why: 'need decimal number 0..255 or "[" at "127.0.0.><"' },
  { filter: '127.0.0.256', why: 'need decimal number 0..255 or "[" at "127.0.0.>256<"' },
  { filter: '127.0.0.x', why: 'need decimal number 0..255 or "[" at "127.0.0.>x<"' },
  { filter: '127.x.0.1', why: 'need decimal number 0..255 or "[" at "127.>x<.0.1"' },
  { filter: '127.0.0.[]', why: 'need decimal number 0..255 at "127.0.0.[>]<"' },
  { filter: '127.0.0.[256]', why: 'need decimal number 0..255 at "127.0.0.[>256<]"' },
  { filter: '127.0.0.[1,2]', why: 'need ";" or "]" at "127.0.0.[1>,<2]"' },
  { filter: '127.0.0.[1;', why: 'need decimal number 0..255 at "127.0.0.[1;><"' },
  { filter: '127.0.0.[1', why: 'need ";" or "]" at "127.0.0.[1><"' },
  { filter: '127.0.0.[5..2]', why: 'numeric range error at "127.0.0.[5..>2<]"' },
  { filter: '127.0.0.[5.2]', why: 'numeric range error at "127.0.0.[5.>2<]"' },
  { filter: '127.0.0.[5..]', why: 'numeric range error at "127.0.0.[5..>]<"' },
  { filter: '127.0.0.2.1', why: 'garbage after pattern at "127.0.0.2>.<1"' },
  { filter: '127.0.0.2 ', why: 'garbage after pattern at "127.0.0.2> <"' },
  { filter: '127.0.0[2]', why: 'need "." at "127.0.0>[<2]"' },
  { filter: '127,0,0,2', why: 'need "." at "127>,<0,0,2"' },
]
for (const { filter, why } of refused) {
  test(`the filter ${JSON.stringify(filter)} is refused: ${why}`, () => assert.deepEqual(readReplyFilter(filter), { why }))
}

const byte = fc.integer({ min: 0, max: 255 })
const member = fc.tuple(byte, byte).map(([a, b]) => ({ low: Math.min(a, b), high: Math.max(a, b) }))
const field = fc.array(member, { minLength: 1, maxLength: 4 })

test('a filter made of ranges matches exactly the replies inside of them', () => {
  fc.assert(
    fc.property(fc.tuple(field, field, field, field), fc.tuple(byte, byte, byte, byte), (ranges, reply) => {
      const text = ranges
        .map((list) => `[${list.map(({ low, high }) => (low === high ? `${low}` : `${low}..${high}`)).join(';')}]`)
        .join('.')
      const parsed = readReplyFilter(text)
      assert.ok('value' in parsed, text)
      const inside = ranges.every((list, at) => list.some(({ low, high }) => low <= (reply[at] ?? 0) && (reply[at] ?? 0) <= high))
      assert.equal(matches(parsed.value, reply.join('.')), inside)
    }),
  )
})

test('any text is a filter or is refused in words, and nothing else happens', () => {
  const piece = fc.constantFrom('1', '255', '300', '.', '..', '[', ']', ';', ',', 'x', ' ')
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join('')),
      ),
      (text) => {
        const parsed = readReplyFilter(text)
        if ('why' in parsed) assert.notEqual(parsed.why, '')
        else assert.equal(parsed.value.fields.length, 4)
      },
    ),
  )
})
