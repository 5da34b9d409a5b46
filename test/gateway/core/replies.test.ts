// Reply texts: all of them well-formed, those that name the host, and soft bounce (section 3.8 of postscreen's behaviour).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { blockedUsing, hostReplies, reply, soften } from '../../../gateway/core/replies.ts'
import { drive } from '../../support/core-session.ts'

describe('every fixed reply', () => {
  for (const [name, text] of Object.entries(reply)) {
    test(`${name} is one line with a code, and an enhanced status code of the same class if it has one`, () => {
      assert.match(text, /^[245]\d\d [ -~]+\r\n$/)
      const enhanced = /^(\d)\d\d (\d)\.\d\.\d /.exec(text)
      if (enhanced !== null) assert.equal(enhanced[1], enhanced[2])
    })
  }
})

test('replies that name the host', () => {
  assert.deepEqual(hostReplies('mx.example.com', 'mx.example.com ESMTP', 'hold on'), {
    teaser: '220-hold on\r\n',
    greeting: '220 mx.example.com ESMTP\r\n',
    helo: '250 mx.example.com\r\n',
    timeLimit: '421 4.4.2 mx.example.com Error: timeout exceeded\r\n',
    tryAgainLater: '421 mx.example.com Service unavailable - try again later\r\n',
  })
})

test('without a text there is no teaser', () => assert.equal(hostReplies('mx', 'mx', '').teaser, undefined))

test('the reply to a listed client names the client and the list', () => {
  assert.equal(
    blockedUsing('550', '2001:db8::1', 'zen.example'),
    '550 5.7.1 Service unavailable; client [2001:db8::1] blocked using zen.example\r\n',
  )
})

describe('soft bounce', () => {
  const cases: readonly (readonly [text: string, want: string])[] = [
    ['550 5.7.1 No\r\n', '450 4.7.1 No\r\n'],
    ['521 5.5.1 Protocol error\r\n', '421 4.5.1 Protocol error\r\n'],
    ['502 5.5.2 Error: command not recognized\r\n', '402 4.5.2 Error: command not recognized\r\n'],
    ['501 Syntax: HELO hostname\r\n', '401 Syntax: HELO hostname\r\n'],
    ['450 4.3.2 Wait\r\n', '450 4.3.2 Wait\r\n'],
    ['250 2.0.0 Ok\r\n', '250 2.0.0 Ok\r\n'],
    // Byte 4 is looked at in every reply, whatever it begins.
    ['250 5host.example\r\n', '250 4host.example\r\n'],
  ]
  for (const [text, want] of cases) test(`makes ${want.trimEnd()} of ${text.trimEnd()}`, () => assert.equal(soften(text), want))

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
