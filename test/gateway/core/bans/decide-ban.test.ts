// When a network is banned and for how long, and what a ban means for a session.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { banLength, isBanDue, withFailure } from '../../../../gateway/core/bans/decide-ban.ts'
import { allowlistKeys } from '../../../../gateway/core/allowlist-key.ts'
import { type Client, drive, type Gateway, type SpecFragment } from '../../../support/core-session.ts'

const hour = 3_600_000
const rules = { after: 3, withinMs: hour, forMs: hour, growth: 2, maxMs: 24 * hour, networkOf: allowlistKeys({ ipv4: 32, ipv6: 64 }) }

describe('the decision', () => {
  test('only failures within the window count', () => {
    assert.deepEqual(withFailure([0, 1000], hour - 1, rules), [0, 1000, hour - 1])
    assert.deepEqual(withFailure([0, 1000], hour, rules), [1000, hour])
    assert.equal(isBanDue([0, 1000], rules), false)
    assert.equal(isBanDue([0, 1000, 2000], rules), true)
  })

  test('no more failures are kept than are needed', () => {
    assert.deepEqual(withFailure([1, 2, 3], 4, rules), [2, 3, 4])
  })

  for (const [nth, hours] of [
    [1, 1],
    [2, 2],
    [3, 4],
    [5, 16],
    [6, 24],
    [5000, 24],
  ] as const) {
    test(`ban ${nth} of a network lasts ${hours} h`, () => assert.equal(banLength(nth, rules), hours * hour))
  }
})

const connected = 'CONNECT from CLIENT to [198.51.100.1]:25'
const early = 'PREGREET 8 after 0 from CLIENT: EHLO x\\r\\n'
const deepTests = {
  pipelining: { enabled: true, action: 'Enforce' },
  nonSMTPCommand: { enabled: true, action: 'Enforce' },
} as const
const banning = (fragment: SpecFragment = {}): Gateway => drive({ greet: { action: 'Drop' }, bans: { after: 2 }, ...fragment })
const failing = (gateway: Gateway, address: string): Client => gateway.connect(address).sends('EHLO x\r\n')
const refusal = (address: string): string => `521 5.7.1 Service unavailable; client [${address}] is banned after repeated failures`

describe('a banned client', () => {
  test('is refused with one log line for its ban, and every visit is counted', () => {
    const gateway = banning()
    failing(gateway, '192.0.2.1')
    failing(gateway, '192.0.2.1').logs(connected, early, 'BAN 192.0.2.1 for 3600s because of CLIENT', 'DISCONNECT CLIENT')
    const first = gateway.connect('192.0.2.1')
    first.hears(refusal('192.0.2.1')).logs('NOQUEUE: reject: CONNECT from CLIENT: 192.0.2.1 is banned')
    assert.deepEqual(
      first.effects.map((effect) => effect.do),
      ['recall', 'log', 'send', 'close'],
    )
    const second = gateway.connect('192.0.2.1')
    second.hears(refusal('192.0.2.1')).logs()
    assert.deepEqual(
      second.effects.map((effect) => effect.do),
      ['recall', 'count', 'send', 'close'],
    )
    assert.equal(gateway.screening.checkQueue, 0)
    gateway.connect('192.0.2.2').logs(connected)
  })

  test('is tested again when the ban is over, and the next ban is twice as long', () => {
    const gateway = banning()
    for (const _ of [1, 2]) failing(gateway, '192.0.2.1')
    gateway.goTo(gateway.now + hour - 1)
    gateway.connect('192.0.2.1').hears(refusal('192.0.2.1'))
    gateway.goTo(gateway.now + 1)
    failing(gateway, '192.0.2.1')
    failing(gateway, '192.0.2.1').logs(connected, early, 'BAN 192.0.2.1 for 7200s because of CLIENT', 'DISCONNECT CLIENT')
  })

  test('is refused temporarily with soft bounces', () => {
    const gateway = banning({ smtp: { softBounce: true } })
    for (const _ of [1, 2]) failing(gateway, '192.0.2.1')
    gateway.connect('192.0.2.1').hears(refusal('192.0.2.1').replace('521 5.', '421 4.'))
  })

  test('bans its own network only: its address with IPv4, its /64 with IPv6', () => {
    const gateway = banning()
    for (const address of ['192.0.2.1', '2001:db8:0:1::1']) for (const _ of [1, 2]) failing(gateway, address)
    for (const address of ['192.0.2.0', '192.0.2.2', '2001:db8::1', '2001:db8:0:2::1']) gateway.connect(address).logs(connected)
    gateway.connect('2001:db8:0:1:ffff::9').hears(refusal('2001:db8:0:1:ffff::9'))
  })

  test('may be remembered although a slow store answers late, and may leave before it answers', () => {
    const gateway = banning()
    for (const _ of [1, 2]) failing(gateway, '192.0.2.1')
    gateway.connect('192.0.2.1', { slowStore: true }).does('recall 192.0.2.1').leaves().recalled(undefined).hears(refusal('192.0.2.1'))
    const known = gateway.connect('192.0.2.1', { slowStore: true }).recalled('+86400;1;1;1;1').logs(connected)
    known.recalled('+86400;1;1;1;1').logs('PASS OLD CLIENT')
    assert.ok(known.isRelayed)
  })
})

