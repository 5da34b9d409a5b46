// The sessions that a gateway remembers: how many, of which client, and in what words.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { LogRecord } from '../../../gateway/core/vocabulary.ts'
import type { Log } from '../../../gateway/observability/log.ts'
import { RecentSessions } from '../../../gateway/observability/explain/recent-sessions.ts'

const client = (address: string) => ({ address, port: 40_000 })
const connect = (address: string): LogRecord => ({
  event: 'CONNECT',
  client: client(address),
  server: { address: '198.51.100.1', port: 25 },
})

function remembering(most: number, nameOf = (domain: string) => domain) {
  let now = 1_700_000_000_000
  const written: string[] = []
  const note = (...args: readonly unknown[]): void => void written.push(String(args[0]))
  const none = (): void => undefined
  const log: Log = {
    session: note,
    dnsbl: none,
    relay: note,
    tls: note,
    sessionWarning: note,
    debug: none,
    info: none,
    warning: none,
    flush: async () => undefined,
  }
  const recent = new RecentSessions(() => now)
  recent.keep(most, { nameOf, showsEnvelopes: true })
  return { recent, log: recent.remembering(log), written, later: (ms: number) => (now += ms) }
}

const everyone = (): boolean => true
const textsOf = (recent: RecentSessions): readonly string[] =>
  recent.of(everyone, 10).flatMap(({ events }) => events.map(({ text }) => text))

describe('a gateway remembers', () => {
  test('its last sessions, and shows the newest first', () => {
    const { recent, log, later } = remembering(2)
    for (const [id, address] of [
      ['a', '192.0.2.1'],
      ['b', '192.0.2.2'],
      ['c', '192.0.2.1'],
    ] as const) {
      log.session(id, connect(address))
      later(1500)
    }
    assert.deepEqual(
      recent.of(everyone, 10).map(({ session, began }) => [session, began]),
      [
        ['c', '2023-11-14T22:13:23.000Z'],
        ['b', '2023-11-14T22:13:21.500Z'],
      ],
    )
    assert.deepEqual(
      recent.of((address) => address === '192.0.2.1', 10).map(({ session }) => session),
      ['c'],
    )
    assert.equal(recent.of(everyone, 1).length, 1)
  })

  test('nothing if the policy says so, also of sessions that are under way', () => {
    const { recent, log } = remembering(5)
    log.session('a', connect('192.0.2.1'))
    recent.keep(0, { nameOf: (domain) => domain, showsEnvelopes: true })
    log.session('b', connect('192.0.2.2'))
    log.session('a', { event: 'DISCONNECT', client: client('192.0.2.1') })
    assert.deepEqual(recent.of(everyone, 10), [])
  })

  test('what happened, when, and in postscreen’s words without the client', () => {
    const { recent, log, written, later } = remembering(5, (domain) => (domain === 'key.bl.example' ? 'our list' : domain))
    const from = client('192.0.2.1')
    log.session('a', connect('192.0.2.1'))
    later(250)
    log.session('a', {
      event: 'DNSBL',
      client: from,
      rank: 3,
      hits: [{ domain: 'key.bl.example', address: '127.0.0.2', weight: 3 }],
      action: 'Enforce',
    })
    log.session('a', { event: 'PASS NEW', client: from, tests: ['pregreet'] })
    log.session('a', { event: 'AUDIT', client: from, would: 'drop', reply: '521 5.3.2 no' })
    log.relay('a', 'HANDED OFF', from, { backend: '198.51.100.7:10025' })
    log.sessionWarning('a', 'cannot connect to service smtpd: refused')
    log.relay('other', 'RELAY ENDED', from, {})
    const [{ events, moreEvents } = assert.fail('no session')] = recent.of(everyone, 1)
    assert.deepEqual(events, [
      { afterSeconds: 0, text: 'CONNECT to [198.51.100.1]:25' },
      { afterSeconds: 0.25, text: 'DNSBL rank 3 (our list 3)' },
      { afterSeconds: 0.25, text: 'PASS NEW (pregreet)' },
      { afterSeconds: 0.25, text: 'AUDIT: Enforce mode would drop the client: 521 5.3.2 no' },
      { afterSeconds: 0.25, text: 'HANDED OFF backend=198.51.100.7:10025' },
      { afterSeconds: 0.25, text: 'cannot connect to service smtpd: refused' },
    ])
    assert.equal(moreEvents, 0)
    // The log itself has everything.
    assert.equal(written.length, 7)
  })

  test('at most 16 events of a session, and of a long text only its beginning', () => {
    const { recent, log } = remembering(1)
    log.session('a', connect('192.0.2.1'))
    const rejected: LogRecord = {
      event: 'RCPT REJECTED',
      client: client('192.0.2.1'),
      reply: '550 no',
      from: 'x'.repeat(2000),
      to: 'y',
      proto: 'SMTP',
      helo: 'z\u202e',
    }
    for (let i = 0; i < 20; i++) log.session('a', rejected)
    const [{ events, moreEvents } = assert.fail('no session')] = recent.of(everyone, 1)
    assert.deepEqual([events.length, moreEvents], [16, 5])
    assert.ok(textsOf(recent).every((text) => text.length <= 401))
  })
})
