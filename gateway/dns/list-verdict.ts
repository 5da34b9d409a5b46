// Judges the test of a DNS list, for one family of clients: what the answers at its test points say about it. Pure.
import type { FamilyPoints, KnownList } from '../../crds/dns-lists/known-list.ts'
import { matches } from '../../crds/values/reply-filter.ts'
import { errorCode } from '../core/dnsbl-codes.ts'
import type { DnsblError } from '../core/vocabulary.ts'
import type { Fault } from './list-faults.ts'

/** What came back for one name. No address and no error: the name does not exist, or has no address. */
export interface Observed {
  readonly addresses: readonly string[]
  readonly error: DnsblError | undefined
}

/** `down`: it answers nothing at all. `rewrites`: it answers with addresses for names that do not exist. */
export type ResolverState = 'works' | 'down' | 'rewrites'

export interface TestAnswers {
  readonly resolver: ResolverState
  /** The answers of the resolver that show that it rewrites. */
  readonly rewritten?: readonly string[]
  /** At a point that is listed; undefined if the list has none. */
  readonly listed: Observed | undefined
  readonly notListed: Observed | undefined
  /** About a client whose answer raised the doubt. */
  readonly client?: Observed
}

export type ListVerdict =
  /** `note`: the answer at the test point is not the expected one. */
  | { readonly is: 'healthy'; readonly note?: string }
  /** Nothing is wrong, but the list has no entry with which that could be shown. */
  | { readonly is: 'untested' }
  /** Nothing can be concluded: the state of the list stays as it is. */
  | { readonly is: 'unclear'; readonly why: string }
  | ({ readonly is: 'faulty' } & Fault)

const hard = (reason: Fault['reason'], answer: string): ListVerdict => ({ is: 'faulty', kind: 'hard', reason, answer })
const soft = (reason: Fault['reason'], answer: string): ListVerdict => ({ is: 'faulty', kind: 'soft', reason, answer })

const answered = (observed: Observed | undefined): boolean => observed !== undefined && observed.error === undefined

/**
 * Judges the test of a list: the first of these steps that finds something decides.
 * @param keyed the questions contain a key
 * @param points of the family that was tested
 */
export function judgeTest(list: KnownList, points: FamilyPoints, answers: TestAnswers, keyed: boolean): ListVerdict {
  const { resolver, rewritten = [], listed, notListed, client } = answers
  if (resolver === 'rewrites') return hard('ResolverRewrites', rewritten.join(' '))
  if (resolver === 'down' && ![listed, notListed, client].some(answered)) return { is: 'unclear', why: 'the DNS resolver does not answer' }
  const wrong = wrongAnswer(list, [listed, notListed, client])
  if (wrong !== undefined) return wrong
  if (notListed !== undefined && notListed.addresses.length > 0) return listsTooMuch(list, notListed.addresses)
  if (listed === undefined) return withoutListedPoint(notListed, keyed)
  const high = list.overLimit === undefined ? undefined : listed.addresses.find((one) => matches(list.overLimit ?? nothing, one))
  if (high !== undefined) return hard('OverLimitAnswersHigh', high)
  if (listed.error !== undefined) return failed(listed.error, keyed)
  if (notListed?.error !== undefined) return { is: 'unclear', why: `no answer at the point that is not listed: ${notListed.error.text}` }
  if (listed.addresses.length === 0) return points.listedIsSure ? soft('NoTestEntry', 'no address') : { is: 'untested' }
  return listed.addresses.every((one) => isExpected(list, one))
    ? { is: 'healthy' }
    : { is: 'healthy', note: `UnexpectedTestAnswer: ${listed.addresses.join(' ')}` }
}

const nothing = { fields: [] }

/** An address outside 127.0.0.0/8 or an error code says that the answer is not one about an address. */
function wrongAnswer(list: KnownList, observed: readonly (Observed | undefined)[]): ListVerdict | undefined {
  const addresses = observed.flatMap((one) => one?.addresses ?? [])
  const codes = addresses.flatMap((address) => {
    const code = errorCode(list, address)
    return code === undefined || address === loopback(list) ? [] : [{ address, code }]
  })
  const worst = codes.find(({ code }) => code.kind === 'notAList') ?? codes[0]
  if (worst === undefined) return undefined
  const sinkhole = worst.address === '0.0.0.0' ? ' (a sinkhole of the DNS resolver)' : ''
  return hard(worst.code.reason, `${worst.address}${sinkhole}`)
}

/** Without an entry of its own in the catalogue, 127.0.0.1 has no certain meaning: the steps below judge it. */
const loopback = ({ errors }: KnownList): string | undefined =>
  errors.some(({ replies }) => matches(replies, '127.0.0.1')) ? undefined : '127.0.0.1'

function listsTooMuch(list: KnownList, addresses: readonly string[]): ListVerdict {
  const isHigh = list.overLimit !== undefined && addresses.some((one) => matches(list.overLimit ?? nothing, one))
  return hard(isHigh ? 'OverLimitAnswersHigh' : 'ListsEverything', addresses.join(' '))
}

/** A list without an entry for tests is judged by whether it answers at all. */
function withoutListedPoint(notListed: Observed | undefined, keyed: boolean): ListVerdict {
  return notListed?.error === undefined ? { is: 'untested' } : failed(notListed.error, keyed)
}

function failed(error: DnsblError, keyed: boolean): ListVerdict {
  switch (error.kind) {
    case 'refused':
      return soft(keyed ? 'KeyOrServiceOff' : 'Refused', error.text)
    case 'timeout':
    case 'overdue':
      return soft('Timeout', error.text)
    case 'unreachable':
    case 'local':
      return { is: 'unclear', why: error.text }
    case 'servfail':
    case 'malformed':
    case 'rcode':
    case 'referral':
    case 'code':
    case 'notAList':
      return soft('ServFail', error.text)
  }
}

function isExpected({ listings }: KnownList, address: string): boolean {
  return address === '127.0.0.2' || (listings !== undefined && matches(listings, address))
}
