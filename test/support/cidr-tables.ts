// Generates random cidr tables for comparisons with Postfix.
import fc from 'fast-check'

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
/** Addresses to look up: some in the networks of the tables, some beside them. */
export const clients = [...v4, ...v4more, ...v6, ...v6more]

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

const results = [
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
]
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
/**
 * Tables with everything that people and programs write into them, as bytes in UTF-8.
 * @param more results that some of the rules have, besides the usual ones
 */
export function cidrTables(more: readonly string[] = []): fc.Arbitrary<Buffer> {
  const word = fc.constantFrom(...results, ...more)
  const rule = fc.tuple(signs, pattern, gap, word, maybeGap).map((parts) => parts.join(''))
  const plainLine = fc.oneof(
    { weight: 8, arbitrary: rule },
    { weight: 2, arbitrary: condition },
    { weight: 2, arbitrary: end },
    { weight: 2, arbitrary: comment },
  )
  const continued = fc.tuple(fc.constantFrom(...spaces), plainLine).map(([space, line]) => `${space}${line}`)
  const line = fc.oneof({ weight: 6, arbitrary: plainLine }, continued)
  const eol = fc.oneof({ weight: 8, arbitrary: fc.constant('\n') }, fc.constantFrom('\r\n', '\n\n', '\r', '\n\r'))
  return fc
    .tuple(fc.array(fc.tuple(line, eol), { maxLength: 14 }), fc.oneof({ weight: 5, arbitrary: fc.constant('') }, line))
    .map(([lines, last]) => Buffer.from(`${lines.map((parts) => parts.join('')).join('')}${last}`, 'utf8'))
}
