// The reader of cidr tables compared with Postfix itself: for generated tables with everything that people and programs write into them,
// what `postmap -q` answers for each of many addresses, and of which lines it warns.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { parseAccessTable } from '../../../crds/values/access-table.ts'
import { parseCidrTable } from '../../../crds/values/cidr-table.ts'
import { compileAddressTable } from '../../../gateway/core/address-table.ts'
import { unless } from '../../peers/require.ts'

const skip = unless('postfix')
const folder = mkdtempSync(join(tmpdir(), 'cidr-'))
after(() => rmSync(folder, { recursive: true }))

interface Answer {
  readonly results: ReadonlyMap<string, string>
  /** Each warning of a line, without the name of the file. */
  readonly warnings: readonly string[]
}

let files = 0

/** What Postfix answers for those of the addresses that the table has. The file is made old, so that Postfix does not wait for it to cool down. */
async function ask(table: Buffer, addresses: readonly string[]): Promise<Answer> {
  const name = `table${files++}`
  const path = join(folder, name)
  writeFileSync(path, table)
  utimesSync(path, 1e9, 1e9)
  const { promise, resolve } = Promise.withResolvers<{ readonly stdout: string; readonly stderr: string }>()
  const postmap = execFile('postmap', ['-q', '-', `cidr:${path}`], { encoding: 'latin1', maxBuffer: 2 ** 24 }, (_, stdout, stderr) =>
    resolve({ stdout, stderr }),
  )
  postmap.stdin?.end(`${addresses.join('\n')}\n`)
  const { stdout, stderr } = await promise
  const lines = stdout.split('\n').filter((line) => line !== '')
  return {
    results: new Map(lines.map((line) => [line.slice(0, line.indexOf('\t')), line.slice(line.indexOf('\t') + 1)])),
    warnings: stderr
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.replace(/^postmap: (warning: )?/, '').replaceAll(path, '')),
  }
}

