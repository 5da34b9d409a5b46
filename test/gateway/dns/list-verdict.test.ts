// What the answers at the test points of a DNS list say about it: the decisions, and one case for each kind of bad list.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { knownList } from '../../../crds/dns-lists/known-list.ts'
import type { DnsblErrorKind } from '../../../gateway/core/vocabulary.ts'
import { judgeTest, type ListVerdict, type Observed, type TestAnswers } from '../../../gateway/dns/list-verdict.ts'

/** `127.0.0.2 127.0.0.3`, nothing for a name that does not exist, or `!kind` for a failure. */
function observed(text: string | undefined): Observed | undefined {
  if (text === undefined) return undefined
  if (text.startsWith('!')) return { addresses: [], error: { kind: text.slice(1) as DnsblErrorKind, text: text.slice(1) } }
  return { addresses: text === '' ? [] : text.split(' '), error: undefined }
}

interface Case {
  readonly what: string
  readonly domain?: string
  readonly resolver?: TestAnswers['resolver']
  readonly rewritten?: readonly string[]
  readonly listed?: string | undefined
  readonly notListed?: string | undefined
  readonly client?: string
  readonly keyed?: boolean
  /** `is`, or `hard REASON` or `soft REASON`. */
  readonly want: string
  readonly answer?: string
}

function judged({ domain = 'bl.example', resolver = 'works', rewritten = [], keyed = false, ...one }: Case): ListVerdict {
  const list = knownList(domain)
  const listed = 'listed' in one ? one.listed : '127.0.0.2'
  const notListed = 'notListed' in one ? one.notListed : ''
  const client = observed(one.client)
  const answers = { resolver, rewritten, listed: observed(listed), notListed: observed(notListed), ...(client !== undefined && { client }) }
  return judgeTest(list, list.IPv4, answers, keyed)
}

const inWords = (verdict: ListVerdict): string => (verdict.is === 'faulty' ? `${verdict.kind} ${verdict.reason}` : verdict.is)

