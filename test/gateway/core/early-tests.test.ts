// The tests before the greeting: early talk, DNSBL answers, and when the wait is over (section 4 of postscreen's behaviour).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Client, drive, type Gateway, type SpecFragment } from '../../support/core-session.ts'

const teaser = '220-mx.example.com ESMTP Postfix'
const greeting = '220 mx.example.com ESMTP Postfix'
const connected = 'CONNECT from CLIENT to [198.51.100.1]:25'

type Dnsbl = NonNullable<SpecFragment['dnsbl']>
const lists = (dnsbl: Dnsbl = {}): Dnsbl => ({
  sites: [
    { domain: 'bl.example', weight: 2 },
    { domain: 'wl.example', weight: -3 },
  ],
  threshold: 2,
  ...dnsbl,
})
const listedBy = 'DNSBL rank 2 for CLIENT'

/** A gateway that knows the client's pregreet test, so that only DNSBL answers are waited for. */
const dnsblOnly = (dnsbl: Dnsbl): Gateway => drive({ dnsbl: lists(dnsbl) }).remembering('192.0.2.1', '+9000;-1;1;1;1')

describe('the early tests begin', () => {
  test('with the teaser, the greet wait and an eye on the client', () => {
    drive().connect('192.0.2.1').hears(teaser).does('recall 192.0.2.1', 'arm greetWait 6000', 'read')
  })

  test('with DNSBL lookups, where there are sites', () => {
    drive({ dnsbl: lists() }).connect('192.0.2.1').hears(teaser).does('recall 192.0.2.1', 'lookup', 'arm greetWait 6000', 'read')
  })

  test('T1: without teaser and without watching when only DNSBL answers are waited for', () => {
    dnsblOnly({}).connect('192.0.2.1').hears().does('recall 192.0.2.1', 'lookup', 'arm greetWait 6000')
  })

  test('T6: the same where the pregreet test is off', () => {
    drive({ greet: { banner: '' }, dnsbl: lists() })
      .connect('192.0.2.1')
      .hears()
      .does('recall 192.0.2.1', 'lookup', 'arm greetWait 6000')
  })

  test('with a teaser of its own text', () => {
    drive({ greet: { banner: 'one moment, $hostname' } })
      .connect('192.0.2.1')
      .hears('220-one moment, mx.example.com')
  })
})

describe('a silent client', () => {
  test('passes when the wait is over, and not a millisecond before', () => {
    const client = drive().connect('192.0.2.1').ignoringAllThat().at(5999).does().logs()
    client.at(6000).logs('PASS NEW CLIENT').does('remember 192.0.2.1 +86406;1;1;1;1', 'disarm', 'relay').hears()
  })

  test('T2: has a stamp for each test, with its own validity', () => {
    const client = drive({ dnsbl: lists({ minTTL: '100s' }), greet: { ttl: '1h' } }).connect('192.0.2.1')
    client.at(20).listed('bl.example', [], 7).listed('wl.example', [], 7).at(6000)
    assert.deepEqual(client.remembered, ['+3606;+106;1;1;1'])
  })

  test('that hangs up is a hang-up, not a failure; nothing is remembered', () => {
    drive()
      .connect('192.0.2.1')
      .at(240)
      .ignoringAllThat()
      .leaves()
      .logs('HANGUP after 0.24 from CLIENT in tests before SMTP handshake', 'DISCONNECT CLIENT')
      .does('disarm', 'close')
      .hears()
  })

  test('that hangs up wants no DNSBL answers any more', () => {
    drive({ dnsbl: lists() }).connect('192.0.2.1').ignoringAllThat().leaves().does('abandonLookup', 'disarm', 'close')
  })

  test('that is not watched may hang up unnoticed', () => {
    const client = dnsblOnly({}).connect('192.0.2.1').ignoringAllThat().leaves().does().logs()
    client
      .listed('bl.example')
      .listed('wl.example')
      .logs('PASS OLD CLIENT')
      .does('abandonLookup', 'remember 192.0.2.1 +9000;+60;1;1;1', 'disarm', 'relay')
  })
})

