// Texts for logs and replies: whatever a client sends, they have no line breaks and no control characters.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { pino } from 'pino'
import { visibleText } from '../../crds/values/visible-text.ts'
import { formatElapsed } from '../../gateway/core/elapsed.ts'
import { externalForm, extractAddress } from '../../gateway/core/mailbox.ts'
import { escapeC, isUtf8, printableText } from '../../gateway/core/printable.ts'
import { soften, wire } from '../../gateway/core/replies.ts'
import { appendFooter } from '../../gateway/core/reply-footer.ts'
import { openLog } from '../../gateway/observability/log.ts'
import { visibleLog } from '../../runtime/visible-json.ts'
import { valueOf } from '../../crds/values/read.ts'
import { readReplyFooter } from '../../crds/values/reply-footer.ts'

/** What a terminal or a log reader acts on, or does not show. */
const controls = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u
const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

/** Bytes of all kinds: noise, UTF-8 with characters that matter, and what terminals act on. */
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map(latin1),
  fc
    .array(
      fc.constantFrom(
        '\x1b[',
        '\r',
        '\n',
        '\0',
        '\u0085',
        '\u2028',
        '\u2029',
        '\u202e',
        '\u2066',
        '\u200e',
        '\u200f',
        '\u061c',
        '\ufeff',
        '\ufe0f',
        '\u00ad',
        '\u{e0041}',
        '\u{e0101}',
        '\ue000',
        '\u0378',
        'é',
        '日',
        '😀',
        '\u07ff',
        '\uffff',
        'a',
        '\\',
        '"',
        '<',
        '>',
        '@',
        ':',
        ' ',
      ),
    )
    .map((parts) => Buffer.from(parts.join('')).toString('latin1')),
)

test('C escapes are printable ASCII, and can be undone', () => {
  const named: Record<string, string> = { a: '\x07', b: '\b', t: '\t', n: '\n', v: '\v', f: '\f', r: '\r', '\\': '\\' }
  fc.assert(
    fc.property(bytes, (text) => {
      const escaped = escapeC(text)
      assert.match(escaped, /^[ -~]*$/)
      const undone = escaped.replace(/\\(?:([0-7]{3})|(.))/g, (_, octal?: string, letter?: string) =>
        octal === undefined ? (named[letter ?? ''] ?? '') : String.fromCharCode(Number.parseInt(octal, 8)),
      )
      assert.equal(undone, text)
    }),
  )
})

test('printable text holds no controls and is as long as the bytes allow', () => {
  fc.assert(
    fc.property(bytes, (text) => {
      const printed = printableText(text)
      assert.doesNotMatch(printed, controls)
      assert.ok(printed.isWellFormed() && printed.length <= text.length)
    }),
  )
})

test('printable text keeps valid UTF-8 without controls', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      if (!controls.test(text)) assert.equal(printableText(Buffer.from(text).toString('latin1')), text)
    }),
  )
})

test('UTF-8 is what a strict decoder takes', () => {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const taken = (text: string): boolean => {
    try {
      decoder.decode(Buffer.from(text, 'latin1'))
      return true
    } catch {
      return false
    }
  }
  const tricky = fc.array(
    fc.constantFrom(0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff),
    { maxLength: 6 },
  )
  fc.assert(
    fc.property(
      fc.oneof(
        bytes,
        tricky.map((list) => latin1(Uint8Array.from(list))),
      ),
      (text) => assert.equal(isUtf8(text), taken(text)),
    ),
    { numRuns: 1000 },
  )
})

/** format_tv with SIG_DIGS 2 and delay_logging_resolution_limit 2, digit by digit. `micros`: elapsed microseconds. */
function naiveFormatTv(micros: bigint): string {
  const million = 1_000_000n
  let seconds = micros / million
  let rest = micros % million
  let resolution = 10_000n
  if (seconds > 0n) resolution = seconds >= 10n ? million : 100_000n
  rest += resolution / 2n
  if (rest >= million) {
    seconds += 1n
    rest -= million
  }
  let text = String(seconds)
  if (rest >= resolution) {
    text += '.'
    for (let unit = million / 10n; rest >= resolution && unit > 0n; unit /= 10n) {
      text += String(rest / unit)
      rest %= unit
    }
  }
  return text
}

test('elapsed times are formatted as by format_tv', () => {
  const ms = fc.oneof(fc.nat(1100), fc.nat(12_000), fc.nat(400_000), fc.integer({ min: 0, max: 2 ** 40 }))
  fc.assert(
    fc.property(ms, (elapsed) => assert.equal(formatElapsed(elapsed), naiveFormatTv(BigInt(elapsed) * 1000n))),
    { numRuns: 2000 },
  )
})

