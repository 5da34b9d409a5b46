// What health checks hear: enough SMTP to be content, nothing that could lose a mail, and never more than a reply for each line.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import {
  answerHealthCheck,
  newHealthCheck,
  healthCheckCommandLimit,
  healthCheckLineLimit,
  type HealthCheckReason,
} from '../../../gateway/core/health-check.ts'
import { writeLocalProxyHeader, writeProxyHeader } from '../../../gateway/core/proxy-header.ts'
import { rulesOf } from '../../support/core-session.ts'

const rules = rulesOf({ tls: { level: 'May', certFile: 'cert', keyFile: 'key' }, smtp: { messageSizeLimit: 1000 } })

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1')

/** The replies to some input, and the last answer. */
function say(
  text: string,
  reason: HealthCheckReason = 'network',
): { replies: readonly string[]; over: boolean; misuse: string | undefined } {
  const answer = answerHealthCheck(newHealthCheck(rules, reason), bytes(text))
  return { replies: answer.text.split('\r\n').slice(0, -1), over: answer.over, misuse: answer.misuse }
}

const noMail = '450 4.3.2 Error: no mail from here: this address is in spec.probes.networks'
const notRecognized = '502 5.5.2 Error: command not recognized'
const tryAgain = '421 mx.example.com Service unavailable - try again later'

interface Case {
  readonly what: string
  readonly says: string
  readonly hears: readonly string[]
  readonly over?: boolean
  readonly misuse?: string
}

const cases: readonly Case[] = [
  { what: 'HELO is answered', says: 'HELO lb\r\n', hears: ['250 mx.example.com'] },
  { what: 'HELO needs a name', says: 'HELO\r\n', hears: ['501 Syntax: HELO hostname'] },
  {
    what: 'EHLO announces what clients hear, but no STARTTLS',
    says: 'ehlo lb\r\n',
    hears: ['SIZE 1000', 'VRFY', 'ETRN', 'ENHANCEDSTATUSCODES', '8BITMIME', 'DSN', 'SMTPUTF8', 'CHUNKING'].reduce(
      (lines, keyword, i, all) => [...lines, `250${i === all.length - 1 ? ' ' : '-'}${keyword}`],
      ['250-mx.example.com'],
    ),
  },
  { what: 'EHLO needs a name', says: 'EHLO  \r\n', hears: ['501 Syntax: EHLO hostname'] },
  { what: 'NOOP and RSET are answered', says: 'NOOP\r\nrset\n', hears: ['250 2.0.0 Ok', '250 2.0.0 Ok'] },
  { what: 'QUIT ends it, and nothing behind it is answered', says: 'QUIT\r\nNOOP\r\n', hears: ['221 2.0.0 Bye'], over: true },
  { what: 'a line without an end waits for it', says: 'NOO', hears: [] },
  { what: 'an empty line is not an SMTP command', says: '\r\n', hears: [notRecognized] },
  { what: 'an HTTP request is not SMTP', says: 'GET / HTTP/1.0\r\n\r\n', hears: [notRecognized, notRecognized] },
  { what: 'STARTTLS is not to be had', says: 'STARTTLS\r\n', hears: [notRecognized] },
  {
    what: 'mail is put off, whatever of it comes',
    says: 'MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n',
    hears: [noMail, noMail, noMail],
    misuse: 'mail',
  },
  {
    what: 'a line that is too long ends it',
    says: `NOOP\r\n${'x'.repeat(healthCheckLineLimit + 1)}`,
    hears: ['250 2.0.0 Ok', tryAgain],
    over: true,
  },
  {
    what: 'too many commands end it',
    says: 'NOOP\r\n'.repeat(healthCheckCommandLimit + 5),
    hears: [...Array.from({ length: healthCheckCommandLimit }, () => '250 2.0.0 Ok'), tryAgain],
    over: true,
  },
]

