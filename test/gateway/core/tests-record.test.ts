// The record of a session's tests: enough of it to play the session again under another policy.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { LogRecord, TestsRecord } from '../../../gateway/core/vocabulary.ts'
import { type Client, drive } from '../../support/core-session.ts'

const sites = [{ domain: 'bl.example' }, { domain: 'wl.example', weight: -1 }]
const pipelining = { pipelining: { enabled: true } }

function recordsOf(client: Client): LogRecord[] {
  return client.effects.flatMap((effect) => (effect.do === 'log' ? [effect.record] : []))
}

/** Without event and client. */
function testsOf(client: Client): Omit<TestsRecord, 'event'>[] {
  return recordsOf(client).flatMap((record) => {
    if (record.event !== 'TESTS') return []
    const { event: _, client: __, ...fields } = record
    return [fields]
  })
}

describe('the record of the tests of a session', () => {
  test('comes when those before the greeting are over, with every answer of a list and its time', () => {
    const client = drive({ dnsbl: { sites, threshold: 2 } })
      .connect('192.0.2.1')
      .at(20)
      .listed('wl.example', [], 300)
    client.at(45).listed('bl.example', ['127.0.0.2', '127.0.0.4'], 60).at(6000)
    const answers = [
      { domain: 'wl.example', ttl: 300, ms: 20 },
      { domain: 'bl.example', addresses: ['127.0.0.2', '127.0.0.4'], ttl: 60, ms: 45 },
    ]
    assert.deepEqual(testsOf(client), [{ tests: ['pregreet', 'dnsbl'], answers, next: 'handoff' }])
  })

  test('has the kind of an error in place of an answer, and overdue for a list that has not answered', () => {
    const client = drive({ dnsbl: { sites } }).connect('192.0.2.1').at(7)
    const error = { kind: 'servfail', text: 'SERVFAIL' } as const
    client.event({ type: 'dnsbl', answer: { domain: 'bl.example', addresses: [], ttl: -1, error }, complete: false }).at(6000)
    assert.deepEqual(testsOf(client), [
      {
        tests: ['pregreet', 'dnsbl'],
        answers: [
          { domain: 'bl.example', ttl: -1, error: 'servfail', ms: 7 },
          { domain: 'wl.example', ttl: -1, error: 'overdue', ms: 6000 },
        ],
        next: 'handoff',
      },
    ])
  })

  test('has how long a list was waited for before the greeting', () => {
    const client = drive({ dnsbl: { sites }, deepTests: pipelining }).connect('192.0.2.1').at(5).listed('wl.example', [], 60).at(6000)
    assert.deepEqual(testsOf(client)[0]?.answers, [
      { domain: 'wl.example', ttl: 60, ms: 5 },
      { domain: 'bl.example', ttl: -1, error: 'overdue', ms: 6000 },
    ])
  })

  test('has the record that the allowlist held before the session', () => {
    const gateway = drive({ deepTests: pipelining }).remembering('192.0.2.1', '+86400;1;0;1;1')
    assert.deepEqual(testsOf(gateway.connect('192.0.2.1')), [{ tests: ['pipelining'], remembered: '1700086400;1;0;1;1', next: 'smtp' }])
  })

  test('has all deep tests of a client that is refused anyway', () => {
    const client = drive({ greet: { action: 'Enforce' } })
      .connect('192.0.2.1')
      .at(100)
      .sends('QUIT\r\n')
      .at(6100)
    assert.deepEqual(testsOf(client), [{ tests: ['pregreet', 'pipelining', 'nonSMTPCommand', 'bareNewline'], next: 'smtp' }])
  })

  test('comes before DISCONNECT where the session ends early', () => {
    const client = drive({ greet: { action: 'Drop' } })
      .connect('192.0.2.1')
      .at(100)
      .sends('x')
    assert.deepEqual(testsOf(client), [{ tests: ['pregreet'], next: 'end' }])
    assert.deepEqual(
      recordsOf(client).map(({ event }) => event),
      ['CONNECT', 'PREGREET', 'TESTS', 'DISCONNECT'],
    )
  })

  test('tells of deep tests that look on behind the hand-off in Audit mode', () => {
    const gateway = drive({ mode: 'Audit', deepTests: pipelining }).remembering('192.0.2.1', '+86400;1;0;1;1')
    assert.deepEqual(testsOf(gateway.connect('192.0.2.1'))[0]?.next, 'handoff')
  })

  test('is left out where there is nothing to do; PASS OLD has what the allowlist held', () => {
    const client = drive().remembering('192.0.2.1', '+86400;1;1;1;1').connect('192.0.2.1')
    assert.deepEqual(testsOf(client), [])
    const pass = recordsOf(client).find((record) => record.event === 'PASS OLD')
    assert.deepEqual(pass && 'remembered' in pass && pass.remembered, '1700086400;1;1;1;1')
  })
})
