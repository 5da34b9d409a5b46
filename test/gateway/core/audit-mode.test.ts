// Audit mode: every client is handed off, every result is logged, and a client that failed is not remembered.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Client, drive, type Gateway, type SpecFragment } from '../../support/core-session.ts'

const connected = 'CONNECT from CLIENT to [198.51.100.1]:25'
const teaser = '220-mx.example.com ESMTP Postfix'
const deepTests = {
  pipelining: { enabled: true },
  nonSMTPCommand: { enabled: true, action: 'Drop' },
  bareNewline: { enabled: true, action: 'Enforce' },
} as const

const audit = (fragment: SpecFragment = {}): Gateway => drive({ mode: 'Audit', ...fragment })

describe('in Audit mode', () => {
  test('a clean client is treated as in the other modes', () => {
    const client = audit().connect('192.0.2.1').at(6000).logs(connected, 'PASS NEW CLIENT').hears(teaser)
    client.ignoringAllThat().handedOff().does().logs()
    assert.deepEqual(client.remembered, ['+86406;1;1;1;1'])
  })

  test('early talk with Drop is logged, and the client is handed off with what it sent', () => {
    const client = audit({ greet: { action: 'Drop' } })
      .connect('192.0.2.1')
      .sends('EHLO x\r\n')
    client.logs(connected, 'PREGREET 8 after 0 from CLIENT: EHLO x\\r\\n', 'AUDIT would drop: 521 5.5.1 Protocol error').hears(teaser)
    client.does('recall 192.0.2.1', 'arm greetWait 6000', 'read', 'disarm', 'relay "EHLO x\\r\\n"')
  })

  test('early talk with Enforce likewise', () => {
    const client = audit({ greet: { action: 'Enforce' } })
      .connect('192.0.2.1')
      .sends('EHLO x\r\n')
    client.logs(connected, 'PREGREET 8 after 0 from CLIENT: EHLO x\\r\\n', 'AUDIT would enforce: 550 5.5.1 Protocol error')
    assert.ok(client.isRelayed)
    client.handedOff().says('QUIT').logs()
    assert.deepEqual(client.remembered, [])
  })

  test('a listed client is handed off after the wait', () => {
    const dnsbl = { sites: [{ domain: 'bl.example' }], action: 'Drop' } as const
    const client = audit({ dnsbl }).connect('192.0.2.1').listed('bl.example', ['127.0.0.2']).at(6000)
    client.logs(
      connected,
      'DNSBL rank 1 for CLIENT',
      'AUDIT would drop: 521 5.7.1 Service unavailable; client [192.0.2.1] blocked using bl.example',
    )
    assert.ok(client.isRelayed)
    assert.deepEqual(client.remembered, [])
  })

  test('a denied client is handed off', () => {
    const denied = { access: [{ action: 'Reject', cidrs: ['192.0.2.1'] }], denylist: { action: 'Drop' } } as const
    const client = audit(denied).connect('192.0.2.1')
    client.logs(connected, 'DENYLISTED CLIENT', 'AUDIT would drop: 521 5.3.2 Service currently unavailable').hears().does('disarm', 'relay')
  })

  test('a vetoed client is handed off, and not remembered', () => {
    const client = audit({ allowlist: { interfaces: ['!all'] } })
      .connect('192.0.2.1')
      .at(6000)
    assert.ok(client.isRelayed)
    assert.deepEqual(client.handedOff().leaves().remembered, [])
  })

  test('a client beyond a limit is handed off', () => {
    const gateway = audit({ limits: { connectionsPerClient: 1 } })
    gateway.connect('192.0.2.1')
    const client = gateway.connect('192.0.2.1')
    client
      .logs(
        connected,
        'NOQUEUE: reject: CONNECT from CLIENT: too many connections',
        'AUDIT would refuse: 421 4.7.0 Error: too many connections',
      )
      .hears()
    assert.ok(client.isRelayed)
  })

  test('a client beyond the pre-queue limit has not read a teaser, so it can be refused when no backend takes it', () => {
    const gateway = audit({ limits: { preQueue: 10 } })
    gateway.crowd(9)
    const client = gateway.connect('192.0.2.1')
    client.logs(
      connected,
      'reject: connect from CLIENT: all screening ports busy',
      'AUDIT would refuse: 421 4.3.2 All screening ports are busy',
    )
    client.hears().refused('connect').hears('421 4.3.2 All server ports are busy')
    assert.ok(client.isClosed)
  })

  test('one that hangs up is not', () => {
    const client = audit()
      .connect('192.0.2.1')
      .leaves()
      .logs(connected, 'HANGUP after 0 from CLIENT in tests before SMTP handshake', 'DISCONNECT CLIENT')
    assert.ok(client.isClosed && !client.isRelayed)
  })

  test('T42: a client whose hand-off fails is greeted and refused at its first command, early talker or not', () => {
    for (const action of ['Ignore', 'Enforce', 'Drop'] as const) {
      const client = audit({ greet: { action } }).connect('192.0.2.1').sends('EHLO x\r\n').ignoringAllThat().refused('connect')
      client
        .hears('220 mx.example.com ESMTP Postfix', '421 4.3.2 No system resources')
        .does('arm command 300000', 'read', 'disarm', 'close')
    }
  })
})

