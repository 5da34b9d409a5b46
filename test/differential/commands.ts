// Random client lines: right and wrong commands, HTTP, headers, binary, long lines, and line ends of every kind.

import type { Random } from './random.ts'

const helo = [
  'HELO x',
  'EHLO client.example.net',
  'ehlo x',
  'Helo a b c',
  'HELO',
  'EHLO',
  'EHLO  two',
  'EHLO [127.0.0.1]',
  'EHLO ',
  'HELO\tx',
  'helo "x y"',
]

const addresses = [
  '<sender@example.net>',
  '<user@example.test>',
  ' <a@example.net>',
  '<>',
  'bare@example.net',
  '<@relay.example,@other.example:far@example.net>',
  '@relay.example:far@example.net',
  '<"quoted string"@example.net>',
  '<"a\\"b"@example.net>',
  '<a\\@b@example.net>',
  '<a b@example.net>',
  '<no@closing',
  'no@opening>',
  '<a@b>c<d@e>',
  '<two..dots@example.net>',
  '<\xc3\xa9@example.net>',
  '<\xe9@example.net>',
  '<tab\there@example.net>',
  '<bell\x07@example.net>',
  '<"unfinished@example.net>',
  '<"""@example.net>',
  '<a@[127.0.0.1]>',
  '<a@>',
  '<@>',
  '<:>',
  '""',
  '<a,b;c@example.net>',
  '<(comment)a@example.net>',
  '<a@example.net> SIZE=1000 BODY=8BITMIME',
  '<a@example.net> RET=HDRS ENVID=x NOTIFY=NEVER ORCPT=rfc822;x',
  '<a@example.net>SIZE=1',
  '   ',
  '',
]

const mail = [
  'MAIL FROM:',
  'mail from:',
  'MAIL from: ',
  'MAIL :',
  'MAIL x:',
  'MAIL FROM :',
  'MAIL  FROM:',
  'MAILFROM:',
  'MAIL FROM',
  'SEND FROM:',
]
const rcpt = ['RCPT TO:', 'rcpt to:', 'RCPT to: ', 'RCPT :', 'RCPT x:', 'RCPT TO :', 'RCPT  TO:', 'RCPTTO:', 'RCPT TO']

const simple = [
  ...[
    'RSET',
    'rset',
    'RSET x',
    'NOOP',
    'NOOP hello there',
    'noop',
    'VRFY',
    'VRFY user',
    'VRFY <a@b> c',
    'vrfy x',
    'EXPN list',
    'HELP',
    'HELP me',
  ],
  ...[
    'ETRN',
    'ETRN example.test',
    'etrn a b',
    'ETRN #queue',
    'TURN',
    'SOML FROM:<a@b>',
    'AUTH',
    'AUTH PLAIN AAAA',
    'auth login',
    'XCLIENT ADDR=127.0.0.1',
  ],
  ...[
    'XFORWARD NAME=x',
    'XYZZY',
    'XYZZY plugh',
    'mailx',
    'NOOPS',
    'A',
    'Z z',
    'VERB',
    'ONEX',
    ' NOOP',
    '  RSET',
    'NOOP ',
    'NOOP\t',
    '\tNOOP',
  ],
  ...[
    '',
    ' ',
    '   ',
    '\t',
    '.',
    '..',
    '?',
    '250 Ok',
    '-',
    '--',
    '0',
    '12345',
    '!',
    '"',
    '\\',
    "'",
    '(',
    '[',
    '{',
    '<',
    '=',
    '@',
    '~',
    '^H',
  ],
]

const endings = ['DATA', 'DATA x', 'data', 'BDAT 10', 'BDAT', 'BDAT 10 LAST', 'bdat 0 last', 'BDAT x', 'QUIT', 'quit', 'QUIT now', 'Quit']

const forbidden = [
  ...[
    'GET / HTTP/1.1',
    'get /',
    'POST / HTTP/1.0',
    'CONNECT example.com:443 HTTP/1.1',
    'CONNECT',
    'GET',
    'Host: example.com',
    'PUT / HTTP/1.1',
  ],
  ...[
    'Subject: buy now',
    'From:x',
    'Received: from a by b',
    'x:',
    ':',
    ': x',
    'To :x',
    'Content-Type: text/plain; charset="x"',
    'A:b:c',
    'MAIL:x',
    'HELO:',
    'quit:',
  ],
]

