// The connection state machine: every way through it (sections 2 and 9.2 of postscreen's behaviour).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { step } from '../../../gateway/core/step.ts'
import { type Client, drive } from '../../support/core-session.ts'

const connected = 'CONNECT from CLIENT to [198.51.100.1]:25'
const teaser = '220-mx.example.com ESMTP Postfix'
const greeting = '220 mx.example.com ESMTP Postfix'
const comeAgain = '450 4.3.2 Service currently unavailable'
const deepTests = { pipelining: { enabled: true } } as const
const everyone = ['0.0.0.0/0', '::/0']
const permit = { access: [{ action: 'Permit', cidrs: everyone }] } as const
const deny = (action: 'Ignore' | 'Enforce' | 'Drop') => ({ access: [{ action: 'Reject', cidrs: everyone }], denylist: { action } }) as const

test('a new client is screened, remembered and handed off, in this order', () => {
  const client = drive().connect('192.0.2.1').at(6000).handedOff()
  assert.deepEqual(client.story(), [
    `log ${connected}`,
    'recall 192.0.2.1',
    `< ${teaser}`,
    'arm greetWait 6000',
    'read',
    'log PASS NEW CLIENT',
    'remember 192.0.2.1 +86406;1;1;1;1',
    'disarm',
    'relay',
  ])
})

describe('the permanent access list', () => {
  test('permits: at once, without store, teaser, PASS or DISCONNECT', () => {
    drive({ ...permit, deepTests })
      .connect('192.0.2.1')
      .logs(connected, 'ALLOWLISTED CLIENT')
      .does('disarm', 'relay')
      .hears()
      .handedOff()
      .logs()
  })

  test('denies with Drop: 521 at once', () => {
    drive(deny('Drop'))
      .connect('192.0.2.1')
      .logs(connected, 'DENYLISTED CLIENT', 'DISCONNECT CLIENT')
      .hears('521 5.3.2 Service currently unavailable')
      .does('disarm', 'close')
  })

  test('denies with Enforce: all tests again, whatever the store says; then recipients are refused', () => {
    const gateway = drive(deny('Enforce')).remembering('192.0.2.1', '+9000;1;1;1;1')
    const client = gateway.connect('192.0.2.1').logs(connected, 'DENYLISTED CLIENT').hears(teaser).does('arm greetWait 6000', 'read')
    client.at(6000).says('HELO x', 'MAIL FROM:<>', 'RCPT TO:<a@b>', 'QUIT')
    client.hears(greeting, '250 mx.example.com', '250 2.1.0 Ok', '550 5.3.2 Service currently unavailable', '221 2.0.0 Bye')
    assert.deepEqual(client.remembered, [])
  })

  test('denies with Ignore: an ordinary client, which may even be known', () => {
    const gateway = drive(deny('Ignore')).remembering('192.0.2.1', '+9000;1;1;1;1')
    gateway.connect('192.0.2.1').logs(connected, 'DENYLISTED CLIENT', 'PASS OLD CLIENT')
    gateway.connect('192.0.2.2').at(6000).logs(connected, 'DENYLISTED CLIENT', 'PASS NEW CLIENT')
  })
})

describe('the temporary allowlist', () => {
  test('is asked by the first session of a client only', () => {
    const gateway = drive({ deepTests })
    gateway.connect('192.0.2.1').does('recall 192.0.2.1', 'arm greetWait 6000', 'read')
    gateway.connect('192.0.2.1').does('arm greetWait 6000', 'read')
    gateway.connect('192.0.2.2').does('recall 192.0.2.2', 'arm greetWait 6000', 'read')
  })

  test('a parallel session goes by what the first one knows, silently when everything is valid', () => {
    const gateway = drive().remembering('192.0.2.1', '+9000;1;1;1;1')
    gateway.connect('192.0.2.1').logs(connected, 'PASS OLD CLIENT')
    gateway.connect('192.0.2.1').logs(connected).does('disarm', 'relay').hears()
  })

  test('a parallel session takes the tests that are still open', () => {
    const gateway = drive({ deepTests }).remembering('192.0.2.1', '+9000;1;-9;1;1')
    gateway.connect('192.0.2.1').hears(greeting)
    gateway.connect('192.0.2.1').logs(connected).hears(greeting)
  })

  test('a store that fails makes a client new', () => {
    drive()
      .connect('192.0.2.1', { slowStore: true })
      .does('recall 192.0.2.1')
      .hears()
      .recalled(undefined)
      .hears(teaser)
      .at(6000)
      .logs(connected, 'PASS NEW CLIENT')
  })

  test('a client that is denied by Enforce beside a parallel session of an unknown state does not ask either', () => {
    drive(deny('Enforce')).connect('192.0.2.1').does('arm greetWait 6000', 'read')
  })

  test('a late or second answer of the store means nothing', () => {
    drive().connect('192.0.2.1').ignoringAllThat().recalled('+9;1;1;1;1').does().logs()
  })
})

