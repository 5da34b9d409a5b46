// Bans as text in the shared server: what is written is read again, and no other text is.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatBanNews, parseBanNews, type SharedBanNews } from '../../../gateway/bans/ban-text.ts'

const network = fc.oneof(
  fc.ipV4(),
  fc.tuple(fc.ipV6(), fc.integer({ min: 16, max: 127 })).map(([address, bits]) => `${address}/${bits}`),
)
const time = fc.integer({ min: 0, max: 9_999_999_999_999 })

test('every change is read as it was written', () => {
  const news: fc.Arbitrary<SharedBanNews> = fc.oneof(
    fc.record({
      is: fc.constant('ban' as const),
      ban: fc.record({
        network,
        at: time,
        until: time,
        nth: fc.integer({ min: 1, max: 999_999 }),
        by: fc.constantFrom('gateway' as const, 'administrator' as const),
      }),
    }),
    fc.record({ is: fc.constant('removed' as const), network, at: time }),
  )
  fc.assert(fc.property(news, (one) => assert.deepEqual(parseBanNews(formatBanNews(one)), structuredClone(one))))
})

for (const text of [
  '',
  'ban',
  'ban 192.0.2.1 1 2 3',
  'ban 192.0.2.1 1 2 3 another',
  'ban 192.0.2.1 -1 2 3 gateway',
  'ban  1 2 3 gateway',
  'removed 192.0.2.1',
  'removed 192.0.2.1 1 2',
  'ban 192.0.2.1 1 99999999999999999 1 gateway',
  'ban 192.0.2.1 1 2 3 gateway\nremoved 192.0.2.1 5',
]) {
  test(`is not a change: ${JSON.stringify(text)}`, () => assert.equal(parseBanNews(text), undefined))
}

test('any text is read or refused', () => {
  fc.assert(fc.property(fc.string(), (text) => void parseBanNews(text)))
})
