// Replies to commands, row by row (section 3.5 of postscreen's behaviour).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Client, type ConnectOptions, drive, type SpecFragment } from '../../support/core-session.ts'

const recipient = '450 4.3.2 Service currently unavailable'

/** A client in the dummy engine, which has a certificate unless told otherwise. */
function engine(
  smtp: NonNullable<SpecFragment['smtp']> = {},
  tls: SpecFragment['tls'] = {},
  options: ConnectOptions = { tlsReady: true },
): Client {
  const files = tls.level === undefined ? {} : { certFile: 'tls.crt', keyFile: 'tls.key' }
  const fragment = {
    greet: { banner: '' },
    deepTests: { pipelining: { enabled: true } },
    smtp: { commandCountLimit: 100, ...smtp },
    tls: { ...tls, ...files },
  }
  return drive(fragment).connect('192.0.2.1', options).ignoringAllThat()
}

interface Case {
  readonly what: string
  readonly before?: readonly string[]
  readonly say: string
  readonly want: string
  readonly smtp?: SpecFragment['smtp']
  readonly closes?: boolean
}

const cases: readonly Case[] = [
  { what: 'HELO without a name', say: 'HELO', want: '501 Syntax: HELO hostname' },
  { what: 'HELO with blanks only', say: 'HELO   ', want: '501 Syntax: HELO hostname' },
  { what: 'HELO', say: 'HELO client.example', want: '250 mx.example.com' },
  { what: 'HELO with more words', say: 'HELO client.example and more', want: '250 mx.example.com' },
  {
    what: 'HELO again: the sender is forgotten',
    before: ['MAIL FROM:<a@b>', 'HELO x'],
    say: 'RCPT TO:<c@d>',
    want: '503 5.5.1 Error: need MAIL command',
  },
  { what: 'EHLO without a name', say: 'EHLO', want: '501 Syntax: EHLO hostname' },
  {
    what: 'EHLO again: the sender is forgotten',
    before: ['MAIL FROM:<a@b>', 'EHLO x'],
    say: 'RCPT TO:<c@d>',
    want: '503 5.5.1 Error: need MAIL command',
  },
  { what: 'a HELO that is refused: the sender stays', before: ['MAIL FROM:<a@b>', 'HELO'], say: 'RCPT TO:<c@d>', want: recipient },
  { what: 'MAIL', say: 'MAIL FROM:<a@b> SIZE=100 FOO=bar', want: '250 2.1.0 Ok' },
  { what: 'T47: MAIL with nothing behind the colon', say: 'MAIL FROM:', want: '250 2.1.0 Ok' },
  { what: 'T47: MAIL in lower case', say: 'mail from:<a@b>', want: '250 2.1.0 Ok' },
  { what: 'MAIL with any word before the colon', say: 'MAIL X:<a@b>', want: '250 2.1.0 Ok' },
  { what: 'MAIL without a colon', say: 'MAIL FROM <a@b>', want: '501 5.5.4 Syntax: MAIL FROM:<address>' },
  { what: 'MAIL without anything', say: 'MAIL', want: '501 5.5.4 Syntax: MAIL FROM:<address>' },
  { what: 'MAIL twice', before: ['MAIL FROM:<a@b>'], say: 'MAIL FROM:<a@b>', want: '503 5.5.1 Error: nested MAIL command' },
  {
    what: 'MAIL twice with an empty sender',
    before: ['MAIL FROM:<>'],
    say: 'MAIL FROM:<a@b>',
    want: '503 5.5.1 Error: nested MAIL command',
  },
  {
    what: 'MAIL without the HELO that is required',
    smtp: { heloRequired: true },
    say: 'MAIL FROM:<a@b>',
    want: '503 5.5.1 Error: send HELO/EHLO first',
  },
  {
    what: 'MAIL with the HELO that is required',
    smtp: { heloRequired: true },
    before: ['HELO x'],
    say: 'MAIL FROM:<a@b>',
    want: '250 2.1.0 Ok',
  },
  { what: 'RCPT without a sender', say: 'RCPT TO:<a@b>', want: '503 5.5.1 Error: need MAIL command' },
  { what: 'RCPT without a colon', before: ['MAIL FROM:<>'], say: 'RCPT TO', want: '501 5.5.4 Syntax: RCPT TO:<address>' },
  { what: 'RCPT', before: ['MAIL FROM:<>'], say: 'RCPT TO:<a@b> NOTIFY=NEVER', want: recipient },
  { what: 'DATA', before: ['MAIL FROM:<>', 'RCPT TO:<a@b>'], say: 'DATA', want: '554 5.5.1 Error: no valid recipients', closes: true },
  { what: 'DATA without a sender', say: 'DATA', want: '503 5.5.1 Error: need RCPT command', closes: true },
  { what: 'DATA with an argument', before: ['MAIL FROM:<>'], say: 'DATA now', want: '501 5.5.4 Syntax: DATA', closes: true },
  { what: 'BDAT', before: ['MAIL FROM:<>'], say: 'BDAT 10 LAST', want: '554 5.5.1 Error: no valid recipients', closes: true },
  { what: 'T40: BDAT without a sender', say: 'BDAT 10', want: '554 5.5.1 Error: need MAIL command', closes: true },
  { what: 'BDAT without an argument', before: ['MAIL FROM:<>'], say: 'BDAT', want: '501 5.5.4 Syntax: BDAT count [LAST]', closes: true },
  {
    what: 'T39: BDAT where CHUNKING was hidden in the EHLO reply',
    smtp: { discardEHLOKeywords: ['CHUNKING'] },
    before: ['EHLO x'],
    say: 'BDAT 10',
    want: '502 5.5.1 Error: command not implemented',
    closes: true,
  },
  {
    what: 'BDAT where it would be hidden, before any EHLO',
    smtp: { discardEHLOKeywords: ['CHUNKING'] },
    say: 'BDAT',
    want: '501 5.5.4 Syntax: BDAT count [LAST]',
    closes: true,
  },
  { what: 'RSET', say: 'RSET and more', want: '250 2.0.0 Ok' },
  {
    what: 'RSET: the sender is forgotten',
    before: ['MAIL FROM:<>', 'RSET'],
    say: 'RCPT TO:<a@b>',
    want: '503 5.5.1 Error: need MAIL command',
  },
  { what: 'RSET: the HELO is not', smtp: { heloRequired: true }, before: ['HELO x', 'RSET'], say: 'MAIL FROM:<>', want: '250 2.1.0 Ok' },
  { what: 'NOOP', say: 'NOOP and more', want: '250 2.0.0 Ok' },
  { what: 'VRFY', say: 'VRFY a@b', want: recipient },
  { what: 'VRFY without an address', say: 'VRFY', want: '501 5.5.4 Syntax: VRFY address' },
  { what: 'VRFY where it is disabled', smtp: { disableVRFY: true }, say: 'VRFY a@b', want: '502 5.5.1 VRFY command is disabled' },
  {
    what: 'VRFY where it is disabled, without an address',
    smtp: { disableVRFY: true },
    say: 'VRFY',
    want: '501 5.5.4 Syntax: VRFY address',
  },
  { what: 'ETRN', say: 'ETRN example.com', want: '458 Unable to queue messages' },
  { what: 'ETRN without a domain', say: 'ETRN', want: '500 Syntax: ETRN domain' },
  {
    what: 'ETRN without the HELO that is required',
    smtp: { heloRequired: true },
    say: 'ETRN',
    want: '503 5.5.1 Error: send HELO/EHLO first',
  },
  { what: 'QUIT', say: 'QUIT now', want: '221 2.0.0 Bye', closes: true },
  ...['AUTH PLAIN', 'XCLIENT ADDR=1.2.3.4', 'XFORWARD NAME=x', 'HELP', 'EXPN x', 'FOO', ''].map((say) => ({
    what: say === '' ? 'an empty line' : say,
    say,
    want: '502 5.5.2 Error: command not recognized',
  })),
  { what: 'T47: a tab, which does not separate', say: 'HELO\tclient.example', want: '502 5.5.2 Error: command not recognized' },
  { what: 'leading spaces', say: '   NOOP', want: '250 2.0.0 Ok' },
  { what: 'STARTTLS without TLS', say: 'STARTTLS', want: '502 5.5.1 Error: command not implemented' },
]

