// Limits at the door: of one client, of clients that wait for a backend, of clients that are screened (sections 2.2, 2.3 and 2.7 of postscreen's behaviour).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { drive, type Gateway, type SpecFragment } from '../../support/core-session.ts'

const connected = 'CONNECT from CLIENT to [198.51.100.1]:25'
const teaser = '220-mx.example.com ESMTP Postfix'
const permit = { access: [{ action: 'Permit', cidrs: ['0.0.0.0/0', '::/0'] }] } as const

describe('T59: the limit of connections of one client', () => {
  const refused = 'NOQUEUE: reject: CONNECT from CLIENT: too many connections'
  const limited = (connectionsPerClient: number): Gateway => drive({ limits: { connectionsPerClient } })

  test('lets N in and refuses N+1', () => {
    const gateway = limited(3)
    for (let i = 1; i <= 3; i++) gateway.connect('192.0.2.1').logs(connected)
    gateway
      .connect('192.0.2.1')
      .logs(connected, refused, 'DISCONNECT CLIENT')
      .hears('421 4.7.0 Error: too many connections')
      .does('disarm', 'close')
    gateway.connect('192.0.2.2').logs(connected)
  })

  test('lets the next one in when one has left', () => {
    const gateway = limited(1)
    gateway.connect('192.0.2.1').leaves()
    gateway.connect('192.0.2.1').logs(connected)
  })

  test('of 0 means no limit', () => {
    const gateway = limited(0)
    for (let i = 0; i < 100; i++) gateway.connect('192.0.2.1').logs(connected)
  })

  test('counts clients that wait for a backend, and those that have one until their relay has ended', () => {
    const gateway = limited(1).remembering('192.0.2.1', '+9;1;1;1;1')
    const first = gateway.connect('192.0.2.1').logs(connected, 'PASS OLD CLIENT')
    gateway.connect('192.0.2.1').logs(connected, refused, 'DISCONNECT CLIENT')
    first.handedOff()
    gateway.connect('192.0.2.1').logs(connected, refused, 'DISCONNECT CLIENT')
    first.event({ type: 'gone' })
    gateway.connect('192.0.2.1').logs(connected, 'PASS OLD CLIENT')
  })

  test('counts in Audit mode too, where the log says who would be refused', () => {
    const gateway = drive({ ...permit, mode: 'Audit', limits: { connectionsPerClient: 1 } })
    gateway.connect('192.0.2.1').logs(connected, 'ALLOWLISTED CLIENT').handedOff()
    gateway
      .connect('192.0.2.1')
      .logs(connected, refused, 'AUDIT would refuse: 421 4.7.0 Error: too many connections')
      .does('disarm', 'relay')
  })

  test('of 50 lets the addresses of an IPv6 /64 occupy 50 slots of the queue together', () => {
    const gateway = drive({ limits: { preQueue: 100 } })
    for (let i = 1; i <= 120; i++) gateway.connect(`2001:db8::${i.toString(16)}`)
    assert.equal(gateway.screening.checkQueue, 50)
    gateway.connect('2001:db8:0:1::1').hears(teaser)
  })

  test('counts IPv4 addresses one by one', () => {
    const gateway = limited(1)
    for (let i = 1; i <= 100; i++) gateway.connect(`192.0.2.${i}`).hears(teaser)
  })

  test('holds for permanently allowed clients too', () => {
    const gateway = drive({ ...permit, limits: { connectionsPerClient: 1 } })
    gateway.connect('192.0.2.1').logs(connected, 'ALLOWLISTED CLIENT')
    gateway.connect('192.0.2.1').logs(connected, refused, 'DISCONNECT CLIENT')
  })
})

describe('T59: the limit of clients that wait for a backend', () => {
  const refused = 'NOQUEUE: reject: CONNECT from CLIENT: all server ports busy'

  test('lets N wait and then refuses all clients, permanently allowed clients too', () => {
    const gateway = drive({ ...permit, limits: { postQueue: 5 } })
    const waiting = gateway.crowd(5)
    assert.ok(waiting.every(({ isRelayed }) => isRelayed))
    gateway
      .connect('192.0.2.1')
      .logs(connected, refused, 'DISCONNECT CLIENT')
      .hears('421 4.3.2 All server ports are busy')
      .does('disarm', 'close')
    waiting[0]?.handedOff()
    gateway.connect('192.0.2.1').logs(connected, 'ALLOWLISTED CLIENT')
  })

  test('is free again when hand-offs fail or clients go away', () => {
    const gateway = drive({ ...permit, limits: { postQueue: 5 } })
    const [first, second] = gateway.crowd(5)
    first?.refused('connect')
    second?.event({ type: 'gone' })
    assert.equal(gateway.screening.postQueue, 3)
  })
})

describe('T59: the limit of clients that are screened', () => {
  const refused = 'reject: connect from CLIENT: all screening ports busy'
  const full = (fragment: SpecFragment = {}): Gateway => drive({ limits: { preQueue: 10 }, ...fragment })

  test('of N lets N-1 in, for it counts the one that comes', () => {
    const gateway = full()
    gateway.crowd(8)
    gateway.connect('192.0.2.1').hears(teaser)
    gateway
      .connect('192.0.2.2')
      .logs(connected, refused, 'DISCONNECT CLIENT')
      .hears('421 4.3.2 All screening ports are busy')
      .does('recall 192.0.2.2', 'disarm', 'close')
  })

  test('does not hold for clients that are allowed permanently or temporarily', () => {
    const gateway = full({ access: [{ action: 'Permit', cidrs: ['192.0.2.1'] }] }).remembering('192.0.2.2', '+9;1;1;1;1')
    gateway.crowd(9)
    gateway.connect('192.0.2.1').logs(connected, 'ALLOWLISTED CLIENT')
    gateway.connect('192.0.2.2').logs(connected, 'PASS OLD CLIENT')
  })

  test('does not count those that wait for a backend', () => {
    const gateway = full()
    const crowd = gateway.crowd(9)
    crowd[0]?.at(2000)
    crowd[0]?.at(6000)
    assert.equal(gateway.screening.postQueue, 9)
    gateway.connect('192.0.2.1').hears(teaser)
  })

  test('comes behind the veto', () => {
    const gateway = full({ allowlist: { interfaces: ['!all'] } })
    gateway.crowd(9)
    gateway.connect('192.0.2.1').logs(connected, 'ALLOWLIST VETO CLIENT', refused, 'DISCONNECT CLIENT')
  })
})
