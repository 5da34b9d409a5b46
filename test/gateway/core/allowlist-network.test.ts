// Clients that are known by their network: what one member of a pool has passed holds for the others, and they share a limit of connections.
import { describe, test } from 'node:test'
import { drive } from '../../support/core-session.ts'

const prefix = { ipv4: 24, ipv6: 64 }
const waitMs = 6000
const connects = 'CONNECT from CLIENT to [198.51.100.1]:25'

describe('with prefix lengths of 24 and 64', () => {
  const pools: readonly { readonly first: string; readonly second: string; readonly key: string }[] = [
    { first: '192.0.2.1', second: '192.0.2.254', key: '192.0.2.0/24' },
    { first: '2001:db8::1', second: '2001:db8::ffff:1', key: '2001:db8::/64' },
  ]
  for (const { first, second, key } of pools) {
    test(`${second} is old after ${first} has passed`, () => {
      const gateway = drive({ allowlist: { prefix } })
      const client = gateway.connect(first)
      client.does(`recall ${key}`, `arm greetWait ${waitMs}`, 'read').at(waitMs).handedOff()
      gateway.connect(second).logs(connects, 'PASS OLD CLIENT').does(`recall ${key}`, 'disarm', 'relay')
    })
  }

  test('another network is new', () => {
    const gateway = drive({ allowlist: { prefix } })
    gateway.connect('192.0.2.1').at(waitMs)
    gateway.connect('192.0.3.1').logs(connects)
  })

  test('the limit of connections counts the addresses of a network together', () => {
    const gateway = drive({ allowlist: { prefix }, limits: { connectionsPerClient: 2 } })
    gateway.connect('192.0.2.1').hears('220-mx.example.com ESMTP Postfix')
    gateway.connect('192.0.2.2').hears('220-mx.example.com ESMTP Postfix')
    gateway.connect('192.0.2.3').hears('421 4.7.0 Error: too many connections')
    gateway.connect('192.0.3.1').hears('220-mx.example.com ESMTP Postfix')
  })

  test('an address goes by what another one of its network has passed a moment ago, without asking the store again', () => {
    const gateway = drive({ allowlist: { prefix }, limits: { connectionsPerClient: 9 } })
    const first = gateway.connect('192.0.2.1').at(waitMs)
    first.does('recall 192.0.2.0/24', `arm greetWait ${waitMs}`, 'read', 'remember 192.0.2.0/24 +86406;1;1;1;1', 'disarm', 'relay')
    gateway.connect('192.0.2.2').logs(connects).does('disarm', 'relay')
  })
})