describe('the reply to', () => {
  for (const { what, before = [], say, want, smtp, closes = false } of cases) {
    test(what, () => {
      const client = engine(smtp)
        .says(...before)
        .ignoringAllThat()
        .says(say)
        .hears(want)
      assert.equal(client.isClosed, closes)
    })
  }

  test('EHLO has all that this server can', () => {
    engine()
      .says('EHLO x')
      .hears(
        '250-mx.example.com',
        '250-SIZE 10240000',
        '250-VRFY',
        '250-ETRN',
        '250-ENHANCEDSTATUSCODES',
        '250-8BITMIME',
        '250-DSN',
        '250-SMTPUTF8',
        '250 CHUNKING',
      )
  })

  test('EHLO follows the policy', () => {
    engine({ messageSizeLimit: 0, announceVRFY: false, smtpUTF8: false, discardEHLOKeywords: ['ETRN', 'DSN'] })
      .says('EHLO x')
      .hears('250-mx.example.com', '250-SIZE', '250-ENHANCEDSTATUSCODES', '250-8BITMIME', '250 CHUNKING')
  })
})

describe('the log of a refused recipient', () => {
  const rejected = (from: string, to: string, proto: string, helo: string): string =>
    `NOQUEUE: reject: RCPT from CLIENT: ${recipient}; from=<${from}>, to=<${to}>, proto=${proto}, helo=<${helo}>`

  test('has the addresses, the protocol and the name', () => {
    engine()
      .says('EHLO client.example', 'MAIL FROM:<a@b>', 'RCPT TO:<c@d>')
      .logs(rejected('a@b', 'c@d', 'ESMTP', 'client.example'))
  })

  test('says SMTP behind HELO, and ESMTP for good behind EHLO', () => {
    engine()
      .says('HELO x', 'MAIL FROM:<>', 'RCPT TO:<c@d>')
      .logs(rejected('', 'c@d', 'SMTP', 'x'))
    engine()
      .says('EHLO x', 'HELO y', 'MAIL FROM:<>', 'RCPT TO:<c@d>')
      .logs(rejected('', 'c@d', 'ESMTP', 'y'))
  })

  test('has an empty name where there was none', () => {
    engine()
      .says('MAIL FROM:<>', 'RCPT TO:<c@d>')
      .logs(rejected('', 'c@d', 'SMTP', ''))
  })

  test('quotes addresses that need it', () => {
    engine()
      .says('MAIL FROM:<"a b"@c>', 'RCPT TO:<@relay:x@y>')
      .logs(rejected('"a b"@c', 'x@y', 'SMTP', ''))
  })

  test('holds no control characters of the client', () => {
    engine()
      .says('HELO a\x1b[31m\x7f', 'MAIL FROM:<a\rb\x01>', 'RCPT TO:<c\xff\xc2\x85d>')
      .logs(rejected('"a\\?b?"', 'c??d', 'SMTP', 'a?[31m?'))
  })

  test('is written for each recipient, but not for VRFY', () => {
    engine()
      .says('MAIL FROM:<>', 'VRFY c@d', 'RCPT TO:<c@d>', 'RCPT TO:<e@f>')
      .logs(rejected('', 'c@d', 'SMTP', ''), rejected('', 'e@f', 'SMTP', ''))
  })
})

