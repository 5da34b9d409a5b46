// Random valid SMTP dialogues for a client whose session is continued at a Postfix: what it says, and where what it hears must be the same as
// from Postfix itself.
import type { Random } from '../differential/random.ts'

/** What the client does next. It waits for the replies before it goes on. */
export type Move =
  /** So many replies come. */
  | { readonly do: 'say'; readonly text: string; readonly replies: number; readonly isRcpt: boolean }
  /** The message is sent only if the last reply was a 354. `text` has its end. */
  | { readonly do: 'message'; readonly text: string }
  /** STARTTLS, the handshake, and everything after it inside TLS; without a 220 it goes on in plain text. */
  | { readonly do: 'starttls' }

export interface Dialogue {
  readonly moves: readonly Move[]
  /** So many replies, the greeting included, come before those that must be equal. */
  readonly repliesBefore: number
}

const say = (text: string, replies = 1): Move => ({ do: 'say', text, replies, isRcpt: /^\s*rcpt/i.test(text) })

const hellos = ['EHLO client.example.net', 'ehlo x', 'EHLO [127.0.0.1]', 'Ehlo a.b.c.example  ', 'EHLO xn--bcher-kva.example']
const helos = ['HELO client.example.net', 'helo x', 'HELO [127.0.0.1]']

const senders = [
  '<sender@example.net>',
  '<>',
  '<"quoted local"@example.net>',
  '<a.b+c@sub.example.net>',
  '<@relay.example:far@example.net>',
  '<postmaster>',
]

/** Good ones, those that Postfix defers or refuses, and such as it cannot parse. */
const recipients = [
  '<user@example.test>',
  '<other@example.test>',
  '<"a b"@example.test>',
  '<user+tag@example.test>',
  '<postmaster>',
  '<@relay.example:user@example.test>',
  '<defer@example.test>',
  '<refuse@example.test>',
  '<user@elsewhere.example>',
  '<user@example.test',
  '<>',
  '<\xfc@example.test>',
]

/**
 * `strict`: in plain text, from a client that passes all deep tests. `loose`: the same from one that does not wait for replies, and writes lines in
 * other ways that Postfix takes. `tls`: it begins with STARTTLS.
 */
export type Manner = 'strict' | 'loose' | 'tls'

export function randomDialogue(random: Random, manner: Manner): Dialogue {
  const before = opening(random)
  if (manner === 'tls') {
    const inside = opening(random)
    const moves: Move[] = [...before.moves, { do: 'starttls' }, ...inside.moves, ...transactions(random, inside.isExtended)]
    return { moves, repliesBefore: 1 + before.moves.length }
  }
  const moves = [...before.moves, ...transactions(random, before.isExtended)]
  const repliesBefore = 1 + moves.findIndex((move) => move.do === 'say' && move.isRcpt)
  return { moves: manner === 'loose' ? loosened(random, moves) : moves, repliesBefore }
}

/** Commands that are sent together, and lines that end with LF alone or have blanks that do not matter. */
function loosened(random: Random, moves: readonly Move[]): readonly Move[] {
  const loose: Move[] = []
  const isEager = random.chance(0.6)
  for (const move of moves) {
    const last = loose.at(-1)
    if (move.do !== 'say') {
      loose.push(move)
      continue
    }
    const said = { ...move, text: otherForm(random, move.text) }
    if (isEager && last?.do === 'say' && random.chance(0.7)) loose.splice(-1, 1, together(last, said))
    else loose.push(said)
  }
  return loose
}

type Said = Extract<Move, { readonly do: 'say' }>

const together = (one: Said, other: Said): Said => ({
  do: 'say',
  text: one.text + other.text,
  replies: one.replies + other.replies,
  isRcpt: one.isRcpt || other.isRcpt,
})

/** BDAT stays as it is: its payload follows the line. */
function otherForm(random: Random, text: string): string {
  if (/^BDAT/i.test(text)) return text
  return random.weighted([
    [12, () => text],
    [4, () => text.replaceAll('\r\n', '\n')],
    [1, () => ` ${text}`],
    [1, () => text.replace(/\r\n$/, ' \t\r\n')],
  ])()
}

function opening(random: Random): { readonly moves: readonly Move[]; readonly isExtended: boolean } {
  const isExtended = random.chance(0.85)
  const moves = [say(`${random.pick(isExtended ? hellos : helos)}\r\n`)]
  // No HELO after EHLO: Postfix then goes on to call the session ESMTP, and only the last of them is repeated to it.
  if (random.chance(0.1)) moves.unshift(say(`${random.pick(isExtended ? [...hellos, ...helos] : helos)}\r\n`))
  for (const idle of ['NOOP\r\n', 'RSET\r\n', 'NOOP with words\r\n']) if (random.chance(0.1)) moves.push(say(idle))
  return { moves, isExtended }
}

