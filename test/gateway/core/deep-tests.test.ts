// The tests behind the greeting: what fails them, and what each action makes of it (sections 3.1 and 3.4 of postscreen's behaviour).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isHeader, isNonSMTP } from '../../../gateway/core/deep-tests.ts'
import type { Action } from '../../../gateway/core/vocabulary.ts'
import { type Client, drive, rulesOf, type SpecFragment } from '../../support/core-session.ts'

type DeepTests = NonNullable<SpecFragment['deepTests']>

/** A client in the dummy engine of a gateway with these deep tests, and no others. */
const engine = (deepTests: DeepTests, smtp: SpecFragment['smtp'] = {}): Client =>
  drive({ greet: { banner: '' }, deepTests, smtp: smtp ?? {} })
    .connect('192.0.2.1')
    .ignoringAllThat()

const offence = {
  pipelining: {
    with: 'NOOP\r\nNOOP\r\n',
    logs: 'COMMAND PIPELINING from CLIENT after NOOP: NOOP\\r\\n',
    drop: '521 5.5.1 Protocol error',
    goesOn: ['250 2.0.0 Ok', '250 2.0.0 Ok'],
  },
  nonSMTPCommand: {
    with: 'GET / HTTP/1.1\r\n',
    logs: 'NON-SMTP COMMAND from CLIENT after CONNECT: GET / HTTP/1.1',
    drop: '521 5.7.0 Error: I can break rules, too. Goodbye.',
    goesOn: ['502 5.5.2 Error: command not recognized'],
  },
  bareNewline: { with: 'NOOP\n', logs: 'BARE NEWLINE from CLIENT after NOOP', drop: '521 5.5.1 Protocol error', goesOn: ['250 2.0.0 Ok'] },
} as const

/** The record of a client that has this stamp for this test, where the others are off. */
const recordWith = (name: keyof typeof offence, stamp: string): string =>
  ['1', '1', ...Object.keys(offence).map((other) => (other === name ? stamp : '1'))].join(';')

for (const name of ['pipelining', 'nonSMTPCommand', 'bareNewline'] as const) {
  const { with: bytes, logs, drop, goesOn } = offence[name]
  const under = (action: Action): Client => engine({ [name]: { enabled: true, action, ttl: '10d' } })

  describe(`the ${name} test`, () => {
    test('with Drop ends the session in place of the reply, and nothing is remembered', () => {
      under('Drop').sends(bytes).logs(logs, 'DISCONNECT CLIENT').hears(drop).does('disarm', 'close')
    })

    test('with Enforce refuses the recipients, and nothing is remembered', () => {
      const client = under('Enforce')
        .sends(bytes)
        .logs(logs)
        .hears(...goesOn)
      client.says('MAIL FROM:<>', 'RCPT TO:<a@b>', 'VRFY a').hears('250 2.1.0 Ok', '550 5.5.1 Protocol error', '550 5.5.1 Protocol error')
      client.ignoringAllThat().says('QUIT').logs('DISCONNECT CLIENT').does('disarm', 'close')
    })

    test('with Ignore counts as passed for the shortest validity of all', () => {
      const client = under('Ignore')
        .sends(bytes)
        .logs(logs)
        .hears(...goesOn)
      client.says('MAIL FROM:<>', 'RCPT TO:<a@b>').hears('250 2.1.0 Ok', '450 4.3.2 Service currently unavailable')
      client.ignoringAllThat().says('QUIT').logs('PASS NEW CLIENT', 'DISCONNECT CLIENT')
      assert.deepEqual(client.remembered, [recordWith(name, '+60')])
    })

    test('that is passed at RCPT holds for its own validity', () => {
      const client = under('Drop').says('MAIL FROM:<>').at(5000).says('RCPT TO:<a@b>', 'QUIT')
      assert.deepEqual(client.remembered, [recordWith(name, '+864005')])
    })

    test('T52: is passed by a bare RCPT', () => {
      assert.deepEqual(under('Drop').says('RCPT', 'QUIT').remembered, [recordWith(name, '+864000')])
    })

    test('is not passed before RCPT', () => {
      const client = under('Drop').says('EHLO x', 'MAIL FROM:<>', 'QUIT').logs('DISCONNECT CLIENT')
      assert.deepEqual(client.remembered, [])
    })

    test('that was passed at RCPT can still be failed', () => {
      const client = under('Enforce').says('RCPT').sends(bytes).ignoringAllThat().says('QUIT').logs('DISCONNECT CLIENT')
      assert.deepEqual(client.remembered, [])
    })

    test('is logged once a session', () => {
      under('Enforce').sends(bytes).logs(logs).sends(bytes).logs()
      under('Ignore').sends(bytes).logs(logs).sends(bytes).logs()
    })

    test('that was ignored is not passed again at RCPT', () => {
      assert.deepEqual(under('Ignore').sends(bytes).at(10_000).says('RCPT', 'QUIT').remembered, [recordWith(name, '+60')])
    })

    test('does not run when another one is on', () => {
      const other = name === 'pipelining' ? 'bareNewline' : 'pipelining'
      engine({ [other]: { enabled: true }, [name]: { enabled: false, action: 'Drop' } })
        .sends(bytes)
        .hears(...goesOn)
    })
  })
}

