// Clients that pass all other DNS lists: how their lookups make a list suspicious, and how it returns.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DnsblAnswer } from '../../../gateway/core/vocabulary.ts'
import { ShareWatch } from '../../../gateway/dns/share-watch.ts'
import { type Dnsbl, FakeLists, listRules, shareBounds } from './fake-lists.ts'

const minute = 60_000
const three: Dnsbl = { sites: [{ domain: 'a.test' }, { domain: 'b.test' }, { domain: 'wl.test', weight: -4 }] }

function scene(dnsbl: Dnsbl = three, bounds = shareBounds) {
  const rules = listRules(dnsbl)
  const said: string[] = []
  const suspects = new Set<string>()
  const asked: string[] = []
  const clock = { now: 0 }
  /** What suspended lists answer. */
  let shadow: readonly string[] = []
  const watch = new ShareWatch(
    async (name) => {
      asked.push(name)
      return { addresses: shadow, ttl: 1, error: undefined }
    },
    {
      suspect: (name, { text, isSudden }) => {
        said.push(`${name} ${isSudden ? 'sudden' : 'suspicious'}: ${text}`)
        suspects.add(name)
      },
      clear: (name) => {
        said.push(`${name} clear`)
        suspects.delete(name)
      },
      isSuspect: (name) => suspects.has(name),
    },
    () => clock.now,
  )
  let client = 0
  return {
    said,
    asked,
    clock,
    says: (addresses: readonly string[]) => (shadow = addresses),
    /** So many new clients, which these lists list. */
    visits(count: number, listing: readonly string[], address = (n: number): string => `192.0.${n >> 8}.${n & 255}`): void {
      for (let i = 0; i < count; i++, client++) {
        const answers = rules.lists.map(({ domain }): DnsblAnswer => {
          if (suspects.has(domain)) return { domain, addresses: [], ttl: -1, standing: 'suspended' }
          return { domain, addresses: listing.includes(domain) ? ['127.0.0.2'] : [], ttl: 1 }
        })
        watch.lookedUp(address(client), answers, rules, bounds)
      }
    },
  }
}

describe('a list', () => {
  test('that suddenly lists all clients that the others pass is suspicious', () => {
    const { visits, clock, said } = scene()
    visits(100, [])
    clock.now = 11 * minute
    visits(60, ['b.test'])
    assert.deepEqual(said, ['b.test sudden: 50 of 50 clients that the other lists pass are listed'])
  })

  test('of good clients can become suspicious too', () => {
    const { visits, clock, said } = scene()
    visits(100, [])
    clock.now = 11 * minute
    visits(60, ['wl.test'])
    assert.deepEqual(said, ['wl.test sudden: 50 of 50 clients that the other lists pass are listed'])
  })

  test('is not suspicious during a wave of bots that other lists know too', () => {
    const { visits, clock, said } = scene()
    visits(100, [])
    clock.now = 11 * minute
    visits(1000, ['a.test', 'b.test'])
    assert.deepEqual(said, [])
  })

  test('that has always listed most clients is not suspicious', () => {
    const { visits, clock, said } = scene()
    visits(49, ['b.test'])
    visits(20, [])
    for (let turn = 1; turn < 20; turn++) {
      clock.now = turn * 11 * minute
      visits(35, ['b.test'])
      visits(15, [])
    }
    clock.now = 20 * 11 * minute
    visits(500, ['b.test'])
    assert.deepEqual(said, [])
  })

  test('is not suspicious because of one network or a few clients that come often', () => {
    const { visits, clock, said } = scene()
    visits(100, [])
    clock.now = 11 * minute
    visits(1000, ['b.test'], (n) => `2001:db8:0:1::${n.toString(16)}`)
    visits(1000, ['b.test'], (n) => `198.51.100.${n % 40}`)
    assert.deepEqual(said, [])
  })

  test('without other lists is tested, but never suspended because of its share', () => {
    const { visits, clock, said } = scene({ sites: [{ domain: 'a.test' }] })
    visits(100, [])
    clock.now = 11 * minute
    visits(60, ['a.test'])
    assert.deepEqual(said, ['a.test suspicious: 50 of 50 clients that the other lists pass are listed'])
  })

  test('is never suspicious with 0 percent', () => {
    const { visits, clock, said } = scene(three, { ...shareBounds, percent: 0 })
    visits(100, [])
    clock.now = 11 * minute
    visits(1000, ['b.test'])
    assert.deepEqual(said, [])
  })

  test('that is suspended is asked about one client in a second, and returns when its share is usual again', async () => {
    const { visits, clock, said, asked, says } = scene()
    visits(100, [])
    clock.now = 11 * minute
    visits(60, ['b.test'])
    says(['127.0.0.2'])
    for (let second = 0; second < 60; second++) {
      clock.now += 1000
      visits(5, [])
      await Promise.resolve()
      await Promise.resolve()
    }
    assert.equal(asked.length, 61)
    assert.equal(said.length, 1)
    clock.now += 11 * minute
    says([])
    for (let second = 0; second < 60; second++) {
      clock.now += 1000
      visits(5, [])
      await Promise.resolve()
      await Promise.resolve()
    }
    assert.equal(said[1], 'b.test clear')
  })
})