describe('a probe', () => {
  for (const { what, says, hears, over = false, misuse } of cases) {
    test(what, () => assert.deepEqual(say(says), { replies: hears, over, misuse }))
  }

  test('whose PROXY header named no client reads why its mail is put off', () => {
    const { replies, misuse } = say('MAIL FROM:<>\r\n', 'unnamed')
    assert.deepEqual([replies, misuse], [['450 4.3.2 Error: no mail from here: the PROXY header names no client'], 'mail'])
  })

  const ends = [
    { address: '192.0.2.7', port: 4711 },
    { address: '192.0.2.25', port: 25 },
  ] as const
  for (const [which, header] of Object.entries({
    'of version 1': writeProxyHeader('V1', ...ends),
    'of version 2': writeProxyHeader('V2', ...ends),
    'that says LOCAL': writeLocalProxyHeader(),
    'that says UNKNOWN': bytes('PROXY UNKNOWN\r\n'),
  })) {
    test(`that sends a PROXY header ${which} after the greeting is told to come again, for a client may be behind it`, () => {
      const { replies, over, misuse } = say(`${Buffer.from(header).toString('latin1')}EHLO client.example\r\n`)
      assert.deepEqual([replies, over, misuse], [['421 4.3.2 No system resources'], true, 'header'])
    })
  }

  test('hears nothing more when it is over, and no more is kept of what it says', () => {
    const probe = newHealthCheck(rules, 'network')
    answerHealthCheck(probe, bytes('QUIT\r\n'))
    assert.deepEqual(answerHealthCheck(probe, bytes('NOOP\r\nNOOP')), { text: '', over: true, misuse: undefined })
    assert.equal(probe.line, '')
  })
})

const word = fc.constantFrom('EHLO x', 'HELO', 'MAIL FROM:<>', 'RCPT', 'QUIT', 'NOOP', 'PROXY TCP4 1.2.3.4', '\r\n\r\n\0\r\nQUIT\n')
const piece = fc.oneof(
  fc.uint8Array({ maxLength: 700 }),
  word.map(bytes),
  word.map((text) => bytes(`${text}\r\n`)),
  fc.nat(5000).map((length) => bytes('\n'.repeat(length))),
)

test('whatever comes, each line has one reply at most, replies and kept bytes are bounded, and nothing is accepted', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const probe = newHealthCheck(rules, 'network')
      let ended = false
      let replies: string[] = []
      let linesBegun = 1
      for (const one of pieces) {
        const answer = answerHealthCheck(probe, one)
        linesBegun += one.filter((byte) => byte === 10).length
        // The last line of each reply has a blank behind its code.
        const heard = answer.text.split('\r\n').filter((line) => /^\d{3} /.test(line))
        if (ended) assert.equal(answer.text, '')
        ended = answer.over
        replies = [...replies, ...heard]
        assert.ok(probe.line.length <= healthCheckLineLimit)
      }
      assert.ok(replies.length <= Math.min(linesBegun, healthCheckCommandLimit + 1), `${replies.length} replies to ${linesBegun} lines`)
      for (const line of replies) assert.doesNotMatch(line, /^(354|251|252|250 2\.1)/)
    }),
  )
})

test('how the bytes are cut makes no difference', () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), fc.array(fc.nat(40), { maxLength: 10 }), (lines, cuts) => {
      // Behind a first command, where no header is looked for.
      const all = bytes(`NOOP\r\n${lines.join('\r\n')}\r\n`)
      const whole = answerHealthCheck(newHealthCheck(rules, 'network'), all).text
      const probe = newHealthCheck(rules, 'network')
      let text = answerHealthCheck(probe, all.subarray(0, 6)).text
      let at = 6
      for (const cut of [...cuts, all.length]) {
        text += answerHealthCheck(probe, all.subarray(at, at + cut)).text
        at += cut
      }
      assert.equal(text, whole)
    }),
  )
})

test('a PROXY header counts as the first bytes only, whether they are one or none', () => {
  const header = bytes('PROXY TCP4 192.0.2.1 192.0.2.2 40000 25\r\n')
  const late = newHealthCheck(rules, 'network')
  answerHealthCheck(late, bytes('\n'))
  assert.equal(answerHealthCheck(late, header).misuse, undefined)
  const first = newHealthCheck(rules, 'network')
  answerHealthCheck(first, bytes(''))
  assert.equal(answerHealthCheck(first, header).misuse, 'header')
})

test('a health check has room for twenty commands of 512 bytes', () => {
  assert.deepEqual([healthCheckCommandLimit, healthCheckLineLimit], [20, 512])
})
