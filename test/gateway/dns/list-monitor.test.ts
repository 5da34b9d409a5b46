// DNS lists that go bad in every way, over time: which are suspended, when they return, and which clients they judge.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { addAnswer, newScore } from '../../../gateway/core/dnsbl.ts'
import type { ListChannel, ListMessage } from '../../../gateway/dns/list-sharing.ts'
import { type Dnsbl, FakeLists, listRules, type Say, shareBounds } from './fake-lists.ts'

const P = '2.0.0.127.'
const N = '1.0.0.127.'
const P6 = `2.0.0.0.0.0.f.7.f.f.f.f.${'0.'.repeat(20)}`
const isMissing = (name: string): boolean => name.endsWith('.invalid') || name.endsWith('.example.com')

/** A DNS in which the resolver is well, and a list answers as it should but for what `say` says. */
function dns(say: Readonly<Record<string, string>> | Say): Say {
  return (name) => {
    const said = typeof say === 'function' ? say(name) : Object.entries(say).find(([start]) => name.startsWith(start))?.[1]
    if (said !== undefined && !(isMissing(name) && typeof say !== 'function')) return said
    return isMissing(name) ? '' : name.startsWith(P) || name.startsWith(P6) ? '127.0.0.2' : ''
  }
}

const everything =
  (answer: string): Say =>
  (name) =>
    isMissing(name) ? '' : answer
const sites = (...domains: readonly string[]): Dnsbl => ({ sites: domains.map((domain) => ({ domain })) })

/** The score of a client with these answers, as a session calculates it. */
function scoreOf(lists: FakeLists, dnsbl: Dnsbl, answers: Readonly<Record<string, string>>, client = '192.0.2.9'): number {
  const rules = listRules(dnsbl)
  const score = newScore()
  for (const watched of lists.monitor.lists()) {
    const { domain } = watched.list
    const standing = watched.standingFor(client)
    const addresses = standing === 'suspended' ? [] : (answers[domain] ?? '').split(' ').filter((one) => one !== '')
    addAnswer(score, rules, { domain, addresses, ttl: 60, ...(standing !== undefined && { standing }) })
  }
  return score.total
}

describe('a healthy list', () => {
  test('counts each of its answers by the filters of the policy', async () => {
    const dnsbl: Dnsbl = {
      sites: [
        { domain: 'z.test', replies: '127.0.0.[4..7]', weight: 6 },
        { domain: 'z.test', replies: '127.0.0.[10;11]', weight: 8 },
      ],
    }
    const lists = new FakeLists(dnsbl, dns({}))
    await lists.pass(2)
    assert.equal(lists.stateOf('z.test'), 'healthy')
    assert.equal(scoreOf(lists, dnsbl, { 'z.test': '127.0.0.4 127.0.0.10' }), 14)
    assert.equal(scoreOf(lists, dnsbl, {}), 0)
  })

  test('is tested at both points, and the resolver with names that do not exist, of letters and digits only', async () => {
    const lists = new FakeLists(sites('z.test'), dns({}))
    await lists.pass(2)
    assert.deepEqual(lists.asked.filter((name) => name.endsWith('z.test')).toSorted(), [`${N}z.test`, `${P}z.test`])
    const missing = lists.asked.filter(isMissing)
    assert.equal(missing.length, 2)
    for (const name of missing) assert.match(name, /^[a-z0-9]{16}\.(invalid|example\.com)$/)
  })

  test('is tested again after the usual time', async () => {
    const lists = new FakeLists(sites('z.test'), dns({}))
    await lists.pass(599)
    assert.equal(lists.asked.length, 4)
    await lists.pass(10)
    assert.equal(lists.asked.length, 8)
  })
})