/** A warning that names its line, as number and reason; for a line that starts with white space Postfix names no number. */
function warned(warning: string): { readonly line: number | undefined; readonly why: string } {
  const [, line, why = ''] = /^cidr map , line (\d+): (.*?)(: skipping this rule)?$/s.exec(warning) ?? []
  return line === undefined ? { line: undefined, why: warning.replace(/^: /, '').replace(/: ".*$/s, '') } : { line: Number(line), why }
}

/** The kind of a reason: what a line says is shortened and made printable in another way here. */
const kindOf = (why: string): string => why.replace(/ (?:in |after |: )?"[^]*$/, '').replace(/: "[^]*$/, '')

async function compare(table: Buffer, addresses: readonly string[]): Promise<void> {
  const text = table.toString('latin1')
  const { rules, problems } = parseCidrTable(text)
  const compiled = compileAddressTable(rules)
  const { results, warnings } = await ask(table, addresses)
  for (const address of addresses)
    assert.equal(rules[compiled.lookup(address)]?.result, results.get(address), `${address} in ${JSON.stringify(text)}`)
  const theirs = warnings.map(warned)
  const shown = (all: readonly { readonly line: number | undefined; readonly why: string }[]): readonly string[] =>
    all.map(({ line, why }) => `${why.startsWith('logical line') ? '' : line} ${kindOf(why)}`).toSorted()
  assert.deepEqual(shown(problems), shown(theirs), JSON.stringify(text))
}

const v4 = ['0.0.0.0', '10.0.0.0', '10.1.2.3', '10.1.2.4', '10.255.255.255', '11.0.0.0', '127.0.0.1', '192.0.2.1', '192.0.2.7', '192.0.2.8']
const v4more = ['192.0.2.128', '192.0.2.129', '192.0.2.255', '192.0.3.0', '198.51.100.1', '203.0.113.77', '255.255.255.255', '8.0.0.1']
const v6 = ['::', '::1', '::2', '::c000:207', '64:ff9b::c000:207', '2001:db8::', '2001:db8::1', '2001:db8:0:1::5', '2001:db8:1::5']
const v6more = [
  '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff',
  '2001:db9::',
  '2001:dead::1',
  'fe80::1',
  'ff02::1',
  '1:2:3:4:5:6:7:0',
  'ffff::',
  '8000::',
]
const clients = [...v4, ...v4more, ...v6, ...v6more]

/** White space to people; only the first six are to Postfix. */
const spaces = [' ', '  ', '\t', '\v', '\f', '\r', '\u00a0', '\u0085', '\u2003', '\u3000', '\ufeff', '\u200b']
const gap = fc.oneof({ weight: 6, arbitrary: fc.constantFrom(' ', '\t', '  ') }, fc.constantFrom(...spaces), fc.constant(' '.repeat(3000)))
const maybeGap = fc.oneof({ weight: 6, arbitrary: fc.constant('') }, fc.constantFrom(...spaces))

const octet = fc.oneof(
  fc.constantFrom('0', '1', '2', '10', '192', '255', '256', '00', '010', '0x10', '', '1a', '-1', '+1', '١'),
  fc.nat(255).map(String),
)
const anyV4 = fc.array(octet, { minLength: 3, maxLength: 5 }).map((octets) => octets.join('.'))
const group = fc.constantFrom('0', '1', 'db8', '2001', 'FFFF', '00001', '0000', 'g', '', ':', '192.0.2.7', '192.0.2.07', '1%eth0')
const anyV6 = fc.array(group, { minLength: 1, maxLength: 9 }).map((groups) => groups.join(':'))
const knownV4 = fc.constantFrom(...v4, '192.0.2.0', '192.0.0.0', '10.1.2.0', '0.0.0.0')
const knownV6 = fc.constantFrom(
  ...v6,
  '2001:DB8::',
  '2001:0db8::0',
  '2001:db8:1::',
  '::ffff:192.0.2.7',
  '::ffff:0:0',
  '::192.0.2.7',
  'fe80::1%eth0',
  '1:2:3:4:5:6:7::',
)
const address = fc.oneof({ weight: 6, arbitrary: knownV4 }, { weight: 4, arbitrary: knownV6 }, anyV4, anyV6)

const length = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('0', '8', '16', '24', '25', '28', '29', '31', '32', '33', '48', '64', '96', '127', '128', '129'),
  },
  fc.constantFrom('', '00', '0024', '08', '+8', '-1', '8 ', '8x', '8/8', '999', '99999999999', '255.255.255.0', '٢٤', '\u00a08', '0x8'),
)
const withLength = fc.tuple(address, length).map(([one, bits]) => `${one}/${bits}`)
/** Mostly good ones, so that there is something to answer. */
const goodNetwork = fc.constantFrom(
  ...[
    '10.0.0.0/8',
    '10.1.2.0/24',
    '192.0.2.0/24',
    '192.0.2.0/0024',
    '192.0.2.128/25',
    '0.0.0.0/0',
    '0.0.0.0/00',
    '128.0.0.0/1',
    '192.0.2.7/32',
  ],
  ...['::/0', '2001:db8::/32', '2001:db8:0::/33', '2001:db8:1::/48', '2001:DB8:0:0::/64', '8000::/1', '::/96', '::ffff:0:0/96', '::1/128'],
)
const bare = fc.oneof({ weight: 5, arbitrary: goodNetwork }, { weight: 3, arbitrary: address }, withLength)
const pattern = fc.oneof(
  { weight: 6, arbitrary: bare },
  fc.tuple(address, length).map(([one, bits]) => `[${one}]/${bits}`),
  fc.tuple(bare, fc.constantFrom('', '', 'x', '/', '/8', ']', '[', ' ')).map(([one, behind]) => `[${one}]${behind}`),
  fc.constantFrom(
    '[',
    ']',
    '[]',
    '[[::1]]',
    '[::1',
    '/',
    '/8',
    '1.2.3.4/',
    'mail.example.com',
    '.',
    ':',
    '*',
    '0/0',
    '10/8',
    '!',
    '"10.0.0.1"',
    '\0',
    '10.0.0.1\0',
    '10.0.0.1,',
  ),
)
const signs = fc.oneof({ weight: 7, arbitrary: fc.constant('') }, fc.constantFrom('!', '! ', '!!', '! !', '!\t!!', ' !', '!\u00a0', '!\r'))

const word = fc.constantFrom(
  'permit',
  'PERMIT',
  'Reject',
  'reject',
  'dunno',
  'DUNNO',
  'OK',
  'permit # ours',
  'reject, permit',
  '550 5.7.1 no',
  '',
  ' ',
  '#',
  'a\0b',
  '\0',
  '{permit}',
  'x'.repeat(2000),
)
const rule = fc.tuple(signs, pattern, gap, word, maybeGap).map((parts) => parts.join(''))
const condition = fc
  .tuple(
    fc.constantFrom('if', 'IF', 'If', 'iffy', 'if0'),
    fc.oneof(gap, fc.constant('')),
    signs,
    pattern,
    maybeGap,
    fc.constantFrom('', '', '', ' x', ' permit', ' #'),
  )
  .map((parts) => parts.join(''))
