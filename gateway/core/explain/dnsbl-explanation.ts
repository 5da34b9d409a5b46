// What each DNS list says about a client, and the score that follows, with the functions that score real clients.
import { knownList } from '../../../crds/dns-lists/known-list.ts'
import { matches } from '../../../crds/values/reply-filter.ts'
import { dnsblQueryName } from '../dnsbl-query-name.ts'
import { addAnswer, type DnsblRules, type DnsblVerdict, newScore, type Standing, standingOf } from '../dnsbl.ts'
import type { Rules } from '../rules.ts'
import type { DnsblAnswer, DnsblHit as Hit } from '../vocabulary.ts'
import type { TimedAnswer } from './rehearsal.ts'

/** One list, asked now. A list is called by its public name where the policy has one: its domain may hold a key. */
export interface ListExplanation {
  readonly list: string
  /** The name in the question, without the secret key. */
  readonly question: string
  readonly hasKey: boolean
  readonly addresses: readonly string[]
  /** Seconds; -1 when unknown. */
  readonly ttl: number
  readonly afterMs: number
  readonly verdict: DnsblVerdict['is']
  /** What the answer means for this list, in words. */
  readonly means: string
  /** What the catalogue knows of the list: its operator and kind, and whether it has shut down. */
  readonly about: string
  /** What the answer adds to the score. */
  readonly weight: number
  /** False: the answer came after the greet wait, so a session decides without it. */
  readonly inTime: boolean
}

export interface DnsblExplanation {
  readonly lists: readonly ListExplanation[]
  readonly score: number
  readonly threshold: number
  /** 0: a score lets no client skip the other tests. */
  readonly allowThreshold: number
  readonly action: string
  readonly standing: Standing
}

/** @param isStress whether the greet wait is that of stress mode */
export function explainDnsbl(rules: Rules, address: string, answers: readonly TimedAnswer[], isStress: boolean): DnsblExplanation {
  const { dnsbl } = rules
  const wait = isStress ? rules.greetWait.stress : rules.greetWait.normal
  const score = newScore()
  const lists = answers
    .toSorted((a, b) => a.afterMs - b.afterMs)
    .map((timed): ListExplanation => {
      const inTime = timed.afterMs <= wait
      const verdict = addAnswer(inTime ? score : newScore(), dnsbl, timed.answer)
      return { ...questionOf(dnsbl, address, timed), ...answerOf(timed, verdict), about: aboutList(dnsbl, timed.answer), inTime }
    })
  const { threshold, allowThreshold } = dnsbl
  return { lists, score: score.total, threshold, allowThreshold, action: rules.action.dnsbl, standing: standingOf(score.total, dnsbl) }
}

function questionOf({ replyMap, lists }: DnsblRules, address: string, { answer: { domain, account } }: TimedAnswer) {
  const list = replyMap.get(domain) ?? domain
  const asked = dnsblQueryName(address, domain) ?? ''
  const hasKey = lists.some((one) => one.domain === domain && one.account === account && one.key !== undefined)
  // A domain that has a public name may hold a key, so its own text stays hidden.
  const question = list === domain ? asked : `${asked.slice(0, -domain.length)}(${list})`
  return { list, question, hasKey }
}

function answerOf({ answer: { addresses, ttl, standing }, afterMs }: TimedAnswer, verdict: DnsblVerdict) {
  const hits = verdict.is === 'listed' ? verdict.hits : []
  const weight = hits.reduce((sum, hit) => sum + hit.weight, 0)
  return { addresses, ttl, afterMs: Math.round(afterMs), verdict: verdict.is, means: meaningOf(verdict, hits, standing), weight }
}

const kindNames = {
  block: 'a block list',
  allow: 'an allow list',
  mixed: 'a list of good and bad clients',
  names: 'a list of names',
} as const

/** Also whether the list is known to give such an answer: another one may come from a new owner of its domain. */
function aboutList({ known }: DnsblRules, { domain, addresses, error }: DnsblAnswer): string {
  const { facts, listings } = known.get(domain) ?? knownList(domain)
  if (facts === undefined) return 'not in the catalogue'
  const closed = facts.closed === undefined ? '' : `, which has shut down: ${facts.closed}`
  const isUnknown = error === undefined && listings !== undefined && addresses.some((address) => !matches(listings, address))
  const unknown = isUnknown ? '; the catalogue does not have this answer as a listing' : ''
  return `${kindNames[facts.kind]} of ${facts.operator}${closed}${unknown}`
}

function meaningOf(verdict: DnsblVerdict, hits: readonly Hit[], standing: DnsblAnswer['standing']): string {
  switch (verdict.is) {
    case 'listed':
      return `listed (${hits.map(({ address, weight }) => `${address} has the weight ${weight}`).join(', ')})`
    case 'unweighted':
      if (standing === 'unproven') return 'listed, but the list has not been tested yet, so its negative weights do not count'
      return 'listed, but no entry in dnsbl.sites counts this answer (replies)'
    case 'clean':
      return 'not listed'
    case 'error':
    case 'timeout':
      return verdict.error.text
    case 'suspended':
      return 'suspended: not asked, because a test has found that the list cannot be trusted'
  }
}
