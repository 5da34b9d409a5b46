// DNSBL scores, the list that is named, and how long a result holds (sections 4.3, 4.5 and 4.7 of postscreen's behaviour).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { addAnswer, type DnsblRules, type DnsblScore, effectiveTTL, judge, newScore } from '../../../gateway/core/dnsbl.ts'
import { rulesOf, type SpecFragment } from '../../support/core-session.ts'

type Dnsbl = NonNullable<SpecFragment['dnsbl']>
type Answer = readonly [domain: string, addresses: string, ttl?: number]

/** `zen=127.0.0.[1..255]*3` as postscreen_dnsbl_sites has it. */
function site(text: string): NonNullable<Dnsbl['sites']>[number] {
  const [, domain = '', replies, weight] = /^([^=*]+)(?:=([^*]+))?(?:\*(-?\d+))?$/.exec(text) ?? []
  return { domain, ...(replies === undefined ? {} : { replies }), ...(weight === undefined ? {} : { weight: Number(weight) }) }
}

function rulesFor(sites: string, more: Omit<Dnsbl, 'sites'> = {}): DnsblRules {
  return rulesOf({ dnsbl: { ...more, sites: sites.split(', ').map(site) } }).dnsbl
}

function scored(rules: DnsblRules, answers: readonly Answer[]): DnsblScore {
  const score = newScore()
  for (const [domain, addresses, ttl = -1] of answers) {
    addAnswer(score, rules, { domain, addresses: addresses === '' ? [] : addresses.split(' '), ttl })
  }
  return score
}

const three = '127.0.0.2 127.0.0.4 127.0.0.10'

describe('the score', () => {
  const cases: readonly { readonly sites: string; readonly answers: readonly Answer[]; readonly want: number }[] = [
    { sites: 'zen', answers: [['zen', three]], want: 1 },
    { sites: 'zen, zen', answers: [['zen', three]], want: 2 },
    { sites: 'zen*3, zen', answers: [['zen', three]], want: 4 },
    { sites: 'zen=127.0.0.10*3, zen', answers: [['zen', three]], want: 4 },
    { sites: 'zen=127.0.0.[1..255]*3, zen=127.0.0.3*-1', answers: [['zen', '127.0.0.3 127.0.0.10']], want: 2 },
    { sites: 'zen=127.0.0.[1..255]*3, zen=127.0.0.3*-1', answers: [['zen', '127.0.0.10']], want: 3 },
    { sites: 'zen', answers: [['zen', '']], want: 0 },
    { sites: 'zen', answers: [['other', three]], want: 0 },
    { sites: 'zen', answers: [['Zen', three]], want: 0 },
    { sites: 'zen=127.0.0.[4;6..8]', answers: [['zen', '127.0.0.5 127.0.0.9']], want: 0 },
    { sites: 'zen=127.0.0.[4;6..8]', answers: [['zen', '127.0.0.7']], want: 1 },
    {
      sites: 'zen*0, bl*2',
      answers: [
        ['zen', three],
        ['bl', three],
      ],
      want: 2,
    },
    {
      sites: 'bl*2, wl*-5',
      answers: [
        ['bl', three],
        ['wl', '127.0.5.2'],
      ],
      want: -3,
    },
  ]
  for (const { sites, answers, want } of cases) {
    test(`of "${sites}" with ${answers.map(([domain, addresses]) => `${domain}: ${addresses || 'nothing'}`).join(', ')} is ${want}`, () => {
      assert.equal(scored(rulesFor(sites), answers).total, want)
    })
  }

  test('tells which entries counted, with the answer that they matched', () => {
    const { hits } = scored(rulesFor('zen=127.0.0.[4..9]*3, zen'), [['zen', three]])
    assert.deepEqual(hits, [
      { domain: 'zen', address: '127.0.0.4', weight: 3 },
      { domain: 'zen', address: '127.0.0.2', weight: 1 },
    ])
  })
})

