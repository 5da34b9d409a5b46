// Dialogues for the branches that the forty do not reach.
import { begun, type Dialogue, E, M, okE, okM, okR, R, withoutPipelining } from './dialogue.ts'
import { ehlo } from './scripted-backend.ts'

const noTls = ehlo(['SIZE 10240000', '8BITMIME', 'SMTPUTF8', 'DSN', 'CHUNKING'])
const gone = '421 4.3.2 Service currently unavailable'

export const further: readonly Dialogue[] = [
  {
    what: 'the EHLO reply promises what the backends offer, without what the policy hides, and never PIPELINING',
    spec: { smtp: { discardEHLOKeywords: ['DSN'] } },
    promised: ['SIZE 5000', 'STARTTLS', '8BITMIME', 'DSN', 'SMTPUTF8'],
    client: [
      [E, '250-mx.example.com | 250-SIZE 5000 | 250-STARTTLS | 250-ENHANCEDSTATUSCODES | 250-8BITMIME | 250 SMTPUTF8'],
    ],
  },
  {
    what: 'before anything is known the policy promises what clients need, and STARTTLS only where its level says so',
    promised: null,
    client: [[E, '250-mx.example.com | 250-SIZE 10240000 | 250-ENHANCEDSTATUSCODES | 250-8BITMIME | 250 SMTPUTF8']],
  },
  {
    what: 'before anything is known, with tls.level May, STARTTLS is promised without a certificate',
    spec: { tls: { level: 'May' } },
    promised: null,
    client: [[E, '250-mx.example.com | 250-SIZE 10240000 | 250-STARTTLS | 250-ENHANCEDSTATUSCODES | 250-8BITMIME | 250 SMTPUTF8']],
  },
  {
    what: 'with tls.level Encrypt MAIL in plaintext is refused by the gateway, and STARTTLS is handed off',
    spec: { tls: { level: 'Encrypt' } },
    client: [
      [E, okE],
      [M, '530 5.7.0 Must issue a STARTTLS command first'],
      ['STARTTLS', '220'],
    ],
    reads: [[[E, 'STARTTLS']]],
  },
  {
    what: 'a client that has failed a test hears the refusal, and no backend is called',
    client: [...begun, { raw: `NOOP\r\nNOOP\r\n`, gets: ['250', '250'] }, [R, '550 5.5.1 Protocol error'], ['DATA', '554']],
    reads: [[]],
  },
  {
    what: 'STARTTLS that was not promised is not known',
    promised: ['SIZE 10', '8BITMIME', 'SMTPUTF8'],
    client: [
      [E, okE],
      ['STARTTLS', '502 5.5.1 Error: command not implemented'],
    ],
    reads: [[]],
  },
  {
    what: 'STARTTLS takes no argument',
    client: [
      [E, okE],
      ['STARTTLS now', '501 5.5.4 Syntax: STARTTLS'],
    ],
    reads: [[]],
  },
  {
    what: 'STARTTLS that no backend offers any more is unavailable, and the session goes on',
    backends: [{ EHLO: noTls }],
    client: [
      [E, okE],
      ['STARTTLS', '454 4.7.0 TLS not available due to local problem'],
      ['NOOP', '250'],
    ],
    reads: [[[E, 'QUIT']]],
  },
  {
    what: 'STARTTLS goes to the backend that offers it',
    backends: [{ EHLO: noTls }, {}],
    client: [
      [E, okE],
      ['STARTTLS', '220'],
    ],
    reads: [[[E, 'QUIT']], [[E, 'STARTTLS']]],
  },
  {
    what: 'STARTTLS is not refused while another backend, which cannot be asked, may offer it',
    backends: [{ EHLO: noTls }, 'refuses'],
    client: [[E, okE], ['STARTTLS', gone], { do: 'closed' }],
  },
  ...(
    [
      ['closes the connection', { STARTTLS: 'EOF' }],
      ['is out of step', { STARTTLS: '250 2.0.0 what\r\n' }],
      ['sends more than its 220', { STARTTLS: '220 go\r\n250 injected\r\n' }],
      ['greets with 554', { connect: '554 5.7.1 no\r\n' }],
      ['refuses EHLO with 521', { EHLO: '521 5.7.1 no\r\n' }],
    ] as const
  ).map(
    ([how, script]): Dialogue => ({
      what: `at STARTTLS a backend that ${how} ends the session`,
      backends: [script],
      client: [[E, okE], ['STARTTLS', 'EHLO' in script ? '521 5.7.1 no' : gone], { do: 'closed' }],
    }),
  ),
  {
    what: 'at STARTTLS a 421 to EHLO is passed on, and ends the session',
    backends: [{ EHLO: '421 4.7.0 too many\r\n' }],
    client: [[E, okE], ['STARTTLS', '421 4.7.0 too many'], { do: 'closed' }],
    reads: [[[E]]],
  },
  {
    what: 'a 421 to STARTTLS is passed on, and ends the session',
    backends: [{ STARTTLS: '421 4.7.0 too many\r\n' }],
    client: [[E, okE], ['STARTTLS', '421 4.7.0 too many'], { do: 'closed' }],
    reads: [[[E, 'STARTTLS']]],
  },
  {
    what: 'STARTTLS after HELO, and in a transaction: MAIL is not repeated',
    client: [
      ['HELO c', '250'],
      [M, okM],
      ['STARTTLS', '220'],
    ],
    reads: [[['HELO c', 'STARTTLS']]],
  },
  {
    what: 'after a refused STARTTLS in a transaction, MAIL still holds',
    backends: [{ STARTTLS: '502 5.5.1 no\r\n' }, {}],
    client: [...begun, ['STARTTLS', '502 5.5.1 no'], [R, okR]],
    reads: [[[E, 'STARTTLS', 'QUIT']], [[E, M, R]]],
  },
  {
    what: 'bytes in front of the TLS handshake are not passed on',
    backends: [{ STARTTLS: { say: ['220 go\r\n', '250 injected\r\n'], pauseMs: 1500 } }],
    client: [[E, okE], ['STARTTLS', '220 go'], { do: 'closed' }],
    onlyTcp: true,
  },
  {
    what: 'EHLO that the backend refuses is the reason, and MAIL is not tried',
    backends: [{ EHLO: '550 5.7.1 Helo command rejected\r\n' }],
    client: [...begun, [R, '550 5.7.1 Helo command rejected'], ['DATA', '550 5.7.1 Helo'], ['BDAT 0 LAST', '550 5.7.1 Helo']],
    reads: [[[E, 'QUIT']]],
  },
  {
    what: 'a greeting with 421 is passed on when no other backend is left',
    backends: [{ connect: '421 4.7.0 too many connections\r\n' }],
    client: [...begun, [R, '421 4.7.0 too many connections'], { do: 'closed' }],
    reads: [[[]]],
  },
  {
    what: 'a backend whose greeting refuses the client is left for another one',
    backends: [{ connect: '554 5.7.1 no\r\n' }, {}],
    client: [...begun, [R, okR]],
    reads: [undefined, [[E, M, R]]],
  },
  ...(
    [
      ['EHLO', '354 go\r\n', [E]],
      ['EHLO', '251 what\r\n', [E]],
      ['EHLO', '250 a\r\n250 b\r\n', [E]],
      ['EHLO', '150 wait\r\n', [E]],
      ['EHLO', 'hello\r\n', [E]],
      ['EHLO', `250 ${'x'.repeat(2050)}\r\n`, [E]],
      ['MAIL', '650 no\r\n', [E, M]],
      ['MAIL', '25\r\n', [E, M]],
      ['RCPT', 'garbage\r\n', [E, M, R]],
      ['RCPT', '354 go on\r\n', [E, M, R]],
    ] as const
  ).flatMap(([verb, says, read]): Dialogue[] => [
    {
      what: `${verb} answered with ${JSON.stringify(says.slice(0, 20))} is not SMTP`,
      backends: [{ [verb]: says }],
      client: [...begun, [R, '451 4.3.0 Error: mail server protocol error'], ['RSET', '250'], [M, okM]],
      reads: [[read]],
    },
    {
      what: `${verb} answered with ${JSON.stringify(says.slice(0, 20))} is left for another backend`,
      backends: [{ [verb]: says }, {}],
      client: [...begun, [R, okR]],
      reads: [[read], [[E, M, R]]],
    },
  ]),
  ...(['EHLO', 'MAIL', 'RCPT'] as const).map(
    (verb): Dialogue => ({
      what: `a backend that closes at ${verb}, and no other one`,
      backends: [{ [verb]: 'EOF' }],
      client: [...begun, [R, '451 4.3.2 Service currently unavailable'], ['DATA', '451 4.3.2']],
    }),
  ),
  {
    what: 'a reply with LF alone, in single bytes, and with other codes before its last line',
    backends: [{ EHLO: { say: [...'250-b\n250-SIZE 10240000\n250-8bitmime\n250-dsn\n250-SMTPUTF8\n250 chunking\n'], pauseMs: 1 }, MAIL: '451-x\r\n250 ok\r\n' }],
    client: [...begun, [R, okR]],
    reads: [[[E, M, R]]],
  },
  {
    what: 'what the backend says behind its reply to RCPT goes to the client',
    backends: [{ RCPT: '250 2.1.5 Ok\r\n421 4.3.2 going down\r\n' }],
    client: [...begun, [R, okR, '421 4.3.2 going down']],
  },
  {
    what: 'a 421 to RCPT is passed on with its end',
    backends: [{ RCPT: '421 4.3.2 going down\r\n' }],
    client: [...begun, [R, '421 4.3.2 going down'], { do: 'closed' }],
  },
  ...(['8BITMIME', 'SMTPUTF8', 'DSN', 'CHUNKING'] as const).map(
    (keyword): Dialogue => ({
      what: `${keyword} was promised, and the backend does not offer it`,
      backends: [{ EHLO: ehlo(['SIZE 10240000', '8BITMIME', 'SMTPUTF8', 'DSN', 'CHUNKING'].filter((one) => one !== keyword)) }],
      client: [...begun, [R, '451 4.3.5']],
      reads: [[[E, 'QUIT']]],
    }),
  ),
  {
    what: 'a client that has said HELO was promised nothing',
    backends: [{}],
    client: [
      ['HELO c', '250'],
      [`${M} SIZE=20000 BODY=8BITMIME`, okM],
      [R, okR],
    ],
    reads: [[['HELO c', `${M} SIZE=20000 BODY=8BITMIME`, R]]],
  },
  {
    what: 'SIZE that was promised and is not offered at all, with a message that states one',
    backends: [{ EHLO: ehlo(['8BITMIME', 'SMTPUTF8', 'DSN', 'CHUNKING']) }],
    client: [
      [E, okE],
      [`${M} SIZE=20`, okM],
      [R, '451 4.3.5'],
    ],
  },
  {
    what: 'a command that the filter replaces is repeated as the replacement',
    spec: { smtp: { commandFilter: [{ command: 'mail from:<a b>', replacement: 'MAIL FROM:<>' }] } },
    client: [
      [E, okE],
      ['MAIL FROM:<a b>\n', okM],
      [R, okR],
    ],
    reads: [[[E, 'MAIL FROM:<>', R]]],
  },
  {
    what: 'soft_bounce and the footer do not change the words of a backend',
    spec: { smtp: { softBounce: true, rejectFooter: '\\c; see there' } },
    backends: [{ MAIL: '550 5.7.1 no\r\n' }],
    client: [...begun, [R, '550 5.7.1 no']],
    reads: [[[E, M, 'QUIT']]],
  },
  {
    what: 'a BDAT payload that is skipped may be long and come in pieces',
    spec: withoutPipelining,
    backends: [{ MAIL: '450 4.7.1 later\r\n' }],
    client: [
      ...begun,
      [R, '450 4.7.1 later'],
      { raw: `BDAT 20000\r\n${'QUIT\r\n'.repeat(1000)}` },
      { do: 'pause', ms: 30 },
      { raw: `${'x'.repeat(14_000)}NOOP\r\n`, gets: ['450 4.7.1 later', '250 2.0.0 Ok'] },
    ],
  },
  {
    what: 'a BDAT without a number ends the session, since its payload cannot be skipped',
    backends: [{ MAIL: '450 4.7.1 later\r\n' }],
    client: [...begun, [R, '450 4.7.1 later'], ['BDAT x', '554'], { do: 'closed' }],
  },
  {
    what: 'a recipient that is not one gets 501, also with a reason',
    backends: [{ MAIL: '450 4.7.1 later\r\n' }],
    client: [...begun, ['RCPT x', '501'], [R, '450 4.7.1 later'], ['RCPT x', '501'], ['RSET', '250'], [R, '503']],
  },
  {
    what: 'EHLO ends a reason',
    backends: [{ MAIL: '450 4.7.1 later\r\n' }],
    client: [...begun, [R, '450 4.7.1 later'], ['EHLO d', okE], [R, '503'], ['NOOP', '250']],
  },
  {
    what: 'recipients sent ahead get the reason one by one',
    spec: withoutPipelining,
    backends: [{ MAIL: '550 5.1.8 no\r\n' }],
    client: [...begun, { raw: `${R}\r\n${R}\r\nDATA\r\nQUIT\r\n`, gets: ['550 5.1.8 no', '550 5.1.8 no', '550 5.1.8 no', '221'] }],
    reads: [[[E, M, 'QUIT']]],
  },
  {
    what: 'what a client sends while a backend is asked waits, and does not fail the test',
    backends: [{ RCPT: { say: ['250 2.1.5 Ok\r\n'], pauseMs: 150 } }],
    client: [...begun, [R], { do: 'pause', ms: 50 }, ['NOOP', okR, '250']],
    reads: [[[E, M, R, 'NOOP']]],
    logs: ['PASS NEW'],
  },
  {
    what: 'VRFY is disabled where the policy says so',
    spec: { smtp: { disableVRFY: true } },
    client: [
      [E, okE],
      ['VRFY x', '502 5.5.1 VRFY command is disabled'],
    ],
  },
]