test('DATA and BDAT are logged', () => {
  engine().says('DATA').logs('DATA without valid RCPT from CLIENT', 'DISCONNECT CLIENT')
  engine().says('BDAT 1').logs('BDAT without valid RCPT from CLIENT', 'DISCONNECT CLIENT')
})

describe('STARTTLS', () => {
  test('is announced and done', () => {
    const client = engine({}, { level: 'May' })
    assert.ok(client.says('EHLO x').replies().includes('250-STARTTLS'))
    client.ignoringAllThat().says('STARTTLS').hears('220 2.0.0 Ready to start TLS').does('startTls', 'arm command 300000')
  })

  test('T41: takes no argument', () => {
    engine({}, { level: 'May' }).says('STARTTLS now').hears('501 5.5.4 Syntax: STARTTLS')
  })

  test('is done once; then it is not announced any more', () => {
    const client = engine({}, { level: 'May' }).says('STARTTLS').ignoringAllThat()
    assert.ok(!client.says('EHLO x').replies().includes('250-STARTTLS'))
    client.says('STARTTLS').hears('554 5.5.1 Error: TLS already active')
  })

  test('is not implemented where its keyword was hidden', () => {
    const client = engine({ discardEHLOKeywords: ['STARTTLS'] }, { level: 'May' }).says('EHLO x')
    assert.ok(!client.replies().includes('250-STARTTLS'))
    client.says('STARTTLS').hears('502 5.5.1 Error: command not implemented')
  })

  test('without a certificate is a local problem; the session goes on', () => {
    engine({}, { level: 'May' }, { tlsReady: false })
      .says('STARTTLS', 'NOOP')
      .hears('454 4.7.0 TLS not available due to local problem', '250 2.0.0 Ok')
  })

  test('T49: throws away plaintext behind it, also what is not a whole line', () => {
    const client = engine({}, { level: 'May' }).sends('STARTTLS\r\nMAIL FROM:<a@b>\r\nNOO').ignoringAllThat()
    client.sends('RCPT TO:<c@d>\r\n').hears('503 5.5.1 Error: need MAIL command')
  })

  test('T49: after a 454 plaintext behind it is answered', () => {
    engine({}, { level: 'May' }, { tlsReady: false })
      .sends('STARTTLS\r\nNOOP\r\n')
      .hears('454 4.7.0 TLS not available due to local problem', '250 2.0.0 Ok')
      .logs('COMMAND PIPELINING from CLIENT after STARTTLS: NOOP\\r\\n')
  })

  describe('where it is refused, suspends the reading until more comes', () => {
    const no = '502 5.5.1 Error: command not implemented'

    test('what is behind it is answered then, in order', () => {
      const client = engine().sends('STARTTLS\r\nRSET\r\nHELO x\r\n').hears(no).does()
      client.sends('NOOP\r\n').hears('250 2.0.0 Ok', '250 mx.example.com', '250 2.0.0 Ok')
    })

    test('nothing is lost when nothing was behind it', () => {
      engine().says('STARTTLS').hears(no).says('NOOP').hears('250 2.0.0 Ok')
    })

    test('nothing is lost behind a second one', () => {
      engine().sends('STARTTLS\r\nSTARTTLS\r\n').hears(no).sends('NOOP\r\n').hears(no, '250 2.0.0 Ok')
    })

    test('nothing is lost where it ends a read of 4096 bytes', () => {
      const filling = `NOOP ${'x'.repeat(2048 - 7)}\r\n`
      const last = `NOOP ${'x'.repeat(2048 - 7 - 'STARTTLS\r\n'.length)}\r\n`
      engine().sends(`${filling}${last}STARTTLS\r\nHELO x\r\n`).sends('').hears('250 2.0.0 Ok', '250 2.0.0 Ok', no, '250 mx.example.com')
    })

    test('what is behind it is answered before the hang-up', () => {
      engine()
        .sends('STARTTLS\r\nNOOP\r\n')
        .leaves()
        .hears(no, '250 2.0.0 Ok')
        .logs(
          'COMMAND PIPELINING from CLIENT after STARTTLS: NOOP\\r\\n',
          'HANGUP after 0 from CLIENT in tests after SMTP handshake',
          'DISCONNECT CLIENT',
        )
    })

    test('does not begin the command time again', () => {
      engine().at(10_000).says('STARTTLS').at(300_000).logs('COMMAND TIME LIMIT from CLIENT after STARTTLS', 'DISCONNECT CLIENT')
    })
  })

  test('forgets who the client said it was, and keeps the protocol', () => {
    const client = engine({ heloRequired: true }, { level: 'May' }).says('EHLO x', 'MAIL FROM:<>', 'STARTTLS').ignoringAllThat()
    client.says('MAIL FROM:<>').hears('503 5.5.1 Error: send HELO/EHLO first')
    client.says('HELO y', 'MAIL FROM:<>', 'RCPT TO:<a@b>')
    client.logs(`NOQUEUE: reject: RCPT from CLIENT: ${recipient}; from=<>, to=<a@b>, proto=ESMTP, helo=<y>`)
  })

  test('T50: does not reset the command count', () => {
    const client = engine({ commandCountLimit: 2 }, { level: 'May' }).says('NOOP', 'STARTTLS').ignoringAllThat()
    client.says('NOOP').logs('COMMAND COUNT LIMIT from CLIENT after STARTTLS', 'DISCONNECT CLIENT')
  })

  test('a handshake that fails looks like a client that hangs up', () => {
    const client = engine({}, { level: 'May' }).says('STARTTLS').ignoringAllThat().leaves()
    client.logs('HANGUP after 0 from CLIENT in tests after SMTP handshake', 'DISCONNECT CLIENT').hears()
  })
})

