// The end of the tests: PASS NEW or PASS OLD, the record, hand-off or good-bye (sections 2.11, 5.2 to 5.4 of postscreen's behaviour).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Client, drive, type SpecFragment, stored } from '../../support/core-session.ts'

const deepTests = { pipelining: { enabled: true }, nonSMTPCommand: { enabled: true }, bareNewline: { enabled: true } } as const
const connected = 'CONNECT from CLIENT to [198.51.100.1]:25'

/** The tests that a PASS record names. */
const passed = ({ effects }: Client): readonly string[] =>
  effects.flatMap((effect) =>
    effect.do === 'log' && 'tests' in effect.record && effect.record.event !== 'TESTS' ? effect.record.tests : [],
  )

describe('PASS', () => {
  test('is NEW for a client without a record', () => {
    const gateway = drive()
    gateway.connect('192.0.2.1').at(6000).logs(connected, 'PASS NEW CLIENT')
    assert.equal(gateway.store.get('192.0.2.1'), stored('+86406;1;1;1;1'))
  })

  test('is OLD for one whose tests are all valid, and then nothing is written', () => {
    drive()
      .remembering('192.0.2.1', '+100;1;1;1;1')
      .connect('192.0.2.1')
      .logs(connected, 'PASS OLD CLIENT')
      .hears()
      .does('recall 192.0.2.1', 'disarm', 'relay')
  })

  test('T34: is OLD up to the second of the stamp, inclusive', () => {
    const gateway = drive()
    gateway.remembering('192.0.2.1', '+0;1;1;1;1').connect('192.0.2.1').logs(connected, 'PASS OLD CLIENT')
    gateway.remembering('192.0.2.2', '-1;1;1;1;1').connect('192.0.2.2').logs(connected)
  })

  test('is OLD for one whose expired test is renewed', () => {
    drive().remembering('192.0.2.1', '-5;1;1;1;1').connect('192.0.2.1').at(6000).logs(connected, 'PASS OLD CLIENT')
  })

  test('is NEW while any stamp says never, even that of a disabled test', () => {
    drive().remembering('192.0.2.1', '-5;1;1;0;1').connect('192.0.2.1').at(6000).logs(connected, 'PASS NEW CLIENT')
  })

  test('T32: is OLD for one whose record is shorter, longer or junk', () => {
    for (const record of ['1', '1;1', '1;1;1;1', '1;1;1;1;1;0', '', 'x;y']) {
      drive().remembering('192.0.2.1', record).connect('192.0.2.1').at(6000).logs(connected, 'PASS OLD CLIENT')
    }
  })

  test('T26: is OLD for a good record that is read after a bad one', () => {
    const gateway = drive().remembering('192.0.2.1', '99999999999999999999999').remembering('192.0.2.2', '+9;1;1;1;1')
    gateway.connect('192.0.2.1')
    gateway.connect('192.0.2.2').logs(connected, 'PASS OLD CLIENT')
  })

  test('is not said of a client that has passed only some of its tests', () => {
    const gateway = drive({ deepTests })
    gateway
      .connect('192.0.2.1')
      .at(6000)
      .ignoringAllThat()
      .says('QUIT')
      .logs('DISCONNECT CLIENT')
      .does('remember 192.0.2.1 +86406;1;0;0;0', 'disarm', 'close')
    const second = gateway.connect('192.0.2.1').hears('220 mx.example.com ESMTP Postfix')
    second.says('RCPT', 'QUIT').logs(connected, 'PASS NEW CLIENT', 'DISCONNECT CLIENT')
    assert.deepEqual(second.remembered, ['+86406;1;+2592006;+2592006;+2592006'])
    gateway.connect('192.0.2.1').logs(connected, 'PASS OLD CLIENT').does('recall 192.0.2.1', 'disarm', 'relay')
  })

  test('tells which tests were passed in this session', () => {
    const gateway = drive({ deepTests })
    const first = gateway.connect('192.0.2.1').at(6000).says('RCPT', 'QUIT')
    assert.deepEqual(passed(first), ['pregreet', 'pipelining', 'nonSMTPCommand', 'bareNewline'])
    assert.deepEqual(passed(gateway.connect('192.0.2.1')), [])
  })

  test('comes between HANGUP and DISCONNECT', () => {
    const client = drive({ deepTests }).connect('192.0.2.1').at(6000).says('RCPT').ignoringAllThat().at(6240)
    client.leaves().logs('HANGUP after 0.24 from CLIENT in tests after SMTP handshake', 'PASS NEW CLIENT', 'DISCONNECT CLIENT').hears()
  })

  test('T25: is said NEW once of parallel sessions, then OLD', () => {
    const gateway = drive()
    const first = gateway.connect('192.0.2.1')
    const second = gateway.connect('192.0.2.1')
    first.at(6000).logs(connected, 'PASS NEW CLIENT')
    second.logs(connected, 'PASS OLD CLIENT')
  })
})