const end = fc
  .tuple(
    fc.constantFrom('endif', 'ENDIF', 'EndIf', 'endiff', 'end if', 'endif!', 'endif#'),
    maybeGap,
    fc.constantFrom('', '', '', ' x', ' # x', '10.0.0.0/8'),
  )
  .map((parts) => parts.join(''))
const comment = fc.constantFrom('', '#', '# 10.0.0.0/8 reject', ' # x', '\t#', '   ', '\t', '\r', '\f', '\u00a0', '\u00a0# x', '#\0', '\0#')
const plainLine = fc.oneof(
  { weight: 8, arbitrary: rule },
  { weight: 2, arbitrary: condition },
  { weight: 2, arbitrary: end },
  { weight: 2, arbitrary: comment },
)
const continued = fc.tuple(fc.constantFrom(...spaces), plainLine).map(([space, line]) => `${space}${line}`)
const line = fc.oneof({ weight: 6, arbitrary: plainLine }, continued)
const eol = fc.oneof({ weight: 8, arbitrary: fc.constant('\n') }, fc.constantFrom('\r\n', '\n\n', '\r', '\n\r'))
const table = fc
  .tuple(fc.array(fc.tuple(line, eol), { maxLength: 14 }), fc.oneof({ weight: 5, arbitrary: fc.constant('') }, line))
  .map(([lines, last]) => Buffer.from(`${lines.map((parts) => parts.join('')).join('')}${last}`, 'utf8'))

const tables = 400

test(`for ${tables} generated tables Postfix answers the same for every address and skips the same lines`, { skip }, async () => {
  await fc.assert(
    fc.asyncProperty(table, (one) => compare(one, clients)),
    { numRuns: tables },
  )
})

const samples: readonly (readonly [what: string, lines: string])[] = [
  ['leading zeros', '010.0.0.1 permit\n10.0.0.0/08 reject'],
  ['an indented first rule', ' 192.0.2.7 permit\n192.0.2.8 permit'],
  ['an indented first rule that goes on', ' 192.0.2.7 permit\n# x\n 192.0.2.8 permit\n192.0.2.1 permit'],
  ['an IPv4-mapped address', '::ffff:192.0.2.7 permit\n::ffff:192.0.2.08 x\n::192.0.2.07 y\n::ffff:0.0.0.0/96 reject'],
  ['signs apart', '! ! 0.0.0.0/0 permit'],
  ['brackets', '[2001:db8::/32] permit\n[192.0.2.7]/32 reject'],
  ['a padded prefix length', '192.0.2.0/0024 permit'],
  ['an if without a blank', 'if!10.0.0.0/8\n0.0.0.0/0 permit\nendif\nif[::]/0\n::/0 reject'],
  ['a no-break space', '192.0.2.7\u00a0permit\n192.0.2.8 permit\u00a0'],
  ['line ends of Windows', 'if 10.0.0.0/8\r\n10.1.2.3 permit\r\nendif\r\n0.0.0.0/0\treject\r\n'],
  ['an if that nothing ends', 'if 10.0.0.0/8\nif 10.1.2.0/24\n10.1.2.3 permit\nendif\n0.0.0.0/0 reject'],
  ['text behind endif', 'if 10.0.0.0/8\n10.1.2.3 permit\nendif x\n192.0.2.1 reject\nendif\n192.0.2.1 permit'],
  ['a line of 100,000 characters', `192.0.2.7${' '.repeat(100_000)}permit\n192.0.2.8 ${'x'.repeat(100_000)}`],
]

for (const [what, text] of samples) test(`with ${what} Postfix answers the same`, { skip }, () => compare(Buffer.from(text), clients))

test('a result that is not valid UTF-8 is an error to Postfix, and decides nothing here', { skip }, async () => {
  const bytes = Buffer.from('192.0.2.7 permit # M\u00fcller\n', 'latin1')
  const { results, warnings } = await ask(bytes, ['192.0.2.7'])
  assert.equal(results.size, 0)
  assert.match(warnings.join('\n'), /query error/)
  assert.equal(parseAccessTable(bytes.toString('utf8')).rules[0]?.decision, 'Unknown')
})
