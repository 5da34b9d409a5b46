// Asks every DNS list about one address now, apart from the lookups of sessions and without counting it as one of them.
import type { Endpoint } from '../../../crds/values/endpoint.ts'
import type { DnsblList, DnsblRules } from '../../core/dnsbl.ts'
import type { TimedAnswer } from '../../core/explain/rehearsal.ts'
import type { DnsblAnswer } from '../../core/vocabulary.ts'
import type { DnsTimes } from '../../dns/dns-client.ts'
import { DnsblResolver } from '../../dns/dnsbl-resolver.ts'
import type { OpenDatagramSocket } from '../../sockets/datagram-socket.ts'

export interface DnsAccess {
  readonly servers: readonly Endpoint[]
  readonly times: DnsTimes
  /** Those of Node when left out. */
  readonly openSocket?: OpenDatagramSocket
  /** Which lists count; all of them when left out. */
  readonly standing?: (list: DnsblList, client: string) => DnsblAnswer['standing']
}

/** Fewer questions at once than sessions have. */
const maxInFlight = 64

/**
 * Resolves when all lists have answered, or after `waitMs`: a session waits no longer either. The others then have an
 * error that says so.
 */
export async function askLists(address: string, rules: DnsblRules, access: DnsAccess, waitMs: number): Promise<readonly TimedAnswer[]> {
  if (rules.lists.length === 0) return []
  const resolver = new DnsblResolver({
    servers: access.servers,
    ...access.times,
    maxInFlight,
    ...(access.openSocket !== undefined && { openSocket: access.openSocket }),
    ...(access.standing !== undefined && { standing: access.standing }),
    observe: () => undefined,
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, waitMs)
  const answers: TimedAnswer[] = []
  const began = performance.now()
  resolver.lookup(address, rules, (answer, complete) => {
    answers.push({ answer, afterMs: performance.now() - began })
    if (complete) resolve()
  })
  await promise
  clearTimeout(timer)
  resolver.close()
  return [...answers, ...missing(rules, answers, waitMs)]
}

/** A session decides without them, so they come after its wait. */
function missing({ lists }: DnsblRules, answers: readonly TimedAnswer[], waitMs: number): readonly TimedAnswer[] {
  const error = { kind: 'overdue', text: `no answer within ${(waitMs / 1000).toFixed(1)} s (greet.wait)` } as const
  return lists
    .filter(({ domain, account }) => !answers.some(({ answer }) => answer.domain === domain && answer.account === account))
    .map(({ domain, account }) => ({
      answer: { domain, ...(account !== undefined && { account }), addresses: [], ttl: -1, error },
      afterMs: waitMs + 1,
    }))
}
