// Against a real rbldnsd: its answers are understood, and in a burst every lookup is answered.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import type { DnsblAnswer } from '../../../gateway/core/vocabulary.ts'
import { DnsblResolver } from '../../../gateway/dns/dnsbl-resolver.ts'
import { startRbldnsd, type Zone } from './rbldnsd.ts'

const skip = spawnSync('rbldnsd', ['-h']).error === undefined ? false : 'rbldnsd is not installed'
const soa = '$SOA 3000 ns.bl.test hostmaster.bl.test 0 600 300 86400 250'
const limits = { timeoutMs: 10_000, queryTimeoutMs: 2000, attempts: 3, maxInFlight: 8192 }

const zones: readonly Zone[] = [
  { name: 'black.bl.test', type: 'ip4set', lines: [soa, ':127.0.0.2:listed', '127.0.0.2', '10.1.0.0/16'] },
  { name: 'codes.bl.test', type: 'ip4set', lines: ['$TTL 77', ':127.0.0.10:x', '10.1.0.0/17', ':127.0.0.4:y', '10.1.0.0/16'] },
  { name: 'six.bl.test', type: 'ip6trie', lines: [soa, ':127.0.0.3:listed', '2001:db8::/32'] },
  { name: 'alias.bl.test', type: 'generic', lines: [soa, '2.0.0.127 A 127.0.0.7', '3.0.0.127 TXT "no address"'] },
]

function resolver(endpoint: { address: string; port: number }): DnsblResolver {
  return new DnsblResolver({ servers: [endpoint], ...limits, observe: () => undefined })
}

function ask(dnsbl: DnsblResolver, client: string, domains: readonly string[]): Promise<Map<string, DnsblAnswer>> {
  const lists = { lists: domains.map((domain) => ({ domain })) }
  const answers = new Map<string, DnsblAnswer>()
  return new Promise((resolve) => {
    dnsbl.lookup(client, lists, (answer, complete) => {
      answers.set(answer.domain, answer)
      if (complete) resolve(answers)
    })
  })
}

test('rbldnsd: listed, not listed, several codes, IPv6, no data, and the TTLs of each', { skip }, async (t) => {
  const rbldnsd = await startRbldnsd(zones)
  t.after(() => rbldnsd.stop())
  const dnsbl = resolver(rbldnsd.endpoint)
  t.after(() => dnsbl.close())
  const cases: { client: string; domain: string; want: Omit<DnsblAnswer, 'domain'> }[] = [
    { client: '127.0.0.2', domain: 'black.bl.test', want: { addresses: ['127.0.0.2'], ttl: 2100 } },
    { client: '127.0.0.1', domain: 'black.bl.test', want: { addresses: [], ttl: 250 } },
    { client: '10.1.2.3', domain: 'codes.bl.test', want: { addresses: ['127.0.0.10'], ttl: 77 } },
    { client: '10.1.200.3', domain: 'codes.bl.test', want: { addresses: ['127.0.0.4'], ttl: 77 } },
    { client: '127.0.0.1', domain: 'codes.bl.test', want: { addresses: [], ttl: -1 } },
    { client: '2001:db8::99', domain: 'six.bl.test', want: { addresses: ['127.0.0.3'], ttl: 2100 } },
    { client: '2001:db9::99', domain: 'six.bl.test', want: { addresses: [], ttl: 250 } },
    { client: '127.0.0.2', domain: 'alias.bl.test', want: { addresses: ['127.0.0.7'], ttl: 2100 } },
    { client: '127.0.0.3', domain: 'alias.bl.test', want: { addresses: [], ttl: 250 } },
    { client: '127.0.0.2', domain: 'elsewhere.test', want: { addresses: [], ttl: -1, error: { kind: 'refused', text: 'REFUSED' } } },
  ]
  for (const { client, domain, want } of cases) {
    assert.deepEqual((await ask(dnsbl, client, [domain])).get(domain), { domain, ...want }, `${client} in ${domain}`)
  }
})

test('rbldnsd: 2,000 clients at once, 6,000 lookups: every answer is right and none is lost', { skip }, async (t) => {
  const rbldnsd = await startRbldnsd(zones)
  t.after(() => rbldnsd.stop())
  const dnsbl = resolver(rbldnsd.endpoint)
  t.after(() => dnsbl.close())
  const began = performance.now()
  await burst(dnsbl)
  const { sent = 0, timeouts } = dnsbl.status().servers[0] ?? {}
  t.diagnostic(`6,000 lookups in ${Math.round(performance.now() - began)} ms, ${sent} datagrams, ${timeouts} sent again`)
})

test('rbldnsd: stopped in the middle of a burst and started again: every answer is right and none is lost', { skip }, async (t) => {
  const first = await startRbldnsd(zones)
  t.after(() => first.stop())
  const dnsbl = new DnsblResolver({ servers: [first.endpoint], ...limits, queryTimeoutMs: 200, attempts: 40, observe: () => undefined })
  t.after(() => dnsbl.close())
  const done = burst(dnsbl)
  await first.stop()
  const second = await startRbldnsd(zones, first.endpoint.port)
  t.after(() => second.stop())
  await done
})

async function burst(dnsbl: DnsblResolver): Promise<void> {
  const domains = ['black.bl.test', 'codes.bl.test', 'six.bl.test']
  const clients = Array.from({ length: 2000 }, (_, i) => `10.${i & 1}.${(i >> 1) & 255}.${i >> 9}`)
  const answers = await Promise.all(clients.map((client) => ask(dnsbl, client, domains)))
  for (const [i, client] of clients.entries()) {
    const isListed = client.startsWith('10.1.')
    const code = Number(client.split('.')[2]) < 128 ? '127.0.0.10' : '127.0.0.4'
    const got = domains.map((domain) => answers[i]?.get(domain))
    assert.ok(
      got.every((answer) => answer?.error === undefined),
      `${client} ${JSON.stringify(got)}`,
    )
    assert.deepEqual(
      got.map((answer) => answer?.addresses),
      [isListed ? ['127.0.0.2'] : [], isListed ? [code] : [], []],
      client,
    )
  }
}