describe('an answer that is not a listing', () => {
  for (const address of ['127.0.0.1', '127.255.255.252', '127.255.255.254', '127.255.255.255', '192.0.2.1', '128.0.0.1', '12.7.0.1']) {
    test(`T22: ${address} counts only where a filter names it`, () => {
      assert.equal(scored(rulesFor('zen'), [['zen', address]]).total, 0)
      assert.equal(scored(rulesFor(`zen=${address}`), [['zen', address]]).total, 1)
    })
  }
  for (const address of ['127.0.0.2', '127.0.1.1', '127.1.0.1', '127.255.254.255', '127.0.0.255']) {
    test(`${address} is one`, () => assert.equal(scored(rulesFor('zen'), [['zen', address]]).total, 1))
  }

  test('T15: a reply that is not an IPv4 address matches no filter', () => {
    for (const address of ['::ffff:127.0.0.2', '127.0.0.2.', 'localhost', '']) {
      assert.equal(scored(rulesFor('zen=127.0.0.2'), [['zen', address]]).total, 0)
    }
  })
})

describe('the verdict', () => {
  const cases: readonly { readonly sites: string; readonly answer: Answer; readonly want: string; readonly codes?: readonly string[] }[] = [
    { sites: 'zen', answer: ['zen', '127.0.0.2'], want: 'listed' },
    { sites: 'zen=127.0.0.[4..9], zen=127.0.0.2', answer: ['zen', '127.0.0.2'], want: 'listed' },
    { sites: 'zen', answer: ['zen', ''], want: 'clean' },
    { sites: 'zen=127.0.0.[4..9]', answer: ['zen', '127.0.0.2'], want: 'unweighted' },
    { sites: 'zen=127.0.0.[4..9]', answer: ['zen', '127.255.254.1'], want: 'unweighted' },
    { sites: 'zen', answer: ['zen', '127.255.255.254'], want: 'error code', codes: ['127.255.255.254'] },
    { sites: 'zen=127.0.0.[2..11]', answer: ['zen', '127.255.255.252'], want: 'error code', codes: ['127.255.255.252'] },
    { sites: 'zen=127.255.255.254', answer: ['zen', '127.255.255.254'], want: 'listed' },
    { sites: 'zen=127.255.255.254, zen', answer: ['zen', '127.255.255.254'], want: 'listed' },
    { sites: 'zen', answer: ['zen', '127.0.0.2 127.255.255.254'], want: 'error code', codes: ['127.255.255.254'] },
    { sites: 'zen', answer: ['zen', '192.0.2.80'], want: 'error notAList', codes: ['192.0.2.80'] },
    { sites: 'zen', answer: ['zen', '0.0.0.0'], want: 'error notAList', codes: ['0.0.0.0'] },
    { sites: 'zen', answer: ['zen', '127.0.0.4 192.0.2.80'], want: 'error notAList', codes: ['192.0.2.80'] },
    { sites: 'zen', answer: ['zen', '127.0.0.1'], want: 'error code', codes: ['127.0.0.1'] },
    { sites: 'zen', answer: ['zen', '127.0.0.1 127.0.0.4'], want: 'listed' },
    {
      sites: 'list.dnswl.org=127.0.[0..255].[1..3]*-4',
      answer: ['list.dnswl.org', '127.0.0.255'],
      want: 'error code',
      codes: ['127.0.0.255'],
    },
    { sites: 'list.dnswl.org*-4', answer: ['list.dnswl.org', '127.0.0.255'], want: 'error code', codes: ['127.0.0.255'] },
    { sites: 'list.dnswl.org=127.0.[0..255].[1..3]*-4', answer: ['list.dnswl.org', '127.0.5.0'], want: 'unweighted' },
    // A filter of a published configuration, which includes the error code of this list.
    {
      sites: 'list.dnswl.org=127.[0..255].[0..255].[2..255]*-4',
      answer: ['list.dnswl.org', '127.0.0.255'],
      want: 'error code',
      codes: ['127.0.0.255'],
    },
    { sites: 'psbl.surriel.com', answer: ['psbl.surriel.com', '127.0.0.3'], want: 'unweighted' },
    { sites: 'psbl.surriel.com=127.0.0.3', answer: ['psbl.surriel.com', '127.0.0.3'], want: 'listed' },
    { sites: 'list.dnswl.org*-4', answer: ['list.dnswl.org', '127.0.10.3'], want: 'listed' },
    { sites: 'iadb.isipp.com*-1', answer: ['iadb.isipp.com', '127.0.1.255'], want: 'listed' },
    { sites: 'hostkarma.junkemailfilter.com=127.0.0.2*2', answer: ['hostkarma.junkemailfilter.com', '127.0.0.1'], want: 'unweighted' },
    { sites: 'hostkarma.junkemailfilter.com=127.0.0.1*-2', answer: ['hostkarma.junkemailfilter.com', '127.0.0.1'], want: 'listed' },
  ]
  for (const {
    sites,
    answer: [domain, addresses],
    want,
    codes = [],
  } of cases) {
    test(`on ${addresses || 'nothing'} of "${sites}" is ${want}, and only "listed" changes the score`, () => {
      const rules = rulesFor(sites)
      const verdict = judge(rules, { domain, addresses: addresses === '' ? [] : addresses.split(' '), ttl: 5 })
      assert.equal(verdict.is === 'error' ? `error ${verdict.error.kind}` : verdict.is, want)
      assert.deepEqual(verdict.is === 'error' ? verdict.codes : [], codes)
      if (verdict.is !== 'listed') assert.equal(scored(rules, [[domain, addresses]]).hits.length, 0)
    })
  }

  test('says what the code means and what to do', () => {
    const verdict = judge(rulesFor('zen'), { domain: 'zen', addresses: ['127.255.255.254'], ttl: 5 })
    const want =
      '127.255.255.254: the list does not answer public DNS resolvers: use a DNS resolver of your own (dnsbl.resolvers), or a key of the list'
    assert.equal(verdict.is === 'error' && verdict.error.text, want)
  })

  test('of an answer that did not come or could not be read has the kind that DNS gave it', () => {
    const answer = { domain: 'zen', addresses: [], ttl: -1 }
    assert.equal(judge(rulesFor('zen'), { ...answer, error: { kind: 'timeout', text: '' } }).is, 'timeout')
    assert.equal(judge(rulesFor('zen'), { ...answer, error: { kind: 'overdue', text: '' } }).is, 'timeout')
    assert.equal(judge(rulesFor('zen'), { ...answer, error: { kind: 'malformed', text: '' } }).is, 'error')
  })

  test('"error" leaves the pass the shortest validity', () => {
    const rules = rulesFor('zen', { minTTL: '60s', maxTTL: '1h' })
    assert.equal(effectiveTTL(scored(rules, [['zen', '127.255.255.254', 3000]]), rules), 60)
  })
})