describe('early talk', () => {
  const talk = (action: 'Ignore' | 'Enforce' | 'Drop', more: SpecFragment = {}): Client =>
    drive({ greet: { action }, ...more })
      .connect('192.0.2.1')
      .at(1200)
      .ignoringAllThat()
      .sends('EHLO client.example\r\n')
  const pregreet = 'PREGREET 21 after 1.2 from CLIENT: EHLO client.example\\r\\n'

  test('with Drop is answered with 521 behind the teaser', () => {
    talk('Drop').logs(pregreet, 'DISCONNECT CLIENT').hears('521 5.5.1 Protocol error').does('disarm', 'close')
  })

  test('with Drop wants no DNSBL answers any more', () => {
    talk('Drop', { dnsbl: lists() }).does('abandonLookup', 'disarm', 'close')
  })

  test('T3: with Enforce gets no greeting; the first reply is to what it said', () => {
    const client = talk('Enforce').logs(pregreet)
    assert.equal(client.replies()[0], '250-mx.example.com')
    client.says('MAIL FROM:<a@b>', 'RCPT TO:<c@d>', 'QUIT').hears('250 2.1.0 Ok', '550 5.5.1 Protocol error', '221 2.0.0 Bye')
    assert.deepEqual(client.remembered, [])
    assert.ok(client.isClosed && !client.isRelayed)
  })

  test('T4: with Ignore goes to the backend with the bytes unread; the test counts as neither passed nor failed', () => {
    talk('Ignore').logs(pregreet).hears().does('disarm', 'relay "EHLO client.example\\r\\n"')
  })

  test('with Ignore and a deep test to do is greeted and answered', () => {
    const client = talk('Ignore', { deepTests: { pipelining: { enabled: true } } })
    const replies = client.replies()
    assert.deepEqual(replies.slice(0, 2), [greeting, '250-mx.example.com'])
  })

  test('with Ignore leaves the other tests alone: what they passed is remembered, and the pregreet stamp stays', () => {
    const gateway = drive({ greet: { action: 'Ignore' }, dnsbl: lists() })
    const client = gateway.connect('192.0.2.1').at(1000).sends('x').listed('bl.example').listed('wl.example')
    client.at(7000).logs(connected, 'PREGREET 1 after 1 from CLIENT: x')
    assert.deepEqual(client.remembered, ['0;+61;1;1;1'])
  })

  test('is counted once; what follows is kept for later', () => {
    const client = drive({ greet: { action: 'Ignore' }, dnsbl: lists() })
      .connect('192.0.2.1')
      .at(1000)
      .sends('EHLO ', 'x\r\n', 'NOOP\r\n')
    client.leaves().logs(connected, 'PREGREET 5 after 1 from CLIENT: EHLO ')
    client
      .ignoringAllThat()
      .listed('bl.example')
      .listed('wl.example')
      .does('abandonLookup', 'remember 192.0.2.1 0;+61;1;1;1', 'disarm', 'relay "EHLO x\\r\\nNOOP\\r\\n"')
  })

  test('in several reads is kept whole, also when the first read is one byte', () => {
    const client = drive({ greet: { action: 'Ignore' }, dnsbl: lists() })
      .connect('192.0.2.1')
      .sends('E', 'HLO', ' x\r\n')
      .ignoringAllThat()
    assert.equal(client.at(6000).acts().at(-1), 'relay "EHLO x\\r\\n"')
  })

  test('T8: by a client that closes at once is early talk, not a hang-up', () => {
    const client = drive({ greet: { action: 'Enforce' }, dnsbl: lists() })
      .connect('192.0.2.1')
      .sends('QUIT\r\n')
      .leaves()
    client.logs(connected, 'PREGREET 6 after 0 from CLIENT: QUIT\\r\\n')
    client.at(6000).logs('DISCONNECT CLIENT').hears(teaser, '221 2.0.0 Bye')
  })

  test('while only DNSBL answers are waited for goes unnoticed', () => {
    const client = dnsblOnly({}).connect('192.0.2.1').sends('EHLO x\r\n').listed('bl.example').listed('wl.example')
    client.logs(connected, 'PASS OLD CLIENT')
    assert.equal(client.acts().at(-1), 'relay "EHLO x\\r\\n"')
  })

  test('that came before the tests began, behind a PROXY header, counts', () => {
    const client = drive({ greet: { action: 'Drop' } })
      .connect('192.0.2.1', { slowStore: true })
      .sends('EHLO x\r\n')
      .logs(connected)
    client
      .recalled(undefined)
      .logs('PREGREET 8 after 0 from CLIENT: EHLO x\\r\\n', 'DISCONNECT CLIENT')
      .hears(teaser, '521 5.5.1 Protocol error')
  })

  test('by a client that had left before the tests began is a hang-up without it', () => {
    const client = drive().connect('192.0.2.1', { slowStore: true }).leaves().recalled(undefined)
    client.logs(connected, 'HANGUP after 0 from CLIENT in tests before SMTP handshake', 'DISCONNECT CLIENT')
    assert.deepEqual(client.remembered, [])
  })

  describe('T9: is logged', () => {
    const cases: readonly (readonly [what: string, bytes: string, want: string])[] = [
      ['with its length, 1023 at most', 'x'.repeat(5000), `1023 after 0 from CLIENT: ${'x'.repeat(100)}`],
      ['with its length, 1023 exactly', 'x'.repeat(1023), `1023 after 0 from CLIENT: ${'x'.repeat(100)}`],
      ['escaped', '\0\x16\x03\x01\\é'.slice(0, 5), '5 after 0 from CLIENT: \\000\\026\\003\\001\\\\'],
      [
        'cut at 100 characters behind escaping, even inside an escape',
        `${'x'.repeat(98)}\xff`,
        `99 after 0 from CLIENT: ${'x'.repeat(98)}\\3`,
      ],
      ['as a lone byte', '\n', '1 after 0 from CLIENT: \\n'],
    ]
    for (const [what, bytes, want] of cases) {
      test(what, () => {
        drive({ greet: { action: 'Drop' } })
          .connect('192.0.2.1')
          .sends(bytes)
          .logs(connected, `PREGREET ${want}`, 'DISCONNECT CLIENT')
      })
    }
  })

  test('beyond one read stays in the kernel', () => {
    const client = drive({ greet: { action: 'Ignore' }, dnsbl: lists() })
      .connect('192.0.2.1')
      .ignoringAllThat()
    client.sends('x'.repeat(4095)).does('arm greetWait 6000').sends('x').does('pause')
  })
})

