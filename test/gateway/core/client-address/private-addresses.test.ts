// Which addresses cannot be those of clients on the internet, and what a session with one of them does.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { formatIPv4, formatIPv6 } from '../../../../crds/values/address.ts'
import { headerClient } from '../../../../gateway/core/client-address/session-address.ts'
import { drive, rulesOf, type SpecFragment } from '../../../support/core-session.ts'

const standingUnder = (fragment: SpecFragment) => rulesOf(fragment).clientAddress.standingOf

/** The first and the last address of each network, and their neighbours outside. */
const edges: readonly (readonly [inside: readonly string[], outside: readonly string[]])[] = [
  [['0.0.0.0', '0.255.255.255'], ['1.0.0.0']],
  [
    ['10.0.0.0', '10.255.255.255'],
    ['9.255.255.255', '11.0.0.0'],
  ],
  [
    ['100.64.0.0', '100.127.255.255'],
    ['100.63.255.255', '100.128.0.0'],
  ],
  [
    ['127.0.0.0', '127.0.0.1', '127.255.255.255'],
    ['126.255.255.255', '128.0.0.0'],
  ],
  [
    ['169.254.0.0', '169.254.255.255'],
    ['169.253.255.255', '169.255.0.0'],
  ],
  [
    ['172.16.0.0', '172.31.255.255'],
    ['172.15.255.255', '172.32.0.0'],
  ],
  [
    ['192.168.0.0', '192.168.255.255'],
    ['192.167.255.255', '192.169.0.0'],
  ],
  [
    ['::', '::1'],
    ['::2', '::1:0:0'],
  ],
  [
    ['fc00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'fe00::'],
  ],
  [
    ['fe80::', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'fec0::'],
  ],
  [[], ['192.0.2.1', '198.18.0.1', '198.19.255.255', '198.51.100.1', '203.0.113.1', '2001:db8::1', '2606:4700::1111']],
]

describe('an address', () => {
  const standingOf = standingUnder({})
  for (const [inside, outside] of edges) {
    for (const address of inside) test(`${address} is private`, () => assert.equal(standingOf(address), 'private'))
    for (const address of outside) test(`${address} is public`, () => assert.equal(standingOf(address), 'public'))
  }

  test('in its IPv4-mapped form counts as the IPv4 address', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (value) => {
        const mapped = formatIPv6(0xffff00000000n + BigInt(value))
        assert.equal(standingOf(mapped), standingOf(formatIPv4(value)))
      }),
    )
  })

  const cases: readonly (readonly [string, SpecFragment, string, string])[] = [
    ['in internal', { clientAddress: { internal: ['10.1.0.0/16'] } }, '10.1.2.3', 'expected'],
    ['outside of internal', { clientAddress: { internal: ['10.1.0.0/16'] } }, '10.2.0.1', 'private'],
    ['public, in internal', { clientAddress: { internal: ['198.51.100.0/24'] } }, '198.51.100.7', 'expected'],
    ['that a rule permits', { access: [{ action: 'Permit', cidrs: ['10.0.0.0/8'] }] }, '10.2.0.1', 'listed'],
    ['public, that a rule permits', { access: [{ action: 'Permit', cidrs: ['198.51.100.0/24'] }] }, '198.51.100.3', 'expected'],
    ['that a rule leaves to the tests', { access: [{ action: 'Dunno', cidrs: ['fd00::/8'] }] }, 'fd00::1', 'listed'],
    ['that a rule rejects', { access: [{ action: 'Reject', cidrs: ['10.0.0.0/8'] }] }, '10.2.0.1', 'private'],
    ['that no rule is about', { access: [{ action: 'Permit', cidrs: ['192.168.0.0/16'] }] }, '10.2.0.1', 'private'],
    ['that a table permits', { access: [{ table: { rules: [{ action: 'Permit', cidrs: ['172.16.5.0/24'] }] } }] }, '172.16.5.1', 'listed'],
  ]
  for (const [what, fragment, address, standing] of cases)
    test(`${what} is ${standing}`, () => assert.equal(standingUnder(fragment)(address), standing))
})

const connected = 'CONNECT from CLIENT to [198.51.100.1]:25'