test('addresses are read without an exception, and never grow', () => {
  fc.assert(
    fc.property(bytes, (text) => {
      assert.ok(extractAddress(text).length <= text.length)
      externalForm(text)
    }),
  )
})

test('an address in its external form reads as the same address', () => {
  const domain = fc.constantFrom('example.com', 'x', '[192.0.2.1]')
  fc.assert(
    fc.property(bytes, domain, (local, host) => {
      fc.pre(!local.startsWith('@') && !local.includes('\0'))
      const address = `${local}@${host}`
      assert.equal(extractAddress(`<${externalForm(address)}>`), address)
    }),
  )
})

test('a reply with a footer is one reply with one code', () => {
  const reply = fc.constantFrom(
    { code: 550, text: '5.7.1 No' },
    { code: 421, text: 'mx.example.com Bye' },
    { code: 501, text: 'Syntax: HELO hostname' },
    { code: 450, text: '4.1.1 a\n4.1.1 b' },
  )
  const template = fc
    .array(fc.constantFrom('\\n', '\\c', '$client_address', '${localtime}', '$$', 'text', ' ', ''), { minLength: 1 })
    .map((parts) => readReplyFooter(parts.join('')))
    // Text behind a macro can make it another one.
    .filter((read) => 'value' in read)
    .map(valueOf)
  const macros = { client_address: '192.0.2.1', client_port: '1', localtime: 'Nov 14 22:13:20', server_name: 'mx' }
  fc.assert(
    fc.property(reply, template, fc.boolean(), (plain, footer, soft) => {
      const lines = wire(appendFooter(soft ? soften(plain) : plain, footer, macros)).split('\r\n')
      assert.equal(lines.pop(), '')
      const code = lines[0]?.slice(0, 3)
      for (const [i, line] of lines.entries()) assert.equal(line.slice(0, 4), `${code}${i === lines.length - 1 ? ' ' : '-'}`)
    }),
  )
})

/** Texts of libraries, peers and policies: any characters, halves of them too, and many that matter. */
const foreign = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) }),
  fc
    .array(
      fc.constantFrom('a', '\\', '\\n', '"', 'é', '日', '\n', '\r\n', '\t', '\x1b[31m', '\x7f', '\x9b', '\u200e', '\u2029', '\u{e0041}'),
    )
    .map((parts) => parts.join('')),
)

test('foreign texts become visible, and printable ASCII stays as it is', () => {
  fc.assert(
    fc.property(foreign, (text) => {
      assert.doesNotMatch(visibleText(text), controls)
      if (/^[ -~]*$/.test(text)) assert.equal(visibleText(text), text)
    }),
  )
})

test('whatever a text or a field holds, a log record is one line, and neither the line nor what JSON reads of it has a character that acts', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'visible-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const logs = (['json', 'postfix'] as const).map((format) => {
    const file = join(folder, format)
    return { format, file, log: openLog(format, file, 'debug') }
  })
  const values = (value: unknown): unknown[] =>
    typeof value === 'object' && value !== null ? Object.entries(value).flatMap(([name, one]) => [name, ...values(one)]) : [value]
  await fc.assert(
    fc.asyncProperty(foreign, foreign, fc.constantFrom(...logs), async (text, field, { format, file, log }) => {
      const before = existsSync(file) ? statSync(file).size : 0
      log.info(text, { field, deep: [{ [field]: field }] })
      log.warning(text, { field })
      log.debug(text, { field })
      log.sessionWarning('1', text, { field })
      await log.flush()
      const lines = readFileSync(file).subarray(before).toString().split('\n')
      assert.equal(lines.pop(), '')
      assert.equal(lines.length, 4)
      for (const line of lines) {
        assert.doesNotMatch(line, controls)
        if (format === 'json') for (const value of values(JSON.parse(line))) assert.doesNotMatch(String(value), controls)
      }
    }),
    { numRuns: 60 },
  )
})

test("the operator's log makes the texts of its libraries visible too", () => {
  fc.assert(
    fc.property(foreign, (text) => {
      const lines: string[] = []
      const log = pino({ base: null }, visibleLog({ write: (line) => lines.push(line) }))
      log.warn({ policy: text }, text)
      assert.equal(lines.length, 1)
      assert.match(lines[0] ?? '', /^.*\n$/)
      assert.doesNotMatch((lines[0] ?? '').slice(0, -1), controls)
      assert.doesNotMatch((JSON.parse(lines[0] ?? '') as { msg: string }).msg, controls)
    }),
  )
})
