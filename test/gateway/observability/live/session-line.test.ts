// The list of the live page: what it says of a session, what a filter finds, and that it can be told not to show envelopes.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Outcome } from '../../../../gateway/core/outcome-names.ts'
import type { LogRecord } from '../../../../gateway/core/vocabulary.ts'
import { RecentSessions } from '../../../../gateway/observability/explain/recent-sessions.ts'
import { filterOf } from '../../../../gateway/observability/live/live-pages.ts'
import type { Log } from '../../../../gateway/observability/log.ts'

const nothing = (): undefined => undefined
const log: Log = {
  session: nothing,
  dnsbl: nothing,
  relay: nothing,
  tls: nothing,
  sessionWarning: nothing,
  debug: nothing,
  info: nothing,
  warning: nothing,
  flush: async () => undefined,
}

function remembering(showsEnvelopes = true) {
  const recent = new RecentSessions(() => 1_700_000_000_000)
  const texts = { nameOf: (domain: string) => domain, showsEnvelopes }
  recent.keep(1000, texts)
  const remembered = recent.remembering(log)
  const session = (id: string, address: string, outcome: Outcome, ...records: Record<string, unknown>[]): void => {
    const client = { address, port: 1025 }
    remembered.session(id, { event: 'CONNECT', client, server: { address: '198.51.100.1', port: 25 } })
    for (const record of records) remembered.session(id, { client, ...record } as unknown as LogRecord)
    recent.decided(id, outcome, false)
  }
  return { recent, remembered, session, texts }
}

const pregreet = { event: 'PREGREET', count: 12, after: '0.21', data: String.raw`EHLO zombie\r\n`, action: 'Enforce' }
const rejected = {
  event: 'RCPT REJECTED',
  reply: '550 5.5.1 Protocol error for <you@example.com>',
  from: 'x@example.net',
  to: 'you@example.com',
  proto: 'ESMTP',
  helo: 'zombie',
}

const lines: readonly (readonly [Outcome, Record<string, unknown>, string])[] = [
  ['pregreet', pregreet, String.raw`Spoke after 0.21 s: EHLO zombie\r\n`],
  [
    'dnsbl',
    {
      event: 'DNSBL',
      rank: 5,
      hits: [
        { domain: 'bl.example', weight: 3 },
        { domain: 'zen.example', weight: 2 },
      ],
      action: 'Enforce',
    },
    'Rank 5: bl.example, zen.example',
  ],
  ['known', { event: 'PASS OLD', tests: [] }, 'Remembered'],
  ['new', { event: 'PASS NEW', tests: ['pregreet'] }, 'Passed every test'],
  ['comeBack', { ...rejected, reply: '450 4.3.2 Service currently unavailable' }, 'Passed, and asked to come back (450)'],
  ['hangup', { event: 'HANGUP', after: '1.2', stage: 'tests before SMTP handshake' }, 'Hung up after 1.2 s, before the greeting'],
  ['limits', { event: 'CONNECTION REFUSED', why: 'too many connections' }, 'Limit: too many connections'],
  ['limits', { event: 'COMMAND COUNT LIMIT', afterCommand: 'NOOP' }, 'Limit: command count'],
  [
    'known',
    { event: 'ALLOWLISTED', rule: 'spec.access[1].spf[0]', sender: 'big.example' },
    'On the access list: spec.access[1].spf[0] (the SPF record of big.example)',
  ],
  [
    'accessList',
    { event: 'DENYLISTED', action: 'Enforce', rule: 'spec.access[0].table.file', file: 'bad.cidr', line: 7 },
    'On the access list, to be rejected: spec.access[0].table.file (bad.cidr, line 7)',
  ],
  ['noBackend', { event: 'DISCONNECT' }, 'Clean, but no mail server took it'],
]

for (const [outcome, record, why] of lines) {
  test(`a session with ${String(record['event'])} says: ${why}`, () => {
    const { recent, session } = remembering()
    session('a', '192.0.2.1', outcome, record)
    assert.equal(recent.newest(0, 5).sessions[0]?.why, why)
  })
}

describe('the newest sessions', () => {
  test('are those since the last that is known, and the others are counted', () => {
    const { recent, session } = remembering()
    for (let i = 0; i < 7; i++) session(`s${i}`, '192.0.2.1', 'new')
    const { last, leftOut, sessions } = recent.newest(0, 3)
    assert.deepEqual([last, leftOut, sessions.map((line) => line.session)], [7, 4, ['s6', 's5', 's4']])
    assert.deepEqual(recent.newest(7, 3), { last: 7, leftOut: 0, sessions: [] })
    // A number of another process: all are new.
    assert.equal(recent.newest(100, 10).sessions.length, 7)
  })

  test('take no more memory for 10,000 than for a thousand', () => {
    const { recent, session } = remembering()
    for (let i = 0; i < 10_000; i++) session(`s${i}`, '192.0.2.1', 'new')
    assert.equal(recent.search(filterOf({ text: '' }), 20_000).length, 1000)
    assert.ok(recent.newest(0, 20_000).sessions.length < 1000)
  })
})

test('a filter finds by network, outcome and text', () => {
  const { recent, session } = remembering()
  session('a', '192.0.2.1', 'pregreet', pregreet, rejected)
  session('b', '192.0.2.2', 'new')
  session('c', '2001:db8::1', 'new')
  const found = (query: Parameters<typeof filterOf>[0]): string =>
    recent
      .search(filterOf(query), 9)
      .map((line) => line.session)
      .join('')
  assert.equal(found({ text: '' }), 'cba')
  assert.equal(found({ text: '', address: '192.0.2.0/24' }), 'ba')
  assert.equal(found({ text: '', outcomes: ['new'] }), 'cb')
  assert.equal(found({ text: 'zombie' }), 'a')
  assert.equal(found({ text: 'you@example.com' }), 'a')
  assert.equal(found({ text: '2001:db8' }), 'c')
  assert.equal(found({ text: 'nothing like it' }), '')
})

describe('without envelopes', () => {
  test('nothing that the client said is kept or found', () => {
    const { recent, session } = remembering(false)
    session(
      'a',
      '192.0.2.1',
      'pregreet',
      pregreet,
      rejected,
      { event: 'NON-SMTP COMMAND', afterCommand: 'EHLO', command: 'GET', args: '/you@example.com', action: 'Enforce' },
      { event: 'COMMAND PIPELINING', afterCommand: 'EHLO', data: 'MAIL FROM:<x@example.net>', action: 'Enforce' },
      { event: 'AUDIT', would: 'enforce', reply: '550 5.7.1 no mail for you@example.com' },
    )
    const all = JSON.stringify([recent.newest(0, 9), recent.find('a'), recent.of(() => true, 9)])
    assert.doesNotMatch(all, /example|zombie|GET/)
    assert.match(all, /PREGREET 12 after 0.21/)
    assert.match(all, /550 5.5.1/)
    assert.equal(recent.search(filterOf({ text: 'zombie' }), 9).length, 0)
  })

  test('what was kept before is forgotten', () => {
    const { recent, session, texts } = remembering()
    session('a', '192.0.2.1', 'pregreet', rejected)
    recent.keep(1000, { ...texts, showsEnvelopes: false })
    assert.deepEqual(
      recent.of(() => true, 9),
      [],
    )
    assert.deepEqual(recent.newest(0, 9).sessions, [])
  })
})