describe('a client with a private address', () => {
  test('is tested and handed off as before, and its mail server is told a stranger with its port', () => {
    const client = drive().connect('10.244.1.1').at(6000)
    assert.ok(client.isRelayed)
    assert.deepEqual(headerClient(client.session), { address: '192.0.2.1', port: client.session.client.port })
    client.logs(connected, 'PASS NEW CLIENT', 'CLIENT ADDRESS LOST CLIENT: mail servers are told 192.0.2.1')
  })

  test('of IPv6 has a stranger of IPv6', () => {
    const client = drive().connect('fd00::7').at(6000)
    assert.deepEqual(headerClient(client.session), { address: '2001:db8::1', port: client.session.client.port })
  })

  test('is told as it is, without a log line, if the policy expects it', () => {
    const client = drive({ clientAddress: { internal: ['10.0.0.0/8'] } })
      .connect('10.244.1.1')
      .at(6000)
    assert.equal(headerClient(client.session), undefined)
    client.logs(connected, 'PASS NEW CLIENT')
  })

  test('needs no stranger where mail servers are told no addresses', () => {
    const client = drive({ backend: { addresses: ['192.0.2.25:25'], proxyProtocol: 'None' } })
      .connect('10.244.1.1')
      .at(6000)
    assert.equal(headerClient(client.session), undefined)
    client.logs(connected, 'PASS NEW CLIENT')
  })

  test('that a table rejects without a consequence is not told as it is either', () => {
    const client = drive({ access: [{ action: 'Reject', cidrs: ['10.0.0.0/8'] }] })
      .connect('10.1.1.1')
      .at(6000)
    assert.ok(client.isRelayed)
    assert.equal(headerClient(client.session)?.address, '192.0.2.1')
  })

  test('logs it once, although no mail server took it at first', () => {
    const client = drive().connect('10.244.1.1').at(6000).ignoringAllThat()
    client.refused('connect')
    assert.ok(!client.lines().some((line) => line.includes('ADDRESS LOST')))
  })
})

describe('the guard Defer', () => {
  const deferring: SpecFragment = { clientAddress: { guard: 'Defer', internal: ['10.9.0.0/16'] } }
  const refusal = '421 4.3.5 Server configuration error: your address is not known here, try again later'

  test('refuses a private address at once, temporarily, and hands it to no mail server', () => {
    const client = drive(deferring).connect('10.244.1.1')
    client.hears(refusal).logs(connected, 'NOQUEUE: reject: CONNECT from CLIENT: client address lost', 'DISCONNECT CLIENT')
    assert.ok(client.isClosed && !client.isRelayed)
  })

  test('refuses it although the temporary allowlist knows it', () => {
    const client = drive(deferring).remembering('10.244.1.1', '+86400;1;1;1;1').connect('10.244.1.1')
    client.hears(refusal)
    assert.ok(!client.isRelayed)
  })

  test('leaves expected and public addresses alone', () => {
    for (const address of ['10.9.0.1', '203.0.113.5', '2001:db8:5::1']) {
      const client = drive(deferring).connect(address).at(6000)
      assert.ok(client.isRelayed, address)
    }
  })

  test('in Audit mode says what it would do, hands off, and tells a stranger', () => {
    const client = drive({ ...deferring, mode: 'Audit' }).connect('10.244.1.1')
    assert.ok(client.isRelayed)
    assert.equal(headerClient(client.session)?.address, '192.0.2.1')
    assert.ok(client.lines().some((line) => line.startsWith('AUDIT would refuse: 421 4.3.5')))
  })
})

test('no private address is ever told to a mail server, whatever the policy lists', () => {
  const octet = fc.integer({ min: 0, max: 255 })
  const address = fc.tuple(fc.constantFrom(10, 100, 127, 169, 172, 192, 203), octet, octet, octet).map((parts) => parts.join('.'))
  const network = fc.tuple(fc.constantFrom('10', '172', '192', '127'), octet).map(([first, second]) => `${first}.${second}.0.0/16`)
  fc.assert(
    fc.property(address, fc.uniqueArray(network, { maxLength: 5 }), (client, internal) => {
      const { session } = drive({ clientAddress: { internal } }).connect(client)
      const isListed = internal.some((one) => client.startsWith(one.replace('0.0/16', '')))
      const told = headerClient(session)?.address ?? client
      const isPrivate = standingUnder({})(client) === 'private'
      assert.equal(told, isPrivate && !isListed ? '192.0.2.1' : client)
    }),
  )
})
