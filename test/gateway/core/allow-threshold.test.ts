// A DNSBL score so low that it stands for every other test (section 4.6 of postscreen's behaviour).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Client, drive, type SpecFragment } from '../../support/core-session.ts'

const greeting = '220 mx.example.com ESMTP Postfix'

type Dnsbl = NonNullable<SpecFragment['dnsbl']>
const lists = (dnsbl: Dnsbl = {}): Dnsbl => ({
  sites: [
    { domain: 'bl.example', weight: 2 },
    { domain: 'wl.example', weight: -3 },
  ],
  threshold: 2,
  ...dnsbl,
})

describe('a score down to the allow threshold', () => {
  const deepTests = { pipelining: { enabled: true } }
  const allowed = (more: SpecFragment = {}, dnsbl: Dnsbl = {}): Client =>
    drive({ dnsbl: lists({ allowThreshold: -3, ...dnsbl }), ...more })
      .connect('192.0.2.1')
      .ignoringAllThat()

  test('stands for every other test: the client is handed off at once', () => {
    const client = allowed({ deepTests }).at(20).listed('bl.example').listed('wl.example', ['127.0.0.2'], 500)
    client.logs('PASS NEW CLIENT').hears().does('abandonLookup', 'remember 192.0.2.1 +500;+500;+500;+500;+500', 'disarm', 'relay')
  })

  test('makes even disabled tests valid, so that one that is enabled later does not hit this client', () => {
    const client = allowed().listed('bl.example').listed('wl.example', ['127.0.0.2'], 90)
    assert.deepEqual(client.remembered, ['+90;+90;+90;+90;+90'])
  })

  test('shortens no stamp', () => {
    const gateway = drive({ dnsbl: lists({ allowThreshold: -3 }) }).remembering('192.0.2.1', '+9000;-1;+99;1;0')
    const client = gateway.connect('192.0.2.1').listed('bl.example').listed('wl.example', ['127.0.0.2'], 200)
    assert.deepEqual(client.remembered, ['+9000;+200;+200;+200;+200'])
  })

  test('is reached exactly', () => {
    allowed({}, { allowThreshold: -4 }).listed('bl.example').listed('wl.example', ['127.0.0.2']).logs().at(6000).logs('PASS NEW CLIENT')
  })

  test('of 0 does nothing', () => {
    allowed({}, { allowThreshold: 0 }).listed('bl.example').listed('wl.example', ['127.0.0.2']).logs().does()
  })

  test('T7: counts also when it is partial at the end of the wait', () => {
    const client = allowed({ deepTests }).listed('wl.example', ['127.0.0.2'], 90).logs().at(6000).logs('PASS NEW CLIENT')
    client.does('abandonLookup', 'remember 192.0.2.1 +86406;+96;+96;+96;+96', 'disarm', 'relay')
  })

  test('T6: works with the pregreet test off', () => {
    const client = allowed({ greet: { banner: '' } })
      .listed('bl.example')
      .listed('wl.example', ['127.0.0.2'])
    client.logs('PASS NEW CLIENT').does('abandonLookup', 'remember 192.0.2.1 +60;+60;+60;+60;+60', 'disarm', 'relay')
  })

  test('T6: whose client hangs up before or after the answers is let go', () => {
    allowed().leaves().does('abandonLookup', 'disarm', 'close').listed('bl.example').listed('wl.example', ['127.0.0.2']).does()
    const client = allowed({}, { allowThreshold: -9 }).listed('bl.example').listed('wl.example', ['127.0.0.2']).leaves()
    client.logs('HANGUP after 0 from CLIENT in tests before SMTP handshake', 'DISCONNECT CLIENT').does('abandonLookup', 'disarm', 'close')
  })

  test('undoes no failure: early talk counts even where it will be ignored', () => {
    const client = allowed({ greet: { action: 'Ignore' }, deepTests })
      .sends('x\r\n')
      .listed('bl.example')
      .listed('wl.example', ['127.0.0.2'])
    assert.deepEqual(client.replies(), [greeting, '502 5.5.2 Error: command not recognized'])
    assert.ok(!client.isRelayed)
  })

  test('does not help a client that is denied or vetoed', () => {
    const denied = { access: [{ action: 'Reject', cidrs: ['192.0.2.1'] }], denylist: { action: 'Enforce' } } as const
    for (const more of [denied, { allowlist: { interfaces: ['!all'] } }]) {
      const client = allowed(more).listed('bl.example').listed('wl.example', ['127.0.0.2']).does()
      assert.ok(!client.at(6000).isRelayed)
      assert.deepEqual(client.leaves().remembered, [])
    }
  })

  test('is too late for early talk that follows it', () => {
    const client = allowed().listed('bl.example').listed('wl.example', ['127.0.0.2']).ignoringAllThat()
    client.sends('EHLO x\r\n').logs().does()
  })
})
