// The record of a session's tests in the JSON log: with it, the session can be played again under another policy.
import { namesIn } from './tests.ts'
import type { Turn } from './turn.ts'
import type { DnsblAnswer, LoggedAnswer, TestsRecord } from './vocabulary.ts'

/** Logs the tests of the session and what the early ones found; once a session, when they are over. */
export function logTests(turn: Turn, next: TestsRecord['next']): void {
  const { todo, remembered, answers } = turn.session
  turn.log({ event: 'TESTS', tests: namesIn(todo), ...(remembered !== undefined && { remembered }), ...(answers && { answers }), next })
}

/** @param ms since the question */
export function loggedAnswer({ domain, account, addresses, ttl, error, standing }: DnsblAnswer, ms: number): LoggedAnswer {
  const head = { domain, ...(account !== undefined && { account }), ...(standing !== undefined && { standing }) }
  if (error !== undefined) return { ...head, ttl, error: error.kind, ms }
  return addresses.length === 0 ? { ...head, ttl, ms } : { ...head, addresses, ttl, ms }
}