describe('early talk while DNSBL answers are out', () => {
  const talkAt = (ms: number): Client =>
    drive({ greet: { action: 'Enforce' }, dnsbl: lists() })
      .connect('192.0.2.1')
      .at(ms)
      .ignoringAllThat()
      .sends('x\r\n')

  test('arms the wait again for what is left, counted in whole seconds', () => {
    talkAt(0).does('arm greetWait 6000')
    talkAt(999).does('arm greetWait 6000')
    talkAt(1000).does('arm greetWait 5000')
    talkAt(5999).does('arm greetWait 1000')
  })

  test('ends the wait with the last answer', () => {
    const client = talkAt(500).logs('PREGREET 3 after 0.5 from CLIENT: x\\r\\n').listed('bl.example').logs()
    client.ignoringAllThat().listed('wl.example').hears('502 5.5.2 Error: command not recognized')
  })

  test('ends the wait at once when the answers are in', () => {
    const client = drive({ greet: { action: 'Enforce' }, dnsbl: lists() })
      .connect('192.0.2.1')
      .listed('bl.example')
      .listed('wl.example')
      .ignoringAllThat()
    client.at(500).sends('x\r\n').hears('502 5.5.2 Error: command not recognized')
  })

  test('is judged by the partial score when the wait ends', () => {
    const client = talkAt(500).listed('bl.example', ['127.0.0.2']).ignoringAllThat()
    client.at(6500).logs('DNSBL rank 2 for CLIENT')
  })

  test('the reply of the last failed test wins', () => {
    const client = drive({ greet: { action: 'Enforce' }, dnsbl: lists({ action: 'Enforce' }) }).connect('192.0.2.1')
    client.sends('HELO x\r\n').listed('bl.example', ['127.0.0.2']).listed('wl.example').ignoringAllThat()
    client
      .says('MAIL FROM:<>', 'RCPT TO:<a@b>')
      .hears('250 2.1.0 Ok', '550 5.7.1 Service unavailable; client [192.0.2.1] blocked using bl.example')
  })

  test('T13: late answers change nothing', () => {
    const client = talkAt(0).at(6000).ignoringAllThat()
    client.listed('bl.example', ['127.0.0.2']).listed('wl.example').does().logs().hears()
    client.says('MAIL FROM:<>', 'RCPT TO:<a@b>').hears('250 2.1.0 Ok', '550 5.5.1 Protocol error')
  })
})