const dnswl = 'list.dnswl.org'
const cases: readonly Case[] = [
  { what: 'both points as they should be', want: 'healthy' },
  {
    what: 'an address in place of a name that does not exist',
    resolver: 'rewrites',
    rewritten: ['198.51.100.1'],
    want: 'hard ResolverRewrites',
    answer: '198.51.100.1',
  },
  { what: 'a resolver that is down, with the list', resolver: 'down', listed: '!timeout', notListed: '!timeout', want: 'unclear' },
  { what: 'a resolver that answers about the list only', resolver: 'down', want: 'healthy' },
  { what: 'a parked domain', listed: '203.0.113.80', notListed: '203.0.113.80', want: 'hard NotADNSList', answer: '203.0.113.80' },
  {
    what: 'a sinkhole',
    listed: '0.0.0.0',
    notListed: '0.0.0.0',
    want: 'hard NotADNSList',
    answer: '0.0.0.0 (a sinkhole of the DNS resolver)',
  },
  {
    what: 'a public resolver',
    listed: '127.255.255.254',
    notListed: '127.255.255.254',
    want: 'hard PublicResolver',
    answer: '127.255.255.254',
  },
  { what: 'too many queries', listed: '127.255.255.255', want: 'hard QueryLimit' },
  { what: 'a typing error', listed: '127.255.255.252', want: 'hard ZoneNameTypo' },
  { what: 'a disabled key', listed: '127.255.255.250', want: 'hard KeyDisabled' },
  { what: 'a misused key', listed: '127.255.255.251', want: 'hard KeyMisused' },
  { what: 'another code', listed: '127.255.255.3', want: 'hard ErrorCode' },
  { what: 'a listing beside an error code', listed: '127.0.0.2 127.255.255.254', want: 'hard PublicResolver' },
  { what: 'an error code for the point that is not listed', notListed: '127.255.255.254', want: 'hard PublicResolver' },
  { what: 'an error code for a client', client: '127.0.0.2 127.255.255.254', want: 'hard PublicResolver' },
  { what: 'a client that is listed', client: '127.0.0.2', want: 'healthy' },
  {
    what: 'a list that does not know the resolver',
    domain: 'bl.score.senderscore.com',
    listed: '127.255.255.255',
    want: 'hard NotRegistered',
  },
  { what: 'a list of names', domain: 'dbl.spamhaus.org', listed: '127.0.1.255', notListed: '127.0.1.255', want: 'hard DomainOnlyZone' },
  { what: 'a list of young names', domain: 'key.zrd.dq.spamhaus.net', listed: '127.0.2.255', want: 'hard DomainOnlyZone' },
  {
    what: 'a list that refuses by 127.0.0.1',
    domain: 'multi.uribl.com',
    listed: '127.0.0.1',
    notListed: '127.0.0.1',
    want: 'hard Refused',
  },
  { what: 'a wildcard', notListed: '127.0.0.2', want: 'hard ListsEverything', answer: '127.0.0.2' },
  { what: 'a wildcard of 127.0.1.255', listed: '127.0.1.255', notListed: '127.0.1.255', want: 'hard ListsEverything' },
  { what: 'a wildcard of 127.0.0.255', listed: '127.0.0.255', notListed: '127.0.0.255', want: 'hard ListsEverything' },
  { what: 'a wildcard of 127.0.10.3', listed: '127.0.10.3', notListed: '127.0.10.3', want: 'hard ListsEverything' },
  { what: 'a wildcard of 127.0.0.1', listed: '127.0.0.1', notListed: '127.0.0.1', want: 'hard ListsEverything' },
  { what: 'an error in place of the point that is listed', listed: '!servfail', notListed: '127.0.0.2', want: 'hard ListsEverything' },
  { what: 'a healthy dnswl.org', domain: dnswl, listed: '127.0.10.0', want: 'healthy' },
  { what: 'dnswl.org that has blocked the resolver', domain: dnswl, listed: '127.0.0.255', notListed: '127.0.0.255', want: 'hard Blocked' },
  { what: 'dnswl.org over the limit', domain: dnswl, listed: '127.0.10.3', notListed: '127.0.10.3', want: 'hard OverLimitAnswersHigh' },
  {
    what: 'dnswl.org over the limit, except for one point',
    domain: dnswl,
    listed: '127.0.10.3',
    want: 'hard OverLimitAnswersHigh',
    answer: '127.0.10.3',
  },
  { what: 'a client of dnswl.org with the highest trust', domain: dnswl, listed: '127.0.10.0', client: '127.0.10.3', want: 'healthy' },
  { what: 'refusal', listed: '!refused', notListed: '!refused', want: 'soft Refused' },
  { what: 'refusal of a key', listed: '!refused', keyed: true, want: 'soft KeyOrServiceOff' },
  { what: 'a server failure', listed: '!servfail', want: 'soft ServFail' },
  { what: 'an answer that is not valid', listed: '!malformed', want: 'soft ServFail' },
  { what: 'silence', listed: '!timeout', notListed: '!timeout', want: 'soft Timeout' },
  { what: 'a network without a route', listed: '!unreachable', notListed: '!unreachable', want: 'unclear' },
  { what: 'an empty zone', listed: '', want: 'soft NoTestEntry' },
  { what: 'an empty zone whose test point is not certain', domain: 'pbl.spamhaus.org', listed: '', want: 'untested' },
  { what: 'a list without a test point', listed: undefined, want: 'untested' },
  { what: 'a list without a test point that does not answer', listed: undefined, notListed: '!timeout', want: 'soft Timeout' },
  { what: 'a list without any test point', listed: undefined, notListed: undefined, want: 'untested' },
  { what: 'an entry with another code', domain: 'bl.suomispam.net', listed: '127.0.0.99', want: 'healthy' },
  { what: 'two addresses at the point', domain: 'key.black.mail.abusix.zone', listed: '127.0.0.2 127.0.0.3', want: 'healthy' },
  { what: 'no answer at the point that is not listed', notListed: '!timeout', want: 'unclear' },
  {
    what: 'hostkarma, which lists 127.0.0.1 as good',
    domain: 'hostkarma.junkemailfilter.com',
    notListed: undefined,
    client: '127.0.0.1',
    want: 'healthy',
  },
  { what: 'IADB, where 127.0.1.255 means vouched', domain: 'iadb.isipp.com', client: '127.0.1.255', want: 'healthy' },
]

describe('the test of a DNS list', () => {
  for (const one of cases) {
    test(`with ${one.what} is ${one.want}`, () => {
      const verdict = judged(one)
      assert.equal(inWords(verdict), one.want)
      if (one.answer !== undefined) assert.equal(verdict.is === 'faulty' && verdict.answer, one.answer)
    })
  }

  test('notes an answer at the test point that is not expected', () => {
    const verdict = judged({ what: '', domain: 'bl.suomispam.net', listed: '127.0.0.99', want: '' })
    assert.equal(verdict.is === 'healthy' && verdict.note, 'UnexpectedTestAnswer: 127.0.0.99')
    const usual = judged({ what: '', domain: 'key.black.mail.abusix.zone', listed: '127.0.0.2 127.0.0.3', want: '' })
    assert.deepEqual(usual, { is: 'healthy' })
  })
})
