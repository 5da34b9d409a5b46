// Whatever mail servers do, and whatever the client says: no message is acknowledged that a mail server has not
// acknowledged, and the gateway refuses no recipient for good in its own words.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CoreRig } from '../sessions/same-session/core-rig.ts'
import type { Dialogue } from '../sessions/same-session/dialogue.ts'
import { type Act, ehlo, type Script, type ScriptedCall } from '../sessions/same-session/scripted-backend.ts'

const replies = [
  '220 b\r\n',
  '220-b\r\n220 b\r\n',
  '250 ok\r\n',
  '250-a\r\n250 b\r\n',
  '354 go on\r\n',
  '421 4.3.2 bye\r\n',
  '450 4.2.0 later\r\n',
  '451-4.3.0 x\r\n451 4.3.0 y\r\n',
  '454 4.7.0 no TLS\r\n',
  '500 5.5.2 what\r\n',
  '503 5.5.1 first\r\n',
  '521 5.3.2 bye\r\n',
  '550 5.7.1 no\r\n',
  '552 5.3.4 too large\r\n',
  '250 ok\r\n250 ok\r\n',
  'garbage\r\n',
  '25',
  '\r\n',
  '999 x\r\n',
  'EOF',
  'nothing',
]
const act: fc.Arbitrary<Act> = fc.oneof(
  fc.constantFrom(...replies),
  fc.array(fc.constantFrom(...replies), { minLength: 1, maxLength: 3 }).map((say) => ({ say, pauseMs: 1 })),
)
const keywords = fc.subarray(['SIZE 100', 'SIZE', 'STARTTLS', '8BITMIME', 'DSN', 'SMTPUTF8', 'CHUNKING', 'PIPELINING', 'AUTH PLAIN'])
/** Most of it is as usual, so that dialogues get far. */
const script: fc.Arbitrary<Script> = fc
  .tuple(
    fc.option(keywords, { nil: undefined, freq: 3 }),
    fc.dictionary(fc.constantFrom('connect', 'EHLO', 'HELO', 'MAIL', 'RCPT', 'STARTTLS', 'DATA', '.', 'BDAT'), act, {
      maxKeys: 2,
      noNullPrototype: true,
    }),
  )
  .map(([offers, acts]) => ({ ...(offers !== undefined && { EHLO: ehlo(offers) }), ...acts }))

const commands = [
  'EHLO c',
  'HELO c',
  'MAIL FROM:<a@x>',
  'MAIL FROM:<b@x> SIZE=50',
  'RCPT TO:<u@x>',
  'RCPT TO:<v@x> NOTIFY=NEVER',
  'RCPT',
  'DATA',
  'Subject: x\r\n\r\nx\r\n.',
  'BDAT 4 LAST\r\nabcd',
  'RSET',
  'NOOP',
  'VRFY x',
  'STARTTLS',
  'QUIT',
]
const usual = ['EHLO c', 'MAIL FROM:<a@x>', 'RCPT TO:<u@x>']
const client = fc
  .tuple(fc.boolean(), fc.array(fc.tuple(fc.constantFrom(...commands), fc.boolean()), { maxLength: 10 }))
  .map(([beginsAsUsual, more]) => [...(beginsAsUsual ? usual.map((text) => [text, false] as const) : []), ...more])

const dialogues: fc.Arbitrary<Dialogue> = fc.record({
  what: fc.constant('any'),
  backends: fc.array(fc.oneof({ weight: 9, arbitrary: script }, { weight: 1, arbitrary: fc.constant('refuses' as const) }), {
    maxLength: 3,
  }),
  promised: fc.option(keywords, { nil: null }),
  // Without the pipelining test, what a client sends ahead is not refused.
  spec: fc.constant({ deepTests: { handoff: 'SameSession' as const, nonSMTPCommand: { enabled: true }, bareNewline: { enabled: true } } }),
  client: fc.constant([]),
})

/** Whether a mail server has said a line that begins so. */
function said(calls: readonly ScriptedCall[], begin: RegExp): boolean {
  return calls.some(({ spoken }) => spoken.split('\n').some((line) => begin.test(line)))
}

/** What holds after the client has sent `text`. `sent`: what the session itself has answered. */
function check(rig: CoreRig, text: string, sent: string, wasRelayed: boolean): void {
  const calls = rig.calls.flat()
  const isJoined = rig.session.phase === 'relayed' || rig.session.phase === 'done'
  const lines = sent.split('\n')
  if (wasRelayed) assert.equal(sent, '', 'the session speaks behind the hand-off')
  // Permission to send a message, and the reply to one, are words of a mail server that has the client.
  for (const line of lines) assert.doesNotMatch(line, /^3/)
  if (/^(DATA|BDAT)/.test(text)) for (const line of lines) assert.doesNotMatch(line, /^2/, text)
  // A recipient is accepted by a mail server, and refused for good in its words.
  if (text.startsWith('RCPT TO')) {
    for (const line of lines) assert.doesNotMatch(line, /^2/, text)
    const refusal = lines.find((line) => line.startsWith('5') && !line.startsWith('503 5.5.1 Error: need MAIL'))
    if (refusal !== undefined) assert.ok(said(calls, /^5/), `${refusal} is not of a mail server`)
  }
  if (isJoined) return
  for (const { read } of calls) {
    for (const verb of [/^EHLO/, /^MAIL/, /^RCPT/]) assert.ok(read.filter((line) => verb.test(line)).length <= 1, read.join('|'))
    assert.ok(!read.some((line) => /^(DATA|BDAT|\.$)/.test(line)), 'a message before the relay')
  }
}

test('no message is acknowledged and no recipient is refused for good in place of a mail server', () => {
  fc.assert(
    fc.property(dialogues, client, fc.nat(12), (dialogue, steps, shutDownAt) => {
      const rig = new CoreRig(dialogue)
      for (const [i, [text, isAhead]] of steps.entries()) {
        if (rig.isClosed) break
        const wasRelayed = rig.session.phase === 'relayed'
        const before = rig.sent.length
        // Some is sent ahead.
        const ahead = isAhead ? `${steps[i + 1]?.[0] ?? 'NOOP'}\r\n` : ''
        rig.send(`${text}\r\n${ahead}`)
        check(rig, ahead === '' ? text : 'ahead', rig.sent.slice(before), wasRelayed)
        if (i !== shutDownAt) continue
        const hadBackend = ['relayed', 'done'].includes(rig.session.phase)
        const length = rig.text.length
        rig.shutDown()
        if (!hadBackend) assert.equal(rig.text.slice(length), '421 4.3.2 Service currently unavailable\r\n')
      }
      rig.end()
    }),
    { numRuns: Number(process.env['RUNS'] ?? 1500) },
  )
})