const binary = [
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03hello',
  '\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x0b\x00\x00\x00',
  'SSH-2.0-OpenSSH_9.2',
  '\x00',
  'NOOP\x00hidden',
  'NO\x00OP',
  '\x00NOOP',
  'NOOP \x00\x01\x02',
  'N\xd6OP',
  '\xc3\xa9t\xc3\xa9 x',
  '\xff\xfe\xfd',
  'XX\x80YY zz\x90',
  'NOOP \xe9',
  'NO\rOP',
  'NOOP\r',
  '\rNOOP',
  '\r',
  '\r\r',
  'X\x07\x08\x0b\x0c\x1b[31m',
  'X\x7f \x7f',
  'GET\x00 /',
  'back\\slash\\ \\n',
  '\xe2\x82\xac euro',
  '\xc0\xaf overlong',
]

/** Limits that interest a configuration: its longest line. */
export interface LineProfile {
  readonly lineLengthLimit: number
}

/** One line without its end. */
export function randomLine(random: Random, profile: LineProfile): string {
  return random.weighted<() => string>([
    [12, () => random.pick(helo)],
    [14, () => random.pick(mail.slice(0, random.chance(0.7) ? 3 : mail.length)) + random.pick(addresses)],
    [18, () => random.pick(rcpt.slice(0, random.chance(0.7) ? 3 : rcpt.length)) + random.pick(addresses)],
    [24, () => random.pick(simple)],
    [4, () => random.pick(endings)],
    [3, () => random.pick(forbidden)],
    [4, () => random.pick(binary)],
    [2, () => longLine(random, profile)],
    [3, () => mangled(random)],
  ])()
}

/** Around the limit, where one byte more or less matters, or far over it. */
function longLine(random: Random, profile: LineProfile): string {
  const length = random.weighted([
    [6, profile.lineLengthLimit + random.between(-8, 5)],
    [1, profile.lineLengthLimit * 3],
    [2, random.between(90, 110)],
    [2, random.between(500, 1100)],
  ])
  const start = random.pick(['NOOP ', 'RCPT TO:<', 'X', 'EHLO ', 'Subject: ', ''])
  return (
    start +
    random
      .pick(['a', '\\', '\xe9', 'a b '])
      .repeat(length)
      .slice(0, Math.max(0, length - start.length))
  )
}

const sensible = [
  'EHLO client.example.net',
  'MAIL FROM:<sender@example.net>',
  'RCPT TO:<user@example.test>',
  'RCPT TO:<other@example.test>',
]

/** What a good client would say next, `step` commands into its session. */
export function sensibleLine(step: number): string {
  return sensible[step] ?? (step % 2 === 0 ? 'RSET' : 'NOOP')
}

/** A good command with one byte changed, doubled or lost. */
function mangled(random: Random): string {
  const line = random.pick(['EHLO client.example.net', 'MAIL FROM:<a@b>', 'RCPT TO:<a@b>', 'NOOP', 'VRFY user', 'RSET'])
  const at = random.between(0, line.length - 1)
  const byte = random.pick([...' :<>\t@"\\', String.fromCharCode(random.between(1, 255)), ''].filter((one) => one !== '\n'))
  return line.slice(0, at) + byte + line.slice(at + random.between(0, 1))
}

/** A line with its end, which is most often as it should be. */
export function randomCommand(random: Random, profile: LineProfile): string {
  const line = randomLine(random, profile)
  const end = random.weighted([
    [88, '\r\n'],
    [6, '\n'],
    [3, '\r\r\n'],
    [1, ' \r\n'],
  ])
  // Before Postfix 3.7.21 what follows a CR is not counted, and a line whose LF alone is too much passes: no such lines.
  const beforeEnd = line.length + end.search(/\r|\n/)
  const excess = line.length + end.length - profile.lineLengthLimit
  return (excess > 0 && beforeEnd < profile.lineLengthLimit ? line.slice(0, -excess) : line) + end
}