describe('the record', () => {
  test('is written after limits and DATA too, with what was passed', () => {
    for (const [ending, fragment] of [
      ['DATA', {}],
      ['x'.repeat(3000), {}],
      ['NOOP', { smtp: { commandCountLimit: 1 } }],
    ] as const) {
      const client = drive({ deepTests, ...fragment })
        .connect('192.0.2.1')
        .at(6000)
        .says('RCPT', ending)
      assert.deepEqual(client.remembered, ['+86406;1;+2592006;+2592006;+2592006'], ending.slice(0, 10))
    }
    const client = drive({ deepTests }).connect('192.0.2.1').at(6000).says('RCPT').at(306_000)
    assert.equal(client.remembered.length, 1)
  })

  test('has DISABLED for a test that is off and was never passed', () => {
    assert.deepEqual(drive().connect('192.0.2.1').at(6000).remembered, ['+86406;1;1;1;1'])
  })

  test('keeps the stamp of a test that is off', () => {
    const gateway = drive().remembering('192.0.2.1', '-5;+7;+8;+9;-3')
    assert.deepEqual(gateway.connect('192.0.2.1').at(6000).remembered, ['+86406;+7;+8;+9;-3'])
  })

  test('is not written for a client that is permanently allowed, fails, is vetoed, or passes nothing', () => {
    const cases: readonly SpecFragment[] = [
      { access: [{ action: 'Permit', cidrs: ['192.0.2.1'] }] },
      { greet: { action: 'Enforce' }, deepTests },
      { allowlist: { interfaces: ['!all'] } },
      { greet: { action: 'Ignore' } },
    ]
    for (const fragment of cases) {
      const client = drive(fragment).connect('192.0.2.1').sends('EHLO x\r\n').at(10_000).leaves()
      assert.deepEqual(client.remembered, [], JSON.stringify(fragment))
    }
  })

  test('renews only the test that has expired', () => {
    const gateway = drive({ dnsbl: { sites: [{ domain: 'bl.example' }] } }).remembering('192.0.2.1', '+500;-1;1;1;1')
    assert.deepEqual(gateway.connect('192.0.2.1').listed('bl.example').remembered, ['+500;+60;1;1;1'])
  })

  test('a failed deep test is DISABLED in memory, so that a parallel session must take it again', () => {
    const gateway = drive({ greet: { banner: '' }, deepTests })
    const first = gateway.connect('192.0.2.1').says('RCPT')
    const second = gateway.connect('192.0.2.1').ignoringAllThat()
    second.does()
    first.sends('NOOP\r\nNOOP\r\n')
    assert.deepEqual(gateway.screening.clients.get('192.0.2.1')?.stamps[2], 1)
    gateway.connect('192.0.2.1').hears('220 mx.example.com ESMTP Postfix')
  })
})

describe('parallel sessions', () => {
  test('T23: one that hangs up later does not undo what another has passed', () => {
    const gateway = drive({ greet: { banner: '' }, deepTests })
    const first = gateway.connect('192.0.2.1')
    const second = gateway.connect('192.0.2.1')
    first.says('RCPT', 'QUIT')
    const record = gateway.store.get('192.0.2.1')
    assert.equal(record, stored('1;1;+2592000;+2592000;+2592000'))
    second.at(10_000).leaves()
    assert.equal(gateway.store.get('192.0.2.1'), record)
  })

  test('T24: a write is never left out because nothing seems to have changed', () => {
    const gateway = drive()
    const first = gateway.connect('192.0.2.1')
    const second = gateway.connect('192.0.2.1')
    first.at(6000)
    assert.deepEqual([first.remembered, second.remembered], [['+86406;1;1;1;1'], ['+86406;1;1;1;1']])
  })

  test('T23: one that asked a slow store late does not undo what another has passed meanwhile', () => {
    const gateway = drive()
    const first = gateway.connect('192.0.2.1', { slowStore: true }).does('recall 192.0.2.1')
    const second = gateway.connect('192.0.2.1', { slowStore: true }).does('recall 192.0.2.1')
    first.recalled(undefined).at(6000).logs(connected, 'PASS NEW CLIENT')
    second.recalled(undefined).logs(connected).does('disarm', 'relay').hears()
    assert.equal(gateway.store.get('192.0.2.1'), stored('+86406;1;1;1;1'))
  })

  test('of a known client are both known, however slow the store', () => {
    const gateway = drive({ deepTests })
    const record = '+500;1;+500;+500;+500'
    const first = gateway.connect('192.0.2.1', { slowStore: true })
    const second = gateway.connect('192.0.2.1', { slowStore: true })
    second.recalled(record).logs(connected, 'PASS OLD CLIENT')
    first.recalled(record).logs(connected, 'PASS OLD CLIENT')
    assert.ok(first.isRelayed && second.isRelayed)
  })
})