describe('the veto of a backup MX address', () => {
  const backup = { allowlist: { interfaces: ['!198.51.100.9', 'all'] } }
  const veto = 'ALLOWLIST VETO CLIENT'

  test('does not keep the client from its tests, but from the backend and the store', () => {
    const client = drive(backup).connect('192.0.2.1', { to: '198.51.100.9' })
    client.logs('CONNECT from CLIENT to [198.51.100.9]:25', veto).at(6000).hears(teaser, greeting)
    client.says('HELO x', 'MAIL FROM:<>', 'RCPT TO:<a@b>', 'QUIT').hears('250 mx.example.com', '250 2.1.0 Ok', comeAgain, '221 2.0.0 Bye')
    assert.deepEqual(client.remembered, [])
    assert.ok(!client.isRelayed)
  })

  test('goes straight to the dummy engine where no early test is on', () => {
    drive({ ...backup, greet: { banner: '' } })
      .connect('192.0.2.1', { to: '198.51.100.9' })
      .hears(greeting)
  })

  test('does not concern clients that are known or permitted', () => {
    drive(backup)
      .remembering('192.0.2.1', '+9;1;1;1;1')
      .connect('192.0.2.1', { to: '198.51.100.9' })
      .logs('CONNECT from CLIENT to [198.51.100.9]:25', 'PASS OLD CLIENT')
    drive({ ...backup, ...permit })
      .connect('192.0.2.1', { to: '198.51.100.9' })
      .logs('CONNECT from CLIENT to [198.51.100.9]:25', 'ALLOWLISTED CLIENT')
  })

  test('does concern a known client that is here already', () => {
    const gateway = drive(backup).remembering('192.0.2.1', '+9;1;1;1;1')
    gateway.connect('192.0.2.1')
    gateway.connect('192.0.2.1', { to: '198.51.100.9' }).logs('CONNECT from CLIENT to [198.51.100.9]:25', veto).hears(greeting)
  })

  test('leaves a test that drops its own reply', () => {
    const client = drive({ ...backup, greet: { action: 'Drop' } })
      .connect('192.0.2.1', { to: '198.51.100.9' })
      .sends('x')
    client.hears(teaser, '521 5.5.1 Protocol error')
  })
})

describe('T42: without a backend', () => {
  const noResources = '421 4.3.2 No system resources'

  test('a client behind a teaser is greeted and refused at its first command, whatever failed', () => {
    for (const how of ['connect', 'send'] as const) {
      const client = drive()
        .connect('192.0.2.1')
        .at(6000)
        .ignoringAllThat()
        .refused(how)
        .hears(greeting)
        .does('arm command 300000', 'read')
        .logs()
      client
        .says('EHLO x')
        .hears(noResources)
        .logs('PASS OLD CLIENT', 'DISCONNECT CLIENT')
        .does('remember 192.0.2.1 +86406;1;1;1;1', 'disarm', 'close')
    }
  })

  test('QUIT is answered with 221 all the same', () => {
    drive().connect('192.0.2.1').at(6000).ignoringAllThat().refused('connect').says('QUIT').hears(greeting, '221 2.0.0 Bye')
  })

  test('its deep tests are off', () => {
    const client = drive({
      deepTests: { bareNewline: { enabled: true, action: 'Drop' } },
      dnsbl: { sites: [{ domain: 'wl.example', weight: -1 }], allowThreshold: -1 },
    })
      .connect('192.0.2.1')
      .listed('wl.example', ['127.0.0.2'])
    client.ignoringAllThat().refused('connect').sends('EHLO x\n').hears(greeting, noResources)
  })

  test('what an early talker had said is its first command', () => {
    const client = drive({ greet: { action: 'Ignore' } })
      .connect('192.0.2.1')
      .sends('EHLO x\r\nMAIL FROM:<>\r\n')
      .ignoringAllThat()
    client.refused('connect').hears(greeting, noResources)
  })

  test('one that has left meanwhile is a hang-up', () => {
    const client = drive().connect('192.0.2.1').at(6000).leaves().ignoringAllThat().refused('connect')
    client.hears(greeting).logs('HANGUP after 0 from CLIENT in tests after SMTP handshake', 'PASS OLD CLIENT', 'DISCONNECT CLIENT')
  })

  test('a client without a teaser gets 421 at once, and no DISCONNECT line', () => {
    for (const [how, reply] of [
      ['connect', '421 4.3.2 All server ports are busy'],
      ['send', noResources],
    ] as const) {
      drive(permit).connect('192.0.2.1').ignoringAllThat().refused(how).hears(reply).logs().does('disarm', 'close')
    }
  })
})