describe('error codes of Spamhaus', () => {
  for (const [code, reason] of [
    ['127.255.255.254', 'PublicResolver'],
    ['127.255.255.255', 'QueryLimit'],
    ['127.255.255.252', 'ZoneNameTypo'],
    ['127.255.255.250', 'KeyDisabled'],
    ['127.255.255.251', 'KeyMisused'],
  ] as const) {
    test(`${code} for every name suspends the list at once: ${reason}`, async () => {
      const lists = new FakeLists(sites('zen.spamhaus.org'), everything(code))
      await lists.pass(2)
      assert.deepEqual(lists.log, [`zen.spamhaus.org suspended ${reason}`])
      assert.equal(scoreOf(lists, sites('zen.spamhaus.org'), { 'zen.spamhaus.org': '127.0.0.2' }), 0)
    })
  }

  test('one in the answer about a client suspends the list, if it comes again five seconds later', async () => {
    const lists = new FakeLists(sites('zen.spamhaus.org'), dns({ '9.2.0.192.': '127.0.0.2 127.255.255.254' }))
    await lists.pass(100)
    assert.equal(lists.stateOf('zen.spamhaus.org'), 'healthy')
    lists.monitor.doubt('zen.spamhaus.org', '192.0.2.9')
    await lists.pass(4)
    assert.equal(lists.stateOf('zen.spamhaus.org'), 'healthy')
    await lists.pass(2)
    assert.equal(lists.stateOf('zen.spamhaus.org'), 'suspended PublicResolver')
  })

  test('one that does not come again suspends nothing, and doubts cause at most one test a minute', async () => {
    const lists = new FakeLists(sites('zen.spamhaus.org'), dns({}))
    await lists.pass(100)
    for (let second = 0; second < 120; second++) {
      lists.monitor.doubt('zen.spamhaus.org', '192.0.2.9')
      await lists.pass(1)
    }
    assert.deepEqual(lists.log, ['zen.spamhaus.org healthy'])
    assert.ok(lists.asked.filter((name) => name === '9.2.0.192.zen.spamhaus.org').length <= 3)
  })
})

describe('list.dnswl.org', () => {
  const dnsbl: Dnsbl = { sites: [{ domain: 'list.dnswl.org', replies: '127.0.[0..255].[2..3]', weight: -4 }] }
  const answers = { 'list.dnswl.org': '127.0.5.2' }

  test('counts after its first healthy test, and not before', async () => {
    const lists = new FakeLists(dnsbl, dns({ [P]: '127.0.10.0' }))
    assert.equal(scoreOf(lists, dnsbl, answers), 0)
    await lists.pass(2)
    assert.equal(lists.stateOf('list.dnswl.org'), 'healthy')
    assert.equal(scoreOf(lists, dnsbl, answers), -4)
  })

  for (const [what, say, reason] of [
    ['127.0.0.255 for every name', everything('127.0.0.255'), 'Blocked'],
    ['127.0.10.3 for every name', everything('127.0.10.3'), 'OverLimitAnswersHigh'],
    ['127.0.10.3 at its test point', dns({ [P]: '127.0.10.3' }), 'OverLimitAnswersHigh'],
  ] as const) {
    test(`is suspended with ${what}, and gives no client a pass`, async () => {
      const lists = new FakeLists(dnsbl, say)
      assert.equal(scoreOf(lists, dnsbl, { 'list.dnswl.org': '127.0.10.3' }), 0)
      await lists.pass(2)
      assert.equal(lists.stateOf('list.dnswl.org'), `suspended ${reason}`)
      assert.equal(scoreOf(lists, dnsbl, { 'list.dnswl.org': '127.0.10.3' }), 0)
    })
  }

  test('returns after three healthy tests over ten minutes', async () => {
    const lists = new FakeLists(dnsbl, everything('127.0.10.3'))
    await lists.pass(2)
    lists.say = dns({ [P]: '127.0.10.0' })
    await lists.pass(600)
    assert.equal(lists.stateOf('list.dnswl.org'), 'suspended OverLimitAnswersHigh')
    await lists.pass(900)
    assert.equal(lists.stateOf('list.dnswl.org'), 'healthy')
    assert.equal(scoreOf(lists, dnsbl, answers), -4)
  })
})

describe('a list that answers falsely', () => {
  for (const [answer, reason] of [
    ['127.0.0.2', 'ListsEverything'],
    ['203.0.113.80', 'NotADNSList'],
    ['0.0.0.0', 'NotADNSList'],
    ['127.0.1.255', 'ListsEverything'],
  ] as const) {
    test(`${answer} to every name is suspended at once, and returns after two healthy tests`, async () => {
      const lists = new FakeLists(sites('z.test'), everything(answer))
      await lists.pass(2)
      assert.equal(lists.stateOf('z.test'), `suspended ${reason}`)
      lists.say = dns({})
      await lists.pass(310)
      assert.equal(lists.stateOf('z.test'), `suspended ${reason}`)
      await lists.pass(80)
      assert.deepEqual(lists.log, [`z.test suspended ${reason}`, 'z.test healthy'])
    })
  }

  test('is used nevertheless with whenUnhealthy: Keep, and reported', async () => {
    const lists = new FakeLists(sites('z.test'), everything('127.0.0.2'), { suspends: false })
    const [list] = listRules(sites('z.test')).lists
    assert.ok(list !== undefined)
    await lists.pass(2)
    assert.equal(lists.stateOf('z.test'), 'suspended ListsEverything')
    for (const { list: watched } of lists.monitor.lists()) assert.equal(lists.monitor.standing(watched, '192.0.2.9'), undefined)
  })

  test('is not tested with selfTest: 0s', async () => {
    const lists = new FakeLists(sites('z.test'), everything('127.0.0.2'), { everyMs: 0 })
    await lists.pass(10_000)
    assert.deepEqual([lists.asked, lists.monitor.lists()], [[], []])
  })
})