describe('a header label where a command should be', () => {
  const labels = ['Subject:', 'From:x', 'MAILFROM:<a>', 'X-Y:', 'a\t:', '!:', '~:b:c']
  for (const verb of labels) test(`is ${JSON.stringify(verb)}`, () => assert.ok(isHeader(verb)))

  const others = ['', ':', ':x', 'Subject', 'Sub\x01ject:', 'S\xe9:', '\tSubject:', 'a\tb:', 'a\x7f:', 'a\0:']
  for (const verb of others) test(`is not ${JSON.stringify(verb)}`, () => assert.ok(!isHeader(verb)))
})

describe('an unknown verb', () => {
  const { smtp } = rulesOf({})
  const cases: readonly (readonly [verb: string, want: boolean])[] = [
    ['GET', true],
    ['get', true],
    ['Post', true],
    ['CONNECT', true],
    ['PUT', false],
    ['HELP', false],
    ['', false],
    ['Subject:', true],
    ['1234', true],
    ['.', true],
    ['\x16\x03\x01', true],
    ['\xff\xfe', true],
    ['H\xe9LO', true],
    [
      'Hélo'
        .normalize('NFC')
        .split('')
        .map((c) => Buffer.from(c).toString('latin1'))
        .join(''),
      false,
    ],
  ]
  for (const [verb, want] of cases)
    test(`${JSON.stringify(verb)} ${want ? 'is not SMTP' : 'may be SMTP'}`, () => assert.equal(isNonSMTP(verb, smtp), want))

  test('that is not UTF-8 may be SMTP where SMTPUTF8 is off', () => {
    assert.equal(isNonSMTP('H\xe9LO', rulesOf({ smtp: { smtpUTF8: false } }).smtp), false)
  })

  test('is judged by the list of the policy', () => {
    const { smtp: own } = rulesOf({ deepTests: { nonSMTPCommand: { forbiddenCommands: ['put'] } } })
    assert.deepEqual(
      ['PUT', 'GET', '1234', 'Subject:'].map((verb) => isNonSMTP(verb, own)),
      [true, false, false, true],
    )
  })
})

describe('the non-SMTP command test', () => {
  const deepTests = { nonSMTPCommand: { enabled: true, action: 'Enforce' } } as const

  test('looks at unknown verbs only', () => {
    engine(deepTests).says('NOOP', 'AUTH:', 'XCLIENT x').logs('NON-SMTP COMMAND from CLIENT after NOOP: AUTH: ')
  })

  test('T36: takes a TLS hello as it comes', () => {
    engine(deepTests)
      .sends('\x16\x03\x01\x02\0\x01\0\r\n')
      .logs('NON-SMTP COMMAND from CLIENT after CONNECT: ???? ')
      .hears('502 5.5.2 Error: command not recognized')
  })

  test('T36: accepts bytes that are not UTF-8, which without the test are only an unknown command', () => {
    engine(deepTests).sends('\x80\x9e\x01\x03\r\n').logs('NON-SMTP COMMAND from CLIENT after CONNECT: ???? ')
    engine({ pipelining: { enabled: true } })
      .sends('\x80\x9e\x01\x03\r\n')
      .logs()
      .hears('502 5.5.2 Error: command not recognized')
  })

  test('shows 100 bytes of the verb and 100 of the rest, escaped', () => {
    engine(deepTests)
      .says(`${'1'.repeat(120)} ${'\t'.repeat(120)}`)
      .logs(`NON-SMTP COMMAND from CLIENT after CONNECT: ${'1'.repeat(100)} ${'\\t'.repeat(100)}`)
  })

  test('names the command before', () => {
    engine(deepTests).says('EHLO x', 'FOO', 'GET /').logs('NON-SMTP COMMAND from CLIENT after UNIMPLEMENTED: GET /')
  })
})