describe('shutdown', () => {
  const unavailable = '421 4.3.2 Service currently unavailable'
  const shutDown = (client: Client): Client => client.ignoringAllThat().event({ type: 'shutdown' })

  test('T42: behind a teaser completes the greeting before 421', () => {
    shutDown(drive().connect('192.0.2.1')).hears(greeting, unavailable).logs('DISCONNECT CLIENT').does('disarm', 'close')
  })

  test('T42: does so also for an early talker whose first command is not complete', () => {
    shutDown(
      drive({ greet: { action: 'Enforce' } })
        .connect('192.0.2.1')
        .sends('EHLO'),
    ).hears(greeting, unavailable)
    shutDown(
      drive({ greet: { action: 'Enforce' } })
        .connect('192.0.2.1')
        .sends('NOOP\r\nEHLO'),
    ).hears(unavailable)
  })

  test('T42: while DNSBL answers are out, with and without early talk', () => {
    const dnsbl = { sites: [{ domain: 'bl.example' }] }
    shutDown(drive({ dnsbl }).connect('192.0.2.1')).hears(greeting, unavailable).does('abandonLookup', 'disarm', 'close')
    shutDown(drive({ dnsbl }).connect('192.0.2.1').sends('EHLO x\r\n')).hears(greeting, unavailable)
  })

  test('without a teaser is 421 at once', () => {
    const dnsbl = { sites: [{ domain: 'bl.example' }] }
    shutDown(drive({ dnsbl, greet: { banner: '' } }).connect('192.0.2.1')).hears(unavailable)
    shutDown(drive().connect('192.0.2.1', { slowStore: true }))
      .hears(unavailable)
      .logs('DISCONNECT CLIENT')
      .does('disarm', 'close')
  })

  test('in the dummy engine is 421, and what was passed is remembered', () => {
    const client = shutDown(drive({ deepTests }).connect('192.0.2.1').at(6000).says('RCPT'))
    client.hears(unavailable).logs('PASS NEW CLIENT', 'DISCONNECT CLIENT')
    assert.deepEqual(client.remembered, ['+86406;1;+2592006;1;1'])
  })

  test('leaves a client alone that waits for its backend', () => {
    const client = shutDown(drive().connect('192.0.2.1').at(6000)).does().hears()
    client.handedOff()
  })

  test('in Audit mode hands off no more clients', () => {
    for (const slowStore of [true, false]) {
      const client = shutDown(drive({ mode: 'Audit' }).connect('192.0.2.1', { slowStore }))
      assert.ok(!client.isRelayed && client.isClosed)
    }
  })
})

describe('what comes out of turn', () => {
  const noise = ['handedOff', 'shutdown', 'gone', 'end', 'connect'] as const

  test('means nothing when the session is done', () => {
    const client = drive().connect('192.0.2.1').leaves().ignoringAllThat()
    for (const type of noise) client.event({ type })
    client.refused('send').sends('x').recalled(undefined).listed('x').event({ type: 'timer', name: 'command' }).does().hears().logs()
  })

  test('means nothing when the session is handed off', () => {
    const client = drive().connect('192.0.2.1').at(6000).handedOff().ignoringAllThat()
    for (const type of noise) client.event({ type })
    client.sends('x').does().hears().logs()
  })

  test('is not a second connect', () => {
    const gateway = drive({ ...permit })
    const client = gateway.connect('192.0.2.1').ignoringAllThat().event({ type: 'connect' }).does().logs()
    assert.equal(gateway.screening.postQueue, 1)
    client.handedOff()
    assert.equal(gateway.screening.postQueue, 0)
  })

  test('does not hand off a client that is still screened', () => {
    const gateway = drive()
    gateway.connect('192.0.2.1').ignoringAllThat().handedOff().refused('connect').does().logs().hears()
    assert.equal(gateway.screening.postQueue, 0)
  })

  test('a client that goes away while a backend is asked leaves no trace but its end', () => {
    const gateway = drive()
    gateway.connect('192.0.2.1').at(6000).ignoringAllThat().event({ type: 'gone' }).does('disarm', 'close').logs().hears()
    assert.deepEqual([gateway.screening.checkQueue, gateway.screening.postQueue, gateway.screening.clients.size], [0, 0, 0])
  })

  test('a session that breaks wants no DNSBL answers any more', () => {
    const dnsbl = { sites: [{ domain: 'bl.example' }] }
    drive({ dnsbl }).connect('192.0.2.1').ignoringAllThat().event({ type: 'gone' }).does('abandonLookup', 'disarm', 'close')
  })
})

test('one event gives a list of effects that later events do not change', () => {
  const client = drive().connect('192.0.2.1')
  const effects = step(client.session, client.session.stageStart, { type: 'data', bytes: Buffer.from('x') })
  const before = effects.length
  client.at(6000)
  assert.equal(effects.length, before)
})