describe('where TLS is mandatory', () => {
  const must = '530 5.7.0 Must issue a STARTTLS command first'
  for (const say of ['MAIL FROM:<>', 'RCPT TO:<a@b>', 'DATA', 'BDAT 1', 'RSET', 'VRFY a', 'ETRN a']) {
    test(`${say} has to wait for it`, () => {
      const client = engine({}, { level: 'Encrypt' }).says(say).hears(must)
      assert.ok(!client.isClosed)
      client.logs()
    })
  }

  for (const say of ['HELO x', 'EHLO x', 'NOOP', 'QUIT']) {
    test(`${say} has not`, () => assert.notDeepEqual(engine({}, { level: 'Encrypt' }).says(say).replies(), [must]))
  }

  test('what came behind a refused command is answered', () => {
    engine({}, { level: 'Encrypt' }).sends('MAIL FROM:<>\r\nNOOP\r\n').hears(must, '250 2.0.0 Ok')
  })

  test('a command that is not known here is not recognized', () => {
    engine({}, { level: 'Encrypt' })
      .says('FOO', 'AUTH x')
      .hears('502 5.5.2 Error: command not recognized', '502 5.5.2 Error: command not recognized')
  })

  test('everything goes behind it', () => {
    engine({}, { level: 'Encrypt' }).says('STARTTLS').ignoringAllThat().says('MAIL FROM:<>').hears('250 2.1.0 Ok')
  })

  test('T52: a refused RCPT still counts as having come that far', () => {
    const client = engine({}, { level: 'Encrypt' }).says('RCPT TO:<a@b>', 'QUIT').logs('PASS NEW CLIENT', 'DISCONNECT CLIENT')
    assert.deepEqual(client.remembered, ['1;1;+2592000;1;1'])
  })
})

describe('the log names the command before by its verb', () => {
  const verbs = ['HELO', 'EHLO', 'STARTTLS', 'XCLIENT', 'XFORWARD', 'AUTH', 'MAIL', 'RCPT', 'RSET', 'NOOP', 'VRFY', 'ETRN']
  for (const verb of [...verbs, 'FOO']) {
    test(verb, () => {
      const client = drive({ greet: { banner: '' }, deepTests: { nonSMTPCommand: { enabled: true, action: 'Ignore' } } }).connect(
        '192.0.2.1',
      )
      client.says(verb).ignoringAllThat().says('GET /')
      client.logs(`NON-SMTP COMMAND from CLIENT after ${verb === 'FOO' ? 'UNIMPLEMENTED' : verb}: GET /`)
    })
  }
})