describe('the pipelining test', () => {
  const deepTests = { pipelining: { enabled: true, action: 'Enforce' } } as const

  test('T49: fails for QUIT, STARTTLS and unknown verbs with something behind them', () => {
    engine(deepTests).sends('QUIT\r\nx').logs('COMMAND PIPELINING from CLIENT after QUIT: x', 'DISCONNECT CLIENT')
    engine(deepTests).sends('STARTTLS\r\nx').logs('COMMAND PIPELINING from CLIENT after STARTTLS: x')
    engine(deepTests).sends('foo\x01\r\nx').logs('COMMAND PIPELINING from CLIENT after foo?: x')
    engine(deepTests)
      .sends('mail from:<>\r\nrcpt to:<a@b>\r\n')
      .logs(
        'COMMAND PIPELINING from CLIENT after mail: rcpt to:<a@b>\\r\\n',
        'NOQUEUE: reject: RCPT from CLIENT: 550 5.5.1 Protocol error; from=<>, to=<a@b>, proto=SMTP, helo=<>',
      )
  })

  test('T37: does not count what follows BDAT', () => {
    engine(deepTests).sends('BDAT 5 LAST\r\nhello').logs('BDAT without valid RCPT from CLIENT', 'DISCONNECT CLIENT')
  })

  test('T49: does not count a command that comes in pieces', () => {
    const client = engine(deepTests).sends('NO', 'OP\r', '\n', 'RCP', 'T\r\n', 'QUIT\r\n').logs('PASS NEW CLIENT', 'DISCONNECT CLIENT')
    assert.equal(client.remembered.length, 1)
  })

  test('counts the beginning of the next command in the same read', () => {
    engine(deepTests).sends('NOOP\r\nR', 'SET\r\n').logs('COMMAND PIPELINING from CLIENT after NOOP: R')
  })

  test('shows 100 bytes of what is behind, escaped', () => {
    engine(deepTests)
      .sends(`NOOP\r\n${'\x01'.repeat(200)}`)
      .logs(`COMMAND PIPELINING from CLIENT after NOOP: ${'\\001'.repeat(100)}`)
  })

  test('sees only what is in one read of 4096 bytes', () => {
    const line = `NOOP ${'x'.repeat(4096 / 2 - 7)}\r\n`
    engine(deepTests)
      .sends(`${line}${line}NOOP\r\n`)
      .logs(`COMMAND PIPELINING from CLIENT after NOOP: ${line.slice(0, 100)}`)
    const client = engine({ pipelining: { enabled: true, action: 'Enforce' } }, { lineLengthLimit: 4096 })
    client.sends(`NOOP ${'x'.repeat(4096 - 7)}\r\nNOOP\r\n`).logs()
  })
})

describe('the bare newline test', () => {
  const deepTests = { bareNewline: { enabled: true, action: 'Enforce' } } as const

  test('T48: a client that uses LF alone is answered all the same', () => {
    engine({ pipelining: { enabled: true } })
      .sends('HELO x\n', 'MAIL FROM:<>\n')
      .hears('250 mx.example.com', '250 2.1.0 Ok')
      .logs()
  })

  test('T48: takes a mix of both, and fails with the first LF alone', () => {
    engine(deepTests).says('HELO x').sends('NOOP\n').says('NOOP').logs('BARE NEWLINE from CLIENT after NOOP')
  })

  test('takes CR before LF for a line end even in pieces', () => {
    engine(deepTests).sends('NOOP\r', '\n').logs()
  })

  test('shows 100 bytes of the line, escaped, with what is behind a NUL', () => {
    engine(deepTests)
      .sends(`NOOP\0\\${'\xff'.repeat(200)}\n`)
      .logs(`BARE NEWLINE from CLIENT after NOOP\\000\\\\${'\\377'.repeat(94)}`)
  })

  test('an empty line with LF alone is one', () => {
    engine(deepTests).sends('\n').logs('BARE NEWLINE from CLIENT after ')
  })
})