describe('an empty list', () => {
  test('is suspended after three tests, not before', async () => {
    const lists = new FakeLists(sites('z.test'), everything(''))
    await lists.pass(60)
    assert.equal(lists.stateOf('z.test'), 'unknown')
    await lists.pass(60)
    assert.equal(lists.stateOf('z.test'), 'suspended NoTestEntry')
  })

  test('is still asked if the catalogue does not know it, and returns when it has listed a client', async () => {
    const dnsbl = sites('private.test')
    const lists = new FakeLists(dnsbl, everything(''))
    await lists.pass(600)
    assert.equal(lists.stateOf('private.test'), 'suspended NoTestEntry')
    assert.equal(scoreOf(lists, dnsbl, { 'private.test': '127.0.0.2' }), 1)
    lists.monitor.listed('private.test')
    await lists.pass(200)
    assert.equal(lists.stateOf('private.test'), 'untested')
  })

  test('is not asked if the catalogue says that it has a test point, or if it is an allow list', async () => {
    const dnsbl: Dnsbl = { sites: [{ domain: 'bl.spamcop.net' }, { domain: 'wl.test', weight: -2 }] }
    const lists = new FakeLists(dnsbl, everything(''))
    await lists.pass(600)
    assert.equal(scoreOf(lists, dnsbl, { 'bl.spamcop.net': '127.0.0.2', 'wl.test': '127.0.0.2' }), 0)
  })

  test('is used if it has no test point, by the catalogue of the policy', async () => {
    const dnsbl: Dnsbl = { ...sites('z.test'), catalogue: [{ domain: 'z.test', testPoints: { listed: [] } }] }
    const lists = new FakeLists(dnsbl, everything(''))
    await lists.pass(3600)
    assert.equal(lists.stateOf('z.test'), 'untested')
    assert.equal(scoreOf(lists, dnsbl, { 'z.test': '127.0.0.2' }), 1)
  })

  test('is not empty if it lists clients: only a list of the catalogue must have its test point', async () => {
    const lists = new FakeLists(sites('private.test', 'bl.spamcop.net'), everything(''))
    for (const name of ['private.test', 'bl.spamcop.net']) lists.monitor.listed(name)
    await lists.pass(600)
    assert.equal(lists.stateOf('private.test'), 'untested')
    assert.equal(lists.stateOf('bl.spamcop.net'), 'suspended NoTestEntry')
  })
})

describe('a list that fails', () => {
  test('twice stays healthy; the third failure in a row suspends it, and two good tests bring it back', async () => {
    const lists = new FakeLists(sites('z.test'), dns({}))
    await lists.pass(2)
    lists.say = dns({ [P]: '!timeout', [N]: '!timeout' })
    await lists.pass(625)
    assert.equal(lists.stateOf('z.test'), 'healthy')
    lists.say = dns({})
    await lists.pass(620)
    lists.say = dns({ [P]: '!timeout', [N]: '!timeout' })
    await lists.pass(900)
    assert.equal(lists.stateOf('z.test'), 'suspended Timeout')
    lists.say = dns({})
    await lists.pass(2000)
    assert.deepEqual(lists.log, ['z.test healthy', 'z.test suspended Timeout', 'z.test healthy'])
  })

  test('with SERVFAIL or REFUSED has a reason of its own', async () => {
    for (const [domain, answer, reason] of [
      ['zen.dq.spamhaus.net', '!servfail', 'ServFail'],
      ['zen.dq.spamhaus.net', '!refused', 'KeyOrServiceOff'],
      ['z.test', '!refused', 'Refused'],
    ] as const) {
      const lists = new FakeLists(sites(domain), everything(answer))
      await lists.pass(100)
      assert.equal(lists.stateOf(domain), `suspended ${reason}`)
    }
  })
})

