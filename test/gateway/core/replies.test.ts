// Reply texts: all of them well-formed, those that name the host, and soft bounce (section 3.8 of postscreen's behaviour).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  blockedUsing,
  firstLine,
  hostReplies,
  isRefusal,
  isTemporary,
  oneLine,
  type Reply,
  reply,
  soften,
  wire,
} from '../../../gateway/core/replies.ts'
import { drive } from '../../support/core-session.ts'

describe('every fixed reply', () => {
  for (const [name, { code, text }] of Object.entries(reply)) {
    test(`${name} is one line with a code, and an enhanced status code of the same class if it has one`, () => {
      assert.match(String(code), /^[245]\d\d$/)
      assert.match(text, /^[ -~]+$/)
      const enhanced = /^(\d)\.\d\.\d /.exec(text)
      if (enhanced !== null) assert.equal(enhanced[1], String(code)[0])
    })
  }
})

describe('a reply on the wire', () => {
  const cases: readonly (readonly [reply: Reply, want: string])[] = [
    [{ code: 250, text: 'Ok' }, '250 Ok\r\n'],
    [{ code: 250, text: 'mx\nSIZE' }, '250-mx\r\n250 SIZE\r\n'],
    [{ code: 250, text: 'mx\nSIZE\nETRN' }, '250-mx\r\n250-SIZE\r\n250 ETRN\r\n'],
    [{ code: 550, text: '\n\n' }, '550-\r\n550-\r\n550 \r\n'],
  ]
  for (const [one, want] of cases) test(JSON.stringify(want), () => assert.equal(wire(one), want))

  test('may be its first line alone', () => assert.equal(firstLine({ code: 220, text: 'hold on' }), '220-hold on\r\n'))
})

test('in logs and policies a reply has no line end', () => assert.equal(oneLine(reply.bye), '221 2.0.0 Bye'))

describe('the class of a reply', () => {
  const cases: readonly (readonly [code: number, temporary: boolean, refusal: boolean])[] = [
    [220, false, false],
    [399, false, false],
    [400, true, true],
    [499, true, true],
    [500, false, true],
    [554, false, true],
  ]
  for (const [code, temporary, refusal] of cases) {
    test(`of ${code}`, () => assert.deepEqual([isTemporary({ code, text: '' }), isRefusal({ code, text: '' })], [temporary, refusal]))
  }
})

test('replies that name the host', () => {
  assert.deepEqual(hostReplies('mx.example.com', 'mx.example.com ESMTP', 'hold on'), {
    teaser: { code: 220, text: 'hold on' },
    greeting: { code: 220, text: 'mx.example.com ESMTP' },
    helo: { code: 250, text: 'mx.example.com' },
    timeLimit: { code: 421, text: '4.4.2 mx.example.com Error: timeout exceeded' },
    tryAgainLater: { code: 421, text: 'mx.example.com Service unavailable - try again later' },
  })
})

test('without a text there is no teaser', () => assert.equal(hostReplies('mx', 'mx', '').teaser, undefined))

test('the reply to a listed client names the client and the list', () => {
  const text = '5.7.1 Service unavailable; client [2001:db8::1] blocked using zen.example'
  assert.deepEqual(blockedUsing(550, '2001:db8::1', 'zen.example'), { code: 550, text })
})

describe('soft bounce', () => {
  const cases: readonly (readonly [code: number, text: string, want: string])[] = [
    [550, '5.7.1 No', '450 4.7.1 No'],
    [521, '5.5.1 Protocol error', '421 4.5.1 Protocol error'],
    [502, '5.5.2 Error: command not recognized', '402 4.5.2 Error: command not recognized'],
    [500, 'Syntax: ETRN domain', '400 Syntax: ETRN domain'],
    [501, 'Syntax: HELO hostname', '401 Syntax: HELO hostname'],
    [450, '4.3.2 Wait', '450 4.3.2 Wait'],
    [250, '2.0.0 Ok', '250 2.0.0 Ok'],
    // The first character of the text is looked at in every reply.
    [250, '5host.example', '250 4host.example'],
  ]
  for (const [code, text, want] of cases)
    test(`turns ${code} ${text} into ${want}`, () => assert.equal(oneLine(soften({ code, text })), want))

  test('T45: holds for refusals on the wire and in the log', () => {
    drive({ greet: { action: 'Enforce' }, smtp: { softBounce: true } })
      .connect('192.0.2.1')
      .sends('HELO x\r\n')
      .ignoringAllThat()
      .says('MAIL FROM:<a@b>', 'RCPT TO:<c@d>', 'VRFY c', 'HELP')
      .hears('250 2.1.0 Ok', '450 4.5.1 Protocol error', '450 4.5.1 Protocol error', '402 4.5.2 Error: command not recognized')
      .logs('NOQUEUE: reject: RCPT from CLIENT: 450 4.5.1 Protocol error; from=<a@b>, to=<c@d>, proto=SMTP, helo=<x>')
  })

  test('holds for drops', () => {
    drive({ greet: { action: 'Drop' }, smtp: { softBounce: true } })
      .connect('192.0.2.1')
      .sends('HELO x\r\n')
      .hears('220-mx.example.com ESMTP Postfix', '421 4.5.1 Protocol error')
  })
})