describe('a client is remembered', () => {
  const dnsbl = { sites: [{ domain: 'bl.example' }] }
  const cases: readonly (readonly [string, SpecFragment, string, boolean])[] = [
    ['with every pass valid', {}, '+10;0;0;0;0', true],
    ['in the last second of its pass', {}, '+0;0;0;0;0', true],
    ['not with an expired pass', {}, '-1;0;0;0;0', false],
    ['not without a pass', {}, '0;+10;+10;+10;+10', false],
    ['although the pass of the DNS lists has expired', { dnsbl }, '+10;-600;0;0;0', true],
    ['not if the DNS lists were never passed', { dnsbl }, '+10;1;0;0;0', false],
    ['not with one deep test missing', { deepTests }, '+10;0;+10;1;0', false],
    ['with both deep tests passed', { deepTests }, '+10;0;+10;+10;1', true],
    [
      'by the DNS lists alone, where they are the only test',
      { dnsbl, greet: { banner: '' }, denylist: { action: 'Drop' } },
      '1;+10;1;1;1',
      true,
    ],
    ['not by an expired pass of the only test', { dnsbl, greet: { banner: '' } }, '1;-1;1;1;1', false],
  ]
  for (const [what, fragment, record, remembered] of cases) {
    test(what, () => {
      const gateway = banning({ greet: { action: 'Drop' }, ...fragment })
      gateway.screening.bans.add('192.0.2.1', gateway.now, gateway.now + hour)
      gateway.remembering('192.0.2.1', record)
      const lines = gateway.connect('192.0.2.1').lines()
      assert.equal(lines[0] === connected, remembered, lines.join('\n'))
    })
  }
})

describe('a failure counts', () => {
  const cases: readonly (readonly [string, SpecFragment, (client: Client) => unknown, boolean])[] = [
    ['early talk with Drop', { greet: { action: 'Drop' } }, (client) => client.sends('x\r\n'), true],
    ['early talk with Enforce', { greet: { action: 'Enforce' } }, (client) => client.sends('x\r\n'), true],
    ['not early talk with Ignore', { greet: { action: 'Ignore' } }, (client) => client.sends('x\r\n'), false],
    ['a non-SMTP command with Enforce', { greet: { banner: '' }, deepTests }, (client) => client.says('GET / HTTP/1.1'), true],
    ['not pipelining with Enforce', { greet: { banner: '' }, deepTests }, (client) => client.sends('NOOP\r\nNOOP\r\n'), false],
    [
      'pipelining with Drop',
      { greet: { banner: '' }, deepTests: { pipelining: { enabled: true, action: 'Drop' } } },
      (client) => client.sends('NOOP\r\nNOOP\r\n'),
      true,
    ],
    [
      'a listed client with Drop',
      { dnsbl: { action: 'Drop', sites: [{ domain: 'bl.example' }] } },
      (client) => client.listed('bl.example', ['127.0.0.2']).at(6000),
      true,
    ],
    [
      'not a listed client with Enforce',
      { dnsbl: { action: 'Enforce', sites: [{ domain: 'bl.example' }] } },
      (client) => client.listed('bl.example', ['127.0.0.2']).at(6000),
      false,
    ],
    [
      'a client that the access list drops',
      { access: [{ action: 'Reject', cidrs: ['192.0.2.0/24'] }], denylist: { action: 'Drop' } },
      () => undefined,
      true,
    ],
    ['not a hang-up', {}, (client) => client.leaves(), false],
    [
      'not a command limit',
      { greet: { banner: '' }, deepTests, smtp: { commandCountLimit: 1 } },
      (client) => client.says('NOOP', 'NOOP'),
      false,
    ],
  ]
  for (const [what, fragment, act, counts] of cases) {
    test(what, () => {
      const gateway = drive({ bans: { after: 1 }, ...fragment })
      act(gateway.connect('192.0.2.1'))
      assert.equal(gateway.screening.bans.counts.active, counts ? 1 : 0)
    })
  }

  test('once a session', () => {
    const gateway = drive({
      bans: { after: 2 },
      greet: { action: 'Enforce' },
      deepTests: { ...deepTests, bareNewline: { enabled: true, action: 'Drop' } },
    })
    gateway.connect('192.0.2.1').sends('x\r\n').at(6000).says('GET / HTTP/1.1').sends('NOOP\n')
    assert.deepEqual(gateway.screening.bans.counts, { active: 0, failing: 1, dropped: 0 })
  })

  test('in Audit mode too, where the ban is logged and the client goes on', () => {
    const gateway = banning({ mode: 'Audit' })
    for (const _ of [1, 2]) assert.ok(failing(gateway, '192.0.2.1').isRelayed)
    const refused = 'NOQUEUE: reject: CONNECT from CLIENT: 192.0.2.1 is banned'
    const verdict = `AUDIT would drop: ${refusal('192.0.2.1')}`
    const client = gateway.connect('192.0.2.1').logs(connected, refused, verdict)
    gateway.connect('192.0.2.1').logs(connected, verdict)
    assert.ok(client.at(6000).isRelayed)
  })

  test('not without bans in the policy', () => {
    const gateway = drive({ greet: { action: 'Drop' } })
    for (const _ of [1, 2, 3, 4]) failing(gateway, '192.0.2.1').hears('220-mx.example.com ESMTP Postfix', '521 5.5.1 Protocol error')
    assert.deepEqual(gateway.screening.bans.counts, { active: 0, failing: 0, dropped: 0 })
  })
})