describe('lists with rules of their own', () => {
  test('hostkarma lists 127.0.0.1 as good, and is healthy', async () => {
    const domain = 'hostkarma.junkemailfilter.com'
    const dnsbl: Dnsbl = {
      sites: [
        { domain, replies: '127.0.0.1', weight: -2 },
        { domain, replies: '127.0.0.2', weight: 3 },
      ],
    }
    const lists = new FakeLists(dnsbl, dns({ [N]: '127.0.0.1' }))
    await lists.pass(2)
    assert.equal(lists.stateOf(domain), 'healthy')
    assert.equal(scoreOf(lists, dnsbl, { [domain]: '127.0.0.1' }), -2)
    assert.equal(scoreOf(lists, dnsbl, { [domain]: '127.0.0.3' }), 0)
  })

  test('127.0.1.255 is a listing of IADB', async () => {
    const dnsbl: Dnsbl = { sites: [{ domain: 'iadb.isipp.com', weight: -1 }] }
    const lists = new FakeLists(dnsbl, dns({}))
    await lists.pass(2)
    assert.equal(scoreOf(lists, dnsbl, { 'iadb.isipp.com': '127.0.1.255' }), -1)
  })

  test('another address at the test point is noted', async () => {
    const lists = new FakeLists(sites('bl.suomispam.net'), dns({ [P]: '127.0.0.99' }))
    await lists.pass(2)
    assert.equal(lists.stateOf('bl.suomispam.net'), 'healthy')
    assert.equal(lists.monitor.lists()[0]?.shown.note, 'UnexpectedTestAnswer: 127.0.0.99')
  })

  test('the test points of one list are used in turn', async () => {
    const lists = new FakeLists(sites('key0000000.black.mail.abusix.zone'), dns({ [P]: '127.0.0.2 127.0.0.3', '3.0.0.127.': '127.0.0.3' }))
    await lists.pass(610)
    assert.ok(lists.asked.includes('2.0.0.127.key0000000.black.mail.abusix.zone'))
    assert.ok(lists.asked.includes('3.0.0.127.key0000000.black.mail.abusix.zone'))
  })

  test('a list without entries for IPv6 is suspended for IPv6 clients only', async () => {
    const lists = new FakeLists(sites('bl.nordspam.com'), dns({ [P6]: '' }))
    await lists.pass(600)
    assert.deepEqual(lists.log, ['bl.nordspam.com healthy', 'bl.nordspam.com IPv6 suspended NoTestEntry'])
    const answers = { 'bl.nordspam.com': '127.0.0.2' }
    assert.equal(scoreOf(lists, sites('bl.nordspam.com'), answers), 1)
    assert.equal(scoreOf(lists, sites('bl.nordspam.com'), answers, '2001:db8::9'), 0)
  })

  test('the policy can say that a list has IPv6 clients', async () => {
    const listed = ['127.0.0.2', '::ffff:127.0.0.2']
    const dnsbl: Dnsbl = { ...sites('z.test'), catalogue: [{ domain: 'z.test', testPoints: { listed } }] }
    const lists = new FakeLists(dnsbl, dns({ [P6]: '' }))
    await lists.pass(600)
    assert.equal(scoreOf(lists, dnsbl, { 'z.test': '127.0.0.2' }, '2001:db8::9'), 0)
    assert.equal(scoreOf(lists, dnsbl, { 'z.test': '127.0.0.2' }), 1)
  })
})

describe('the DNS resolver', () => {
  test('that answers for names that do not exist suspends all lists, with one report of it', async () => {
    const lists = new FakeLists(sites('a.test', 'b.test'), () => '198.51.100.1')
    await lists.pass(3)
    assert.deepEqual([lists.stateOf('a.test'), lists.stateOf('b.test')], ['suspended ResolverRewrites', 'suspended ResolverRewrites'])
    assert.equal(lists.log.filter((line) => line === 'resolver rewrites').length, 1)
  })

  test('that answers nothing changes no list', async () => {
    const lists = new FakeLists(sites('a.test', 'b.test'), dns({}))
    await lists.pass(3)
    lists.say = () => '!timeout'
    await lists.pass(3600)
    assert.deepEqual([lists.stateOf('a.test'), lists.stateOf('b.test')], ['healthy', 'healthy'])
    assert.deepEqual(lists.log.slice(2), ['resolver down'])
  })

  test('that serves only the lists is accepted', async () => {
    const lists = new FakeLists(sites('a.test'), (name) => (isMissing(name) ? '!refused' : name.startsWith(P) ? '127.0.0.2' : ''))
    await lists.pass(3)
    assert.deepEqual(lists.log, ['a.test healthy'])
  })
})