describe('in Audit mode the deep tests look on behind the hand-off', () => {
  const observed = (fragment: SpecFragment = { deepTests }): Client =>
    audit({ greet: { banner: '' }, ...fragment })
      .connect('192.0.2.1')
      .handedOff()
      .ignoringAllThat()

  test('from the moment on in which the backend has the client', () => {
    audit({ greet: { banner: '' }, deepTests })
      .connect('192.0.2.1')
      .does('recall 192.0.2.1', 'disarm', 'relay')
      .handedOff()
      .does('observe')
      .hears()
  })

  test('with what the client had said before', () => {
    const client = audit({ greet: { action: 'Ignore' }, deepTests })
      .connect('192.0.2.1')
      .sends('GET /\r\n')
      .handedOff()
    assert.ok(client.lines().includes('NON-SMTP COMMAND from CLIENT after CONNECT: GET /'))
  })

  test('all of them, also those that are off, for a client that has failed before', () => {
    const early = audit({ greet: { action: 'Enforce' } })
      .connect('192.0.2.1')
      .says('NOOP')
      .handedOff()
      .ignoringAllThat()
    early.says('GET /').logs('NON-SMTP COMMAND from CLIENT after NOOP: GET /')
    observed({ deepTests: { pipelining: { enabled: true } } })
      .says('GET /')
      .logs()
  })

  test('a client that does nothing wrong passes, and would have been asked to come again', () => {
    const client = observed().says('EHLO x', 'MAIL FROM:<>', 'RCPT TO:<a@b>', 'DATA')
    client.logs('AUDIT would defer: 450 4.3.2 Service currently unavailable', 'PASS NEW CLIENT').hears()
    client.does('remember 192.0.2.1 1;1;+2592000;+2592000;+2592000', 'unobserve')
  })

  test('a failure with Drop is the verdict', () => {
    observed()
      .says('EHLO x', 'GET /')
      .logs('NON-SMTP COMMAND from CLIENT after EHLO: GET /', 'AUDIT would drop: 521 5.7.0 Error: I can break rules, too. Goodbye.')
      .does('unobserve')
      .hears()
  })

  test('a failure with Enforce is the verdict in the end', () => {
    const client = observed().sends('EHLO x\n').logs('BARE NEWLINE from CLIENT after EHLO x').does()
    client.says('RCPT TO:<a@b>', 'QUIT').logs('AUDIT would enforce: 550 5.5.1 Protocol error').does('unobserve')
    assert.deepEqual(client.remembered, [])
  })

  test('commands that may be grouped behind EHLO are not pipelining', () => {
    const client = observed().says('EHLO x').sends('MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n')
    client.logs('AUDIT would defer: 450 4.3.2 Service currently unavailable', 'PASS NEW CLIENT')
  })

  test('the payload of BDAT is not pipelining', () => {
    observed().says('EHLO x').sends('BDAT 3 LAST\r\nabc').logs('AUDIT would defer: 450 4.3.2 Service currently unavailable')
  })

  test('commands that end their group, or are sent before any EHLO, are', () => {
    observed().sends('EHLO x\r\nMAIL FROM:<>\r\n').logs('COMMAND PIPELINING from CLIENT after EHLO: MAIL FROM:<>\\r\\n')
    observed().sends('MAIL FROM:<>\r\nRCPT TO:<a@b>\r\n').logs('COMMAND PIPELINING from CLIENT after MAIL: RCPT TO:<a@b>\\r\\n')
  })

  test('ends when the client leaves, or starts what cannot be parsed', () => {
    for (const line of ['DATA', 'BDAT 3', 'STARTTLS', 'AUTH PLAIN', 'QUIT']) {
      assert.equal(observed().says(line).acts().at(-1), 'unobserve', line)
    }
    assert.equal(observed().leaves().acts().at(-1), 'unobserve')
    assert.equal(observed().event({ type: 'gone' }).acts().at(-1), 'unobserve')
  })

  test('ends with a line that is too long, and at the command count limit', () => {
    assert.equal(observed().sends('x'.repeat(2049)).acts().at(-1), 'unobserve')
    const client = observed({ deepTests, smtp: { commandCountLimit: 2 } })
      .says('NOOP', 'NOOP')
      .does()
      .says('NOOP')
    assert.equal(client.acts().at(-1), 'unobserve')
  })

  test('is not done for a client that has nothing left to do', () => {
    audit().connect('192.0.2.1').at(6000).ignoringAllThat().handedOff().does()
  })

  test('shutdown leaves the relay alone', () => {
    observed().event({ type: 'shutdown' }).does().hears()
  })

  test('does not count among the sessions any more', () => {
    const gateway = audit({ greet: { banner: '' }, deepTests })
    gateway.connect('192.0.2.1').handedOff()
    assert.deepEqual([gateway.screening.checkQueue, gateway.screening.postQueue, gateway.screening.clients.size], [0, 0, 0])
  })
})
