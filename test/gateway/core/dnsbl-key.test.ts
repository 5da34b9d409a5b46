// Keys of DNS lists: what is one, and that none shows.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { DnsblKey } from '../../../gateway/core/dnsbl-key.ts'

describe('a key', () => {
  const cases: readonly (readonly [text: string, want: string | undefined])[] = [
    ['abcdefghijklmnopqrstuvwxyz', 'abcdefghijklmnopqrstuvwxyz'],
    ['  Abc-123\r\n', 'Abc-123'],
    ['k', 'k'],
    ['k1', 'k1'],
    ['k'.repeat(63), 'k'.repeat(63)],
    ['k'.repeat(64), undefined],
    ['', undefined],
    [' \n', undefined],
    ['-key', undefined],
    ['key-', undefined],
    ['key.zen', undefined],
    ['k_y', undefined],
    ['two words', undefined],
    ['kéy', undefined],
    ['key\0', undefined],
  ]
  for (const [text, want] of cases) {
    test(`${JSON.stringify(text.slice(0, 30))} ${want === undefined ? 'is refused' : 'is accepted'}`, () =>
      assert.equal(DnsblKey.read(text)?.reveal(), want))
  }
})

test('a key does not show when it is printed, logged or serialised with what holds it', () => {
  const key = DnsblKey.read('verysecret')
  const site = { domain: 'bl.example', key }
  for (const shown of [inspect(site, { depth: 9, showHidden: true }), JSON.stringify(site), Object.values({ ...key }).join()])
    assert.doesNotMatch(shown, /verysecret/)
})

test('whatever is read as a key fits in front of a domain', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-zA-Z0-9-]{0,70}$/)), (text) =>
      assert.match(DnsblKey.read(text)?.reveal() ?? 'none', /^[a-zA-Z0-9-]{1,63}$/),
    ),
  )
})
