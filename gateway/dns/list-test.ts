// Tests a DNS list: asks about its test points and about names that show whether the DNS resolver can be trusted.
import { setTimeout as sleep } from 'node:timers/promises'
import type { FamilyPoints, KnownList } from '../../crds/dns-lists/known-list.ts'
import type { DnsblList } from '../core/dnsbl.ts'
import { testPointQueryName } from '../core/dnsbl-query-name.ts'
import type { DnsResult } from './dns-client.ts'
import { zoneOf } from './dnsbl-resolver.ts'
import { judgeTest, type ListVerdict, type Observed, type ResolverState, type TestAnswers } from './list-verdict.ts'

/** Asks for the addresses of a name. `flow` is the list that it belongs to. */
export type Ask = (name: string, flow: string) => Promise<DnsResult>

export interface ResolverAnswers {
  readonly state: ResolverState
  readonly rewritten: readonly string[]
}

/** The verdict for each family that can be tested. */
export interface ListVerdicts {
  readonly IPv4: ListVerdict
  readonly IPv6: ListVerdict | undefined
}

/**
 * Names that do not exist: `.invalid` (RFC 2606 2), and one below a domain that has no wildcard, because some resolvers
 * replace only answers about domains that exist. Letters and digits only: some servers fail for other names.
 */
const missingNames = (label: string): readonly string[] => [`${label}.invalid`, `${label}.example.com`]
const letters = 'abcdefghijklmnopqrstuvwxyz0123456789'

/** A label of 16 random letters and digits. @param random as Math.random */
export function randomLabel(random: () => number): string {
  return Array.from({ length: 16 }, () => letters.charAt(Math.floor(random() * letters.length))).join('')
}

/** No answer, or only that of a server that could not find one. */
const isSilent = ({ error }: DnsResult): boolean => error !== undefined && error.kind !== 'refused' && error.kind !== 'rcode'

/** Without access to the internet, the second name may take as long as an answer may take. */
const secondNameMs = 1500
const inTime = (asked: Promise<DnsResult>): Promise<DnsResult | undefined> =>
  Promise.race([asked, sleep(secondNameMs, undefined, { ref: false })])

/**
 * Tests the DNS resolver itself, so that its faults are not attributed to lists. A resolver that refuses these names
 * serves only the lists, which is allowed.
 */
export async function testResolver(ask: Ask, label: string): Promise<ResolverAnswers> {
  const [first, ...others] = missingNames(label).map((name) => ask(name, 'resolver'))
  const results = [await first, ...(await Promise.all(others.map(inTime)))].filter((result) => result !== undefined)
  const rewritten = [...new Set(results.flatMap(({ addresses }) => addresses))]
  if (rewritten.length > 0) return { state: 'rewrites', rewritten }
  return { state: results.every(isSilent) ? 'down' : 'works', rewritten }
}

interface AskedPoints {
  readonly listed: Observed | undefined
  readonly notListed: Observed | undefined
}

/** A list with several test points is asked about another one each time. */
async function askPoints(ask: Ask, list: DnsblList, points: FamilyPoints, turn: number): Promise<AskedPoints> {
  const askOne = (of: readonly string[]): Promise<DnsResult | undefined> => {
    const point = of[turn % of.length]
    const name = point === undefined ? undefined : testPointQueryName(point, zoneOf(list))
    return name === undefined ? Promise.resolve(undefined) : ask(name, list.domain)
  }
  const [listed, notListed] = await Promise.all([askOne(points.listed), askOne(points.notListed)])
  return { listed, notListed }
}

export interface ListTest {
  readonly list: DnsblList
  readonly known: KnownList
  /** How many tests of this list came before. */
  readonly turn: number
  /** The query name about a client whose answer raised a doubt. */
  readonly doubt?: string | undefined
}

/** Asks about the test points of both families at once, and judges the answers. */
export async function testList(
  ask: Ask,
  { list, known, turn, doubt }: ListTest,
  resolver: Promise<ResolverAnswers>,
): Promise<ListVerdicts> {
  const [{ state, rewritten }, four, six, client] = await Promise.all([
    resolver,
    askPoints(ask, list, known.IPv4, turn),
    known.IPv6 === undefined ? undefined : askPoints(ask, list, known.IPv6, turn),
    doubt === undefined ? undefined : ask(doubt, list.domain),
  ])
  const answers = (points: AskedPoints): TestAnswers => ({ ...points, resolver: state, rewritten, ...(client !== undefined && { client }) })
  const keyed = list.key !== undefined || known.facts?.keyed === true
  return {
    IPv4: judgeTest(known, known.IPv4, answers(four), keyed),
    IPv6: known.IPv6 === undefined || six === undefined ? undefined : judgeTest(known, known.IPv6, answers(six), keyed),
  }
}