describe('the name in the reply', () => {
  const cases: readonly {
    readonly what: string
    readonly sites: string
    readonly answers: readonly Answer[]
    readonly want: string | undefined
  }[] = [
    {
      what: 'T11: is that of the highest weight',
      sites: 'a, b*3, c*2',
      answers: [
        ['a', three],
        ['b', three],
        ['c', three],
      ],
      want: 'b',
    },
    {
      what: 'T11: is the first to answer among equal weights',
      sites: 'a*2, b*2',
      answers: [
        ['b', three],
        ['a', three],
      ],
      want: 'b',
    },
    {
      what: 'is only one that matched',
      sites: 'a, b=127.0.0.9*3',
      answers: [
        ['a', three],
        ['b', three],
      ],
      want: 'a',
    },
    {
      what: 'may be that of an allowlist, when nothing else matched',
      sites: 'a, w*-2',
      answers: [
        ['a', ''],
        ['w', three],
      ],
      want: 'w',
    },
    {
      what: 'is the highest weight of a domain that stands twice',
      sites: 'a*3, b*2, a*1',
      answers: [
        ['a', three],
        ['b', three],
      ],
      want: 'a',
    },
    { what: 'is missing when no list has the client', sites: 'a', answers: [['a', '']], want: undefined },
  ]
  for (const { what, sites, answers, want } of cases) test(what, () => assert.equal(scored(rulesFor(sites), answers).name, want))

  test('is the one that the reply map has for it, word by word', () => {
    const rules = rulesFor('secretkey.zen, other', { replyMap: { 'secretkey.zen': 'the list of zen; see https://zen.example/ ' } })
    assert.equal(
      scored(rules, [
        ['secretkey.zen', three],
        ['other', three],
      ]).name,
      'the list of zen; see https://zen.example/ ',
    )
  })
})

