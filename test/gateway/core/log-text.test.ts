// The text of every log line, to the letter (sections 2 and 2.13 of postscreen's behaviour).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logText } from '../../../gateway/core/log-text.ts'
import type { LogRecord } from '../../../gateway/core/vocabulary.ts'

const client = { address: '192.0.2.1', port: 40_000 }
const action = 'Enforce'

const cases: readonly (readonly [record: LogRecord, want: string | undefined])[] = [
  [{ client, event: 'CONNECT', server: { address: '198.51.100.1', port: 25 } }, 'CONNECT from [192.0.2.1]:40000 to [198.51.100.1]:25'],
  [
    { client: { address: '2001:db8::1', port: 1 }, event: 'CONNECT', server: { address: '2001:db8::2', port: 25 } },
    'CONNECT from [2001:db8::1]:1 to [2001:db8::2]:25',
  ],
  [
    { client, event: 'CONNECTION REFUSED', why: 'too many connections' },
    'NOQUEUE: reject: CONNECT from [192.0.2.1]:40000: too many connections',
  ],
  [
    { client, event: 'CONNECTION REFUSED', why: 'all server ports busy' },
    'NOQUEUE: reject: CONNECT from [192.0.2.1]:40000: all server ports busy',
  ],
  [
    { client, event: 'CONNECTION REFUSED', why: 'all screening ports busy' },
    'reject: connect from [192.0.2.1]:40000: all screening ports busy',
  ],
  [{ client, event: 'ALLOWLISTED', rule: 'spec.access[0].spf[1]', sender: 'big.example' }, 'ALLOWLISTED [192.0.2.1]:40000'],
  [{ client, event: 'DENYLISTED', action, rule: 'spec.access[0].cidrs' }, 'DENYLISTED [192.0.2.1]:40000'],
  [{ client, event: 'ALLOWLIST VETO' }, 'ALLOWLIST VETO [192.0.2.1]:40000'],
  [{ client, event: 'PASS NEW', tests: [] }, 'PASS NEW [192.0.2.1]:40000'],
  [{ client, event: 'PASS OLD', tests: [] }, 'PASS OLD [192.0.2.1]:40000'],
  [{ client, event: 'DISCONNECT' }, 'DISCONNECT [192.0.2.1]:40000'],
  [
    { client, event: 'PREGREET', count: 19, after: '1.2', data: 'EHLO spam.example\\r\\n', action },
    'PREGREET 19 after 1.2 from [192.0.2.1]:40000: EHLO spam.example\\r\\n',
  ],
  [{ client, event: 'DNSBL', rank: 3, hits: [], action }, 'DNSBL rank 3 for [192.0.2.1]:40000'],
  [
    { client, event: 'HANGUP', after: '0.24', stage: 'tests before SMTP handshake' },
    'HANGUP after 0.24 from [192.0.2.1]:40000 in tests before SMTP handshake',
  ],
  [{ client, event: 'BARE NEWLINE', command: 'HELO x', action }, 'BARE NEWLINE from [192.0.2.1]:40000 after HELO x'],
  [
    { client, event: 'NON-SMTP COMMAND', afterCommand: 'CONNECT', command: 'GET', args: '/ HTTP/1.1', action },
    'NON-SMTP COMMAND from [192.0.2.1]:40000 after CONNECT: GET / HTTP/1.1',
  ],
  [
    { client, event: 'NON-SMTP COMMAND', afterCommand: 'EHLO', command: 'Subject:', args: '', action },
    'NON-SMTP COMMAND from [192.0.2.1]:40000 after EHLO: Subject: ',
  ],
  [
    { client, event: 'COMMAND PIPELINING', afterCommand: 'EHLO', data: 'MAIL FROM:<>\\r\\n', action },
    'COMMAND PIPELINING from [192.0.2.1]:40000 after EHLO: MAIL FROM:<>\\r\\n',
  ],
  [{ client, event: 'COMMAND TIME LIMIT', afterCommand: 'CONNECT' }, 'COMMAND TIME LIMIT from [192.0.2.1]:40000 after CONNECT'],
  [{ client, event: 'COMMAND COUNT LIMIT', afterCommand: 'NOOP' }, 'COMMAND COUNT LIMIT from [192.0.2.1]:40000 after NOOP'],
  [{ client, event: 'COMMAND LENGTH LIMIT', afterCommand: 'EHLO' }, 'COMMAND LENGTH LIMIT from [192.0.2.1]:40000 after EHLO'],
  [{ client, event: 'DATA WITHOUT RCPT' }, 'DATA without valid RCPT from [192.0.2.1]:40000'],
  [{ client, event: 'BDAT WITHOUT RCPT' }, 'BDAT without valid RCPT from [192.0.2.1]:40000'],
  [
    {
      client,
      event: 'RCPT REJECTED',
      reply: '550 5.5.1 Protocol error',
      from: 'a@x.example',
      to: 'b@y.example',
      proto: 'ESMTP',
      helo: 'x',
    },
    'NOQUEUE: reject: RCPT from [192.0.2.1]:40000: 550 5.5.1 Protocol error; from=<a@x.example>, to=<b@y.example>, proto=ESMTP, helo=<x>',
  ],
  [{ client, event: 'EHLO KEYWORDS DISCARDED', keywords: 'DSN' }, '[192.0.2.1]40000: discarding EHLO keywords: DSN'],
  [{ client, event: 'COMMAND REPLACED', command: 'HELP', replacement: 'NOOP' }, '[192.0.2.1]:40000: replacing command "HELP" with "NOOP"'],
  [{ client, event: 'STRESS', change: 'entering', connections: 90 }, 'entering STRESS mode with 90 connections'],
  [{ client, event: 'STRESS', change: 'leaving', connections: 70 }, 'leaving STRESS mode with 70 connections'],
  // postscreen has no lines for these.
  [{ client, event: 'AUDIT', would: 'drop', reply: '521 5.5.1 Protocol error' }, undefined],
  [{ client, event: 'TESTS', tests: ['pregreet'], next: 'end' }, undefined],
  [{ client, event: 'DNSBL ERROR CODE', domain: 'zen.example', address: '127.255.255.254' }, undefined],
]
for (const [record, want] of cases) test(want ?? `${record.event} has no line`, () => assert.equal(logText(record), want))
