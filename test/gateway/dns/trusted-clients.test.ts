// Clients that skipped tests because of a DNS list: which of them must be tested again when the list has answered falsely.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TrustedClients } from '../../../gateway/dns/trusted-clients.ts'
import { drive } from '../../support/core-session.ts'

test('the clients of one list since its last good test are taken, once', () => {
  const trusted = new TrustedClients()
  trusted.add(['wl.test'], '192.0.2.1', 100)
  trusted.add(['wl.test', 'other.test'], '192.0.2.2', 200)
  trusted.add(['wl.test'], '192.0.2.1', 300)
  assert.deepEqual(trusted.take('wl.test', 250), ['192.0.2.1'])
  assert.deepEqual(trusted.take('wl.test', 0), [])
  assert.deepEqual(trusted.take('other.test', 200), ['192.0.2.2'])
})

test('memory is limited: the oldest client is forgotten first', () => {
  const trusted = new TrustedClients()
  for (let i = 0; i < 25_000; i++) trusted.add(['wl.test'], String(i), i)
  const keys = trusted.take('wl.test', 0)
  assert.deepEqual([keys.length, keys[0]], [20_000, '5000'])
})

test('a session names the lists because of which it skipped tests, and only those', () => {
  const remembered = (score: readonly string[]): unknown => {
    const dnsbl = { allowThreshold: -1, sites: [{ domain: 'wl.test', weight: -4 }, { domain: 'bl.test' }] }
    const client = drive({ dnsbl, greet: { wait: '1s' } }).connect('192.0.2.1')
    client.listed('bl.test').listed('wl.test', score).at(1100)
    return client.effects.find((effect) => effect.do === 'remember')
  }
  assert.deepEqual((remembered(['127.0.0.3']) as { trusting?: unknown }).trusting, ['wl.test'])
  assert.equal((remembered([]) as { trusting?: unknown }).trusting, undefined)
})
