// The dummy SMTP engine: when it greets, what it reads, and its limits (sections 3.2 to 3.4 of postscreen's behaviour).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Client, drive, type SpecFragment } from '../../support/core-session.ts'

const greeting = '220 mx.example.com ESMTP Postfix'
const tryAgain = '421 mx.example.com Service unavailable - try again later'
const notRecognized = '502 5.5.2 Error: command not recognized'

const engine = (smtp: NonNullable<SpecFragment['smtp']> = {}): Client =>
  drive({ greet: { banner: '' }, deepTests: { bareNewline: { enabled: true } }, smtp })
    .connect('192.0.2.1')
    .ignoringAllThat()

describe('the engine begins', () => {
  const deepTests = { bareNewline: { enabled: true } }

  test('at once where no early test is to do: a greeting without teaser, a command timer', () => {
    drive({ deepTests })
      .remembering('192.0.2.1', '+9000;1;-1;1;-1')
      .connect('192.0.2.1')
      .hears(greeting)
      .does('recall 192.0.2.1', 'arm command 300000', 'read')
  })

  test('behind the greet wait, with the rest of the greeting', () => {
    drive({ deepTests })
      .connect('192.0.2.1')
      .at(6000)
      .hears('220-mx.example.com ESMTP Postfix', greeting)
      .does('recall 192.0.2.1', 'arm greetWait 6000', 'read', 'arm command 300000', 'read')
  })

  test('with the banner of the server, not that of the teaser', () => {
    drive({ deepTests, banner: 'hello', greet: { banner: 'wait' } })
      .connect('192.0.2.1')
      .at(6000)
      .hears('220-wait', '220 hello')
  })

  test('its own clock', () => {
    drive({ deepTests })
      .connect('192.0.2.1')
      .at(6300)
      .ignoringAllThat()
      .leaves()
      .logs('HANGUP after 0.3 from CLIENT in tests after SMTP handshake', 'DISCONNECT CLIENT')
      .hears()
  })

  test('with what the client said while it was not watched', () => {
    const gateway = drive({ deepTests, dnsbl: { sites: [{ domain: 'bl.example' }] } }).remembering('192.0.2.1', '+9000;-1;1;1;-1')
    gateway
      .connect('192.0.2.1')
      .sends('HELO x\r\nNO')
      .listed('bl.example')
      .hears(greeting, '250 mx.example.com')
      .sends('OP\r\n')
      .hears('250 2.0.0 Ok')
  })

  test('and ends at once when the client has left behind it', () => {
    const gateway = drive({ deepTests, dnsbl: { sites: [{ domain: 'bl.example' }] } }).remembering('192.0.2.1', '+9000;-1;1;1;-1')
    const client = gateway.connect('192.0.2.1').sends('HELO x\r\n').leaves().ignoringAllThat().listed('bl.example')
    client.hears(greeting, '250 mx.example.com').logs('HANGUP after 0 from CLIENT in tests after SMTP handshake', 'DISCONNECT CLIENT')
    assert.deepEqual(client.remembered, ['+9000;+60;1;1;-1'])
  })
})

describe('the input', () => {
  test('may come byte by byte', () => {
    engine()
      .sends(...'HELO x\r\nNOOP\r\n')
      .hears('250 mx.example.com', '250 2.0.0 Ok')
  })

  test('may hold several commands; each is answered in turn', () => {
    engine().sends('HELO x\r\nMAIL FROM:<>\r\nRSET\r\n').hears('250 mx.example.com', '250 2.1.0 Ok', '250 2.0.0 Ok')
  })

  test('is read on behind an unknown command', () => {
    engine().sends('FOO\r\nNOOP\r\n').hears(notRecognized, '250 2.0.0 Ok')
  })

  test('T35: leaves one CR in a line that ends in two', () => {
    engine().sends('NOOP\r\r\n', 'NOOP \r\r\n').hears(notRecognized, '250 2.0.0 Ok')
  })

  test('T35: does not end a line at a CR alone', () => {
    engine().sends('NOOP\rNOOP\r', 'x\n').hears(notRecognized)
  })

  test('T47: is cut at a NUL in a line', () => {
    engine().sends('NOOP\0garbage\r\n', '\0NOOP\r\n').hears('250 2.0.0 Ok', notRecognized)
  })

  test('T47: may be 8-bit', () => {
    engine().sends('HELO \xe9t\xe9\r\n').hears('250 mx.example.com')
  })

  test('behind QUIT is nothing', () => {
    engine().sends('QUIT\r\nNOOP\r\n').hears('221 2.0.0 Bye').sends('NOOP\r\n').hears().does('disarm', 'close')
  })

  test('of an end of stream is a hang-up without a reply, even in the middle of a line', () => {
    engine().sends('NOO').leaves().hears().logs('HANGUP after 0 from CLIENT in tests after SMTP handshake', 'DISCONNECT CLIENT')
  })
})

