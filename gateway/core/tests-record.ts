// The record of a session's tests in the JSON log: with it, the session can be played again under another policy.
import type { DnsblList } from './dnsbl.ts'
import { namesIn } from './tests.ts'
import type { Turn } from './turn.ts'
import type { DnsblAnswer, LoggedAnswer, TestsRecord } from './vocabulary.ts'

/** Logs the tests of the session and what the early ones found; once a session, when they are over. */
export function logTests(turn: Turn, next: TestsRecord['next']): void {
  const { todo, remembered } = turn.session
  const answers = answersSoFar(turn)
  turn.log({ event: 'TESTS', tests: namesIn(todo), ...(remembered !== undefined && { remembered }), ...(answers && { answers }), next })
}

/** With those that are missing, as overdue: a list that was asked must differ from one that was not. */
function answersSoFar({ session, now }: Turn): readonly LoggedAnswer[] | undefined {
  const { answers, rules, stageStart } = session
  const { lists } = rules.dnsbl
  if (answers === undefined || answers.length >= lists.length) return answers
  const missing = lists.filter((list) => !answers.some((one) => one.domain === list.domain && one.account === list.account))
  const error = { kind: 'overdue', text: '' } as const
  return [...answers, ...missing.map((list) => loggedAnswer({ ...headOf(list), addresses: [], ttl: -1, error }, now - stageStart))]
}

/** The key must not get into a log. */
const headOf = ({ domain, account }: DnsblList): Pick<DnsblAnswer, 'domain' | 'account'> =>
  account === undefined ? { domain } : { domain, account }

/** @param ms since the question */
export function loggedAnswer({ domain, account, addresses, ttl, error, standing }: DnsblAnswer, ms: number): LoggedAnswer {
  const head = { domain, ...(account !== undefined && { account }), ...(standing !== undefined && { standing }) }
  if (error !== undefined) return { ...head, ttl, error: error.kind, ms }
  return addresses.length === 0 ? { ...head, ttl, ms } : { ...head, addresses, ttl, ms }
}
