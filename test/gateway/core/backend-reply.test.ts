// Which first words of a backend are a reply of SMTP that a client may see.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeGreeting, quoteReply, readReply } from '../../../gateway/core/backend-reply.ts'

const readings: readonly { text: string; want: string }[] = [
  { text: '220 mx\r\n', want: 'welcome' },
  { text: '220\r\n', want: 'welcome' },
  { text: '220-mx\r\n220-please\r\n220 be kind\r\n', want: 'welcome' },
  { text: '220 Müller\r\n'.replace('ü', '\xc3\xbc'), want: 'welcome' },
  { text: '220 a\tb\r\n', want: 'welcome' },
  { text: '421 4.3.2 busy\r\n', want: 'later' },
  { text: '554-no\r\n554 no\r\n', want: 'never' },
  { text: '250 ok\r\n', want: 'undefined' },
  { text: '354 go on\r\n', want: 'undefined' },
  { text: '221 bye\r\n', want: 'undefined' },
  { text: '', want: 'more' },
  { text: '2', want: 'more' },
  { text: '220', want: 'more' },
  { text: '220 mx\r', want: 'more' },
  { text: '220-mx\r\n', want: 'more' },
  { text: '220-mx\r\n22', want: 'more' },
  { text: '22', want: 'more' },
  { text: '220\r', want: 'more' },
  { text: '220-', want: 'more' },
  { text: '220 ', want: 'more' },
  { text: 'x', want: 'malformed' },
  { text: '1', want: 'malformed' },
  { text: '6', want: 'malformed' },
  { text: '2x', want: 'malformed' },
  { text: '22x', want: 'malformed' },
  { text: '220x', want: 'malformed' },
  { text: '499 busy\r\n', want: 'later' },
  { text: '599 no\r\n', want: 'never' },
  { text: '200 ok\r\n', want: 'undefined' },
  { text: '2a0 mx\r\n', want: 'malformed' },
  { text: '22a mx\r\n', want: 'malformed' },
  { text: '220 ~ and blank \r\n', want: 'welcome' },
  { text: '220 \x7f\r\n', want: 'malformed' },
  { text: '220 \x1f\r\n', want: 'malformed' },
  { text: '220 mx\n', want: 'malformed' },
  { text: '220-mx\r\n221 bye\r\n', want: 'malformed' },
  { text: '220-mx\r\n521 5.5.1 Protocol error\r\n', want: 'malformed' },
  { text: '2200 mx\r\n', want: 'malformed' },
  { text: '220:mx\r\n', want: 'malformed' },
  { text: '120 mx\r\n', want: 'malformed' },
  { text: '620 mx\r\n', want: 'malformed' },
  { text: ' 220 mx\r\n', want: 'malformed' },
  { text: 'SSH-2.0', want: 'malformed' },
  { text: '* OK IMAP', want: 'malformed' },
  { text: '+OK POP3', want: 'malformed' },
  { text: 'HTTP/1.1 400 Bad Request\r\n', want: 'malformed' },
  { text: '\x16\x03\x01', want: 'malformed' },
  { text: '220 \x1b[2J\r\n', want: 'malformed' },
  { text: '220 nul\0\r\n', want: 'malformed' },
  { text: '220 a\rb\r\n', want: 'malformed' },
  { text: '220 half\xc3\r\n', want: 'malformed' },
  { text: '220 right to left \xe2\x80\xae\r\n', want: 'malformed' },
  { text: `220 ${'x'.repeat(5000)}`, want: 'malformed' },
  { text: `220 ${'x'.repeat(5000)}\r\n`, want: 'malformed' },
  { text: '220-more\r\n'.repeat(500), want: 'malformed' },
]

for (const { text, want } of readings) {
  test(`${JSON.stringify(text.slice(0, 60))} is ${want}`, () => {
    const reading = readReply(text)
    assert.equal(typeof reading === 'string' ? reading : String(judgeGreeting(reading)), want)
  })
}

test('a reply has at most 4096 bytes', () => {
  const line = (length: number): string => `220 ${'x'.repeat(length - 6)}\r\n`
  assert.equal(typeof readReply(line(4096)), 'object')
  assert.equal(readReply(line(4097)), 'malformed')
  assert.equal(readReply('220 '.padEnd(4095, 'x')), 'more')
  assert.equal(readReply('220 '.padEnd(4096, 'x')), 'malformed')
})

test('what follows a reply is not part of it', () => {
  const reading = readReply('220-a\r\n220 b\r\n500 c\r\n')
  assert.deepEqual(reading, { code: '220', line: '220-a', length: 14 })
})

test('a quoted reply is one printable line of 100 characters at most', () => {
  assert.equal(quoteReply('554 no\r\nmore'), 'said 554 no')
  assert.equal(quoteReply('\x1b[2J\u202e'), 'said ?[2J?')
  assert.equal(quoteReply(`220 ${'x'.repeat(500)}`).length, 'said '.length + 100)
})