describe('the validity', () => {
  const week = { minTTL: '60s', maxTTL: '1h' } as const
  const cases: readonly {
    readonly what: string
    readonly sites: string
    readonly answers: readonly Answer[]
    readonly want: number
  }[] = [
    {
      what: 'is the pass TTL of a score that is not positive',
      sites: 'list.dnswl.org=127.0.[0..255].[1..3]*-2, foo.example.org',
      answers: [
        ['foo.example.org', '127.0.0.10', 62],
        ['list.dnswl.org', '127.0.5.2', 61],
      ],
      want: 61,
    },
    {
      what: 'is the fail TTL of a positive score',
      sites: 'a, b',
      answers: [
        ['a', three, 61],
        ['b', '', 62],
      ],
      want: 61,
    },
    {
      what: 'is the lowest of several',
      sites: 'a, b',
      answers: [
        ['a', '', 62],
        ['b', '', 61],
      ],
      want: 61,
    },
    {
      what: 'is the lowest of several, in the other order',
      sites: 'a, b',
      answers: [
        ['a', '', 61],
        ['b', '', 62],
      ],
      want: 61,
    },
    { what: 'is never below the minimum', sites: 'a', answers: [['a', '', 5]], want: 60 },
    { what: 'is never above the maximum', sites: 'a', answers: [['a', '', 86_400]], want: 3600 },
    { what: 'T19: is the minimum when no answer has a TTL', sites: 'a', answers: [['a', '', -1]], want: 60 },
    { what: 'T20: is the minimum when no list has answered', sites: 'a', answers: [], want: 60 },
    {
      what: 'compares with 0, not with the threshold: a passed score of 1 gets the fail TTL',
      sites: 'a, b',
      answers: [
        ['a', three, 100],
        ['b', '', 200],
      ],
      want: 100,
    },
    {
      what: 'takes an unlisted allowlist for a bad sign',
      sites: 'a, w*-1',
      answers: [
        ['a', three, 300],
        ['w', '', 200],
      ],
      want: 200,
    },
    {
      what: 'takes an entry of weight 0 for an allowlist',
      sites: 'z*0, a',
      answers: [
        ['z', three, 200],
        ['a', '', 300],
      ],
      want: 200,
    },
    {
      what: 'goes by whether the domain answered, not by the filter',
      sites: 'a=127.0.0.9, b',
      answers: [
        ['a', three, 100],
        ['b', '', 300],
      ],
      want: 300,
    },
    {
      what: 'loses a valid TTL to a later answer without one',
      sites: 'a, b',
      answers: [
        ['a', '', 300],
        ['b', '', -1],
      ],
      want: 60,
    },
    {
      what: 'takes any TTL after an answer without one',
      sites: 'a, b',
      answers: [
        ['a', '', -1],
        ['b', '', 300],
      ],
      want: 300,
    },
    {
      what: 'forgets a lower TTL before an answer without one',
      sites: 'a, b, c',
      answers: [
        ['a', '', 100],
        ['b', '', -1],
        ['c', '', 300],
      ],
      want: 300,
    },
  ]
  for (const { what, sites, answers, want } of cases) {
    test(what, () => {
      const rules = rulesFor(sites, { threshold: 3, ...week })
      assert.equal(effectiveTTL(scored(rules, answers), rules), want)
    })
  }
})
