// Client bytes in logs (section 3.11 of postscreen's behaviour).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { escapeC, isUtf8, printableText } from '../../../gateway/core/printable.ts'

const bytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')

describe('C escapes', () => {
  const cases: readonly (readonly [text: string, want: string])[] = [
    ['', ''],
    ['EHLO x', 'EHLO x'],
    ['\x07\b\t\n\v\f\r', '\\a\\b\\t\\n\\v\\f\\r'],
    ['a\\b', 'a\\\\b'],
    ['\0\x16\x1b\x7f\x80\xff', '\\000\\026\\033\\177\\200\\377'],
    ['~ !', '~ !'],
    ['"\'%', '"\'%'],
    [bytes('é'), '\\303\\251'],
  ]
  for (const [text, want] of cases) test(`of ${JSON.stringify(text)} are ${want}`, () => assert.equal(escapeC(text), want))
})

describe('printable text', () => {
  const cases: readonly (readonly [what: string, text: string, want: string])[] = [
    ['keeps ASCII', 'EHLO client.example ~', 'EHLO client.example ~'],
    ['has ? for controls', 'a\r\nb\0c\x1b[2J\x7f', 'a??b?c?[2J?'],
    ['keeps UTF-8', bytes('grüße 日本 😀'), 'grüße 日本 😀'],
    ['has ? for each byte that is not UTF-8', 'a\xe9b\xff', 'a?b?'],
    ['has ? for a sequence that is cut short', bytes('a日').slice(0, 3), 'a??'],
    ['has ? for an overlong form', '\xc0\xaf\xe0\x80\xaf', '?????'],
    ['has ? for a surrogate', '\xed\xa0\x80', '???'],
    ['has ? for what lies beyond Unicode', '\xf4\x90\x80\x80', '????'],
    ['has one ? for a C1 control', bytes('a\u009bb'), 'a?b'],
    ['has one ? for the first and the last C1 control, and not for what is next to them', bytes('\u007e\u0080\u009f\u00a0'), '~??\u00a0'],
    ['has one ? for a line separator', bytes('a\u2028b\u2029c\u0085d'), 'a?b?c?d'],
  ]
  for (const [what, text, want] of cases) test(what, () => assert.equal(printableText(text), want))
})

describe('valid UTF-8', () => {
  const good = ['', 'ASCII', '\0', bytes('é日😀'), bytes('\u0080\u07ff\u0800\uffff'), bytes('\u{10ffff}'), '\xed\x9f\xbf', '\xee\x80\x80']
  for (const text of good) test(`is ${JSON.stringify(text)}`, () => assert.ok(isUtf8(text)))

  const bad = [
    '\x80',
    '\xbf',
    '\xc1\xbf',
    '\xc2',
    '\xc2\x20',
    '\xe0\x9f\xbf',
    '\xe1\x80',
    '\xe2\x82x',
    '\xe2\x82\xc0',
    '\xf0\x9f\x98x',
    '\xf0\x9fx\x80',
    '\xed\xa0\x80',
    '\xf0\x8f\xbf\xbf',
    '\xf4\x90\x80\x80',
    '\xf5\x80\x80\x80',
    '\xff',
    'a\xe9b',
  ]
  for (const text of bad) test(`is not ${JSON.stringify(text)}`, () => assert.ok(!isUtf8(text)))
})
