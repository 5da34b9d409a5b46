// What lists without a known answer could change: the verdict of the DNSBL test, or whether lists vouch for a client.
import type { DnsblList } from '../../gateway/core/dnsbl.ts'
import type { Session } from '../../gateway/core/session.ts'
import { bit, deepTests, type TestSet } from '../../gateway/core/tests.ts'
import type { Doubt } from './doubt.ts'

/** @param unknown those lists; the session was played as if they had not answered */
export function doubtAboutLists(doubt: Doubt, { score, rules, todo, hungUp, smtp }: Session, unknown: readonly DnsblList[]): void {
  const [first] = unknown
  if (score === undefined || first === undefined) return
  const { threshold, allowThreshold } = rules.dnsbl
  const weights = unknown.flatMap(({ domain, account }) =>
    rules.dnsbl.sites.filter((site) => site.domain === domain && site.account === account).map(({ weight }) => weight),
  )
  const most = score.total + sum(weights.filter((weight) => weight > 0))
  const least = score.total + sum(weights.filter((weight) => weight < 0))
  const why = { is: 'list', domain: rules.dnsbl.replyMap.get(first.domain) ?? first.domain } as const
  // A client that has left in time gets no verdict of the lists; their word for it would have come before.
  const refuses = rules.action.dnsbl !== 'Ignore' && !(hungUp && smtp === undefined)
  if (score.total < threshold && most >= threshold && refuses) doubt.mayRefuse(why)
  if (score.total >= threshold && least < threshold && refuses) doubt.mayNotList(why)
  const all: TestSet = bit.pregreet | bit.dnsbl | deepTests
  if (allowThreshold < 0 && score.total > allowThreshold && least <= allowThreshold) {
    doubt.mayPass(why)
    doubt.stamps |= all
  }
  // Without their word the client has the other tests to do, whose results the log may not have.
  if (allowThreshold < 0 && score.total <= allowThreshold && most > allowThreshold) {
    if ((todo & ~bit.dnsbl) !== 0) doubt.anything(why)
    doubt.stamps |= all
  }
  // When the result expires depends on their times to live.
  doubt.stamps |= bit.dnsbl
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0)