describe('DNSBL answers', () => {
  const answered = (gateway: Gateway, bl: string[] = ['127.0.0.2'], ms = 20): Client =>
    gateway.connect('192.0.2.1').ignoringAllThat().at(ms).listed('bl.example', bl).listed('wl.example')

  test('T1: end the wait when nothing else is to do, for a client that is not listed', () => {
    answered(dnsblOnly({}), [])
      .logs('PASS OLD CLIENT')
      .does('abandonLookup', 'remember 192.0.2.1 +9000;+60;1;1;1', 'disarm', 'relay')
      .hears()
  })

  test('T1: end the wait when nothing else is to do, for one that is listed', () => {
    answered(dnsblOnly({ action: 'Drop' }))
      .logs(listedBy, 'DISCONNECT CLIENT')
      .hears('521 5.7.1 Service unavailable; client [192.0.2.1] blocked using bl.example')
      .does('abandonLookup', 'disarm', 'close')
  })

  test('T1: end the wait when nothing else is to do, for one that is allowlisted', () => {
    const gateway = dnsblOnly({ allowThreshold: -3 })
    const client = gateway.connect('192.0.2.1').ignoringAllThat().at(20).listed('bl.example').listed('wl.example', ['127.0.0.2'])
    client.logs('PASS OLD CLIENT').does('abandonLookup', 'remember 192.0.2.1 +9000;+60;+60;+60;+60', 'disarm', 'relay')
  })

  test('that come after the last one was expected change nothing', () => {
    const client = answered(drive({ dnsbl: lists() }), []).listed('bl.example', ['127.0.0.2'])
    client.at(6000).logs('PASS NEW CLIENT')
  })

  test('that nothing has asked for change nothing', () => {
    drive({}).connect('192.0.2.1').listed('bl.example', ['127.0.0.2']).at(6000).logs(connected, 'PASS NEW CLIENT')
  })

  test('T1: do not end the wait of the pregreet test, however early they come', () => {
    const client = answered(drive({ dnsbl: lists({ action: 'Drop' }) }))
      .logs()
      .hears()
      .does()
    client.at(6000).logs(listedBy, 'DISCONNECT CLIENT').hears('521 5.7.1 Service unavailable; client [192.0.2.1] blocked using bl.example')
  })

  test('with Enforce refuse the recipients, with the words of the reply map', () => {
    const client = answered(drive({ dnsbl: lists({ action: 'Enforce', replyMap: { 'bl.example': 'a list' } }) }))
    client.at(6000).logs(listedBy).hears(greeting).says('MAIL FROM:<>', 'RCPT TO:<a@b>', 'VRFY a')
    client.hears(
      '250 2.1.0 Ok',
      '550 5.7.1 Service unavailable; client [192.0.2.1] blocked using a list',
      '550 5.7.1 Service unavailable; client [192.0.2.1] blocked using a list',
    )
    client.says('QUIT')
    assert.deepEqual(client.remembered, [])
  })

  test('with Ignore are logged and change nothing; the test is not passed', () => {
    answered(drive({ dnsbl: lists() }))
      .at(6000)
      .logs(listedBy)
      .hears()
      .does('abandonLookup', 'remember 192.0.2.1 +86406;0;1;1;1', 'disarm', 'relay')
  })

  test('are given up at the end of the early tests, so that a session in the dummy engine keeps none for those who come later', () => {
    const client = answered(drive({ dnsbl: lists({ action: 'Enforce' }) })).does()
    client.at(6000).logs(listedBy).hears(greeting).does('abandonLookup', 'arm command 300000', 'read')
    client.listed('wl.example', ['127.0.0.2']).says('QUIT').does('disarm', 'close')
  })

  test('count from the threshold on', () => {
    answered(drive({ dnsbl: lists({ threshold: 3, action: 'Drop' }) }))
      .at(6000)
      .logs('PASS NEW CLIENT')
    answered(drive({ dnsbl: lists({ threshold: 2, action: 'Drop' }) }))
      .at(6000)
      .logs(listedBy, 'DISCONNECT CLIENT')
  })

  test('that do not come let the client pass after the whole wait, for the shortest time (T20)', () => {
    const client = drive({ dnsbl: lists({ action: 'Drop' }) })
      .connect('192.0.2.1')
      .ignoringAllThat()
      .at(6000)
    client.logs('PASS NEW CLIENT').does('abandonLookup', 'remember 192.0.2.1 +86406;+66;1;1;1', 'disarm', 'relay')
  })

  test('that are missing at the verdict came too late; after a hang-up they are only not needed', () => {
    const why = (client: Client): unknown => client.effects.find((effect) => effect.do === 'abandonLookup')
    const connect = (): Client => drive({ dnsbl: lists() }).connect('192.0.2.1')
    assert.deepEqual(why(connect().at(6000)), { do: 'abandonLookup', why: 'overdue' })
    assert.deepEqual(why(connect().listed('bl.example').listed('wl.example').at(6000)), { do: 'abandonLookup', why: 'done' })
    assert.deepEqual(why(connect().leaves()), { do: 'abandonLookup', why: 'done' })
  })

  test('T7: of which some are missing count as far as they came', () => {
    const client = drive({ dnsbl: lists({ action: 'Drop' }) })
      .connect('192.0.2.1')
      .ignoringAllThat()
      .listed('bl.example', ['127.0.0.2'])
    client.at(6000).logs(listedBy, 'DISCONNECT CLIENT').does('abandonLookup', 'disarm', 'close')
  })

  test('T22: that are error codes of a list are not a listing, and are logged', () => {
    const client = drive({ dnsbl: lists({ action: 'Drop' }) })
      .connect('192.0.2.1')
      .ignoringAllThat()
    client.listed('bl.example', ['127.255.255.254']).logs('DNSBL ERROR CODE 127.255.255.254 from bl.example')
    client.listed('wl.example').at(6000).logs('PASS NEW CLIENT')
  })

  test('T22: error codes are told under the name that clients may see', () => {
    drive({ dnsbl: lists({ replyMap: { 'bl.example': 'a list' } }) })
      .connect('192.0.2.1')
      .ignoringAllThat()
      .listed('bl.example', ['127.255.255.252'])
      .logs('DNSBL ERROR CODE 127.255.255.252 from a list')
  })

  test('T12: of three parallel sessions, of which two leave, go to the one that stays', () => {
    const gateway = drive({ dnsbl: lists({ action: 'Drop', maxTTL: '300s' }) })
    const [first, middle, last] = [1, 2, 3].map(() => gateway.connect('192.0.2.1').ignoringAllThat())
    first?.leaves()
    last?.leaves()
    for (const client of [first, middle, last]) client?.listed('bl.example', [], 200).listed('wl.example', [], 500)
    middle?.at(6000).logs('PASS NEW CLIENT').does('abandonLookup', 'remember 192.0.2.1 +86406;+206;1;1;1', 'disarm', 'relay')
    assert.ok(first?.isClosed && last?.isClosed)
    assert.deepEqual([first?.remembered, last?.remembered], [[], []])
  })
})