describe('the monitor', () => {
  const healthy = (name: string): string => (name.startsWith('2.0.0.127.') ? '127.0.0.2' : '')

  test('tests a suspicious list at once, and finds the reason if there is one', async () => {
    const lists = new FakeLists({ sites: [{ domain: 'z.test' }] }, healthy)
    await lists.pass(180)
    lists.say = (name) => (name.endsWith('z.test') ? '127.0.10.3' : '')
    lists.monitor.suspect('z.test', { text: '60 of 60', isSudden: false })
    await lists.pass(10)
    assert.equal(lists.stateOf('z.test'), 'suspended ListsEverything')
  })

  test('suspends a list whose share is sudden although its test is good, until the share is usual', async () => {
    const lists = new FakeLists({ sites: [{ domain: 'z.test' }] }, healthy)
    await lists.pass(60)
    lists.monitor.suspect('z.test', { text: '60 of 60', isSudden: true })
    await lists.pass(10)
    assert.equal(lists.stateOf('z.test'), 'suspended SuspiciousShare')
    assert.ok(lists.monitor.isSuspect('z.test'))
    await lists.pass(3600)
    assert.equal(lists.stateOf('z.test'), 'suspended SuspiciousShare')
    lists.monitor.suspect('z.test', undefined)
    await lists.pass(200)
    assert.equal(lists.stateOf('z.test'), 'healthy')
  })

  test('ends a suspicion after six hours, since few clients may come', async () => {
    const lists = new FakeLists({ sites: [{ domain: 'z.test' }] }, healthy)
    await lists.pass(60)
    lists.monitor.suspect('z.test', { text: '60 of 60', isSudden: true })
    await lists.pass(6 * 3600 - 60)
    assert.equal(lists.stateOf('z.test'), 'suspended SuspiciousShare')
    await lists.pass(3600)
    assert.equal(lists.stateOf('z.test'), 'healthy')
  })

  test('tests a list whose share may be usual less and less often', async () => {
    const lists = new FakeLists({ sites: [{ domain: 'z.test' }] }, healthy, { everyMs: 24 * 3_600_000 })
    await lists.pass(60)
    for (let second = 0; second < 3600; second += 10) {
      lists.monitor.suspect('z.test', { text: '60 of 60', isSudden: false })
      await lists.pass(10)
    }
    const tests = lists.asked.filter((name) => name === '2.0.0.127.z.test').length
    assert.ok(tests > 3 && tests < 7, String(tests))
  })

  test('leaves a list alone whose share may be usual, if its test is good', async () => {
    const lists = new FakeLists({ sites: [{ domain: 'z.test' }] }, healthy)
    await lists.pass(60)
    lists.monitor.suspect('z.test', { text: '60 of 60', isSudden: false })
    await lists.pass(3600)
    assert.deepEqual(lists.log, ['z.test healthy'])
  })
})
