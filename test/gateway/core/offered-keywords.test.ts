// Reading the keywords from a backend's reply to EHLO.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keywordLines, type OfferedKeywords, parseEhloReply, sameKeywords, smallestSize } from '../../../gateway/core/offered-keywords.ts'

/** A reply with these keywords, as Postfix writes it. */
const replyWith = (...lines: string[]): string =>
  ['mx.example.test', ...lines].map((line, i) => `250${i < lines.length ? '-' : ' '}${line}\r\n`).join('')

const readings: readonly { readonly what: string; readonly text: string; readonly offered: OfferedKeywords }[] = [
  {
    what: 'what Postfix offers to a stranger',
    text: replyWith(
      'PIPELINING',
      'SIZE 10240000',
      'VRFY',
      'ETRN',
      'STARTTLS',
      'ENHANCEDSTATUSCODES',
      '8BITMIME',
      'DSN',
      'SMTPUTF8',
      'CHUNKING',
    ),
    offered: { size: 10_240_000, keywords: ['STARTTLS', 'ENHANCEDSTATUSCODES', '8BITMIME', 'DSN', 'SMTPUTF8', 'CHUNKING'] },
  },
  {
    what: 'keywords that are never promised are left out',
    text: replyWith(
      'AUTH PLAIN',
      'AUTH=PLAIN',
      'XCLIENT NAME ADDR',
      'XFORWARD NAME',
      'XVERP',
      'BINARYMIME',
      'REQUIRETLS',
      'LIMITS RCPTMAX=5',
      'X-NEW',
    ),
    offered: { keywords: [] },
  },
  { what: 'only the name of the server', text: '250 mx.example.test\r\n', offered: { keywords: [] } },
  { what: 'a server that is named like a keyword', text: '250-DSN\r\n250 CHUNKING\r\n', offered: { keywords: ['CHUNKING'] } },
  { what: 'lower case', text: replyWith('size 5', 'dsn', 'SmtpUtf8'), offered: { size: 5, keywords: ['DSN', 'SMTPUTF8'] } },
  { what: 'LF alone', text: '250-mx\n250-SIZE 7\n250 DSN\n', offered: { size: 7, keywords: ['DSN'] } },
  { what: 'blanks around words', text: '250-mx\r\n250-  SIZE\t9 \r\n250  DSN \r\n', offered: { size: 9, keywords: ['DSN'] } },
  { what: 'SIZE without a number', text: replyWith('SIZE'), offered: { size: 0, keywords: [] } },
  { what: 'SIZE 0', text: replyWith('SIZE 0'), offered: { size: 0, keywords: [] } },
  { what: 'SIZE with something else', text: replyWith('SIZE huge'), offered: { size: 0, keywords: [] } },
  { what: 'SIZE on two lines', text: replyWith('SIZE', 'SIZE 900', 'SIZE 1000'), offered: { size: 900, keywords: [] } },
  {
    what: 'a number that is too large for a double',
    text: replyWith('SIZE 99999999999999999999'),
    offered: { size: Number.MAX_SAFE_INTEGER, keywords: [] },
  },
  { what: 'a keyword that only begins like one', text: replyWith('DSNX', 'SIZES 4', 'STARTTLS-NOT'), offered: { keywords: [] } },
  { what: 'a keyword with an argument', text: replyWith('8BITMIME yes'), offered: { keywords: ['8BITMIME'] } },
  { what: 'a keyword twice', text: replyWith('DSN', 'DSN'), offered: { keywords: ['DSN'] } },
]

for (const { what, text, offered } of readings) {
  test(`reads ${what}`, () => assert.deepEqual(parseEhloReply(text), offered))
}

test('a limit of 0 does not win against a number', () => {
  assert.deepEqual([smallestSize([0, 500, 200]), smallestSize([0, 0]), smallestSize([])], [200, 0, 0])
})

test('keywords are shown as an EHLO reply has them', () => {
  assert.deepEqual(keywordLines({ size: 10, keywords: ['DSN'] }), ['SIZE 10', 'DSN'])
  assert.deepEqual(keywordLines({ size: 0, keywords: [] }), ['SIZE'])
  assert.deepEqual(keywordLines({ keywords: [] }), [])
})

test('two replies offer the same when SIZE and keywords are equal', () => {
  const one = { size: 10, keywords: ['DSN', 'CHUNKING'] } as const
  assert.equal(sameKeywords(one, { ...one }), true)
  assert.equal(sameKeywords(one, { ...one, size: 11 }), false)
  assert.equal(sameKeywords(one, { ...one, keywords: ['DSN'] }), false)
  assert.equal(sameKeywords({ keywords: [] }, { size: 0, keywords: [] }), false)
})