describe('the order of evaluation', () => {
  const all = (action: Action): DeepTests => ({
    pipelining: { enabled: true, action },
    nonSMTPCommand: { enabled: true, action },
    bareNewline: { enabled: true, action },
  })
  const everything = 'GET /\nQUIT\n'

  test('is bare newline, non-SMTP command, pipelining', () => {
    engine(all('Enforce'))
      .sends(everything)
      .logs(
        'BARE NEWLINE from CLIENT after GET /',
        'NON-SMTP COMMAND from CLIENT after CONNECT: GET /',
        'COMMAND PIPELINING from CLIENT after GET: QUIT\\n',
        'DISCONNECT CLIENT',
      )
  })

  test('ends with the first that drops', () => {
    engine(all('Drop'))
      .sends(everything)
      .logs('BARE NEWLINE from CLIENT after GET /', 'DISCONNECT CLIENT')
      .hears('521 5.5.1 Protocol error')
    const noNewline = { ...all('Drop'), bareNewline: { enabled: false } }
    engine(noNewline).sends(everything).hears('521 5.7.0 Error: I can break rules, too. Goodbye.')
  })

  test('has the tests before the command count, and RCPT passes them there', () => {
    const client = engine({ pipelining: { enabled: true } }, { commandCountLimit: 1 }).says('NOOP', 'RCPT')
    client.logs('COMMAND COUNT LIMIT from CLIENT after NOOP', 'PASS NEW CLIENT', 'DISCONNECT CLIENT')
  })

  test('has the pipelining test before the pass at RCPT', () => {
    const client = engine(all('Ignore')).sends('RCPT\r\nQUIT\r\n')
    assert.deepEqual(client.remembered, ['1;1;+60;+2592000;+2592000'])
  })

  test('the last failed test has the word at RCPT', () => {
    const denied = drive({
      greet: { banner: '' },
      access: [{ action: 'Reject', cidrs: ['192.0.2.1'] }],
      denylist: { action: 'Enforce' },
      deepTests: { pipelining: { action: 'Enforce' } },
    }).connect('192.0.2.1')
    denied
      .says('MAIL FROM:<>', 'RCPT TO:<a@b>')
      .hears('220 mx.example.com ESMTP Postfix', '250 2.1.0 Ok', '550 5.3.2 Service currently unavailable')
    denied.sends('NOOP\r\nRCPT TO:<a@b>\r\n').hears('250 2.0.0 Ok', '550 5.5.1 Protocol error')
  })
})

describe('T38: which deep tests run', () => {
  const deepTests = {
    pipelining: { enabled: false },
    nonSMTPCommand: { enabled: false, action: 'Drop' },
    bareNewline: { enabled: false, action: 'Enforce' },
  } as const

  test('all of them, with their actions, for a client that has failed before', () => {
    const client = drive({ greet: { action: 'Enforce' }, deepTests })
      .connect('192.0.2.1')
      .sends('HELO x\r\n')
      .ignoringAllThat()
    client.sends('NOOP\n').logs('BARE NEWLINE from CLIENT after NOOP').says('Subject: x')
    client
      .logs('NON-SMTP COMMAND from CLIENT after NOOP: Subject: x', 'DISCONNECT CLIENT')
      .hears('250 2.0.0 Ok', '521 5.7.0 Error: I can break rules, too. Goodbye.')
  })

  test('all of them for a client that is vetoed or denied', () => {
    for (const fragment of [
      { allowlist: { interfaces: ['!all'] } },
      { access: [{ action: 'Reject', cidrs: ['192.0.2.1'] }], denylist: { action: 'Enforce' } },
    ] as const) {
      const client = drive({ ...fragment, deepTests, greet: { banner: '' } })
        .connect('192.0.2.1')
        .ignoringAllThat()
      client.sends('NOOP\n').logs('BARE NEWLINE from CLIENT after NOOP')
    }
  })

  test('only those that are on for a client that has not', () => {
    engine({ ...deepTests, pipelining: { enabled: true } })
      .sends('NOOP\n')
      .says('Subject: x')
      .logs()
  })

  test('only those that have expired for a client that comes again', () => {
    const gateway = drive({ deepTests: { pipelining: { enabled: true }, bareNewline: { enabled: true } } }).remembering(
      '192.0.2.1',
      '+9000;1;-1;1;+9000',
    )
    gateway.connect('192.0.2.1').ignoringAllThat().sends('NOOP\n').logs().says('RCPT', 'QUIT').logs('PASS OLD CLIENT', 'DISCONNECT CLIENT')
  })
})