describe('a new policy', () => {
  test('keeps the state of a list, and tests a new one at once', async () => {
    const lists = new FakeLists(sites('a.test'), everything('127.0.0.2'))
    await lists.pass(2)
    const asked = lists.asked.length
    lists.monitor.use({ dnsbl: listRules(sites('a.test', 'b.test')), everyMs: 600_000, suspends: true, share: shareBounds })
    assert.equal(lists.stateOf('a.test'), 'suspended ListsEverything')
    await lists.pass(2)
    assert.equal(lists.stateOf('b.test'), 'suspended ListsEverything')
    assert.ok(lists.asked.slice(asked).every((name) => !name.endsWith('a.test')))
  })

  test('with another entry of the catalogue discards the state', async () => {
    const lists = new FakeLists(sites('a.test'), everything('127.0.0.9'))
    await lists.pass(2)
    const catalogue = [{ domain: 'a.test', testPoints: { notListed: [] } }]
    lists.monitor.use({ dnsbl: listRules({ ...sites('a.test'), catalogue }), everyMs: 600_000, suspends: true, share: shareBounds })
    assert.equal(lists.stateOf('a.test'), 'unknown')
    await lists.pass(2)
    assert.equal(lists.stateOf('a.test'), 'healthy')
  })

  test('without a list ends its tests', async () => {
    const lists = new FakeLists(sites('a.test'), dns({}))
    await lists.pass(2)
    lists.monitor.use({ dnsbl: listRules(sites()), everyMs: 600_000, suspends: true, share: shareBounds })
    const asked = lists.asked.length
    await lists.pass(5000)
    assert.equal(lists.asked.length, asked)
  })
})

describe('tests at the same time', () => {
  const domains = Array.from({ length: 20 }, (_, at) => `z${at}.test`)

  test('do not happen: the lists of one gateway begin one after the other', async () => {
    const lists = new FakeLists(sites(...domains), dns({}))
    await lists.pass(1)
    const started = new Set(lists.asked.filter((name) => name.startsWith(P))).size
    assert.ok(started > 0 && started < 7, `${started} lists in the first second`)
    await lists.pass(5)
    assert.equal(new Set(lists.asked.filter((name) => name.startsWith(P))).size, 20)
  })

  test('do not happen: two gateways choose other times', async () => {
    const times = async (random: () => number): Promise<number> => {
      const lists = new FakeLists(sites('z.test'), dns({}), { random })
      await lists.pass(2)
      for (let second = 0; second < 1000; second++) {
        await lists.pass(1)
        if (lists.asked.filter((name) => name.startsWith(P)).length > 1) return second
      }
      return -1
    }
    assert.ok((await times(() => 0.01)) < (await times(() => 0.99)) - 200)
  })
})

describe('several processes of one gateway', () => {
  /** Two processes, of which the first one tests. */
  function pair(say: Say) {
    let tester = 1
    const all: FakeLists[] = []
    const channel = (number: number): ListChannel => ({
      isTester: () => tester === number,
      send: (message: ListMessage) => queueMicrotask(() => all.forEach((one, at) => at + 1 !== number && one.monitor.hear(message))),
    })
    all.push(new FakeLists(sites('z.test'), say, { channel: channel(1) }), new FakeLists(sites('z.test'), say, { channel: channel(2) }))
    const [first, second] = all as [FakeLists, FakeLists]
    return { first, second, testsNow: (number: number) => (tester = number) }
  }

  test('have one that tests, and all know the result', async () => {
    const { first, second } = pair(everything('127.0.0.2'))
    await first.pass(2)
    await second.pass(2)
    assert.equal(second.stateOf('z.test'), 'suspended ListsEverything')
    assert.deepEqual(second.asked, [])
    assert.deepEqual(second.log, ['heard: z.test suspended ListsEverything'])
  })

  test('test on when the one that tests has ended', async () => {
    const { first, second, testsNow } = pair(dns({}))
    await first.pass(2)
    testsNow(2)
    second.say = everything('127.0.0.2')
    await second.pass(30)
    assert.equal(second.stateOf('z.test'), 'suspended ListsEverything')
  })

  test('tell the one that tests of a doubt', async () => {
    const { first, second } = pair(dns({}))
    await first.pass(100)
    await second.pass(100)
    first.say = everything('127.255.255.254')
    second.monitor.doubt('z.test', '192.0.2.9')
    await second.pass(0)
    await Promise.resolve()
    await first.pass(10)
    assert.ok(first.asked.includes('9.2.0.192.z.test'))
    assert.equal(second.stateOf('z.test'), 'suspended PublicResolver')
  })
})