describe('the line length limit', () => {
  const long = (size: number): string => `NOOP ${'x'.repeat(size - 7)}\r\n`

  test('is reached by 2048 bytes with the line end', () => {
    engine().sends(long(2048)).hears('250 2.0.0 Ok')
  })

  test('ends the session from 2049 on, in the name of the command before', () => {
    engine()
      .says('HELO x')
      .ignoringAllThat()
      .sends(long(2049))
      .logs('COMMAND LENGTH LIMIT from CLIENT after HELO', 'DISCONNECT CLIENT')
      .hears(tryAgain)
  })

  test('counts over several reads', () => {
    const client = engine().sends('x'.repeat(2000), 'x'.repeat(48)).hears()
    client.sends('\n').hears(tryAgain)
  })

  test('T35: holds for 10 MB without a line end, and for endless CRs', () => {
    engine().sends('x'.repeat(10_000_000)).logs('COMMAND LENGTH LIMIT from CLIENT after CONNECT', 'DISCONNECT CLIENT')
    engine().sends('\r'.repeat(2049)).logs('COMMAND LENGTH LIMIT from CLIENT after CONNECT', 'DISCONNECT CLIENT')
  })

  test('does not swallow commands before the long line', () => {
    engine()
      .sends(`NOOP\r\n${'x'.repeat(3000)}`)
      .hears('250 2.0.0 Ok', tryAgain)
  })

  test('is that of the policy', () => {
    engine({ lineLengthLimit: 512 }).sends(long(512)).hears('250 2.0.0 Ok').sends(long(513)).hears(tryAgain)
  })
})

describe('the command time limit', () => {
  test('ends a session in which no command comes', () => {
    engine()
      .at(299_999)
      .logs()
      .at(300_000)
      .logs('COMMAND TIME LIMIT from CLIENT after CONNECT', 'DISCONNECT CLIENT')
      .hears('421 4.4.2 mx.example.com Error: timeout exceeded')
  })

  test('begins again with each whole command', () => {
    const client = engine().at(200_000).says('NOOP').at(499_999).logs()
    client.at(500_000).logs('COMMAND TIME LIMIT from CLIENT after NOOP', 'DISCONNECT CLIENT')
  })

  test('T5: is for a whole line, however slowly it dribbles', () => {
    const client = engine({ commandTimeLimit: '10s' })
    for (let second = 1; second < 10; second++)
      client
        .at(second * 1000)
        .sends('x')
        .does()
    client.at(10_000).logs('COMMAND TIME LIMIT from CLIENT after CONNECT', 'DISCONNECT CLIENT')
  })

  test('names an unknown verb UNIMPLEMENTED', () => {
    engine().says('FOO').at(300_000).logs('COMMAND TIME LIMIT from CLIENT after UNIMPLEMENTED', 'DISCONNECT CLIENT')
  })

  test('names a verb in upper case, also one that is never obeyed', () => {
    engine().says('xclient').at(300_000).logs('COMMAND TIME LIMIT from CLIENT after XCLIENT', 'DISCONNECT CLIENT')
  })

  test('of an earlier timer means nothing', () => {
    engine().event({ type: 'timer', name: 'greetWait' }).does().logs()
  })
})

describe('the command count limit', () => {
  const noops = Array.from({ length: 20 }, () => 'NOOP')

  test('T50: lets 20 commands through and cuts the 21st', () => {
    const client = engine().says(...noops)
    assert.equal(client.replies().length, 20)
    client.says('RSET').hears(tryAgain).logs('COMMAND COUNT LIMIT from CLIENT after NOOP', 'DISCONNECT CLIENT')
  })

  test('T50: lets QUIT through as the 21st', () => {
    engine()
      .says(...noops)
      .ignoringAllThat()
      .says('QUIT')
      .hears('221 2.0.0 Bye')
      .logs('DISCONNECT CLIENT')
  })

  test('counts unknown commands and empty lines', () => {
    engine({ commandCountLimit: 2 }).says('FOO', '').ignoringAllThat().says('NOOP').hears(tryAgain)
  })

  test('is not reset by RSET', () => {
    engine({ commandCountLimit: 1 }).says('RSET').ignoringAllThat().says('NOOP').hears(tryAgain)
  })

  test('holds at N-1, N and N+1', () => {
    const client = engine({ commandCountLimit: 3 }).says('NOOP', 'NOOP', 'NOOP').hears('250 2.0.0 Ok', '250 2.0.0 Ok', '250 2.0.0 Ok')
    client.says('NOOP').hears(tryAgain)
  })
})

describe('the command filter', () => {
  const commandFilter = [
    { command: 'helo mail from', replacement: 'HELO broken.example' },
    { command: 'X\xffX'.replace('\xff', ''), replacement: 'NOOP' },
    { command: 'BYE', replacement: `QUIT ${'x'.repeat(200)}` },
  ]

  test('puts another line in place of one, in any case, and logs it', () => {
    engine({ commandFilter })
      .says('HELO MAIL FROM')
      .hears('250 mx.example.com')
      .logs('CLIENT: replacing command "HELO MAIL FROM" with "HELO broken.example"')
  })

  test('passes over leading blanks and tabs, and shows them', () => {
    engine({ commandFilter }).says(' \t XX').hears('250 2.0.0 Ok').logs('CLIENT: replacing command " ? XX" with "NOOP"')
  })

  test('shows 100 characters', () => {
    engine({ commandFilter })
      .says('bye')
      .logs(`CLIENT: replacing command "bye" with "QUIT ${'x'.repeat(95)}"`, 'DISCONNECT CLIENT')
  })

  test('takes whole lines only', () => {
    engine({ commandFilter }).says('XX y', 'XXX').hears(notRecognized, notRecognized).logs()
  })

  test('comes behind the bare newline test and before the verb is looked up', () => {
    engine({ commandFilter })
      .sends('XX\n')
      .hears('250 2.0.0 Ok')
      .logs('BARE NEWLINE from CLIENT after XX', 'CLIENT: replacing command "XX" with "NOOP"')
  })

  test('T44: does not check bytes that are not UTF-8', () => {
    engine({ commandFilter }).sends('XX\xff\r\n').logs()
  })
})
