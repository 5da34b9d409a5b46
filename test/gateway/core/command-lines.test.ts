// Bytes to command lines (section 3.3 of postscreen's behaviour).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { lineContent, readLines, reads, readSize, splitCommand } from '../../../gateway/core/command-lines.ts'

/** The lines of some reads, each with what was behind it, and how it ended. */
function cut(limit: number, ...chunks: string[]): { lines: [string, string][]; end: string; rest: string } {
  const unfinished = { line: '' }
  const lines: [string, string][] = []
  let end = 'more'
  for (const chunk of chunks) {
    end = readLines(unfinished, chunk, limit, (line, surplus) => lines.push([line, surplus]) > 0 && line !== 'STOP\r\n')
    if (end !== 'more') break
  }
  return { lines, end, rest: unfinished.line }
}

describe('reads are cut', () => {
  test('at newlines; each line comes with what is behind it in the read', () => {
    assert.deepEqual(cut(100, 'a\r\nb\nc').lines, [
      ['a\r\n', 'b\nc'],
      ['b\n', 'c'],
    ])
  })
  test('and what has no end waits for the next', () => {
    assert.deepEqual(cut(100, 'a', 'b\r', '\nc'), { lines: [['ab\r\n', 'c']], end: 'more', rest: 'c' })
  })
  test('until the caller stops', () =>
    assert.deepEqual(cut(100, 'STOP\r\na\r\n'), { lines: [['STOP\r\n', 'a\r\n']], end: 'stopped', rest: '' }))
  test('and an empty read is nothing', () => assert.deepEqual(cut(100, ''), { lines: [], end: 'more', rest: '' }))
})

describe('a line', () => {
  for (const [what, chunks, end] of [
    ['may be as long as the limit, with its end', ['x'.repeat(8) + '\r\n'], 'more'],
    ['may not be longer', ['x'.repeat(9) + '\r\n'], 'tooLong'],
    ['may not be longer with LF alone', ['x'.repeat(10) + '\n'], 'tooLong'],
    ['may have as many bytes without an end', ['x'.repeat(10)], 'more'],
    ['may not have more', ['x'.repeat(10), 'x'], 'tooLong'],
    ['T35: may not have more CRs either', ['\r'.repeat(11)], 'tooLong'],
    ['T35: may not grow over the limit with its LF', ['\r'.repeat(10), '\n'], 'tooLong'],
    ['of the limit may follow a short one', ['NOOP\r\n' + 'x'.repeat(8) + '\r\n'], 'more'],
  ] as const) {
    test(what, () => assert.equal(cut(10, ...chunks).end, end))
  }
})

describe('what is in a line', () => {
  for (const [line, want] of [
    ['NOOP\r\n', { whole: 'NOOP', text: 'NOOP', bare: false }],
    ['NOOP\n', { whole: 'NOOP', text: 'NOOP', bare: true }],
    ['NOOP\r\r\n', { whole: 'NOOP\r', text: 'NOOP\r', bare: false }],
    ['\r\n', { whole: '', text: '', bare: false }],
    ['\n', { whole: '', text: '', bare: true }],
    ['NO\0OP\r\n', { whole: 'NO\0OP', text: 'NO', bare: false }],
    ['\0\n', { whole: '\0', text: '', bare: true }],
    ['a\rb\n', { whole: 'a\rb', text: 'a\rb', bare: true }],
  ] as const) {
    test(JSON.stringify(line), () => assert.deepEqual(lineContent(line), want))
  }
})

describe('verb and arguments', () => {
  for (const [text, want] of [
    ['NOOP', ['NOOP', '']],
    ['EHLO x', ['EHLO', 'x']],
    ['  EHLO  x ', ['EHLO', ' x ']],
    ['', ['', '']],
    ['   ', ['', '']],
    ['EHLO\tx y', ['EHLO\tx', 'y']],
  ] as const) {
    test(`of ${JSON.stringify(text)}`, () => assert.deepEqual(splitCommand(text), want))
  }
})

test('bytes come in reads of 4096, one byte a character', () => {
  assert.deepEqual(
    [...reads(new Uint8Array(2 * readSize + 1))].map(({ length }) => length),
    [4096, 4096, 1],
  )
  assert.deepEqual([...reads(Uint8Array.of(0, 0xff))], ['\0\xff'])
  assert.deepEqual([...reads(new Uint8Array(0))], [])
})