function transactions(random: Random, isExtended: boolean): readonly Move[] {
  const moves: Move[] = []
  if (random.chance(0.1)) moves.push(say(mailLine(random, isExtended)), say('RSET\r\n'))
  const count = random.weighted([
    [6, 1],
    [3, 2],
    [1, 3],
  ])
  for (let at = 0; at < count; at++) {
    moves.push(...transaction(random, isExtended))
    if (random.chance(0.2))
      moves.push(say(random.pick(['NOOP\r\n', 'RSET\r\n', 'VRFY user@example.test\r\n', 'XYZZY\r\n', 'EHLO again.example.net\r\n'])))
  }
  if (random.chance(0.9)) moves.push(say('QUIT\r\n'))
  return moves
}

function transaction(random: Random, isExtended: boolean): readonly Move[] {
  const mail = mailLine(random, isExtended)
  const rcpts = Array.from(
    {
      length: random.weighted([
        [6, 1],
        [3, 2],
        [1, random.between(3, 8)],
      ]),
    },
    () => rcptLine(random, isExtended),
  )
  const [first = '', ...others] = rcpts
  const moves = [say(mail), say(first)]
  // Postfix offers PIPELINING in a direct session, and from the first reply to RCPT on both are the same.
  if (others.length > 0 && random.chance(0.3)) moves.push(say(others.join(''), others.length))
  else moves.push(...others.map((rcpt) => say(rcpt)))
  if (random.chance(0.1)) return [...moves, say('RSET\r\n')]
  return [
    ...moves,
    ...(isExtended && random.chance(0.25)
      ? chunks(random)
      : [say('DATA\r\n'), { do: 'message', text: `${dotted(message(random))}.\r\n` } as const]),
  ]
}

function mailLine(random: Random, isExtended: boolean): string {
  const verb = random.pick(['MAIL FROM:', 'mail from:', 'MAIL FROM: ', 'Mail  From:'])
  const parameters = isExtended
    ? [' SIZE=2000', ' size=0', ' BODY=8BITMIME', ' BODY=7BIT', ' RET=HDRS', ' ENVID=QQ+2B1', ' SMTPUTF8'].filter(() => random.chance(0.2))
    : []
  const refused = random.chance(0.03) ? random.pick([' FOO=bar', ' SIZE=99999999999', ' BODY=9BIT', ' RET=NONE']) : ''
  return `${verb}${random.pick(senders)}${parameters.join('')}${isExtended ? refused : ''}\r\n`
}

function rcptLine(random: Random, isExtended: boolean): string {
  const verb = random.pick(['RCPT TO:', 'rcpt to:', 'RCPT TO: ', 'Rcpt  To:'])
  const good = recipients.slice(0, 6)
  const parameter =
    isExtended && random.chance(0.15) ? random.pick([' NOTIFY=NEVER', ' NOTIFY=SUCCESS,DELAY', ' ORCPT=rfc822;user@example.test']) : ''
  return `${verb}${random.chance(0.75) ? random.pick(good) : random.pick(recipients)}${parameter}\r\n`
}

/** Lines that Postfix must take and keep as they are: dots, 8-bit and long lines, empty lines, no header, no body. */
export function message(random: Random): string {
  const header = random.chance(0.9) ? `From: <sender@example.net>\r\nSubject: number ${random.between(0, 1e9)}\r\n\r\n` : ''
  const lines = Array.from(
    {
      length: random.weighted([
        [5, random.between(0, 5)],
        [2, random.between(6, 60)],
        [1, 800],
      ]),
    },
    () => `${line(random)}\r\n`,
  )
  return header + lines.join('')
}

function line(random: Random): string {
  return random.weighted([
    [5, () => 'The quick brown fox jumps over the lazy dog'.slice(0, random.between(0, 44))],
    [1, () => '.'.repeat(random.between(1, 4))],
    [1, () => `.${random.pick(['a', ' ', '.x', '\t', '\x00'])}`],
    [1, () => 'From someone'],
    [1, () => '\xe4\xf6\xfc \xc3\xa4 \x80\xff'],
    [1, () => 'long '.repeat(random.between(150, 700))],
    [1, () => 'QUIT'],
    [1, () => '\t  blanks  '],
  ])()
}

const dotted = (text: string): string => text.replace(/^\./gm, '..')

/** BDAT, with chunks that end anywhere; what looks like an end of data is not one. */
function chunks(random: Random): readonly Move[] {
  const text = message(random) + (random.chance(0.3) ? '\r\n.\r\nQUIT\r\n' : '')
  const cuts = Array.from({ length: random.between(0, 3) }, () => random.between(0, text.length)).toSorted((a, b) => a - b)
  const edges = [0, ...cuts, text.length]
  const parts = edges.slice(1).map((end, at) => text.slice(edges[at], end))
  const commands = parts.map((part, at) => `BDAT ${part.length}${at === parts.length - 1 ? ' LAST' : ''}\r\n${part}`)
  return random.chance(0.3) ? [say(commands.join(''), commands.length)] : commands.map((command) => say(command))
}
